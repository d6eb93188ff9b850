/* headless SECONDS: its first thread ends, and another one works. */
#include "burn.h"
#include <pthread.h>
#include <unistd.h>

static double end;

static NOINLINE void works_on(void)
{
	while (now() < end)
		spin(100000);
}

static void *works(void *unused)
{
	works_on();
	_exit(0);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	end = deadline(argc, argv);
	if (pthread_create(&thread, NULL, works, NULL))
		return 1;
	pthread_exit(NULL);
}
