/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Adds frames that are no addresses to a stack. */
#ifndef PUSH_BPF_H
#define PUSH_BPF_H

#include "walk/frame_pointers.bpf.h"
#include "walk/hash.bpf.h"

/* Adds a frame of two words. */
static __always_inline void push_interpreted(struct walk *w, struct log *log, __u64 runtime, __u64 object,
					     __u32 position, __u32 check)
{
	__u64 first = (object & ((1ULL << ADDRESS_BITS) - 1)) | (runtime & FRAME_KIND_MASK) << FRAME_KIND_SHIFT;
	__u64 second = position | (__u64)check << CHECK_SHIFT;

	log->words[w->at & log_mask] = first | (__u64)TRUST_RULE << TRUST_SHIFT;
	log->words[(w->at + 1) & log_mask] = second;
	w->at += 2;
	w->hash = mix(mix(w->hash, first), second);
}

#endif
