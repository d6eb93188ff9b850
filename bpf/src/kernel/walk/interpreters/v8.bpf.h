/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The frames of V8. Each JavaScript function has a native frame of its own, with a frame pointer: in the trampoline
 * that enters the interpreter, or in code that V8 has made. Below the frame pointer are the context and the function.
 * V8's objects move, so a frame is described by what its function shares with all closures, and checked by numbers that
 * stay. User space reads the same (symbolizer/src/runtime/v8/frame.rs). */
#ifndef V8_BPF_H
#define V8_BPF_H

#include "walk/find_rule.bpf.h"
#include "walk/interpreters/object.bpf.h"
#include "walk/interpreters/push.bpf.h"
#include "walk/known.bpf.h"

enum {
	V8_OFFSET =
	    0, /* the words below the frame pointer: the offset of the bytecode, if it is an interpreter's frame, */
	V8_FUNCTION = 24, /* the function, */
	V8_CONTEXT = 32,  /* and the context */
	V8_FRAME = 40,	  /* the bytes of these words */
	V8_TAG = 1,	  /* the low bit of a pointer to an object */
	V8_CUT = 15, /* the bits of the check that a compiled frame has something else in: three of the function's */
	V8_LEAF = 8, /* address, and whether the frame is the innermost one, whose position no call has fixed */
	V8_ADDRESS_BITS = 47,
	V8_NO_OFFSET = ~0U,
};
#define V8_COMPILED (1ULL << 56)

/* The check of a function, by the numbers of its script and of the function in it. */
static __always_inline __u32 v8_check(__u32 script, __u32 literal)
{
	__u32 mixed = script * 0x9e3779b1U ^ literal * 0x85ebca6bU;

	return mixed ^ mixed >> 15;
}

/* The function that the present native frame runs, and the offset of its bytecode, if the frame has one; 0: none. Code
 * that has no frame yet has the function in a register. */
static __always_inline __u64 v8_function(struct walk *w, __u32 *offset)
{
	__u64 function;

	if (w->known & KNOWN_FUNCTION)
		return w->others[LEAF_ARGUMENT];
	if (w->cfa != w->fp + 16 || !read_object(w, w->fp - V8_FRAME, V8_FRAME))
		return 0;
	/* Frames of baseline code have something else there. */
	if (!(__u32)object_word(w, V8_OFFSET))
		*offset = object_word(w, V8_OFFSET) >> 32;
	function = object_word(w, V8_FUNCTION);
	return object_word(w, V8_CONTEXT) & V8_TAG ? function : 0;
}

/* Adds the frame of the function that the present native frame runs. A native frame without a function, or one that is
 * being left, adds none. */
static __always_inline int v8_frames(struct walk *w, struct log *log, __u64 limit, bool compiled)
{
	struct v8 facts;
	__u64 function, shared, script;
	__u32 check, offset = V8_NO_OFFSET;

	if (!read_facts((__u32 *)&facts, V8_WORDS, w->runtimes, RUNTIME_V8))
		return WALK_GOES_ON;
	function = v8_function(w, &offset);
	if (!(function & V8_TAG) || function >> V8_ADDRESS_BITS)
		return WALK_GOES_ON;
	shared = user_word(function - V8_TAG + facts.shared);
	if (!(shared & V8_TAG) || shared >> V8_ADDRESS_BITS ||
	    !read_object(w, shared - V8_TAG + facts.script, facts.literal - facts.script + 4))
		return WALK_GOES_ON;
	script = user_word(object_word(w, 0) - V8_TAG + facts.script_id) >> 32;
	check = v8_check(script, object_half(w, facts.literal - facts.script));
	if (compiled) {
		__u64 ip = w->ip - w->after;

		push_interpreted(
		    w, log, RUNTIME_V8,
		    (ip & ((1ULL << V8_ADDRESS_BITS) - 1)) | (shared >> 35 & 0x1ff) << V8_ADDRESS_BITS | V8_COMPILED,
		    shared >> 3, (check & ~V8_CUT) | (shared >> 44 & (V8_LEAF - 1)) | (w->after ? 0 : V8_LEAF));
	} else {
		push_interpreted(w, log, RUNTIME_V8, shared, offset, check);
	}
	return w->at >= limit ? WALK_TRUNCATES : WALK_GOES_ON;
}

#endif
