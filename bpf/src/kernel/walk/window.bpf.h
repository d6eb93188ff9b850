/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The words of the user stack, read from a copy of a piece of it. */
#ifndef WINDOW_BPF_H
#define WINDOW_BPF_H

#include "maps.bpf.h"

enum {
	WINDOW_BELOW = 128, /* the bytes of a new window below the return address, where saved registers are */
};

/* Moves the window so that it contains the word at an address. False: the word cannot be read. */
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
	/* The window would cross the end of the stack. Read the bytes below the word, and the word. */
	base = address - (WINDOW_BYTES - 8);
	if (!bpf_probe_read_user(w->window, WINDOW_BYTES, (void *)base)) {
		w->base = base;
		return 1;
	}
	w->base = 0;
	return 0;
}

/* A word of the stack, from the window if it is inside. Sets *failed if it cannot be read. */
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
