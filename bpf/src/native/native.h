/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A machine to sample: what the helpers' stand-ins answer from. `machine.rs`
 * has the same structures. */
#ifndef NATIVE_H
#define NATIVE_H

/* A map of type array. */
struct native_array {
	unsigned char *values;
	unsigned long long value_bytes;
	unsigned long long entries;
};

/* User memory that can be read. */
struct native_memory {
	unsigned long long start;
	unsigned long long bytes;
	unsigned char *content;
};

/* A return address in whose place a uprobe has put its trampoline's. */
struct native_return {
	unsigned long long stack;
	unsigned long long original;
};

struct native_settings {
	unsigned long long log_mask;
	unsigned int unwind_mode;
	unsigned int want_guess;
	unsigned long long has_test_runtime;
};

struct native_machine {
	struct native_settings settings;
	struct native_array logs, slots, rules, spaces, caches;
	struct native_array chunks[256];
	struct native_memory *memory; /* sorted */
	unsigned long long memory_count;
	struct native_return *returns; /* innermost first */
	unsigned long long return_count;
	unsigned long long ip, sp, fp, spare, realign;
	unsigned int pid;
	unsigned int parent; /* 0: none; else the process was forked by it, and has
				not called exec */
	unsigned long long start;
	unsigned long long thread_pointer;
	unsigned long long reads; /* of user memory, counted */
};

#endif
