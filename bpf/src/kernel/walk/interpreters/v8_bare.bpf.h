/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Code that V8 has made, while it has no frame: before it sets one up, and after it has given it up. A step by frame
 * pointer would skip the caller there. The instructions tell it: in one line, they lead to the set-up of a frame, or to
 * the return. */
#ifndef V8_BARE_BPF_H
#define V8_BARE_BPF_H

#include "walk/interpreters/object.bpf.h"
#include "walk/known.bpf.h"

enum {
	V8_LINE = 6,	/* the most instructions that are looked at */
	V8_BEFORE = 24, /* the bytes before the present instruction, and from it on, that are read */
	V8_BEHIND = 64,
	RETURN_POPPING = 0xc2,
	CALL = 0xe8,
	MOV_EBX = 0xbb,
	MOVABS_R12 = 0xbc49,
};
#define SET_UP 0xe5894855ULL			       /* push rbp; mov rbp, rsp */
#define V8_LEA(bytes) (((bytes)&0xfffffd) == 0x248d48) /* lea rsp, [rsp + REGISTER * 8] */
/* Between the pop of the return address and its push. */
#define V8_MOVES_RETURN(bytes) (V8_LEA(bytes) || ((bytes)&0xf8ff) == 0x5041)

/* What an instruction is, in the line that leads to the set-up of a frame or to the return. */
enum v8_instruction {
	V8_OTHER = 0,
	/* Lengths of those that may stand in this line are here. */
	V8_SETS_UP = 16,
	V8_IS_RETURN,
	V8_IS_CALL,
};

/* The kind of an instruction, or its length. This is a global function, so that it is verified once. */
__noinline int v8_instruction(__u64 bytes)
{
	if ((bytes & 0xffffffff) == SET_UP)
		return V8_SETS_UP;
	if ((bytes & 0xff) == RETURN || (bytes & 0xff) == RETURN_POPPING)
		return V8_IS_RETURN;
	if ((bytes & 0xff) == CALL)
		return V8_IS_CALL;
	/* cmp REGISTER, NUMBER */
	if ((bytes & 0xf8fffe) == 0xf88348 || V8_LEA(bytes))
		return 4;
	if ((bytes & 0xf8fffe) == 0xf88148)
		return 7;
	/* mov rbx, [rcx - NUMBER]; test byte [rbx + NUMBER], NUMBER */
	if ((bytes & 0xffffff) == 0x598b48 || (bytes & 0xffff) == 0x43f6)
		return 4;
	/* pop and push of r8 to r15; short jumps */
	if ((bytes & 0xf0ff) == 0x5041 || (bytes & 0xff) == 0x7f || (bytes & 0xff) == 0x74)
		return 2;
	/* jg, jne; jmp; mov ebx, NUMBER; movabs r12, NUMBER */
	if ((bytes & 0xffff) == 0x8f0f || (bytes & 0xffff) == 0x850f)
		return 6;
	if ((bytes & 0xff) == 0xe9 || (bytes & 0xff) == MOV_EBX)
		return 5;
	return (bytes & 0xffff) == MOVABS_R12 ? 10 : V8_OTHER;
}

/* Whether the call that ends before the present instruction is the one with which baseline code has its frame set up,
 * at its begin: mov ebx, NUMBER; movabs r12, NUMBER; call */
static __always_inline bool v8_is_set_up_by_call(const struct walk *w, __u64 end)
{
	return (object_half(w, end - 5) & 0xff) == CALL && (object_half(w, end - 15) & 0xffff) == MOVABS_R12 &&
	       (object_half(w, end - 20) & 0xff) == MOV_EBX;
}

/* Whether code has a frame, has none, or has none and the return address in a register. */
enum v8_state {
	V8_FRAMED,
	V8_BARE,
	V8_RETURNS,
};

/* Sets the frame address by the stack pointer. If the function is being entered, the first argument is the function. */
static __always_inline enum v8_state v8_by_stack_pointer(struct walk *w, __u64 words, bool enters)
{
	w->cfa = w->sp + 8 * words;
	if (enters)
		w->known |= KNOWN_FUNCTION;
	return V8_BARE;
}

/* The state of the code that a walk begins in, by the bytes around its instruction. */
static __always_inline enum v8_state v8_state_of_leaf(struct walk *w)
{
	__u64 at = V8_BEFORE;
	int found = V8_OTHER;

	if ((object_word(w, V8_BEFORE - 1) & 0xffffffff) == SET_UP)
		return v8_by_stack_pointer(w, 2, true);
	for (int i = 0; i < V8_LINE; i++) {
		found = v8_instruction(object_word(w, at));
		if (found <= V8_OTHER || found >= V8_SETS_UP)
			break;
		at += found;
	}
	if (found == V8_SETS_UP)
		return v8_by_stack_pointer(w, 1, true);
	if (found == V8_IS_RETURN)
		return V8_MOVES_RETURN(object_word(w, V8_BEFORE)) ? V8_RETURNS : v8_by_stack_pointer(w, 1, false);
	if (found == V8_IS_CALL && v8_is_set_up_by_call(w, at + 5))
		return v8_by_stack_pointer(w, 1, true);
	return V8_FRAMED;
}

/* The state of the code that a walk begins in, or that such code was called from. Sets the frame address if that code
 * has no frame. This is a global function for the same reason. */
__noinline int v8_state(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct chunk *chunk;
	struct walk *w;

	if (!slot)
		return V8_FRAMED;
	w = &slot->walk;
	chunk = w->runtimes ? chunk_of(w->runtimes) : 0;
	if (!(w->known & KNOWN_OTHERS) || !chunk || !arena_word(chunk, w->runtimes + RUNTIME_V8) ||
	    !read_object(w, w->ip - V8_BEFORE, V8_BEFORE + V8_BEHIND))
		return V8_FRAMED;
	if (!w->after)
		return v8_state_of_leaf(w);
	return v8_is_set_up_by_call(w, V8_BEFORE) ? v8_by_stack_pointer(w, 1, true) : V8_FRAMED;
}

#endif
