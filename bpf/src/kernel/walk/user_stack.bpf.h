/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Walks a user stack in the requested mode, as far as it is possible. */
#ifndef USER_STACK_BPF_H
#define USER_STACK_BPF_H

#include "slots.bpf.h"
#include "walk/frame_pointers.bpf.h"
#include "walk/hash.bpf.h"
#include "walk/rules.bpf.h"
#include "walk/stored.bpf.h"

/* Walks the user stack from its frame pointer. Returns the flags of the walk. */
static __always_inline __u32 walk_user(struct run *r, __u64 limit)
{
	struct walk *w = &r->slot->walk;

	if (!w->frame)
		return 0;
	if (w->frame & 7 || w->frame >> ADDRESS_BITS)
		return FLAG_BROKEN;
	for (int i = 0; i < USER_WORDS / WINDOWS; i++) {
		int goes = walk_windows(r->key, limit);

		if (goes == WALK_ENDS)
			return 0;
		if (goes == WALK_BREAKS)
			return FLAG_BROKEN;
		if (goes == WALK_CANNOT_READ)
			return FLAG_UNREADABLE;
		if (goes == WALK_TRUNCATES)
			break;
	}
	return FLAG_TRUNCATED_USER;
}

/* The flags of a walk by rules that ended for this reason. */
static __always_inline __u32 flags_of(int goes)
{
	switch (goes) {
	case WALK_ENDS:
		return 0;
	case WALK_BREAKS:
		return FLAG_BROKEN;
	case WALK_CANNOT_READ:
		return FLAG_UNREADABLE;
	case WALK_NO_RULE:
		return FLAG_NO_RULE;
	case WALK_UNSUPPORTED:
		return FLAG_UNSUPPORTED;
	case WALK_NO_MAPPING:
		return FLAG_NO_MAPPING;
	case WALK_LOST_REGISTER:
		return FLAG_LOST_REGISTER;
	default:
		return FLAG_TRUNCATED_USER;
	}
}

/* Walks the user stack by rules. Returns the flags of the walk. */
static __always_inline __u32 walk_rules(struct run *r, const struct registers *regs, __u64 limit)
{
	struct walk *w = &r->slot->walk;
	int goes = WALK_GOES_ON;

	w->ip = regs->ip;
	w->sp = regs->sp;
	w->fp = regs->fp;
	w->spare = regs->spare;
	w->known = KNOWN_FP | KNOWN_SPARE | KNOWN_OTHERS;
	w->after = regs->behind;
	w->base = 0;
	w->flags = 0;
	w->python.state = PYTHON_NOT_SEARCHED;
	w->python.code = 0;
	w->frames_bytes = 0;
	for (int i = 0; i < RULE_CALLS; i++) {
		goes = walk_by_rules(r->key, limit);
		if (goes)
			break;
	}
	return flags_of(goes) | w->flags;
}

/* Walks the user stack in the requested mode, as far as it is possible. */
static __always_inline __u32 walk(struct run *r, const struct task *t, const struct registers *regs, __u64 limit)
{
	struct walk *w = &r->slot->walk;

	if (unwind_mode != UNWIND_FRAME_POINTERS) {
		find_space(w, t);
		if (w->space_key)
			return walk_rules(r, regs, limit);
		if (unwind_mode == UNWIND_RULES)
			return FLAG_STALE | FLAG_NO_MAPPING;
		return FLAG_STALE | FLAG_FRAME_POINTERS | walk_user(r, limit);
	}
	return FLAG_FRAME_POINTERS | walk_user(r, limit);
}

/* Writes the user stack at `at`. Returns the number of words that stay there. */
static __always_inline __u32 user_stack(struct run *r, const struct task *t, const struct registers *regs,
					struct record *record, __u64 at)
{
	struct walk *w = &r->slot->walk;
	__u32 flags = FLAG_COMPAT;

	r->log->words[at & log_mask] = (regs->ip & ((1ULL << ADDRESS_BITS) - 1)) | (__u64)TRUST_CONTEXT << TRUST_SHIFT |
				       (__u64)!regs->behind << NEXT_INSTRUCTION_SHIFT;
	w->hash = mix(seed, regs->ip ^ (__u64)!regs->behind << NEXT_INSTRUCTION_SHIFT);
	w->at = at + 1;
	w->frame = regs->fp;
	if (!regs->compat)
		flags = walk(r, t, regs, at + USER_WORDS);
	r->flags |= flags;
	record->user_stack = stack_id(mix(w->hash, flags));
	return seen_before(r, record->user_stack) ? 0 : w->at - at;
}

#endif
