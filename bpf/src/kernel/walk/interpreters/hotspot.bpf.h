/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The frames of Java's interpreter. Each native frame of it runs one method. Below the frame pointer are the caller's
 * stack pointer, the method, and the place in its bytecode, as of the last call. A leaf has the place in a register. */
#ifndef HOTSPOT_BPF_H
#define HOTSPOT_BPF_H

#include "walk/find_rule.bpf.h"
#include "walk/interpreters/object.bpf.h"
#include "walk/interpreters/push.bpf.h"
#include "walk/known.bpf.h"
#include "walk/window.bpf.h"

enum {
	HOTSPOT_SENDER = -8,
	HOTSPOT_METHOD = -24,
	HOTSPOT_BYTECODE = 13 - FIRST_OF_LEAF, /* r13 */
	/* A place in the bytecode is never so many bytes behind the method's constant part. */
	HOTSPOT_REACH = 1 << 17,
};

/* The method of the present frame, if the frame is set up: then the walk has found its caller by the same word. */
static __always_inline __u64 hotspot_method(struct walk *w)
{
	bool failed = false;
	__u64 method;

	if (!(w->known & KNOWN_FP) || w->fp & 7 || w->fp < w->sp || w->fp >> ADDRESS_BITS)
		return 0;
	if (stack_word(w, w->fp + HOTSPOT_SENDER, &failed) != w->cfa)
		return 0;
	method = stack_word(w, w->fp + HOTSPOT_METHOD, &failed);
	return failed ? 0 : method;
}

/* A value that tells a method from one that comes into its place when its class is unloaded. The classes that a program
 * makes one after the other are often laid out in the same places. So it is made of the name of the class as well: of
 * its address and its random number. */
static __always_inline __u32 hotspot_check(const struct hotspot *facts, __u64 constant)
{
	__u64 pool = user_word(constant + facts->pool);
	__u64 class = user_word(pool + facts->holder);
	__u64 name = user_word(class + facts->name);
	__u32 hash = user_word(name) >> (facts->hash & 63);

	return (__u32)constant ^ (__u32)(name >> 3) ^ hash << 16;
}

/* Adds the method that the present frame of the interpreter runs. */
static __always_inline int hotspot_frame(struct walk *w, struct log *log)
{
	__u64 method = hotspot_method(w), constant, at;
	struct hotspot facts;
	bool failed = false;

	if (!method || !read_facts((__u32 *)&facts, HOTSPOT_WORDS, w->runtimes, RUNTIME_HOTSPOT))
		return WALK_GOES_ON;
	constant = user_word(method + facts.constant);
	if (!constant) {
		w->flags |= FLAG_NO_FUNCTIONS;
		return WALK_GOES_ON;
	}
	at = w->known & KNOWN_OTHERS ? w->others[HOTSPOT_BYTECODE] - constant : HOTSPOT_REACH;
	if (at >= HOTSPOT_REACH)
		at = stack_word(w, w->fp + facts.bytecode, &failed) - constant;
	push_interpreted(w, log, RUNTIME_HOTSPOT, method, at < HOTSPOT_REACH ? at : 0, hotspot_check(&facts, constant));
	return WALK_GOES_ON;
}

#endif
