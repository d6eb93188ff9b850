/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The stacks that a log already has. */
#ifndef STORED_BPF_H
#define STORED_BPF_H

#include "slots.bpf.h"

/* Whether this slot's log of this generation has the stack. If not, the stack counts as stored from now on. An id that
 * overwrites another one costs a repetition, never a stack. Each slot has ids of its own, because its log may be read
 * later than those of its neighbours. */
static __always_inline bool seen_before(struct run *r, __u64 id)
{
	__u64 word = id ^ (r->generation * 0x9e3779b97f4a7c15ULL);
	__u64 *place = &r->slot->seen[id & (SEEN_STACKS - 1)];

	if (*place == word)
		return true;
	*place = word;
	return false;
}

#endif
