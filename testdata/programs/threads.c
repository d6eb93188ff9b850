/* threads SECONDS: three busy threads, named red, green and blue, each in a function of its own; main waits. It prints
 * their thread ids, "NAME TID" a line, before they start to burn. */
#define _GNU_SOURCE
#include "burn.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static double end;
static pthread_barrier_t printed;

static void introduce(const char *name)
{
	pthread_setname_np(pthread_self(), name);
	printf("%s %ld\n", name, (long)syscall(SYS_gettid));
	fflush(stdout);
	pthread_barrier_wait(&printed);
}

static NOINLINE void burn_red(void)
{
	while (now() < end)
		spin(100000);
}

static NOINLINE void burn_green(void)
{
	while (now() < end)
		spin(100000);
}

static NOINLINE void burn_blue(void)
{
	while (now() < end)
		spin(100000);
}

static void *red(void *unused)
{
	introduce("red");
	burn_red();
	return unused;
}

static void *green(void *unused)
{
	introduce("green");
	burn_green();
	return unused;
}

static void *blue(void *unused)
{
	introduce("blue");
	burn_blue();
	return unused;
}

int main(int argc, char **argv)
{
	void *(*bodies[])(void *) = { red, green, blue };
	pthread_t threads[3];

	end = deadline(argc, argv);
	pthread_barrier_init(&printed, NULL, 3);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, bodies[i], NULL))
			return 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
