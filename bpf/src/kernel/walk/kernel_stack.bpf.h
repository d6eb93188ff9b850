/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The kernel's own stack, which the kernel walks itself. */
#ifndef KERNEL_STACK_BPF_H
#define KERNEL_STACK_BPF_H

#include "slots.bpf.h"
#include "walk/hash.bpf.h"
#include "walk/stored.bpf.h"

/* The most frames of a kernel stack that this kernel gives. */
const volatile __u32 kernel_depth = KERNEL_FRAMES;

/* The id of the kernel stack in a log: `count` words from `at`. */
__noinline __u64 kernel_stack_id(__u32 key, __u64 at, __u32 count)
{
	struct log *log = bpf_map_lookup_elem(&logs, &key);
	__u64 hash = seed + 1;

	if (!log)
		return 1;
	for (int i = 0; i < KERNEL_FRAMES; i++) {
		if (i >= count)
			break;
		hash = mix(hash, log->words[(at + i) & log_mask]);
	}
	return stack_id(hash);
}

/* Writes the kernel stack at `at`. Returns the number of words that stay there. */
static __always_inline __u32 kernel_stack(void *ctx, struct run *r, struct record *record, __u64 at)
{
	__u64 *frames = &r->log->words[at & log_mask];
	long bytes = bpf_get_stack(ctx, frames, KERNEL_FRAMES * 8, 0);
	__u32 count = bytes < 0 ? 0 : (__u32)bytes / 8;

	if (!count || count >= kernel_depth)
		r->flags |= FLAG_TRUNCATED_KERNEL;
	if (!count)
		return 0;
	record->kernel_stack = kernel_stack_id(r->slot->walk.log, at, count);
	return seen_before(r, record->kernel_stack) ? 0 : count;
}

#endif
