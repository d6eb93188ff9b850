/* rename SECONDS: burns half of the time under the name "caterpillar" and half under the name "butterfly". */
#include "burn.h"
#include <sys/prctl.h>

static NOINLINE void burn(double end)
{
	while (now() < end)
		spin(100000);
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv), start = now();

	prctl(PR_SET_NAME, "caterpillar");
	burn(start + (end - start) / 2);
	prctl(PR_SET_NAME, "butterfly");
	burn(end);
	return 0;
}
