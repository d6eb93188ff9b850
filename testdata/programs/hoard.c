/* hoard SECONDS DIRECTORY [COUNT]: maps COUNT (60,000 by default) executable pages below its own code, none of which touches another, and then
 * spins. Each page is of another file to whoever tells files by their paths: a copy of its own program, by a name of its own. DIRECTORY/ready
 * appears when all are mapped. */
#include "burn.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST 0x10000000UL
#define PAGE 4096UL

static NOINLINE void spins_on(void)
{
	spin(100000);
	__asm__ volatile("");
}

static NOINLINE void hoards(double end)
{
	while (now() < end)
		spins_on();
}

/* Copies its own program. */
static int copy(const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
	struct stat stat;
	int failed = from < 0 || to < 0 || fstat(from, &stat) || sendfile(to, from, NULL, stat.st_size) != stat.st_size;

	close(from);
	close(to);
	return failed;
}

/* Maps a page of the file by another name. */
static int map_as(const char *name, const char *path, unsigned long at)
{
	int file, failed;

	if (link(path, name))
		return 1;
	file = open(name, O_RDONLY);
	failed = mmap((void *)at, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, file, PAGE) == MAP_FAILED;
	close(file);
	unlink(name);
	return failed;
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	long count = argc > 3 ? atol(argv[3]) : 60000;

	if (argc < 3 || chdir(argv[2]) || copy("copy"))
		return 1;
	for (long i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof name, "hoarded-%ld", i);
		if (map_as(name, "copy", FIRST + 2 * PAGE * i))
			return 1;
	}
	close(open("ready", O_WRONLY | O_CREAT, 0600));
	hoards(end);
	return 0;
}
