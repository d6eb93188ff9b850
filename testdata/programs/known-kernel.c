/* known-kernel: nearly always in the kernel, by system calls and by page faults. */
#define _GNU_SOURCE
#include "known.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PAGES = 64 };
static char zeros[4096 * 16];
static int zero;
static volatile char *fresh;

static inline __attribute__((always_inline)) long system_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

KNOWN long reads(void) { return system_call(SYS_read, zero, (long)zeros, sizeof zeros); }

KNOWN long reads_with_registers(void)
{
	WORK_WITH("rbp", "rbx");
	return system_call(SYS_read, zero, (long)zeros, sizeof zeros) + 1;
}

/* The system call is its last instruction but one. */
KNOWN void yields(void) { system_call(SYS_sched_yield, 0, 0, 0); }

KNOWN void gives_back(void) { system_call(SYS_madvise, (long)fresh, PAGES * 4096, MADV_DONTNEED); }

KNOWN void touches(void)
{
	for (int page = 0; page < PAGES; page++)
		fresh[page * 4096] = 1;
	WORK_WITH("rbp");
}

KNOWN void faults(void)
{
	touches();
	gives_back();
	AND_RETURN;
}

KNOWN void calls(void)
{
	reads();
	reads_with_registers();
	yields();
	faults();
	AND_RETURN;
}

int main(void)
{
	zero = open("/dev/zero", O_RDONLY);
	fresh = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (zero < 0 || fresh == MAP_FAILED)
		return 1;
	FOR_EVER
		calls();
}
