/* zoo SECONDS DIRECTORY: processes that are hard to profile, each in a way of its own. liar.so is beside this program. */
#define _GNU_SOURCE
#include "burn.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define FAR ((char *)0x200000000000UL)

static double end;

static int copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_RDWR | O_CREAT | O_TRUNC, 0700);
	struct stat stat;

	if (in < 0 || out < 0 || fstat(in, &stat) || sendfile(out, in, NULL, stat.st_size) != stat.st_size)
		_exit(1);
	close(in);
	return out;
}

/* Maps code and takes it away. */
static void churns(void)
{
	int own = open("/proc/self/exe", O_RDONLY);

	for (unsigned long i = 0; now() < end; i++) {
		mmap(FAR + i % 8192 * 2 * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, own, PAGE);
		if (i % 3 == 0)
			munmap(FAR + i * 7 % 8192 * 2 * PAGE, PAGE);
	}
}

/* Has another name all the time. */
static void renames(void)
{
	char name[16];

	for (unsigned long i = 0; now() < end; i++) {
		snprintf(name, sizeof name, "%lx;\n\033[31m", i * 2654435761UL);
		prctl(PR_SET_NAME, name);
		spin(1000);
	}
}

/* Its mapped file vanishes, and another takes its place. */
static void vanishes(void)
{
	while (now() < end) {
		int file = copy("/proc/self/exe", "vanishing");

		mmap(FAR, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, PAGE);
		close(file);
		unlink("vanishing");
		spin(100000);
	}
}

/* Its mapped file shrinks and grows while it is read. */
static void shrinks(void)
{
	int file = copy("/proc/self/exe", "shrinking");
	off_t size = lseek(file, 0, SEEK_END);

	for (unsigned long i = 0; now() < end; i++) {
		if (i % 64 == 0)
			mmap(FAR + i / 64 % 512 * 2 * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, PAGE);
		if (ftruncate(file, i % 2 ? 300 : size))
			_exit(1);
		spin(1000);
	}
}

/* Is taken for Java, whose memory describes itself. */
static void lies(const char *library)
{
	close(copy(library, "libjvm.so"));
	if (!dlopen("./libjvm.so", RTLD_NOW))
		_exit(1);
	char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* dec edi; jnz back; ret */
	memcpy(code, "\xff\xcf\x75\xfc\xc3", 5);
	while (now() < end)
		((void (*)(int))code)(100000);
}

/* Starts processes that end at once. */
static void forks(void)
{
	while (now() < end) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	void (*const animals[])(void) = { churns, renames, vanishes, shrinks, forks };
	char library[4096] = "";
	size_t count = sizeof animals / sizeof *animals;

	end = deadline(argc, argv);
	if (argc < 3 || chdir(argv[2]) || readlink("/proc/self/exe", library, sizeof library - 16) < 0)
		return 1;
	strcpy(strrchr(library, '/') + 1, "liar.so");
	for (size_t i = 0; i <= count; i++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (i < count)
			animals[i]();
		else
			lies(library);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
