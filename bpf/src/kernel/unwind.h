/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract of the unwind tables: what user space fills in and the programs search. Rust sees these types through
 * the generated skeleton. */
#ifndef UNWIND_H
#define UNWIND_H

enum unwind_limits {
	CHUNK_WORDS = 1 << 18, /* of 4 bytes, in a chunk of the arena */
	CHUNK_BITS = 18,       /* of a position in the arena that lie within a chunk */
	MOST_CHUNKS = 256,
	RULES = 1 << 14,       /* unique rules of all files together */
	SPACES = 1 << 13,      /* address spaces with tables */
	SPACE_PROBES = 8,      /* neighbouring slots that an address space may stand in */
	CACHE_SLOTS = 1 << 11, /* remembered look-ups a CPU */
	MAPPING_WORDS = 8,     /* sizeof(struct mapping) / 4 */
	PAGE_BITS = 16,	       /* of an address within a page of rows */
	START_UNIT = 10000000, /* ns: hundredths of a second */
};

/* How a mapping's code is walked. */
enum mapping_kind {
	MAPPING_RULES = 0,	    /* by the rows of a table */
	MAPPING_FRAME_POINTERS = 1, /* files without rules */
	MAPPING_RUN_TIME = 3,	    /* code made at run time: by frame pointer, which may be anything there */
	MAPPING_UNKNOWN = 2,	    /* its table is not there yet: by frame pointer, and said so */
	/* By the rows of a table, where an interpreter's loop runs. The kind is this one plus the interpreter's number,
	 * 1 to 7: a loop is a range of an ordinary file, and that range a mapping of its own. */
	MAPPING_INTERPRETERS = 4,
};

/* The lowest three bits of a rule. */
enum rule_kind {
	RULE_NONE = 0,	   /* with RULE_SYNTHESISED: but the frame pointer is known */
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
	RULE_STALE = 1 << 3,	/* by frame pointer because tables are missing */
	RULE_RUN_TIME = 1 << 8, /* by frame pointer in code made at run time; a bit that rules of tables leave free */
	RULE_INTERPRETS = 1 << 13, /* an interpreter's loop, as its mapping says; tables leave the bit free */
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
	RULE_RA_AT_REGISTER = 3, /* the place in half words: the lowest bit says by which register */
	RULE_SPARE_SAME = 1,
	RULE_SPARE_AT_CFA = 2,
};

/* A piece of the arena: lists of mappings, directories and rows. None of them crosses its end. */
struct chunk {
	unsigned int words[CHUNK_WORDS];
};

/* An address space. User space fills a slot in and sets `key` last; 0: empty. A program that sees an exec sets it to 0.
 */
struct space {
	unsigned long long key; /* a random number for each version of the list of mappings */
	unsigned int pid;	/* in the reader's PID namespace */
	unsigned int start;	/* of the process, in hundredths of a second since boot, as /proc has it */
	unsigned int mappings;	/* position of the list in the arena */
	unsigned int count;
};
_Static_assert(sizeof(struct space) == 24, "without holes");

/* An executable mapping of an address space; a list is sorted by start. */
struct mapping {
	unsigned long long start;
	unsigned long long end;
	unsigned long long origin;   /* address in memory of the first page of rows */
	unsigned int directory;	     /* position: two words a page, those of its first row and their number */
	unsigned int pages_and_kind; /* the kind in the upper four bits */
};
_Static_assert(sizeof(struct mapping) == MAPPING_WORDS * 4, "without holes");

/* A look-up remembered: which address of which version of an address space, and its rule. */
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
