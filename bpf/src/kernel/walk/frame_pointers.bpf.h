/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The walk of a user stack by frame pointers. */
#ifndef FRAME_POINTERS_BPF_H
#define FRAME_POINTERS_BPF_H

#include "maps.bpf.h"
#include "walk/hash.bpf.h"

enum {
	STEPS = 24,   /* frames a window, at most */
	WINDOWS = 32, /* a call of walk_windows */
	WALK_GOES_ON = 0,
	WALK_ENDS = 1,	      /* at a known end */
	WALK_BREAKS = 2,      /* at a word that is no frame pointer or no address */
	WALK_CANNOT_READ = 3, /* at memory that is not there */
	WALK_TRUNCATES = 4,   /* at the limit */
	ADDRESS_BITS = 57,    /* of user space, at most */
};

/* One step inside the window, from the frame at `offset`; the words there are the caller's frame pointer and the
 * return address. Returns how the walk goes on. */
static __always_inline int step(struct walk *w, __u64 *words, __u64 offset, __u64 *frame, __u64 *at, __u64 *hash)
{
	__u64 next, address;

	asm volatile("" : "+r"(offset));
	offset &= WINDOW_BYTES - 1;
	next = *(__u64 *)(w->window + offset);
	address = *(__u64 *)(w->window + offset + 8);
	if (!address)
		return WALK_ENDS; /* the known end of a stack */
	if (address >> ADDRESS_BITS)
		return WALK_BREAKS;
	words[*at & log_mask] = address | (__u64)TRUST_FRAME_POINTER << TRUST_SHIFT;
	*at += 1;
	*hash = mix(*hash, address);
	if (!next)
		return WALK_ENDS;
	if (next <= *frame || next & 7 || next >> ADDRESS_BITS)
		return WALK_BREAKS;
	*frame = next;
	return WALK_GOES_ON;
}

/* Reads one window of a slot's stack, and goes on inside it. A global function: it is verified once,
 * whatever calls it. */
__noinline int walk_window(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	__u64 base, frame, at, hash, last = WINDOW_BYTES - 16;
	int goes = WALK_GOES_ON;
	struct walk *w;
	struct log *log;

	if (!slot)
		return WALK_BREAKS;
	w = &slot->walk;
	log = bpf_map_lookup_elem(&logs, &w->log);
	if (!log)
		return WALK_BREAKS;
	base = frame = w->frame;
	at = w->at;
	hash = w->hash;
	if (bpf_probe_read_user(w->window, WINDOW_BYTES, (void *)base)) {
		last = 0; /* the window crosses the stack's end */
		if (bpf_probe_read_user(w->window, 16, (void *)base))
			return WALK_CANNOT_READ;
	}
	for (int i = 0; i < STEPS; i++) {
		goes = step(w, log->words, frame - base, &frame, &at, &hash);
		if (goes || frame - base > last)
			break;
	}
	w->frame = frame;
	w->at = at;
	w->hash = hash;
	return goes;
}

/* Some windows, until the walk ends or brings a frame to `limit`. Global for the same reason. */
__noinline int walk_windows(__u32 key, __u64 limit)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct walk *w;

	if (!slot)
		return WALK_BREAKS;
	w = &slot->walk;
	for (int i = 0; i < WINDOWS; i++) {
		int goes = walk_window(key);

		if (goes)
			return goes;
		if (w->at >= limit)
			return WALK_TRUNCATES;
	}
	return WALK_GOES_ON;
}

#endif
