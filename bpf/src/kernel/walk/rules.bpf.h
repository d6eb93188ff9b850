/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The walk of a user stack by rules, one frame in each step. */
#ifndef RULES_BPF_H
#define RULES_BPF_H

#include "walk/interpreters/interpreted.bpf.h"
#include "walk/guess.bpf.h"
#include "walk/find_rule.bpf.h"
#include "walk/frame_pointers.bpf.h"
#include "walk/interpreters/hotspot_new.bpf.h"
#include "walk/interpreters/v8_bare.bpf.h"
#include "walk/known.bpf.h"

enum {
	RULE_STEPS = 8, /* the steps in a call of walk_by_rules, which are verified one by one */
	/* Replacing the address of a uprobe's trampoline takes a step of its own. */
	RULE_CALLS = (USER_WORDS + UPROBE_RETURNS + RULE_STEPS - 1) / RULE_STEPS + 1,
};

static __always_inline __s64 rule_words(__u64 rule, int shift)
{
	return (__s64)(__s8)(rule >> shift) * 8;
}

/* The value of a register, by its number in rules. Clears *known if it is unknown. */
static __always_inline __u64 register_of(const struct walk *w, __u32 number, bool *known)
{
	if (number == STACK_POINTER)
		return w->sp;
	if (number == FRAME_POINTER && w->known & KNOWN_FP)
		return w->fp;
	if (number == SPARE_REGISTER && w->known & KNOWN_SPARE)
		return w->spare;
	number -= FIRST_OF_LEAF;
	if (number < LEAF_REGISTERS && w->known & KNOWN_OTHERS)
		return w->others[number & (LEAF_REGISTERS - 1)];
	*known = false;
	return 0;
}

/* The frame address by the frame pointer. If tables are missing, the walk is marked. A frame pointer of 0 is the end of
 * a stack, except in run-time code, which may use the register for anything. */
static __always_inline int by_frame_pointer(struct walk *w, __u32 key, __u64 rule)
{
	if (rule & RULE_STALE && hijacked(key))
		return WALK_ELSEWHERE;
	if (rule & RULE_STALE)
		w->flags |= FLAG_STALE;
	if (!(w->known & KNOWN_FP))
		return WALK_LOST_REGISTER;
	if (!w->fp)
		return rule & (RULE_STALE | RULE_RUN_TIME) ? WALK_BREAKS : WALK_ENDS;
	if (w->fp & 7 || w->fp < w->sp || w->fp >> ADDRESS_BITS)
		return WALK_BREAKS;
	w->cfa = w->fp + 16;
	return WALK_GOES_ON;
}

/* Whether the walk is in one of the small functions that CPython makes with `-X perf`, behind its call: the next
 * instructions are add $8, %rsp and ret. It has no frame pointer of its own. */
static __always_inline bool in_trampoline(const struct walk *w)
{
	struct chunk *chunk = w->runtimes ? chunk_of(w->runtimes) : 0;

	return chunk && w->after && arena_word(chunk, w->runtimes + RUNTIME_PYTHON) &&
	       (user_word(w->ip) & 0xffffffffffULL) == 0xc308c48348ULL;
}

/* The code is unknown. Either it has just been mapped, or a wrong return address led here. */
static __always_inline int unmapped(struct walk *w, __u32 key)
{
	if (hijacked(key))
		return WALK_ELSEWHERE;
	if (unwind_mode == UNWIND_RULES || (w->after && !follows_call(w->ip)))
		return WALK_NO_MAPPING;
	return by_frame_pointer(w, key, RULE_STALE);
}

/* Reads a saved register from its place on the stack. If that cannot be read, the register is lost, and the walk
 * continues without it. */
static __always_inline void restore_register(struct walk *w, __u32 which, __u64 *value, __u64 at)
{
	bool lost = false;

	*value = stack_word(w, at, &lost);
	w->known = lost ? w->known & ~which : w->known | which;
}

/* The rare cases: the frame address by a word of the stack, in a stub, after a signal handler. Sets cfa; or, for a
 * signal handler's frame, the registers themselves. Returns whether and why the walk ends. */
