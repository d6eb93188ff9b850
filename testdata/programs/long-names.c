/* long-names SECONDS: 900 functions that it wrote into anonymous memory call one another; the map that describes them gives each a
 * name of 32,000 bytes. x86-64 only; elsewhere it just spins. */
#include "burn.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUNCTIONS 900
#define ROOM 32

static NOINLINE void innermost(void)
{
	spin(100000);
	keep();
}

/* push rbp; mov rbp, rsp; mov rax, callee; call rax; pop rbp; ret */
static void write_function(unsigned char *at, const void *callee)
{
	static const unsigned char start[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8 }, end[] = { 0xff, 0xd0, 0x5d, 0xc3 };

	memcpy(at, start, sizeof start);
	memcpy(at + sizeof start, &callee, sizeof callee);
	memcpy(at + sizeof start + sizeof callee, end, sizeof end);
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	size_t size = FUNCTIONS * ROOM;
	unsigned char *code = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void (*function)(void) = innermost;
	char path[64], name[32001];
	FILE *map;

	if (code == MAP_FAILED)
		return 1;
	snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "w");
	if (!map)
		return 1;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = 0;
	for (int i = 0; i < FUNCTIONS; i++) {
#ifdef __x86_64__
		write_function(code + i * ROOM, *(void **)&function);
		*(void **)&function = code + i * ROOM;
#endif
		fprintf(map, "%lx %x %d%s\n", (unsigned long)(code + i * ROOM), ROOM, i, name);
	}
	if (fclose(map) || mprotect(code, size, PROT_READ | PROT_EXEC))
		return 1;
	while (now() < end)
		function();
	unlink(path);
	return 0;
}
