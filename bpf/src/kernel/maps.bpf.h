/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The maps, and the settings with their sizes, which user space chooses. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include "kernel.h"
#include "sampler.h"

#include <bpf/bpf_helpers.h>

/* The words of a log minus one: a power of two minus one. LOG_HEADROOM more words follow them. */
const volatile __u64 log_mask = 0;
/* The slots of a CPU and of all CPUs. A generation has one log for each slot. */
const volatile __u32 slots_a_cpu = 1;
const volatile __u32 logs_a_generation = 0;
/* The mode of walking user stacks. */
const volatile __u32 unwind_mode = UNWIND_FRAME_POINTERS;

/* The generation that is written. User space flips it. Its value grows; its lowest bit names the half of the logs. */
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

/* The process or thread ids of the target, in the reader's PID namespace. There is room for every id, so that no child
 * is too many. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ids);
} targets SEC(".maps");

#endif
