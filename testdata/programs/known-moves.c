/* known-moves: maps its own code a second time, and moves that mapping from place to place. */
#define _GNU_SOURCE
#include "known.h"
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <sys/mman.h>

KNOWN void moved_leaf(void) { WORK_WITH("rbx", "rbp"); }

KNOWN void moved_frame(void)
{
	FRAME(700);
	moved_leaf();
	WORK_WITH("rbp", "r12");
}

KNOWN void moved(void)
{
	for (long i = 0; i < 400000000; i++)
		moved_frame();
	AND_RETURN;
}

struct code {
	unsigned long start, size, offset;
};

static int find(struct dl_phdr_info *info, size_t size, void *found)
{
	struct code *code = found;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
			code->start = info->dlpi_addr + p->p_vaddr;
			code->size = (p->p_filesz + 4095) & ~4095UL;
			code->offset = p->p_offset;
		}
	}
	return 1;
}

KNOWN void call(void (*function)(void))
{
	function();
	AND_RETURN;
}

int main(void)
{
	int program = open("/proc/self/exe", O_RDONLY);
	struct code code = { 0 };
	char *at, *room;

	dl_iterate_phdr(find, &code);
	at = mmap(NULL, code.size, PROT_READ | PROT_EXEC, MAP_PRIVATE, program, (off_t)code.offset);
	room = mmap(NULL, 1 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!code.size || at == MAP_FAILED || room == MAP_FAILED)
		return 1;
	FOR_EVER {
		void (*function)(void);

		*(void **)&function = at + ((unsigned long)moved - code.start);
		call(function);
		at = mremap(at, code.size, code.size, MREMAP_MAYMOVE | MREMAP_FIXED, room);
		if (at == MAP_FAILED)
			return 1;
		room += 1 << 20;
	}
}