__noinline int rare_step(__u32 key, __u64 rule)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	__u32 kind = rule & 7, number = rule >> RULE_NUMBER_SHIFT & RULE_NUMBER_MASK;
	bool failed = false, known = true;
	struct walk *w;
	__u64 at;

	if (!slot)
		return WALK_BREAKS;
	w = &slot->walk;
	switch (kind) {
	case RULE_REGISTER:
		w->cfa = register_of(w, number, &known) + (__s32)(rule >> RULE_OFFSET_SHIFT);
		return known ? WALK_GOES_ON : WALK_LOST_REGISTER;
	case RULE_DEREF:
		at = register_of(w, number, &known) + (__s16)(rule >> RULE_OFFSET_SHIFT);
		if (!known)
			return WALK_LOST_REGISTER;
		w->cfa = stack_word(w, at, &failed) + (__s16)(rule >> RULE_ADD_SHIFT);
		return failed ? WALK_CANNOT_READ : WALK_GOES_ON;
	case RULE_PLT:
		w->cfa = w->sp + 8 + ((w->ip & 15) >= number ? 8 : 0);
		return WALK_GOES_ON;
	case RULE_FRAME_POINTER:
		/* This code has no rule of its own, in a file that has rules. */
		if (unwind_mode == UNWIND_RULES)
			return WALK_NO_RULE;
		if (rule & RULE_RUN_TIME && in_trampoline(w)) {
			w->cfa = w->sp + 16;
			return WALK_GOES_ON;
		}
		if (rule & RULE_STALE && hotspot_new(key))
			return WALK_GOES_ON;
		if (rule & RULE_INTERPRETS) {
			int state = v8_state(key);

			if (state != V8_FRAMED)
				return state == V8_BARE ? WALK_GOES_ON : WALK_LOST_REGISTER;
		}
		return by_frame_pointer(w, key, rule);
	case RULE_SIGNAL_FRAME:
		at = w->sp;
		w->ip = stack_word(w, at + SIGNAL_IP, &failed);
		w->known = KNOWN_OTHERS;
		restore_register(w, KNOWN_FP, &w->fp, at + SIGNAL_FP);
		restore_register(w, KNOWN_SPARE, &w->spare, at + SIGNAL_SPARE);
		for (int i = 0; i <= LEAF_ARGUMENT; i++)
			w->others[i] = stack_word(w, at + SIGNAL_OTHERS + 8 * i, &failed);
		w->sp = stack_word(w, at + SIGNAL_SP, &failed);
		w->after = 0;
		w->cfa = 0;
		return failed ? WALK_CANNOT_READ : WALK_GOES_ON;
	case RULE_UNSUPPORTED:
		return WALK_UNSUPPORTED;
	case RULE_NONE:
		return guess(w);
	default:
		return unmapped(w, key);
	}
}

/* Restores the caller's registers from the frame address. */
static __always_inline int restore(struct walk *w, __u32 key, __u64 rule)
{
	__u32 ra = rule >> RULE_RA_SHIFT & 3, fp = rule >> RULE_FP_SHIFT & 3, spare = rule >> RULE_SPARE_SHIFT & 3;
	__u64 cfa = w->cfa, ra_at = cfa - 8, below = w->sp;
	bool failed = false;

	if (ra == RULE_RA_END)
		return WALK_ENDS;
	if (ra == RULE_RA_AT_CFA)
		ra_at = cfa + rule_words(rule, RULE_OTHER_AT_SHIFT);
	if (ra == RULE_RA_AT_REGISTER) {
		__s64 at = (__s8)(rule >> RULE_OTHER_AT_SHIFT);

		if (!(at & 1) && !(w->known & KNOWN_FP))
			return WALK_LOST_REGISTER;
		ra_at = (at & 1 ? w->sp : w->fp) + (at >> 1) * 8;
		/* The return address was already taken from the stack, or the frame is on another stack. */
		if (at & 1)
			below = w->sp - 1;
		else if ((rule & 7) == RULE_REGISTER)
			below = 0;
	}
	/* The stack grows downwards. */
	if (cfa <= below || cfa >> ADDRESS_BITS)
		return WALK_BREAKS;
	if ((!w->base || ra_at - w->base > WINDOW_BYTES - 8) && !move_window(key, ra_at))
		w->base = 0;
	w->ip = stack_word(w, ra_at, &failed);
	if (failed)
		return WALK_CANNOT_READ;
	if (spare == RULE_SPARE_AT_CFA)
		restore_register(w, KNOWN_SPARE, &w->spare, cfa + rule_words(rule, RULE_OTHER_AT_SHIFT));
	else if (spare != RULE_SPARE_SAME)
		w->known &= ~KNOWN_SPARE;
	if (fp == RULE_FP_AT_CFA)
		restore_register(w, KNOWN_FP, &w->fp, cfa + rule_words(rule, RULE_FP_AT_SHIFT));
	else if (fp == RULE_FP_AT_FP && w->known & KNOWN_FP)
		restore_register(w, KNOWN_FP, &w->fp, w->fp + rule_words(rule, RULE_FP_AT_SHIFT));
	else if (fp != RULE_FP_SAME)
		w->known &= ~KNOWN_FP;
	w->sp = cfa;
	w->known &= ~(KNOWN_FUNCTION | KNOWN_SIZE | KNOWN_SAVED_FP);
	/* A synthesised rule that keeps the spare register keeps the other registers as well. */
	if (!(rule & RULE_SYNTHESISED && spare == RULE_SPARE_SAME))
		w->known &= ~KNOWN_OTHERS;
	w->after = 1;
	return WALK_GOES_ON;
}

