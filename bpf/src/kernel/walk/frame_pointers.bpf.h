/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The walk of a user stack by frame pointers. */
#ifndef FRAME_POINTERS_BPF_H
#define FRAME_POINTERS_BPF_H

#include "maps.bpf.h"
#include "walk/hash.bpf.h"

enum {
	STEPS = 24,   /* the most frames in a window */
	WINDOWS = 32, /* the windows in a call of walk_windows */
	WALK_GOES_ON = 0,
	WALK_ENDS = 1,	      /* the walk is at a known end */
	WALK_BREAKS = 2,      /* it met a word that is no frame pointer or no address */
	WALK_CANNOT_READ = 3, /* it met memory that cannot be read */
	WALK_TRUNCATES = 4,   /* it reached the limit */
	ADDRESS_BITS = 57,    /* the most bits of a user address */
};

/* One step inside the window, from the frame at `offset`. The two words there are the caller's frame pointer and the
 * return address. Returns whether and why the walk ends. */
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

/* Reads one window of a slot's stack and walks inside it. This is a global function, so that it is verified once. */
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

/* Walks some windows, until the walk ends or a frame reaches `limit`. This is a global function for the same reason. */
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
