/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Words of a process's memory, and objects of interpreters, whose fields are at places that user space has found. */
#ifndef OBJECT_BPF_H
#define OBJECT_BPF_H

#include "walk/find_rule.bpf.h"

/* Instructions of one byte in code that runtimes make. */
enum {
	PUSH_FP = 0x55,
	POP_FP = 0x5d,
	RETURN = 0xc3,
};

/* The word at a user address; 0: it cannot be read. */
static __always_inline __u64 user_word(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof word, (void *)address);
	return word;
}

/* Reads an object of at most OBJECT_BYTES. */
static __always_inline bool read_object(struct walk *w, __u64 address, __u64 bytes)
{
	asm volatile("" : "+r"(bytes));
	if (bytes > OBJECT_BYTES)
		bytes = OBJECT_BYTES;
	return !bpf_probe_read_user(w->object, bytes, (void *)address);
}

/* Reads memory that ends behind a frame of this many bytes, unless it has been read: frames of callers lie side by
 * side, below it. */
static __always_inline bool read_frame(struct walk *w, __u64 address, __u64 bytes)
{
	__u64 base = address + bytes - WINDOW_BYTES;

	if (w->frames_bytes == WINDOW_BYTES && address - w->frames_base <= WINDOW_BYTES - bytes)
		return true;
	w->frames_bytes = WINDOW_BYTES;
	if (bpf_probe_read_user(w->frames_near, WINDOW_BYTES, (void *)base)) {
		/* The part below may be no memory. */
		base = address;
		asm volatile("" : "+r"(bytes));
		if (bytes > OBJECT_BYTES)
			bytes = OBJECT_BYTES;
		w->frames_bytes = bytes;
		if (bpf_probe_read_user(w->frames_near, bytes, (void *)base))
			return false;
	}
	w->frames_base = base;
	return true;
}

/* Words and bytes of what read_frame has read. */
static __always_inline __u64 frame_word(const struct walk *w, __u64 address)
{
	__u64 at = address - w->frames_base;

	asm volatile("" : "+r"(at));
	return *(__u64 *)(w->frames_near + (at & (WINDOW_BYTES - 1)));
}

static __always_inline __u8 frame_byte(const struct walk *w, __u64 address)
{
	__u64 at = address - w->frames_base;

	asm volatile("" : "+r"(at));
	return w->frames_near[at & (WINDOW_BYTES - 1)];
}

/* Fields of the object, at an offset in bytes. */
static __always_inline __u64 object_word(const struct walk *w, __u64 at)
{
	asm volatile("" : "+r"(at));
	return *(__u64 *)(w->object + (at & (OBJECT_BYTES - 1)));
}

static __always_inline __u32 object_half(const struct walk *w, __u64 at)
{
	asm volatile("" : "+r"(at));
	return *(__u32 *)(w->object + (at & (OBJECT_BYTES - 1)));
}

static __always_inline __u32 arena_word(const struct chunk *chunk, __u64 position)
{
	asm volatile("" : "+r"(position));
	return chunk->words[position & (CHUNK_WORDS - 1)];
}

/* Copies the facts about a runtime of the process. False: there are none. */
static __always_inline bool read_facts(__u32 *to, __u32 words, __u32 runtimes, __u32 number)
{
	struct chunk *chunk = runtimes ? chunk_of(runtimes) : 0;
	__u32 at = chunk ? arena_word(chunk, runtimes + number) : 0;

	if (!at)
		return false;
	for (int i = 0; i < words; i++)
		to[i] = arena_word(chunk, at + i);
	return true;
}

#endif
