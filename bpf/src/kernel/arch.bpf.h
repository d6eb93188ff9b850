/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Everything that depends on the CPU architecture: the registers in a perf event's context and those that a task has
 * saved. */
#ifndef ARCH_BPF_H
#define ARCH_BPF_H

#include "kernel.h"

#include <bpf/bpf_helpers.h>

/* More registers that rules of the innermost frame use, for example in a function that aligns its stack. They are kept
 * in memory of their own, because the programs' stack is small. */
enum {
	LEAF_REGISTERS = 8,
	LEAF_ARGUMENT = LEAF_REGISTERS, /* and behind them the register of a function's first argument */
};

/* The state from which a user stack is walked. */
struct registers {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 spare; /* a saved register that a few unwind rules build on */
	bool behind; /* ip is behind the instruction that it belongs to: a system call; other code may follow */
	bool user;   /* taken in user mode */
	bool compat; /* a 32-bit task */
};

#if defined(__TARGET_ARCH_x86)

/* The context of a perf event program. Its layout is part of the kernel's interface for user space. */
struct event_context {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	__u64 ip, cs, flags, sp, ss;
	__u64 period;
	__u64 address;
};

struct pt_regs {
	unsigned long bp;
	unsigned long bx;
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long sp;
} __attribute__((preserve_access_index));

/* The numbers of registers in unwind rules, and the place of the interrupted code's registers in the frame that the
 * kernel puts on the stack for a signal handler (ucontext). */
enum {
	STACK_POINTER = 7,
	FRAME_POINTER = 6,
	SPARE_REGISTER = 3,
	FIRST_OF_LEAF = 8, /* r8 to r15 */
	SIGNAL_OTHERS = 40,
	SIGNAL_FP = 40 + 8 * 10,
	SIGNAL_SPARE = 40 + 8 * 11,
	SIGNAL_SP = 40 + 8 * 15,
	SIGNAL_IP = 40 + 8 * 16,
};

enum {
	USER_MODE = 3,
	USER_CS_64 = 0x33,
	THREAD_STACK = 16384,
};

#define DIRECT_FIELD(p, field) ((p)->field)
#define OTHERS(others, from, READ)                                                                                     \
	do {                                                                                                           \
		(others)[0] = READ(from, r8);                                                                          \
		(others)[1] = READ(from, r9);                                                                          \
		(others)[2] = READ(from, r10);                                                                         \
		(others)[3] = READ(from, r11);                                                                         \
		(others)[4] = READ(from, r12);                                                                         \
		(others)[5] = READ(from, r13);                                                                         \
		(others)[6] = READ(from, r14);                                                                         \
		(others)[7] = READ(from, r15);                                                                         \
		(others)[LEAF_ARGUMENT] = READ(from, di);                                                              \
	} while (0)

static __always_inline void event_registers(const struct event_context *ctx, struct registers *r)
{
	__u16 cs = ctx->cs;

	r->user = (cs & USER_MODE) == USER_MODE;
	r->compat = r->user && cs != USER_CS_64;
	r->ip = ctx->ip;
	r->sp = ctx->sp;
	r->fp = ctx->bp;
	r->spare = ctx->bx;
}

static __always_inline void event_others(const struct event_context *ctx, __u64 *others)
{
	OTHERS(others, ctx, DIRECT_FIELD);
}

#define SAVED_OTHERS(others, regs, READ) OTHERS(others, regs, READ)
#define SAVED_REGISTERS(r, regs, READ)                                                                                 \
	do {                                                                                                           \
		__u16 cs = READ(regs, cs);                                                                             \
		(r)->user = (cs & USER_MODE) == USER_MODE;                                                             \
		(r)->compat = (r)->user && cs != USER_CS_64;                                                           \
		(r)->ip = READ(regs, ip);                                                                              \
		(r)->sp = READ(regs, sp);                                                                              \
		(r)->fp = READ(regs, bp);                                                                              \
		(r)->behind = (__s64)READ(regs, orig_ax) >= 0;                                                         \
		(r)->spare = READ(regs, bx);                                                                           \
	} while (0)

enum {
	BEFORE_A_RETURN = 8, /* the bytes before an address that show whether a call returns there */
};

