/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The runs of the programs, and the slot that each has for itself. Runs interrupt each other. Runs that can be
 * preempted do not end in the reverse order of their beginnings. So a run takes any free slot, and frees that slot. */
#ifndef SLOTS_BPF_H
#define SLOTS_BPF_H

#include "maps.bpf.h"

/* The memory that one run of a program works on. */
struct run {
	struct slot *slot;
	struct figures *figures; /* the event's figures in the slot */
	struct log *log;
	__u32 key; /* the key of the slot */
	__u32 cpu;
	__u32 event;
	__u32 flags;
	__u64 generation;
	__u64 start; /* the word in the log where the record begins */
};

/* Claims a slot for a run, if it is free. The barriers are full, because user space must see a slot free once before it
 * reads the previous generation's log. Before 5.12, programs cannot compare and swap. But there no run is preempted: a
 * run that interrupts this one between the look and the claim has freed the slot before this one continues. */
static __always_inline bool claim(struct slot *slot, const bool swaps)
{
	if (swaps)
		return __sync_val_compare_and_swap(&slot->held, 0, 1) == 0;
	if (*(volatile __u64 *)&slot->held)
		return false;
	__sync_fetch_and_add(&slot->held, 1);
	return true;
}

/* Claims a free slot of a CPU and returns its key plus one. 0: none was free, which is counted. */
static __always_inline __u32 claim_one(__u32 cpu, __u32 event, const bool swaps)
{
	__u32 first = cpu * slots_a_cpu;
	struct slot *slot;

	for (int i = 0; i < MOST_SLOTS; i++) {
		__u32 key = first + i;

		if (i >= slots_a_cpu)
			break;
		slot = bpf_map_lookup_elem(&slots, &key);
		if (!slot)
			return 0;
		if (claim(slot, swaps))
			return key + 1;
	}
	slot = bpf_map_lookup_elem(&slots, &first);
	if (slot)
		__sync_fetch_and_add(&slot->figures[event & (EVENTS - 1)].nested, 1);
	return 0;
}

/* These are global functions, so that they are verified once. */
__noinline __u32 claim_slot(__u32 cpu, __u32 event)
{
	return claim_one(cpu, event, true);
}

__noinline __u32 claim_slot_in_order(__u32 cpu, __u32 event)
{
	return claim_one(cpu, event, false);
}

/* Begins a run of an event. False: there is no slot for it. */
static __always_inline bool begin_run(struct run *r, __u64 attached, const bool swaps)
{
	r->cpu = bpf_get_smp_processor_id();
	r->event = attached & (EVENTS - 1);
	r->key = swaps ? claim_slot(r->cpu, r->event) : claim_slot_in_order(r->cpu, r->event);
	if (!r->key)
		return false;
	r->key--;
	r->slot = bpf_map_lookup_elem(&slots, &r->key);
	if (!r->slot)
		return false;
	r->figures = &r->slot->figures[r->event & (EVENTS - 1)];
	r->figures->runs++;
	return true;
}

/* The generation that is written. It is read after the slot was taken. On x86-64 that is a full barrier; arm64 orders
 * only two atomics. For programs that cannot compare and swap, user space asks the kernel to wait for all runs. */
static __always_inline __u64 current_generation(const bool swaps)
{
#if defined(__TARGET_ARCH_arm64)
	if (swaps)
		return __sync_fetch_and_add(&generation, 0);
#endif
	(void)swaps;
	return generation;
}

static __always_inline void end_run(struct run *r, const bool swaps)
{
	if (swaps)
		__sync_lock_test_and_set(&r->slot->held, 0);
	else
		__sync_fetch_and_add(&r->slot->held, -1);
}

#endif
