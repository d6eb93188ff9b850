/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The maps, and the settings that say how large user space made them. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include "kernel.h"
#include "sampler.h"

#include <bpf/bpf_helpers.h>

/* Words in a log less one; a power of two less one. LOG_HEADROOM words stand behind them. */
const volatile __u64 log_mask = 0;
/* Slots of a CPU, and of all of them: so many logs has a generation. */
const volatile __u32 slots_a_cpu = 1;
const volatile __u32 logs_a_generation = 0;
/* How user stacks are walked. */
const volatile __u32 unwind_mode = UNWIND_FRAME_POINTERS;

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
	__type(value, struct slot);
} slots SEC(".maps");

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
