/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* From an address to its rule, by the process's mappings, the file's rows, and a cache of earlier look-ups. */
#ifndef FIND_RULE_BPF_H
#define FIND_RULE_BPF_H

#include "maps.bpf.h"
#include "who/task.bpf.h"
#include "unwind.h"

enum {
	MOST_MAPPINGS_BITS = 15,
	MOST_ROWS_BITS = 17,
	KIND_SHIFT = 28,
	NO_MAPPING = 7, /* beside rule_kind: the address is in no known mapping */
};

/* Chunks are created one by one as tables need them. Sizes are given instead of types: the chunks have no types, and
 * Linux 5.15 to 6.2 would treat them as different maps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MOST_CHUNKS);
	__type(key, __u32);
	__array(
	    values, struct {
		    __uint(type, BPF_MAP_TYPE_ARRAY);
		    __uint(map_flags, BPF_F_MMAPABLE);
		    __uint(max_entries, 1);
		    __uint(key_size, 4);
		    __uint(value_size, sizeof(struct chunk));
	    });
} arena SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rules);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct spaces);
} spaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cache);
} caches SEC(".maps");

/* The chunk that contains a position of the arena. */
static __always_inline struct chunk *chunk_of(__u32 position)
{
	__u32 number = position >> CHUNK_BITS, zero = 0;
	void *inner = bpf_map_lookup_elem(&arena, &number);

	return inner ? bpf_map_lookup_elem(inner, &zero) : 0;
}

static __always_inline struct mapping *mapping_at(struct chunk *chunk, __u32 position)
{
	__u64 word = position & (CHUNK_WORDS - 1);

	asm volatile("" : "+r"(word));
	word &= CHUNK_WORDS - MAPPING_WORDS;
	return (struct mapping *)&chunk->words[word];
}

/* The last mapping of a list that begins at or below the address, as its index plus one; 0: none. This is a global
 * function, so that it is verified once. */
