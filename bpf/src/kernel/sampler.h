/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract between the BPF programs and user space. Rust sees these types through the generated skeleton. */
#ifndef SAMPLER_H
#define SAMPLER_H

enum limits {
	RECORD_VERSION = 2,
	EVENTS = 16,	     /* of a recording, at most; a power of two */
	MOST_SLOTS = 8,	     /* runs that may be under way on a CPU at a time, at most */
	USER_WORDS = 1024,   /* of a user stack, at most, the leaf included */
	KERNEL_FRAMES = 127, /* the kernel's own limit (kernel.perf_event_max_stack) */
	WINDOW_BYTES = 1024, /* of user stack, read at once */
	SEEN_STACKS = 1024,  /* stack ids remembered a slot and generation; a power of two */
	RECORD_WORDS = 14,   /* sizeof(struct record) / 8 */
	LOG_HEADROOM = 256,  /* words behind a log's capacity: what is written at once fits there */
	IDS_AN_ENTRY = 4096, /* process or thread ids in an entry of `targets` */
	ID_ENTRIES = 1024,   /* entries for every id that a kernel can give (2^22) */
	RECORD_MOST = RECORD_WORDS + KERNEL_FRAMES + USER_WORDS + 32, /* words of the longest record */
};

/* Bits of record.flags. */
enum record_flags {
	FLAG_TRUNCATED_USER = 1 << 0,
	FLAG_TRUNCATED_KERNEL = 1 << 1,
	FLAG_COMPAT = 1 << 2,
	FLAG_GUEST = 1 << 3,
	FLAG_IDLE = 1 << 4,
	FLAG_FOREIGN = 1 << 5,
	FLAG_FRAME_POINTERS = 1 << 6,
	FLAG_GUESSED = 1 << 7,
	FLAG_STALE = 1 << 8,
	FLAG_UNREADABLE = 1 << 9,
	FLAG_KERNEL_THREAD = 1 << 10,
	FLAG_IN_KERNEL = 1 << 11,
	FLAG_BROKEN = 1 << 12,
	FLAG_NO_RULE = 1 << 13,
	FLAG_UNSUPPORTED = 1 << 14,
	FLAG_NO_MAPPING = 1 << 15,
	FLAG_LOST_REGISTER = 1 << 16,
	FLAG_EXITING = 1 << 17, /* the process is ending, and its memory is gone already */
};

/* How user stacks are walked. */
enum unwind_mode {
	UNWIND_FRAME_POINTERS = 0,
	UNWIND_AUTO = 1,  /* by rules; by frame pointer where a process or a file has none */
	UNWIND_RULES = 2, /* by rules alone */
};

/* How a user frame was found: bits 60 to 62 of its word. User addresses end below 2^57. The highest bit says that the
 * address is that of the next instruction, and not one where a call returns to. */
enum trust {
	TRUST_CONTEXT = 0,
	TRUST_RULE = 1,
	TRUST_SYNTHESISED = 2,
	TRUST_FRAME_POINTER = 3,
	TRUST_GUESSED = 4,
	TRUST_SHIFT = 60,
	TRUST_MASK = 7,
	NEXT_INSTRUCTION_SHIFT = 63,
};

/* What a user frame is: bits 57 to 59 of its word. 0: the address of native code. Else the number of an interpreter;
 * the address is that of its code object, and a second word follows: the position in the low half, a check in the high
 * one.
 */
enum frame_kind {
	FRAME_IS_NATIVE = 0,
	FRAME_KIND_SHIFT = 57,
	FRAME_KIND_MASK = 7,
	CHECK_SHIFT = 32,
};

/* What the programs know of an event beside its number, which stands in the low bits: together they are what an
 * attachment hands to the program. */
enum event_bits {
	EVENT_HAS_ADDRESS = 1 << 16, /* its first word is the address that it tells of */
};

/* Whose samples are kept. */
enum target_kind {
	TARGET_MACHINE = 0,
	TARGET_PROCESSES = 1,
	TARGET_THREADS = 2,
};

/*
 * One sample in a log. Behind it kernel_words and then user_words follow, leaf first, of the stacks that this slot has
 * not yet stored in this generation; a stack's id stands here in any case.
 */
struct record {
	unsigned short version;
	unsigned short event;
	unsigned short kernel_words;
	unsigned short user_words;
	unsigned long long time; /* ns, CLOCK_MONOTONIC */
	unsigned int cpu;
	unsigned int flags;
	unsigned int pid; /* in the reader's PID namespace */
	unsigned int tid;
	unsigned long long start_boottime; /* ns, of the group leader */
	unsigned long long exec_id;	   /* of the group leader */
	unsigned long long weight;	   /* in the event's unit */
	unsigned long long kernel_stack;   /* id; 0: none */
	unsigned long long user_stack;
	unsigned long long cgroup;
	char comm[16];
	unsigned long long words[2]; /* the event's own */
};

_Static_assert(sizeof(struct record) == RECORD_WORDS * 8, "record: whole words");

/* Which ids of a range are the target's: a byte each, because bytes are written whole. */
struct ids {
	unsigned char is_target[IDS_AN_ENTRY];
};

/* A log of records: one for each generation and slot. User space reads it after the flip, when it has seen the slot
 * free, and sets used to 0. */
struct log {
	unsigned long long used; /* words */
	unsigned long long words[LOG_HEADROOM];
};

/* The walk of one user stack, in memory and not on the stack, so that its loop is verified once. */
struct walk {
	unsigned long long frame; /* frame pointer of the next step */
	unsigned long long ip;	  /* of the next step, by rules: its registers */
	unsigned long long sp;
	unsigned long long fp;
	unsigned long long spare;
	unsigned long long others[8]; /* of the innermost frame */
	unsigned long long base;      /* what the window is of; 0: nothing */
	unsigned long long cfa;	      /* of this step: the frame address */
	unsigned long long look_up;   /* the address whose rule is looked for */
	unsigned long long space_key; /* 0: no tables */
	unsigned int mappings;
	unsigned int mapping_count;
	unsigned int known; /* which registers are */
	unsigned int after; /* 1 where ip is a return address */
	unsigned long long hash;
	unsigned long long at; /* word in the log where the next frame goes */
	unsigned int log;      /* key of the log */
	unsigned int frames;
	unsigned int flags;
	unsigned int pad;
	unsigned char window[WINDOW_BYTES + 16];
};

/* What became of an event's runs; user space reads it. */
struct figures {
	unsigned long long runs;
	unsigned long long idle;
	unsigned long long foreign;
	unsigned long long full;   /* lost: no room in the log */
	unsigned long long nested; /* lost: no slot was free, which the CPU's first one counts */
};

/* What a run has for itself until it ends. Those of a CPU stand side by side. */
struct slot {
	unsigned long long held; /* 1: by a run that is under way */
	struct figures figures[EVENTS];
	struct walk walk;
	unsigned long long seen[SEEN_STACKS];
};

#endif
