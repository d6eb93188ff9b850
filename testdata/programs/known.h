/* What the programs share whose call chains are known at every instruction: every function is called from one place only, so
 * that where a stack's leaf lies says which stack it must be. They run until they are ended, or for ten minutes. They are as
 * optimised as releases are, and have no frame pointers: the functions are short, so that many samples hit their first and last
 * instructions. */
#pragma once
#include <unistd.h>

/* A function of which its callers know nothing: it is neither inlined nor cloned, and what it leaves alone is not used. */
#define KNOWN __attribute__((noipa))

/* So that the call before it is not the last act and does not become a jump. */
#define AND_RETURN __asm__ volatile("" ::: "memory")

/* As little as can be told from nothing. */
#define WORK __asm__ volatile("xor %%eax, %%eax\n\tadd $1, %%eax\n\tlea 2(%%rax), %%rax" ::: "rax", "memory")

/* As WORK, with saved registers that are pushed first. */
#define WORK_WITH(...) __asm__ volatile("xor %%eax, %%eax\n\tadd $1, %%eax" ::: "rax", "memory", __VA_ARGS__)

/* Room on the stack. */
#define FRAME(size)   \
	char frame[size]; \
	__asm__ volatile("movb $1, %0" : "=m"(frame[0]))

#define FOR_EVER for (alarm(600);;)
