/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Hashing of stacks, and the walk of a user stack by frame pointers. */
#ifndef WALK_BPF_H
#define WALK_BPF_H

#include "maps.bpf.h"

const volatile __u64 seed = 0;

enum {
	STEPS = 8, /* frames a call of walk_some */
	CALLS = USER_FRAMES / STEPS,
	WALK_GOES_ON = 0,
	WALK_ENDS = 1,
	ADDRESS_BITS = 57, /* of user space, at most */
};

/* One word more: for any word a bijection of the hash, and for any hash one of the word. */
static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ (hash >> 29);
}

static __always_inline __u64 stack_id(__u64 hash)
{
	hash *= 0xbf58476d1ce4e5b9ULL;
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

/* Brings the 16 bytes at the walk's frame into the window; false: they cannot be read. */
static __always_inline bool fill_window(struct walk *w)
{
	w->base = w->frame;
	w->length = WINDOW_BYTES;
	if (!bpf_probe_read_user(w->window, WINDOW_BYTES, (void *)w->frame))
		return true;
	w->length = 16;
	return !bpf_probe_read_user(w->window, 16, (void *)w->frame);
}

static __always_inline int walk_one(struct walk *w, __u64 *words)
{
	__u64 frame = w->frame, offset = frame - w->base, next, address, at;

	if (offset + 16 > w->length) {
		if (!fill_window(w)) {
			w->flags |= FLAG_UNREADABLE;
			return WALK_ENDS;
		}
		offset = 0;
	}
	asm volatile("" : "+r"(offset));
	offset &= WINDOW_BYTES - 1;
	next = *(__u64 *)(w->window + offset);
	address = *(__u64 *)(w->window + offset + 8);
	if (!address)
		return WALK_ENDS; /* the known end of a stack */
	if (address >> ADDRESS_BITS) {
		w->flags |= FLAG_BROKEN;
		return WALK_ENDS;
	}
	if (w->frames >= USER_FRAMES) {
		w->flags |= FLAG_TRUNCATED_USER;
		return WALK_ENDS;
	}
	at = w->at++;
	asm volatile("" : "+r"(at));
	words[at & log_mask] = address | (__u64)TRUST_FRAME_POINTER << TRUST_SHIFT;
	w->hash = mix(w->hash, address);
	w->frames++;
	w->frame = next;
	if (!next)
		return WALK_ENDS;
	if (next <= frame || next & 7 || next >> ADDRESS_BITS) {
		w->flags |= FLAG_BROKEN;
		return WALK_ENDS;
	}
	return WALK_GOES_ON;
}

/* Some frames of the walk of a CPU and level. A global function: it is verified once, whatever calls it. */
__noinline int walk_some(__u32 index, __u32 level)
{
	struct cpu *cpu = bpf_map_lookup_elem(&cpus, &index);
	struct walk *w;
	struct log *log;

	if (!cpu)
		return WALK_ENDS;
	w = &cpu->walk[level & (LEVELS - 1)];
	log = bpf_map_lookup_elem(&logs, &w->log);
	if (!log)
		return WALK_ENDS;
	for (int i = 0; i < STEPS; i++) {
		if (walk_one(w, log->words))
			return WALK_ENDS;
	}
	return WALK_GOES_ON;
}

#endif
