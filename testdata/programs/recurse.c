/* recurse SECONDS [DEPTH]: a recursion of DEPTH frames (34 by default, 100000 at most), its deepest one busy. */
#include "burn.h"

static NOINLINE void bottom(void)
{
	spin(2000000);
}

static NOINLINE void descend(long depth)
{
	if (depth > 1)
		descend(depth - 1);
	else
		bottom();
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	long depth = argc > 2 ? atol(argv[2]) : 34;

	if (depth > 100000)
		depth = 100000;
	/* main and bottom are frames, too. */
	while (now() < end)
		descend(depth - 2);
	return 0;
}
