/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract of the unwind tables, which user space fills in and the programs search. Rust sees these types through
 * the generated skeleton. */
#ifndef UNWIND_H
#define UNWIND_H

enum unwind_limits {
	CHUNK_WORDS = 1 << 18, /* the words of 4 bytes in a chunk of the arena */
	CHUNK_BITS = 18,       /* the low bits of a position: the word within its chunk */
	MOST_CHUNKS = 256,
	RULES = 1 << 14,       /* the most different rules of all files together */
	SPACES = 1 << 13,      /* the most address spaces with tables */
	SPACE_PROBES = 8,      /* the neighbouring slots that an address space may be in */
	CACHE_SLOTS = 1 << 11, /* the look-ups that a cache remembers */
	MAPPING_WORDS = 8,     /* sizeof(struct mapping) / 4 */
	PAGE_BITS = 16,	       /* the low bits of an address: the place within a page of rows */
	START_UNIT = 10000000, /* ns: hundredths of a second */
};

/* The way in which a mapping's code is walked. */
enum mapping_kind {
	MAPPING_RULES = 0,	    /* by the rows of a table */
	MAPPING_FRAME_POINTERS = 1, /* by frame pointer: a file without rules */
	MAPPING_RUN_TIME = 3,	    /* by frame pointer, if it is one: run-time code */
	MAPPING_UNKNOWN = 2,	    /* by frame pointer, with a mark: its table is not ready yet */
	/* By the rows of a table, in an interpreter's loop. The kind is this value plus the interpreter's number, 1 to
	 * 7. A loop is a range of an ordinary file, and this range is a mapping of its own. Without a table: code that
	 * the runtime has made, walked by frame pointer like other run-time code. */
	MAPPING_INTERPRETERS = 4,
};

/* The lowest three bits of a rule. */
enum rule_kind {
	RULE_NONE = 0,	   /* with RULE_SYNTHESISED: no rule, but the frame pointer is known */
	RULE_REGISTER = 1, /* frame address = register + offset */
	RULE_DEREF = 2,	   /* the word at register + offset, plus add */
	RULE_PLT = 3,	   /* a stub of lazy binding */
	RULE_SIGNAL_FRAME = 4,
	RULE_FRAME_POINTER = 5,
	RULE_UNSUPPORTED = 6,
};

/* The other bits of a rule. */
enum rule_bits {
	RULE_SYNTHESISED = 1 << 3,
	RULE_STALE = 1 << 3,	   /* by frame pointer, because tables are missing */
	RULE_RUN_TIME = 1 << 8,	   /* by frame pointer in run-time code; tables leave this bit free */
	RULE_INTERPRETS = 1 << 13, /* in an interpreter's loop, from its mapping; tables leave this bit free */
	RULE_NUMBER_MASK = 31,
	RULE_FP_SHIFT = 4,
	RULE_RA_SHIFT = 6,
	RULE_NUMBER_SHIFT = 8,
	RULE_SPARE_SHIFT = 14,
	RULE_FP_AT_SHIFT = 16,
	RULE_OTHER_AT_SHIFT = 24,
	RULE_OFFSET_SHIFT = 32,
	RULE_ADD_SHIFT = 48,
	RULE_FP_SAME = 0,
	RULE_FP_AT_CFA = 1,
	RULE_FP_AT_FP = 2,
	RULE_FP_UNKNOWN = 3,
	RULE_RA_USUAL = 0,
	RULE_RA_END = 1,
	RULE_RA_AT_CFA = 2,
	RULE_RA_AT_REGISTER = 3, /* the place in half words: its lowest bit names the register */
	RULE_SPARE_SAME = 1,
	RULE_SPARE_AT_CFA = 2,
};

/* A chunk of the arena: lists of mappings, directories and rows. None of them crosses its end. */
struct chunk {
	unsigned int words[CHUNK_WORDS];
};

/* An address space. User space fills in a slot and sets `key` last; 0 means an empty slot. A program that sees an exec
 * sets it to 0. */
struct space {
	unsigned long long key; /* a random number for each version of the list of mappings */
	unsigned int pid;	/* in the reader's PID namespace */
	unsigned int start;	/* the start of the process, in hundredths of a second since boot, as in /proc */
	unsigned int mappings;	/* the position of the list in the arena */
	unsigned int count;
	unsigned int runtimes; /* the position of a struct runtimes; 0: none */
	unsigned int pad;
};
_Static_assert(sizeof(struct space) == 32, "without holes");

/* An executable mapping of an address space. A list is sorted by start. */
struct mapping {
	unsigned long long start;
	unsigned long long end;
	unsigned long long origin;   /* the address in memory of the first page of rows */
	unsigned int directory;	     /* a position: two words a page, its first row and its number of rows */
	unsigned int pages_and_kind; /* the number of pages; the kind is in the upper four bits */
};
_Static_assert(sizeof(struct mapping) == MAPPING_WORDS * 4, "without holes");

/* A remembered look-up: the address, the version of the address space, and the rule. */
struct cached {
	unsigned long long tag;
	unsigned long long rule;
};

struct cache {
	struct cached slots[CACHE_SLOTS];
};

struct rules {
	unsigned long long rule[RULES];
};

struct spaces {
	struct space slots[SPACES];
};

#endif
