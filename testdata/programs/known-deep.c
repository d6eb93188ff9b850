/* known-deep DEPTH: a recursion in three functions that call each other in turn, DEPTH calls deep; at its end short functions. */
#include "known.h"
#include <stdlib.h>

KNOWN void ground_leaf(void) { WORK_WITH("rbp", "rbx"); }

KNOWN void ground(void)
{
	for (int i = 0; i < 20000; i++)
		ground_leaf();
	AND_RETURN;
}

KNOWN void descend_a(long left);
KNOWN void descend_b(long left);
KNOWN void descend_c(long left);

#define DESCEND(name, next, ...)               \
	KNOWN void name(long left)             \
	{                                      \
		WORK_WITH(__VA_ARGS__);        \
		if (left > 1)                  \
			next(left - 1);        \
		else                           \
			ground();              \
		AND_RETURN;                    \
	}

DESCEND(descend_a, descend_b, "rbp")
DESCEND(descend_b, descend_c, "rbx", "r12")
DESCEND(descend_c, descend_a, "rbp", "r13", "r14")

int main(int argc, char **argv)
{
	long depth = argc > 1 ? atol(argv[1]) : 900;

	FOR_EVER
		descend_a(depth);
}
