/* stacks SECONDS [COUNT]: COUNT distinct stacks (100,000 by default), all of the same depth: a path of 17 steps, each one of
 * two functions, chosen by the bits of a counter. */
#include "burn.h"
#include <unistd.h>

enum { STEPS = 17 };

static void walk(unsigned path, int bits);

static NOINLINE void zero(unsigned path, int bits)
{
	walk(path, bits);
	keep();
}

static NOINLINE void one(unsigned path, int bits)
{
	walk(path, bits);
	keep();
}

static NOINLINE void walk(unsigned path, int bits)
{
	if (bits == 0)
		spin(200000);
	else if (path & 1)
		one(path >> 1, bits - 1);
	else
		zero(path >> 1, bits - 1);
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 100000;

	if (count < 1 || count > 1u << STEPS)
		count = 1u << STEPS;
	/* Copies start at different paths. */
	for (unsigned path = (unsigned)getpid() * 7919 % count; now() < end; path = (path + 1) % count)
		walk(path, STEPS);
	return 0;
}
