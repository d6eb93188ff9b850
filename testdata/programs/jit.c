/* jit SECONDS [nomap|dump]: runs code that it wrote itself into anonymous memory, and describes it in /tmp/perf-PID.map as
 * "jitted_loop" (not with "nomap"), or in /tmp/jit-PID.dump as "dumped_loop" that was moved. x86-64 and arm64. */
#include "burn.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
/* push rbp; mov rbp, rsp; 1: sub rdi, 1; jnz 1b; pop rbp; ret */
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xef, 0x01, 0x75, 0xfa, 0x5d, 0xc3 };
#elif defined(__aarch64__)
/* stp x29, x30, [sp, #-16]!; mov x29, sp; 1: subs x0, x0, #1; b.ne 1b; ldp x29, x30, [sp], #16; ret */
static const unsigned int code[] = { 0xa9bf7bfd, 0x910003fd, 0xf1000400, 0x54ffffe1, 0xa8c17bfd, 0xd65f03c0 };
#endif

static char path[64];

static int describe(void *at)
{
	FILE *map;

	snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "w");
	if (!map)
		return 1;
	fprintf(map, "%lx %zx jitted_loop\n", (unsigned long)at, sizeof code);
	return fclose(map);
}

/* A jitdump: its head, code at another place, and its move to where it is. */
static int dump(void *at)
{
	struct {
		unsigned int magic, version, size, machine, pad, pid;
		unsigned long time, flags;
	} head = { 0x4a695444, 1, sizeof head, 0, 0, (unsigned int)getpid(), 0, 0 };
	struct {
		unsigned int kind, size;
		unsigned long time;
		unsigned int pid, tid;
		unsigned long virtual, start, length, number;
		char name[16];
		unsigned char code[sizeof code];
	} made = { .length = sizeof code, .number = 7, .name = "dumped_loop" };
	struct {
		unsigned int kind, size;
		unsigned long time;
		unsigned int pid, tid;
		unsigned long virtual, from, to, length, number;
	} moved = { .kind = 1, .length = sizeof code, .number = 7 };
	FILE *file;

	snprintf(path, sizeof path, "/tmp/jit-%d.dump", (int)getpid());
	file = fopen(path, "w+");
	if (!file)
		return 1;
	made.size = sizeof made;
	made.start = made.virtual = moved.from = (unsigned long)at + 2048;
	memcpy(made.code, code, sizeof code);
	moved.size = sizeof moved;
	moved.to = moved.virtual = (unsigned long)at;
	fwrite(&head, sizeof head, 1, file);
	fwrite(&made, sizeof made, 1, file);
	fwrite(&moved, sizeof moved, 1, file);
	if (fflush(file) || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(file), 0) == MAP_FAILED)
		return 1;
	return fclose(file);
}

static NOINLINE void call_jit(void (*function)(long))
{
	function(3000000);
	keep();
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*function)(long);

	if (page == MAP_FAILED)
		return 1;
	memcpy(page, code, sizeof code);
	if (mprotect(page, 4096, PROT_READ | PROT_EXEC))
		return 1;
	__builtin___clear_cache(page, (char *)page + sizeof code);
	if (argc > 2 && strcmp(argv[2], "dump") == 0 ? dump(page) :
						       !(argc > 2 && strcmp(argv[2], "nomap") == 0) && describe(page))
		return 1;
	*(void **)&function = page;
	while (now() < end)
		call_jit(function);
	if (path[0])
		unlink(path);
	return 0;
}
