/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Words of a process's memory, and objects of interpreters, whose fields are at places that user space has found. */
#ifndef OBJECT_BPF_H
#define OBJECT_BPF_H

#include "walk/find_rule.bpf.h"

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

static __always_inline __u8 object_byte(const struct walk *w, __u64 at)
{
	asm volatile("" : "+r"(at));
	return w->object[at & (OBJECT_BYTES - 1)];
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
