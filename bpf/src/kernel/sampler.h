/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract between the BPF programs and user space. Rust sees these types through the generated skeleton. */
#ifndef SAMPLER_H
#define SAMPLER_H

#include "runtimes.h"

enum limits {
	RECORD_VERSION = 3,
	EVENTS = 16,	     /* the most events of a recording; a power of two */
	MOST_SLOTS = 8,	     /* the most runs that may be under way on a CPU at a time */
	USER_WORDS = 1024,   /* the most words of a user stack, including the leaf */
	KERNEL_FRAMES = 127, /* the kernel's own limit (kernel.perf_event_max_stack) */
	WINDOW_BYTES = 1024, /* the bytes of user stack that are read at once */
	THREADS = 64,	     /* the threads of interpreters that a slot remembers; a power of two */
	SEEN_STACKS = 1024,  /* the stack ids that a slot remembers in a generation; a power of two */
	RECORD_WORDS = 14,   /* sizeof(struct record) / 8 */
	LOG_HEADROOM = 256,  /* the words behind a log's capacity, for what is written at once */
	IDS_AN_ENTRY = 4096, /* the process or thread ids in an entry of `targets` */
	ID_ENTRIES = 1024,   /* the entries for every id that a kernel can give (2^22) */
	KEPT_OBJECTS = 16,   /* the most objects of interpreters in a record */
	KEPT_WORDS = 78,     /* sizeof(struct kept) / 8 */
	KEPT_SEEN = 2048,    /* the objects that a slot remembers; a power of two */
	RECORD_MOST =
	    RECORD_WORDS + KERNEL_FRAMES + USER_WORDS + 32, /* the words of the longest record, without objects */
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
	FLAG_EXITING = 1 << 17,	     /* the process is ending, and its memory is already gone */
	FLAG_NO_FUNCTIONS = 1 << 18, /* frames of an interpreter could not be read */
};

/* The mode of walking user stacks. */
enum unwind_mode {
	UNWIND_FRAME_POINTERS = 0,
	UNWIND_AUTO = 1,  /* by rules; by frame pointer if a process or a file has none */
	UNWIND_RULES = 2, /* by rules alone */
};

/* The way in which a user frame was found: bits 60 to 62 of its word. User addresses end below 2^57. The highest bit
 * means that the address is that of the next instruction; without it, the address is one that a call returns to. */
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

/* The kind of a user frame: bits 57 to 59 of its word. 0 means an address of native code; any other value is the number
 * of an interpreter. The address is then that of a code object, and a second word follows: the position in the low
 * half, a check in the high half. Behind an address that is checked, a word follows as well: the check of the code that
 * was there. */
enum frame_kind {
	FRAME_IS_NATIVE = 0,
	FRAME_IS_CHECKED = 7,
	FRAME_KIND_SHIFT = 57,
	FRAME_KIND_MASK = 7,
	CHECK_SHIFT = 32,
};

/* The bits that tell a program about its event. The low bits have the event's number. An attachment passes both as one
 * value. */
enum event_bits {
	EVENT_HAS_ADDRESS = 1 << 16, /* its first word is the address that the event reports */
};

/* The kind of the target. */
enum target_kind {
	TARGET_MACHINE = 0,
	TARGET_PROCESSES = 1,
	TARGET_THREADS = 2,
};

/* An object of an interpreter, and the texts that it names, as they are at its first sample: it may be freed soon
 * after. What could not be read is zero. */
struct kept {
	unsigned long long object; /* as in a frame's first word, with the interpreter's number */
	unsigned long long check;  /* as in its second word */
	unsigned char bytes[160];  /* of the object */
	unsigned char name[192];   /* of the text that is its name */
	unsigned char file[256];   /* of the text that is its file's name */
};

_Static_assert(sizeof(struct kept) == KEPT_WORDS * 8, "kept: whole words");

/* One sample in a log. Two stacks follow it, leaf first: kernel_words, then user_words. A stack that this slot has
 * already stored in this generation has no words here, but its id is always here. Behind the stacks are objects. */
