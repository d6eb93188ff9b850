/* What the busy programs share: bounded spinning and a deadline. */
#pragma once
#include <stdlib.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, noclone))

/* Inlined into its caller, which is the function that burns. */
static inline __attribute__((always_inline)) void spin(long turns)
{
	for (volatile long i = 0; i < turns; i++)
		;
}

/* Keeps the function it stands in whole: behind a call, the call is not the last act and does not become a jump; and there is
 * a frame pointer, which gcc leaves out of functions that need no stack, whatever it is asked for. */
static inline __attribute__((always_inline)) void keep(void)
{
	__asm__ volatile("" ::"r"(__builtin_frame_address(0)) : "memory");
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The end of a run whose length in seconds is the first argument, 10 by default and 600 at most. */
static inline double deadline(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10;

	if (seconds > 600)
		seconds = 600;
	return now() + seconds;
}
