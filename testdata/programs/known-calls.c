/* known-calls: calls a shared library by stubs. */
#include "known.h"

void shared_outer(void), shared_leaf(void);

KNOWN void calls_leaf(void)
{
	shared_leaf();
	WORK_WITH("rbp", "rbx", "r12");
}

KNOWN void calls_out(void)
{
	shared_outer();
	AND_RETURN;
}

int main(void)
{
	FOR_EVER {
		calls_leaf();
		calls_out();
	}
}
