/* known-jit: writes code with frame pointers, runs it, throws it away, and writes other code to the same place. The code calls back,
 * so that frames with rules and frames without stand in one stack. x86-64. */
#define _GNU_SOURCE
#include "known.h"
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { SIZE = 4096, INNER = 64 };

KNOWN void called_by_one(void) { WORK_WITH("rbx", "rbp"); }

KNOWN void called_by_two(void)
{
	FRAME(200);
	WORK_WITH("rbp");
}

/* Function at 0: one frame. push rbp; mov rbp, rsp; sub rsp, 64; call rdi; leave; ret */
static const unsigned char one[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x40, 0xff, 0xd7, 0xc9, 0xc3 };

/* Two frames. push rbp; mov rbp, rsp; push rbx; push rbx; call INNER; pop rbx; pop rbx; pop rbp; ret */
static const unsigned char two[] = { 0x55, 0x48, 0x89, 0xe5, 0x53, 0x53, 0xe8, INNER - 11, 0, 0, 0, 0x5b, 0x5b, 0x5d, 0xc3 };

KNOWN void call(void (*code)(void (*)(void)), void (*back)(void))
{
	for (long i = 0; i < 300000000; i++)
		code(back);
	AND_RETURN;
}

/* Writes code to a place and runs it there. */
KNOWN int make(char *place, int second)
{
	char *code = mmap(place, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	void (*function)(void (*)(void));

	if (code != place)
		return 0;
	if (second) {
		memcpy(code, two, sizeof two);
		memcpy(code + INNER, one, sizeof one);
	} else {
		memcpy(code, one, sizeof one);
	}
	if (mprotect(code, SIZE, PROT_READ | PROT_EXEC))
		return 0;
	*(void **)&function = code;
	call(function, second ? called_by_two : called_by_one);
	return munmap(code, SIZE) == 0;
}

int main(void)
{
	char *place = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int second = 0;

	if (place == MAP_FAILED)
		return 1;
	FOR_EVER {
		if (!make(place, second))
			return 1;
		second = !second;
	}
}