struct record {
	unsigned char version;
	unsigned char kept; /* how many objects */
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
	unsigned long long words[2]; /* the event's own values */
};

_Static_assert(sizeof(struct record) == RECORD_WORDS * 8, "record: whole words");

/* The ids of a range that belong to the target. Each has a byte, because bytes are written whole. */
struct ids {
	unsigned char is_target[IDS_AN_ENTRY];
};

/* The log of a generation and a slot. User space reads it after the flip, when it has seen the slot free, and then sets
 * used to 0. */
struct log {
	unsigned long long used; /* words */
	unsigned long long words[LOG_HEADROOM];
};

/* The walk of a thread's Python frames. */
struct python_walk {
	struct python facts;
	unsigned long long pointer;	/* the thread's own pointer (pthread_self), which CPython has as its id */
	unsigned long long interpreter; /* the next one to search */
	unsigned long long thread;
	unsigned long long next; /* the next frame, or the record that leads to it; 0: there is none */
	unsigned long long shim; /* the frame at which the last run of frames ended */
	unsigned long long code; /* of the last frame, whose check is known */
	unsigned int check;
	unsigned int state; /* of the search: enum python_state */
	unsigned int pad;
	unsigned int skipped; /* 1: the innermost native frame of the loop runs nothing */
};

enum python_state {
	PYTHON_NOT_SEARCHED = 0,
	PYTHON_FOUND = 1,
	PYTHON_ABSENT = 2,
};

/* A thread of an interpreter that was found once. */
struct known_thread {
	unsigned long long tag; /* of the address space and the thread */
	unsigned long long thread;
	unsigned long long first; /* the first interpreter at that time */
};

/* An object that this slot has not met before, or not for long. */
struct new_object {
	unsigned long long object;
	unsigned long long check;
};

/* The walk of one user stack. It is in map memory and not on the stack, so that its loop is verified once. */
struct walk {
	unsigned long long frame; /* frame pointer of the next step */
	unsigned long long ip;	  /* registers of the next step by rules */
	unsigned long long sp;
	unsigned long long fp;
	unsigned long long spare;
	unsigned long long others[9]; /* of the innermost frame */
	unsigned long long base;      /* the user address that the window begins at; 0: it is empty */
	unsigned long long cfa;	      /* the frame address of this step */
	unsigned long long look_up;   /* the address to find the rule of */
	unsigned long long space_key; /* 0: no tables */
	unsigned int mappings;
	unsigned int mapping_count;
	unsigned int known; /* the registers that are known */
	unsigned int after; /* 1 if ip is a return address */
	unsigned long long hash;
	unsigned long long at; /* the word in the log where the next frame goes */
	unsigned int log;      /* the key of the log */
	unsigned int frames;
	unsigned int flags;
	unsigned int runtimes; /* the position of what is known of the process's runtimes */
	struct new_object keep[KEPT_OBJECTS];
	unsigned int keeps; /* how many of them */
	unsigned int check; /* of the code that was left by the size of its frame */
	struct python_walk python;
	unsigned char object[OBJECT_BYTES + 8];	      /* an interpreter's object */
	unsigned long long frames_base;		      /* the address that the next array begins at */
	unsigned long long frames_bytes;	      /* the bytes of it that have been read; 0: it is empty */
	unsigned char frames_near[WINDOW_BYTES + 16]; /* frames of an interpreter that lie side by side */
	unsigned char window[WINDOW_BYTES + 16];
};

/* The figures of an event's runs. User space reads them. */
struct figures {
	unsigned long long runs;
	unsigned long long idle;
	unsigned long long foreign;
	unsigned long long full;   /* lost: no room in the log */
	unsigned long long nested; /* lost: no slot was free; counted in the first slot of the CPU */
};

/* The memory that a run has for itself until it ends. The slots of a CPU are side by side. */
struct slot {
	unsigned long long held; /* 1: a run under way holds this slot */
	struct figures figures[EVENTS];
	struct walk walk;
	struct known_thread threads[THREADS];
	unsigned char kept[KEPT_SEEN]; /* a part of each object's hash, by another part of it */
	unsigned long long seen[SEEN_STACKS];
};

#endif
