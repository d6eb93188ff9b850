/* A library with functions that have no frame pointers and call each other by stubs. */
#include "known.h"

KNOWN void shared_inner(void) { WORK_WITH("rbx", "rbp"); }

KNOWN void shared_outer(void)
{
	shared_inner();
	WORK_WITH("rbp", "r12", "r13");
}

KNOWN void shared_leaf(void) { WORK; }
