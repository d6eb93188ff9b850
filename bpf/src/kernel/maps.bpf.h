/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The maps, and the settings that say how large user space made them. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include "kernel.h"
#include "sampler.h"

#include <bpf/bpf_helpers.h>

/* Words in a log less one; a power of two less one. LOG_HEADROOM words stand behind them. */
const volatile __u64 log_mask = 0;
/* Logs a generation: CPUs × levels in use. */
const volatile __u32 logs_a_generation = 0;
const volatile __u32 levels = 1;

/* Which half of the logs is written; user space flips it. Its value grows, its lowest bit names the half. */
volatile __u64 generation = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct log);
} logs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu);
} cpus SEC(".maps");

/* Process or thread ids of the target, in the reader's PID namespace; room for every one, so that none born is too
 * many. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ids);
} targets SEC(".maps");

#endif
