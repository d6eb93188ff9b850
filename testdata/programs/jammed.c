/* jammed SECONDS DIRECTORY PROGRAM: has an address space that nobody can look at. A page of it is that of a file on a file system that does
 * not answer. Another process reads this page through /proc and waits, with the address space locked for reading; then a thread maps something,
 * and waits with the lock claimed for writing. Whoever looks at the mappings waits behind. DIRECTORY.jammed appears when this is so. */
#include "fuse.h"
#include "burn.h"
#include <pthread.h>
#include <sys/mman.h>

static char *page;
static volatile int held;

static void touch(const char *directory, const char *suffix)
{
	char path[4096];

	snprintf(path, sizeof path, "%s.%s", directory, suffix);
	close(open(path, O_WRONLY | O_CREAT, 0600));
}

/* Waits until a task waits. */
static void wait_for_sleep(const char *path)
{
	for (;; usleep(1000)) {
		char text[256] = "";
		int file = open(path, O_RDONLY);
		const char *state = read(file, text, sizeof text - 1) > 0 ? strrchr(text, ')') : NULL;

		close(file);
		if (state && strchr("SD", state[2]))
			return;
	}
}

static void *maps(void *unused)
{
	while (!held)
		usleep(1000);
	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return unused;
}

static void peek(pid_t whose)
{
	char path[64], byte;
	int memory;

	snprintf(path, sizeof path, "/proc/%d/mem", (int)whose);
	memory = open(path, O_RDONLY);
	_exit(pread(memory, &byte, 1, (off_t)page) < 0);
}

/* Its address space is locked from now on: it only spins. */
static NOINLINE void spins_on(double end)
{
	while (now() < end)
		spin(100000);
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	char path[4096];
	pid_t server, self = getpid(), reader;
	pthread_t thread;

	if (argc < 4)
		return 1;
	close(begin(argv[2], argv[3], &server));
	snprintf(path, sizeof path, "%s/program", argv[2]);
	int file = open(path, O_RDONLY);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	if (file < 0 || page == MAP_FAILED)
		return 1;
	/* A thread needs a stack, which is mapped, too. */
	pthread_create(&thread, NULL, maps, NULL);
	touch(argv[2], "silent");
	reader = fork();
	if (!reader)
		peek(self);
	snprintf(path, sizeof path, "/proc/%d/stat", (int)reader);
	wait_for_sleep(path);
	usleep(100000);
	held = 1;
	usleep(100000);
	touch(argv[2], "jammed");
	spins_on(end);
	kill(server, SIGKILL);
	return 0;
}
