/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Words of the user stack, from a copy of a piece of it. */
#ifndef WINDOW_BPF_H
#define WINDOW_BPF_H

#include "maps.bpf.h"

enum {
	WINDOW_BELOW = 128, /* bytes of a new window below the return address: saved registers stand there */
};

/* Makes the window hold the word at an address; false: it cannot be read. */
__noinline int move_window(__u32 key, __u64 address)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct walk *w;
	__u64 base;

	if (!slot)
		return 0;
	w = &slot->walk;
	base = address - WINDOW_BELOW;
	if (!bpf_probe_read_user(w->window, WINDOW_BYTES, (void *)base)) {
		w->base = base;
		return 1;
	}
	/* It crosses the stack's end: what lies below the word, and the word. */
	base = address - (WINDOW_BYTES - 8);
	if (!bpf_probe_read_user(w->window, WINDOW_BYTES, (void *)base)) {
		w->base = base;
		return 1;
	}
	w->base = 0;
	return 0;
}

/* A word of the stack, from the window where it lies inside; *failed is set where it cannot be read. */
static __always_inline __u64 stack_word(struct walk *w, __u64 address, bool *failed)
{
	__u64 at = address - w->base, word = 0;

	if (w->base && at <= WINDOW_BYTES - 8) {
		asm volatile("" : "+r"(at));
		at &= WINDOW_BYTES - 1;
		return *(__u64 *)(w->window + at);
	}
	if (bpf_probe_read_user(&word, sizeof word, (void *)address))
		*failed = true;
	return word;
}

#endif
