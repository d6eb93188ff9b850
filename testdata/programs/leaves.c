/* leaves COUNT: so many children one after another, each of which fills 96 MiB and ends; giving it up takes a while. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 96 << 20, MOST = 1000 };

static void child(void)
{
	char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	/* Small pages take longer. */
	madvise(memory, BYTES, MADV_NOHUGEPAGE);
	memset(memory, 1, BYTES);
	__asm__ volatile("" ::"r"(memory) : "memory");
	_exit(0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 10;

	for (int i = 0; i < count && i < MOST; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (!pid)
			child();
		waitpid(pid, NULL, 0);
	}
	return 0;
}