/* The rule that restores the caller's registers: the found one, or a substitute if there is none. After a guess, the
 * frame pointer is unknown, with two exceptions: the guessed return address is the frame pointer's own; or it is on top
 * of the stack, and the disassembly says that the frame pointer is still the caller's. */
static __always_inline __u64 in_place(const struct walk *w, __u64 rule)
{
	const __u64 below = RULE_FP_AT_CFA << RULE_FP_SHIFT | 0xfe << RULE_FP_AT_SHIFT;

	switch (rule & 7) {
	case RULE_NONE:
		if (w->known & KNOWN_FP && w->cfa == w->fp + 16)
			return RULE_NONE | below;
		if (rule & RULE_SYNTHESISED && w->cfa == w->sp + 8)
			return rule;
		return RULE_NONE | RULE_FP_UNKNOWN << RULE_FP_SHIFT;
	case RULE_FRAME_POINTER:
	case NO_MAPPING:
		if (w->known & KNOWN_SIZE)
			return RULE_REGISTER | RULE_SYNTHESISED | (w->known & KNOWN_SAVED_FP ? below : 0);
		/* A trampoline leaves the frame pointer as it is. */
		rule = RULE_FRAME_POINTER | (rule & RULE_INTERPRETS);
		return w->cfa == w->fp + 16 ? rule | below : rule;
	default:
		return rule;
	}
}

static __always_inline __u64 trust_of(__u64 rule)
{
	if ((rule & 7) == RULE_FRAME_POINTER)
		return TRUST_FRAME_POINTER;
	if ((rule & 7) == RULE_NONE)
		return TRUST_GUESSED;
	return rule & RULE_SYNTHESISED ? TRUST_SYNTHESISED : TRUST_RULE;
}

/* Walks some steps, until the walk ends or a frame reaches `limit`. This is a global function, so that it is verified
 * once. */
__noinline int walk_by_rules(__u32 key, __u64 limit)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct cache *cache = bpf_map_lookup_elem(&caches, &key);
	struct walk *w;
	struct log *log;

	if (!slot || !cache)
		return WALK_BREAKS;
	w = &slot->walk;
	log = bpf_map_lookup_elem(&logs, &w->log);
	if (!log)
		return WALK_BREAKS;
	for (int i = 0; i < RULE_STEPS; i++) {
		__u64 rule = rule_of(cache, w, key, w->ip - w->after);
		__u32 number = rule >> RULE_NUMBER_SHIFT & RULE_NUMBER_MASK;
		int goes = WALK_GOES_ON;
		__u64 address;

		w->cfa = 0;
		if ((rule & 7) == RULE_REGISTER && number == STACK_POINTER)
			w->cfa = w->sp + (__s32)(rule >> RULE_OFFSET_SHIFT);
		else if ((rule & 7) == RULE_REGISTER && number == FRAME_POINTER && w->known & KNOWN_FP)
			w->cfa = w->fp + (__s32)(rule >> RULE_OFFSET_SHIFT);
		else {
			goes = rare_step(key, rule);
			rule = in_place(w, rule);
			if (w->known & KNOWN_SIZE)
				push_check(w, log);
			/* The code that a signal handler returns to was never called. */
			if ((rule & 7) == RULE_SIGNAL_FRAME)
				log->words[(w->at - 1) & log_mask] |= 1ULL << NEXT_INSTRUCTION_SHIFT;
		}
		if (goes == WALK_ELSEWHERE) {
			__u64 *last = &log->words[(w->at - 1) & log_mask];

			*last = w->ip | (*last & (__u64)TRUST_MASK << TRUST_SHIFT);
			w->hash = mix(w->hash, w->ip);
			continue;
		}
		if (!goes && rule & RULE_INTERPRETS)
			goes = interpreted_frames(key, limit);
		if (goes)
			return goes;
		if ((rule & 7) != RULE_SIGNAL_FRAME)
			goes = restore(w, key, rule);
		if (goes)
			return goes;
		if (!w->ip)
			return WALK_ENDS;
		if (w->ip >> ADDRESS_BITS)
			return WALK_BREAKS;
		address = w->ip | (__u64)!w->after << NEXT_INSTRUCTION_SHIFT;
		log->words[w->at & log_mask] = address | trust_of(rule) << TRUST_SHIFT;
		w->at += 1;
		w->hash = mix(w->hash, address);
		if (w->at >= limit)
			return WALK_TRUNCATES;
	}
	return WALK_GOES_ON;
}

#endif
