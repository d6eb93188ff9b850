/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract between the BPF programs and user space. Rust sees these types through the generated skeleton. */
#ifndef SAMPLER_H
#define SAMPLER_H

enum limits {
	RECORD_VERSION = 1,
	LEVELS = 4,	     /* programs that may nest on a CPU, each with scratch of its own */
	USER_FRAMES = 1024,  /* at most, the leaf included */
	KERNEL_FRAMES = 127, /* the kernel's own limit (kernel.perf_event_max_stack) */
	WINDOW_BYTES = 1024, /* of user stack, read at once */
	SEEN_SLOTS = 1024,   /* stack ids remembered a CPU and generation */
	RECORD_WORDS = 14,   /* sizeof(struct record) / 8 */
	LOG_HEADROOM = 256,  /* words behind a log's capacity: what is written at once fits there */
	IDS_AN_ENTRY = 4096, /* process or thread ids in an entry of `targets` */
	ID_ENTRIES = 1024,   /* entries for every id that a kernel can give (2^22) */
	RECORD_MOST = RECORD_WORDS + KERNEL_FRAMES + USER_FRAMES + 32, /* words of the longest record */
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

/* How a user frame's address was found: bits 60 to 62 of the frame's word. User addresses end below 2^57. The highest
 * bit says that the address is that of the next instruction, and not one where a call returns to. */
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

/* Whose samples are kept. */
enum target_kind {
	TARGET_MACHINE = 0,
	TARGET_PROCESSES = 1,
	TARGET_THREADS = 2,
};

/*
 * One sample in a log. Behind it kernel_frames words and then user_frames words follow, leaf first, of the stacks
 * that this CPU has not yet stored in this generation; a stack's id stands here in any case.
 */
struct record {
	unsigned short version;
	unsigned short event;
	unsigned short kernel_frames;
	unsigned short user_frames;
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
	unsigned long long reserved[2];
};

_Static_assert(sizeof(struct record) == RECORD_WORDS * 8, "record: whole words");

/* Which ids of a range are the target's: a byte each, because bytes are written whole. */
struct ids {
	unsigned char is_target[IDS_AN_ENTRY];
};

/* A log of records: one for each generation, CPU and level. User space reads it after the flip, when no program
 * can still be writing, and sets used to 0. */
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

/* Figures and scratch of a CPU; user space reads the figures. */
struct cpu {
	unsigned long long runs;
	unsigned long long idle;
	unsigned long long foreign;
	unsigned long long nested; /* lost: deeper than LEVELS */
	unsigned long long full;   /* lost: no room in the log */
	unsigned int level;
	unsigned int pad;
	unsigned long long seen[SEEN_SLOTS];
	struct walk walk[LEVELS];
};

#endif