/* The opcode FF with 2 in bits 3 to 5 of the next byte, as the lowest bytes of a word. */
#define CALLS(bytes) (((bytes)&0x38ff) == 0x10ff)
#define MODE(bytes) ((bytes) >> 14 & 3)
#define NUMBER(bytes) ((bytes) >> 8 & 7)
#define BASE(bytes) ((bytes) >> 16 & 7)

/* Whether a call can end before an address, given the eight bytes before it. User space has the same code; a test
 * compares both. */
static __always_inline bool is_call_before(__u64 word)
{
	__u64 seven = word >> 8, six = word >> 16, five = word >> 24, four = word >> 32, three = word >> 40,
	      two = word >> 48;

	if ((five & 0xff) == 0xe8)
		return true;
	if (CALLS(two) && (MODE(two) == 3 || (MODE(two) == 0 && NUMBER(two) != 4 && NUMBER(two) != 5)))
		return true;
	if (CALLS(three) &&
	    ((MODE(three) == 1 && NUMBER(three) != 4) || (MODE(three) == 0 && NUMBER(three) == 4 && BASE(three) != 5)))
		return true;
	if (CALLS(four) && MODE(four) == 1 && NUMBER(four) == 4)
		return true;
	if (CALLS(six) && ((MODE(six) == 2 && NUMBER(six) != 4) || (MODE(six) == 0 && NUMBER(six) == 5)))
		return true;
	return CALLS(seven) && NUMBER(seven) == 4 && (MODE(seven) == 2 || (MODE(seven) == 0 && BASE(seven) == 5));
}

#elif defined(__TARGET_ARCH_arm64)

struct event_context {
	__u64 regs[31];
	__u64 sp, pc, pstate;
	__u64 period;
	__u64 address;
};

struct pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
} __attribute__((preserve_access_index));

/* After the siginfo (128 bytes) of struct rt_sigframe: ucontext with its sigmask of 128 bytes, then the registers. */
enum {
	STACK_POINTER = 31,
	FRAME_POINTER = 29,
	SPARE_REGISTER = 19,
	FIRST_OF_LEAF = 8, /* x8 to x15 */
	SIGNAL_OTHERS = 128 + 176 + 8 + 8 * 8,
	SIGNAL_FP = 128 + 176 + 8 + 8 * 29,
	SIGNAL_SPARE = 128 + 176 + 8 + 8 * 19,
	SIGNAL_SP = 128 + 176 + 8 + 8 * 31,
	SIGNAL_IP = 128 + 176 + 8 + 8 * 32,
};

enum {
	MODE_MASK = 0xf,
	MODE_32 = 0x10,
	THREAD_STACK = 16384,
};

static __always_inline void event_registers(const struct event_context *ctx, struct registers *r)
{
	__u64 state = ctx->pstate;

	r->user = (state & MODE_MASK) == 0;
	r->compat = r->user && (state & MODE_32);
	r->ip = ctx->pc;
	r->sp = ctx->sp;
	r->fp = ctx->regs[29];
	r->spare = ctx->regs[19];
}

static __always_inline void event_others(const struct event_context *ctx, __u64 *others)
{
	for (int i = 0; i < LEAF_REGISTERS; i++)
		others[i] = ctx->regs[FIRST_OF_LEAF + i];
	others[LEAF_ARGUMENT] = ctx->regs[0];
}

#define SAVED_OTHERS(others, regs_, READ) (others)[0] = 0
#define SAVED_REGISTERS(r, regs_, READ)                                                                                \
	do {                                                                                                           \
		__u64 state = READ(regs_, pstate);                                                                     \
		(r)->user = (state & MODE_MASK) == 0;                                                                  \
		(r)->compat = (r)->user && (state & MODE_32);                                                          \
		(r)->ip = READ(regs_, pc);                                                                             \
		(r)->sp = READ(regs_, sp);                                                                             \
		(r)->fp = READ(regs_, regs[29]);                                                                       \
		(r)->spare = READ(regs_, regs[19]);                                                                    \
	} while (0)

enum {
	BEFORE_A_RETURN = 8,
};

/* Whether the instruction before the address is BL, or BLR with or without authentication. */
static __always_inline bool is_call_before(__u64 word)
{
	__u32 instruction = word >> 32;

	return instruction >> 26 == 0x25 || (instruction & 0xfffffc1f) == 0xd63f0000 ||
	       (instruction & 0xfefff800) == 0xd63f0800;
}

#else
#error "no registers for this architecture"
#endif

#endif
