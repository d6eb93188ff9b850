/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The ids of stacks: hashes of their words. */
#ifndef HASH_BPF_H
#define HASH_BPF_H

#include "kernel.h"
#include "sampler.h"

#include <bpf/bpf_helpers.h>

/* Both numbers are random for each recording, so that a profiled process cannot choose stacks with colliding ids. The
 * second is odd. */
const volatile __u64 seed = 0;
const volatile __u64 multiplier = 1;

/* Adds one word to a hash. For a given word, this is a bijection of the hash; for a given hash, a bijection of the
 * word. */
static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * multiplier;
	return hash ^ (hash >> 29);
}

static __always_inline __u64 stack_id(__u64 hash)
{
	hash *= 0xbf58476d1ce4e5b9ULL;
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

#endif
