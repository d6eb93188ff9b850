/* One of two libraries or programs whose functions lie at the same addresses and have other frames: SECOND chooses. */
#include "known.h"

#ifdef SECOND
#define NAME(name) second_##name
#else
#define NAME(name) first_##name
#endif

KNOWN void NAME(leaf)(void)
{
#ifdef SECOND
	WORK_WITH("rbp", "rbx", "r12");
#else
	FRAME(400);
	WORK;
#endif
}

KNOWN void NAME(middle)(void)
{
#ifdef SECOND
	FRAME(1000);
	NAME(leaf)();
	AND_RETURN;
#else
	NAME(leaf)();
	WORK_WITH("rbp", "rbx");
#endif
}

/* A second, or so. */
#define TURNS 400000000L

KNOWN void NAME(run)(void)
{
	for (long i = 0; i < TURNS; i++)
		NAME(middle)();
	AND_RETURN;
}

#ifdef PROGRAM
extern char **environ;

/* Becomes the other program again and again. */
int main(int argc, char **argv)
{
	char *arguments[] = { argv[1], argv[0], NULL };

	alarm(600);
	if (argc < 2)
		return 1;
	NAME(run)();
	execve(arguments[0], arguments, environ);
	return 1;
}
#else
void run(void);
void run(void)
{
	NAME(run)();
	AND_RETURN;
}
#endif
