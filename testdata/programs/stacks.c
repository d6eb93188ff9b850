/* stacks SECONDS [BITS]: many distinct stacks: a path of BITS levels (17 by default: 131,072 stacks), each one of two
 * functions, chosen by the bits of a counter. */
#include "burn.h"

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
		spin(20000);
	else if (path & 1)
		one(path >> 1, bits - 1);
	else
		zero(path >> 1, bits - 1);
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	int bits = argc > 2 ? atoi(argv[2]) : 17;

	if (bits < 1 || bits > 30)
		bits = 17;
	/* A step that is odd visits all paths, and neighbours in time are far apart. */
	for (unsigned path = 0; now() < end; path += 0x9e3779b1u)
		walk(path >> (32 - bits), bits);
	return 0;
}
