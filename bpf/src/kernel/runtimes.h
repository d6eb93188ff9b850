/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The contract of the facts about a process's runtimes. User space writes them beside the process's list of mappings,
 * and the interpreters' walkers read them. Rust sees these types through the generated skeleton. */
#ifndef RUNTIMES_H
#define RUNTIMES_H

enum runtime_limits {
	RUNTIMES = 8,	    /* the runtimes' numbers are below this; 0 is none */
	OBJECT_BYTES = 128, /* the most bytes of an interpreter's object that are read at once; a power of two */
	HOTSPOT_WORDS = 3,  /* sizeof(struct hotspot) / 4 */
	HOTSPOT_HEAPS = 3,  /* the heaps of code that the walker looks into */
	HEAP_WORDS = 6,	    /* sizeof(struct hotspot_heap) / 4 */
	BLOCK_WORDS = 3,    /* sizeof(struct hotspot_block) / 4 */
	PYTHON_WORDS = 14,  /* sizeof(struct python) / 4 */
	V8_WORDS = 4,	    /* sizeof(struct v8) / 4 */
};

/* The numbers of the runtimes that have a walker. */
enum runtime_number {
	RUNTIME_HOTSPOT = 1,
	RUNTIME_PYTHON = 2,
	RUNTIME_V8 = 3,
};

/* The position of each runtime's facts in the arena, by the runtime's number; 0: none. */
struct runtimes {
	unsigned int at[RUNTIMES];
};

/* Java's virtual machine: where the words of its frames and methods are, in bytes. */
struct hotspot {
	short bytecode;		 /* from the frame pointer: the place in the bytecode */
	unsigned short constant; /* from the begin of a method: its constant part, behind whose begin its bytecode is */
	unsigned short pool;	 /* in a constant part: the pool of constants */
	unsigned short holder;	 /* in a pool: its class */
	unsigned short name;	 /* in a class: its name */
	unsigned short hash;	 /* in the first word of a name: its random number, in bits from the lowest one */
};
_Static_assert(sizeof(struct hotspot) == HOTSPOT_WORDS * 4, "without holes");

/* A heap of Java's code. For each of its segments a map has a step back towards the first one of its block. */
struct hotspot_heap {
	unsigned long long start;
	unsigned long long end;
	unsigned long long map; /* the address of the map */
};
_Static_assert(sizeof(struct hotspot_heap) == HEAP_WORDS * 4, "without holes");

/* Java's virtual machine: where a block of a heap of code has the description of its code, in bytes from its begin. In
 * the arena, the HOTSPOT_HEAPS heaps follow a struct hotspot, and this follows them. */
struct hotspot_block {
	unsigned char used;	/* whether it holds code; a byte */
	unsigned char complete; /* the offset in the code from which on a frame is set up */
	unsigned char words;	/* the words of the frame */
	unsigned char begin;	/* the address of the code, or its distance from the description */
	unsigned char description;
	unsigned char segment; /* the bytes of a segment, as a power of two */
	unsigned char sizes;   /* enum hotspot_sizes */
	unsigned char pad[3];
	unsigned short number; /* the number of a compiled method, which no other one gets: 4 bytes */
};
_Static_assert(sizeof(struct hotspot_block) == BLOCK_WORDS * 4, "without holes");

/* Fields of other sizes than 4 bytes. */
enum hotspot_sizes {
	SHORT_COMPLETE = 1, /* 2 bytes */
	SHORT_WORDS = 2,
	SHORT_BEGIN = 4,
	BEGIN_IS_ADDRESS = 8, /* 8 bytes */
};

/* How the frames of a CPython version are found. */
enum python_way {
	PYTHON_BY_LOOP = 1,  /* up to 3.10: each native frame of the loop runs one frame, an object on the heap */
	PYTHON_BY_ENTRY = 2, /* 3.11: a native frame runs frames up to one that is marked as its entry */
	PYTHON_BY_SHIM = 3,  /* 3.12 and later: up to a frame that lies on the native stack and runs nothing */
};

/* CPython: where its threads are, and where the words of its structures are, in bytes from their begin. */
struct python {
	unsigned long long interpreters; /* the address of the pointer to the first interpreter */
	unsigned short way;
	unsigned short next_interpreter;
	unsigned short first_thread;
	unsigned short next_thread;
	unsigned short thread_id;
	unsigned short thread_frame; /* the frame, or (3.11, 3.12) a record on the native stack that leads to it */
	unsigned short run_frame;    /* in this record: the frame */
	unsigned short run_previous; /* and the record of the loop that called this one */
	unsigned short previous;
	unsigned short code;
	unsigned short position;
	unsigned short kind;	    /* the byte that marks an entry, or says who owns the frame */
	unsigned short frame_bytes; /* the bytes that are read of a frame */
	unsigned short instructions;
	unsigned short check_from; /* the part of a code object that makes up its check */
	unsigned short check_bytes;
	unsigned short line; /* in this part: the first line, the name and the table of lines */
	unsigned short name;
	unsigned short table;
	unsigned short has_run;	  /* whether thread_frame leads to a record */
	unsigned short kept_name; /* in a code object: the texts that are kept of it */
	unsigned short kept_file;
	unsigned short pad[2];
};
_Static_assert(sizeof(struct python) == PYTHON_WORDS * 4, "without holes");

/* V8: offsets in bytes from the begin of its objects. */
struct v8 {
	unsigned int shared;	/* in a function: what all closures share */
	unsigned int script;	/* in this: the script, */
	unsigned int literal;	/* and behind it the function's number in the script, within OBJECT_BYTES */
	unsigned int script_id; /* in a script: its number, in the upper half of a word */
};
_Static_assert(sizeof(struct v8) == V8_WORDS * 4, "without holes");

#endif
