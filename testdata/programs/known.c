/* known: frames of every kind that a compiler makes. */
#include "known.h"
#include <alloca.h>
#include <stddef.h>
#include <string.h>

/* Registers. */
KNOWN void no_frame(void) { WORK; }
KNOWN void one_push(void) { WORK_WITH("rbx"); }
KNOWN void all_pushes(void) { WORK_WITH("rbx", "rbp", "r12", "r13", "r14", "r15"); }
KNOWN void base_is_data(void) { WORK_WITH("rbp"); }

KNOWN void pushes(void)
{
	no_frame();
	one_push();
	all_pushes();
	base_is_data();
	WORK_WITH("rbp", "r12");
}

/* Frames. */
KNOWN void small_frame(void)
{
	FRAME(200);
	WORK;
}

KNOWN void large_frame(void)
{
	FRAME(100000);
	WORK;
}

KNOWN void early_return(long value)
{
	if (value & 1)
		return;
	FRAME(300);
	WORK_WITH("rbx", "r14");
}

KNOWN void under_a_large_frame(void) { WORK_WITH("rbp", "rbx"); }

KNOWN void large_caller(void)
{
	FRAME(40000);
	under_a_large_frame();
	AND_RETURN;
}

KNOWN void frames(long value)
{
	small_frame();
	large_frame();
	early_return(value);
	large_caller();
	AND_RETURN;
}

/* Frames whose size is known when they are made. */
KNOWN void holds(volatile char *bytes)
{
	bytes[0] = 1;
	WORK_WITH("rbp", "rbx");
}

KNOWN void small_alloca(long value)
{
	volatile char *bytes = alloca(16 + (value & 15));

	holds(bytes);
	AND_RETURN;
}

KNOWN void holds_much(volatile char *bytes) { bytes[0] = 1; }

KNOWN void large_alloca(long value)
{
	volatile char *bytes = alloca(300000 + (value & 4095));

	holds_much(bytes);
	AND_RETURN;
}

KNOWN void allocas(long value)
{
	small_alloca(value);
	large_alloca(value);
	AND_RETURN;
}

/* Calls that became jumps. */
KNOWN void tail_end(long value)
{
	WORK_WITH("rbx", "rbp");
	AND_RETURN;
	(void)value;
}

KNOWN void before_the_jump(long value) { WORK_WITH("r12"); (void)value; }

KNOWN void tail_middle(long value)
{
	before_the_jump(value);
	tail_end(value + 1);
}

KNOWN void tail_start(long value)
{
	WORK_WITH("r13", "r14", "rbp");
	tail_middle(value + 1);
}

KNOWN void tails(long value)
{
	tail_start(value);
	AND_RETURN;
}

/* Aligned frames. */
typedef float wide __attribute__((vector_size(64)));

KNOWN void takes(volatile void *aligned) { (void)aligned; WORK_WITH("rbp", "rbx"); }

KNOWN void aligned_frame(void)
{
	volatile wide vector = { 1 };

	takes(&vector);
	AND_RETURN;
}

KNOWN void takes_too(volatile void *aligned, long sum) { (void)aligned; (void)sum; WORK_WITH("rbp", "r10"); }

/* Arguments on the stack and an aligned frame of unknown size: the compiler needs a pointer to the arguments. */
KNOWN void aligned_with_arguments(long a, long b, long c, long d, long e, long f, long g, long h)
{
	volatile wide vector = { 1 };
	volatile char *bytes = alloca(8 + (a & 63));

	bytes[0] = (char)(a + b + c + d + e + f);
	takes_too(&vector, g + h);
	AND_RETURN;
	vector[0] = (float)(g + h);
}

KNOWN void in_realigned(void) { WORK_WITH("rbp", "rbx"); }

KNOWN __attribute__((force_align_arg_pointer)) void realigned(long value)
{
	in_realigned();
	WORK_WITH("r14", "r15");
	(void)value;
}

KNOWN __attribute__((force_align_arg_pointer)) void realigned_vector(long a, long b, long c, long d, long e, long f, long g)
{
	wide vector;

	__asm__ volatile("" : "=m"(vector) : "r"(a + b + c + d + e + f + g));
	WORK_WITH("rbx", "r15");
}

KNOWN void alignments(long value)
{
	aligned_frame();
	aligned_with_arguments(value, 2, 3, 4, 5, 6, 7, 8);
	realigned(value);
	realigned_vector(value, 2, 3, 4, 5, 6, 7);
	AND_RETURN;
}

KNOWN void once(long value)
{
	pushes();
	frames(value);
	allocas(value);
	tails(value);
	alignments(value);
	AND_RETURN;
}

int main(void)
{
	long value = 0;

	FOR_EVER
		once(value++);
}
