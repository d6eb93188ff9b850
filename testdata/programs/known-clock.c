/* known-clock: asks for the time, in the vDSO, by the C library. */
#include "known.h"
#include <time.h>

static struct timespec when;

KNOWN void asks(void)
{
	clock_gettime(CLOCK_MONOTONIC, &when);
	WORK_WITH("rbp");
}

int main(void)
{
	FOR_EVER
		asks();
}
