/* lost SECONDS: main > calls > lost, whose caller can only be guessed. */
#include "burn.h"

void lost(void);

static NOINLINE void calls(void)
{
	lost();
	/* Not the last act: else the call would be a jump. */
	__asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);

	while (now() < end)
		calls();
	return 0;
}
