/* calls CHILDREN CALLS: children that call called() at the same time, so often each, half a second after they began. `calls`
 * alone prints where called() lies in the file. */
#include "burn.h"
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern const char __executable_start;

static NOINLINE void called(void)
{
	keep();
}

static NOINLINE void caller(long calls)
{
	for (long i = 0; i < calls; i++)
		called();
	keep();
}

int main(int argc, char **argv)
{
	int children = argc > 2 ? atoi(argv[1]) : 0;

	if (argc == 1)
		return printf("0x%lx\n", (long)((const char *)called - &__executable_start)) < 0;
	for (int i = 0; i < children && i < 100; i++) {
		pid_t child = fork();

		if (child == 0) {
			usleep(500000);
			caller(atol(argv[2]));
			_exit(0);
		}
		if (child < 0)
			return 1;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
