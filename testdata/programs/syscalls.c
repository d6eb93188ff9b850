/* syscalls SECONDS: nearly all of its time in the kernel, reading zeros. */
#include "burn.h"
#include <fcntl.h>
#include <unistd.h>

static char buffer[1 << 20];

static NOINLINE int read_zeros(int fd)
{
	ssize_t got = read(fd, buffer, sizeof buffer);

	keep();
	return got > 0;
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	int fd = open("/dev/zero", O_RDONLY);

	if (fd < 0)
		return 1;
	while (now() < end)
		if (!read_zeros(fd))
			return 1;
	return 0;
}
