/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The ways out of code without a usable rule: a guess, and the real return addresses that uprobes have replaced. */
#ifndef GUESS_BPF_H
#define GUESS_BPF_H

#include "who/task.bpf.h"
#include "walk/find_rule.bpf.h"
#include "walk/frame_pointers.bpf.h"
#include "walk/window.bpf.h"

#include <bpf/bpf_core_read.h>

const volatile bool want_guess = true;

enum {
	GUESS_WORDS = 9,      /* the word at the stack pointer, and eight more */
	UPROBE_RETURNS = 64,  /* the most functions watched by uprobes that are looked at */
	WALK_NO_RULE = 5,     /* the walk met code without a rule */
	WALK_UNSUPPORTED = 6, /* it met a rule that cannot be expressed */
	WALK_NO_MAPPING = 7,
	WALK_LOST_REGISTER = 8, /* it met a rule that needs a register without a known value */
	WALK_ELSEWHERE = 9,	/* no step: the address was not the caller's, and now it is */
};

/* Whether the instruction before an address is a call. A global function: it is verified once. */
__noinline int follows_call(__u64 address)
{
	__u64 word = 0;

	if (bpf_probe_read_user(&word, sizeof word, (void *)(address - BEFORE_A_RETURN)))
		return 0;
	return is_call_before(word);
}

/* The frame address of code without a rule in a file that has rules: behind the first word that can be a return
 * address. */
static __always_inline int guess(struct walk *w)
{
	if (!want_guess || unwind_mode == UNWIND_RULES)
		return WALK_NO_RULE;
	for (int i = 0; i < GUESS_WORDS; i++) {
		__u64 at = w->sp + 8 * i;
		bool failed = false;
		__u64 word = stack_word(w, at, &failed);

		if (failed)
			return WALK_CANNOT_READ;
		if (!mapping_of(w, word - 1) || !follows_call(word))
			continue;
		w->cfa = at + 8;
		w->flags |= FLAG_GUESSED;
		return WALK_GOES_ON;
	}
	return WALK_NO_RULE;
}

/* Whether the found address is that of the uprobes' trampoline, which replaces the return address of a watched
 * function. If so, the real return address replaces it. This is a global function, so that it is verified once. */
__noinline int hijacked(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct return_instance *instance;
	struct walk *w;

	if (!slot)
		return 0;
	w = &slot->walk;
	if (!w->after || !bpf_core_field_exists(task->utask))
		return 0;
	instance = BPF_CORE_READ(task, utask, return_instances);
	for (int i = 0; i < UPROBE_RETURNS && instance; i++) {
		__u64 original = BPF_CORE_READ(instance, orig_ret_vaddr);

		/* The caller may have put anything on the stack. */
		if (BPF_CORE_READ(instance, stack) == w->sp - 8 && original && original != w->ip &&
		    !(original >> ADDRESS_BITS)) {
			w->ip = original;
			return 1;
		}
		instance = BPF_CORE_READ(instance, next);
	}
	return 0;
}

#endif
