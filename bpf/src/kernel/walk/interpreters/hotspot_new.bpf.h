/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Code that Java's virtual machine has compiled since user space read its code. It has no rules yet, and its frame
 * pointer may hold anything. But the virtual machine keeps the size of its frame before each piece of code. */
#ifndef HOTSPOT_NEW_BPF_H
#define HOTSPOT_NEW_BPF_H

#include "walk/hash.bpf.h"
#include "walk/interpreters/object.bpf.h"
#include "walk/known.bpf.h"

enum {
	HOTSPOT_HOPS = 16, /* the steps to the begin of a block: each skips at most 254 segments */
	HOTSPOT_FREE = 255,
	HOTSPOT_MOST_WORDS = 1 << 16,
	HOTSPOT_BEFORE = 32, /* the bytes before the present instruction, and in all, that are read */
	HOTSPOT_AROUND = 80,
	HOTSPOT_PUSHED = 4,
	POP = 0x58,	   /* the registers from rax to rdi, */
	POP_HIGH = 0x5841, /* and r8 to r15 */
	HOTSPOT_LINE = 4,  /* the most instructions to the return that are looked at */
};
#define GROWS_STACK(bytes) (((bytes)&0xfffdff) == 0xec8148)  /* sub rsp, NUMBER */
#define IS_SHORT_GROWTH(bytes) (((bytes)&0xff00) == 0x8300)  /* of one byte */
#define SAVES_FP(bytes) (((bytes)&0xbfffffff) == 0x24ac8948) /* mov [rsp + NUMBER], rbp */
#define COPIES_SP(bytes) (((bytes)&0xffffff) == 0xe58948 || ((bytes)&0xffffff) == 0xec8b48) /* mov rbp, rsp */

static __always_inline __u64 arena_pair(const struct chunk *chunk, __u64 position)
{
	return arena_word(chunk, position) | (__u64)arena_word(chunk, position + 1) << 32;
}

/* The block that holds an address, by the heaps at this position of the arena; 0: none does. */
static __always_inline __u64 hotspot_block(const struct chunk *chunk, __u64 heaps, __u32 log, __u64 address)
{
	__u64 start = 0, map = 0, segment;

	for (int i = 0; i < HOTSPOT_HEAPS; i++) {
		__u64 at = heaps + i * HEAP_WORDS, low = arena_pair(chunk, at);

		if (address - low < arena_pair(chunk, at + 2) - low) {
			start = low;
			map = arena_pair(chunk, at + 4);
		}
	}
	if (!map)
		return 0;
	segment = (address - start) >> (log & 31);
	for (int i = 0; i < HOTSPOT_HOPS; i++) {
		__u8 back = HOTSPOT_FREE;

		bpf_probe_read_user(&back, sizeof back, (void *)(map + segment));
		if (!back)
			return start + (segment << (log & 31));
		if (back == HOTSPOT_FREE)
			return 0;
		segment -= back;
	}
	return 0;
}

/* A number of the block that was read. */
static __always_inline __s64 block_number(const struct walk *w, __u8 at, bool is_short)
{
	__s32 number = object_half(w, at);

	return is_short ? (__s16)number : number;
}

/* The length of an instruction between the pop of the frame pointer and the return, in which a method asks whether it
 * shall stop; 0: it is another one. */
static __always_inline int hotspot_poll(__u64 bytes)
{
	/* cmp rsp, [r15 + NUMBER], and the other way round; mov r10, [r15 + NUMBER] */
	if ((bytes & 0xfffdff) == 0x673949 || (bytes & 0xffffff) == 0x578b4d)
		return 4;
	if ((bytes & 0xfffdff) == 0xa73949 || (bytes & 0xffffff) == 0x978b4d)
		return 7;
	/* ja; test eax, [rip + NUMBER]; test [r10], eax */
	if ((bytes & 0xffff) == 0x870f || (bytes & 0xffff) == 0x0585)
		return 6;
	return (bytes & 0xffffff) == 0x028541 ? 3 : 0;
}

/* The words of the stack in use while a leaf sets up its frame of this many words: one before it pushes the frame
 * pointer, two behind that, and all of them behind the growth of the stack. Some store the frame pointer after that. */
