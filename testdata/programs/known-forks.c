/* known-forks: forks children that go on in the same code, one after the other. */
#include "known.h"
#include <sys/wait.h>

KNOWN void forked_leaf(void) { WORK_WITH("rbx", "rbp"); }

KNOWN void forked_frame(void)
{
	FRAME(300);
	forked_leaf();
	AND_RETURN;
}

KNOWN void in_child(void)
{
	for (long i = 0; i < 60000000; i++)
		forked_frame();
	AND_RETURN;
}

KNOWN void parent_leaf(void) { WORK_WITH("rbp"); }

KNOWN void in_parent(void)
{
	for (long i = 0; i < 3000000; i++)
		parent_leaf();
	AND_RETURN;
}

KNOWN int forks(void)
{
	int child = fork();

	if (child == 0) {
		in_child();
		_exit(0);
	}
	in_parent();
	return child > 0 && waitpid(child, 0, 0) == child;
}

int main(void)
{
	FOR_EVER
		if (!forks())
			return 1;
}