__noinline __u32 mapping_below(__u32 list, __u32 count, __u64 address)
{
	struct chunk *chunk = chunk_of(list);
	__u32 low = 0;

	if (!chunk)
		return 0;
	for (int i = 0; i < MOST_MAPPINGS_BITS; i++) {
		__u32 half = count >> 1;

		if (!count)
			break;
		if (mapping_at(chunk, list + (low + half) * MAPPING_WORDS)->start <= address) {
			low += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return low;
}

/* Finds the last row of a page at or below the address. Returns the index of its rule; 0: none. */
__noinline __u32 row_of(__u32 position, __u32 count, __u32 low_bits)
{
	struct chunk *chunk = chunk_of(position);
	__u32 low = 0;
	__u64 word;

	if (!chunk)
		return 0;
	for (int i = 0; i < MOST_ROWS_BITS; i++) {
		__u32 half = count >> 1;

		if (!count)
			break;
		word = position + low + half;
		asm volatile("" : "+r"(word));
		word &= CHUNK_WORDS - 1;
		if ((chunk->words[word] & 0xffff) <= low_bits) {
			low += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	if (!low)
		return 0;
	word = position + low - 1;
	asm volatile("" : "+r"(word));
	word &= CHUNK_WORDS - 1;
	return chunk->words[word] >> 16;
}

/* The rule of an address in a table with its directory at this position. */
static __always_inline __u64 rule_in_table(__u32 directory, __u32 pages, __u64 offset)
{
	__u64 page = offset >> PAGE_BITS, word = directory + 2 * page;
	__u32 zero = 0, index, position, count;
	struct chunk *chunk;
	struct rules *all;

	if (page >= pages)
		return RULE_NONE;
	chunk = chunk_of(directory);
	if (!chunk)
		return RULE_NONE;
	asm volatile("" : "+r"(word));
	word &= CHUNK_WORDS - 2;
	position = chunk->words[word];
	count = chunk->words[word + 1];
	index = row_of(position, count, offset & ((1 << PAGE_BITS) - 1));
	all = bpf_map_lookup_elem(&rules, &zero);
	return all ? all->rule[index & (RULES - 1)] : RULE_NONE;
}

/* The mapping of an address; 0: none is known. */
static __always_inline struct mapping *mapping_of(const struct walk *w, __u64 address)
{
	__u32 found = mapping_below(w->mappings, w->mapping_count, address);
	struct chunk *chunk = chunk_of(w->mappings);
	struct mapping *mapping;

	if (!chunk || !found)
		return 0;
	mapping = mapping_at(chunk, w->mappings + (found - 1) * MAPPING_WORDS);
	return address < mapping->end ? mapping : 0;
}

/* Whether an interpreter's mapping is code that it has made at run time, which has no table. */
static __always_inline bool is_run_time(const struct mapping *mapping)
{
	return !(mapping->pages_and_kind & ((1U << KIND_SHIFT) - 1));
}

/* Finds the rule of the address that a walk looks up. This is a global function, so that it is verified once. */
__noinline __u64 find_rule(__u32 key)
{
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct mapping *mapping;
	struct walk *w;
	__u32 kind;

	if (!slot)
		return NO_MAPPING;
	w = &slot->walk;
	mapping = mapping_of(w, w->look_up);
	if (!mapping)
		return NO_MAPPING;
	kind = mapping->pages_and_kind >> KIND_SHIFT;
	if (kind > MAPPING_INTERPRETERS && is_run_time(mapping))
		return RULE_FRAME_POINTER | RULE_RUN_TIME | RULE_INTERPRETS;
	if (kind == MAPPING_RULES || kind > MAPPING_INTERPRETERS)
		return rule_in_table(mapping->directory, mapping->pages_and_kind & ((1U << KIND_SHIFT) - 1),
				     w->look_up - mapping->origin) |
		       (kind == MAPPING_RULES ? 0 : RULE_INTERPRETS);
	if (unwind_mode == UNWIND_RULES)
		return kind == MAPPING_UNKNOWN ? NO_MAPPING : RULE_NONE;
	switch (kind) {
	case MAPPING_FRAME_POINTERS:
		return RULE_FRAME_POINTER;
	case MAPPING_RUN_TIME:
		return RULE_FRAME_POINTER | RULE_RUN_TIME;
	default:
		return RULE_FRAME_POINTER | RULE_STALE;
	}
}

/* The slot of a process, found by its number and start; 0: it has none. */
static __always_inline struct space *slot_of(__u32 pid, __u32 start)
{
	__u32 zero = 0, slot = pid * 0x9e3779b1U >> 8;
	struct spaces *all = bpf_map_lookup_elem(&spaces, &zero);

	if (!all)
		return 0;
	for (int i = 0; i < SPACE_PROBES; i++) {
		struct space *s = &all->slots[(slot + i) & (SPACES - 1)];

		if (s->pid == pid && s->start == start && *(volatile __u64 *)&s->key)
			return s;
	}
	return 0;
}

static __always_inline void use_space(struct walk *w, struct space *s)
{
	__u64 key = *(volatile __u64 *)&s->key;

	w->mappings = s->mappings;
	w->mapping_count = s->count;
	w->runtimes = s->runtimes;
	/* Was the slot filled in again meanwhile? */
	if (*(volatile __u64 *)&s->key == key)
		w->space_key = key;
}

/* The address space of a forked task that has not called exec: its parent's, as long as both run the same program. */
static __always_inline struct space *parent_slot(void)
{
	struct task_struct *leader = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), group_leader);
	struct task_struct *parent = BPF_CORE_READ(leader, real_parent, group_leader);
	void *program = BPF_CORE_READ(leader, mm, exe_file);

	if (!program || BPF_CORE_READ(parent, mm, exe_file) != program)
		return 0;
	return slot_of(task_number(parent), BPF_CORE_READ(parent, start_boottime) / START_UNIT);
}

/* The current task's address space, if it has tables. */
static __always_inline void find_space(struct walk *w, const struct task *t)
{
	struct space *s = slot_of(t->pid, t->start_boottime / START_UNIT);

	w->space_key = 0;
	if (!s && t->flags & PF_FORKNOEXEC)
		s = parent_slot();
	if (s)
		use_space(w, s);
}

/* The rule of an address, from the cache or from the tables. Each slot has a cache of its own, so that no other program
 * changes it meanwhile. */
static __always_inline __u64 rule_of(struct cache *cache, struct walk *w, __u32 key, __u64 address)
{
	__u64 tag = address ^ w->space_key, at = tag * 0x9e3779b97f4a7c15ULL >> 48, rule;
	struct cached *slot = &cache->slots[at & (CACHE_SLOTS - 1)];

	if (slot->tag == tag)
		return slot->rule;
	w->look_up = address;
	rule = find_rule(key);
	slot->tag = tag;
	slot->rule = rule;
	return rule;
}

#endif