static __always_inline __u64 words_before(struct walk *w, __u64 words)
{
	__u64 next = object_word(w, HOTSPOT_BEFORE);
	bool grown = false;

	for (int i = 0; i < HOTSPOT_BEFORE - 3; i++) {
		__u64 bytes = object_word(w, i);

		if (GROWS_STACK(bytes) && i + (IS_SHORT_GROWTH(bytes) ? 4 : 7) <= HOTSPOT_BEFORE)
			grown = true;
	}
	if (grown) {
		w->known |= SAVES_FP(next) ? 0 : KNOWN_SAVED_FP;
		return words;
	}
	if ((object_word(w, HOTSPOT_BEFORE - 1) & 0xff) != PUSH_FP || !(GROWS_STACK(next) || COPIES_SP(next)))
		return 1;
	w->known |= KNOWN_SAVED_FP;
	return 2;
}

/* The words of the stack in use in a leaf with a frame of this many words. */
static __always_inline __u64 words_behind(struct walk *w, __u64 words)
{
	__u64 at = HOTSPOT_BEFORE;

	if ((object_word(w, at) & 0xff) == POP_FP)
		words = 2;
	for (int i = 0; i < HOTSPOT_LINE; i++) {
		__u64 bytes = object_word(w, at);
		int length = hotspot_poll(bytes);

		if ((bytes & 0xff) == RETURN)
			return 1;
		if (!length)
			break;
		at += length;
	}
	w->known |= KNOWN_SAVED_FP;
	return words;
}

/* The words that a caller has pushed for its call: it pops them behind the call. The first compiler's code does so. */
static __always_inline __u64 pushed_words(__u64 bytes)
{
	__u64 words = 0;

	for (int i = 0; i < HOTSPOT_PUSHED; i++) {
		if ((bytes & 0xf8) == POP && (bytes & 0xff) != POP_FP)
			bytes >>= 8;
		else if ((bytes & 0xf8ff) == POP_HIGH)
			bytes >>= 16;
		else
			break;
		words++;
	}
	return words;
}

/* Adds the check of the code that the walk leaves to its frame. */
static __always_inline void push_check(struct walk *w, struct log *log)
{
	log->words[(w->at - 1) & log_mask] |= (__u64)FRAME_IS_CHECKED << FRAME_KIND_SHIFT;
	log->words[w->at & log_mask] = w->check;
	w->at += 1;
	w->hash = mix(w->hash, w->check);
}

/* Sets the frame address of new code. False: it is no code with a frame. This is a global function, so that it is
 * verified once. */
__noinline int hotspot_new(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct hotspot_block at;
	__s64 complete, words;
	struct chunk *chunk;
	__u64 block, begin;
	struct walk *w;
	__u32 facts;

	if (!slot)
		return 0;
	w = &slot->walk;
	w->known &= ~(KNOWN_SIZE | KNOWN_SAVED_FP);
	chunk = w->runtimes ? chunk_of(w->runtimes) : 0;
	facts = chunk ? arena_word(chunk, w->runtimes + RUNTIME_HOTSPOT) : 0;
	if (!facts)
		return 0;
	facts += HOTSPOT_WORDS;
	for (int i = 0; i < BLOCK_WORDS; i++)
		((__u32 *)&at)[i] = arena_word(chunk, facts + HOTSPOT_HEAPS * HEAP_WORDS + i);
	block = hotspot_block(chunk, facts, at.segment, w->ip - w->after);
	if (!block || !read_object(w, block, OBJECT_BYTES))
		return 0;
	complete = block_number(w, at.complete, at.sizes & SHORT_COMPLETE);
	words = block_number(w, at.words, at.sizes & SHORT_WORDS);
	begin = block + at.description + block_number(w, at.begin, at.sizes & SHORT_BEGIN);
	if (at.sizes & BEGIN_IS_ADDRESS)
		begin = object_word(w, at.begin);
	if (!(object_half(w, at.used) & 0xff) || complete < 0 || words < 0 || words > HOTSPOT_MOST_WORDS ||
	    w->ip < begin)
		return 0;
	w->check = 0;
	bpf_probe_read_user(&w->check, sizeof w->check, (void *)(block + at.number));
	/* Some code only jumps on, and has no frame. */
	if (words < 2)
		words = 1;
	else if (w->after) {
		w->known |= KNOWN_SAVED_FP;
		words += pushed_words(user_word(w->ip));
	} else if (!read_object(w, w->ip - HOTSPOT_BEFORE, HOTSPOT_AROUND))
		return 0;
	else if (w->ip < begin + complete)
		words = words_before(w, words);
	else
		words = words_behind(w, words);
	w->known |= KNOWN_SIZE;
	w->cfa = w->sp + 8 * words;
	return 1;
}

#endif
