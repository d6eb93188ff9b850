/* crowd SECONDS COUNT: COUNT processes (1,000 at most) that take turns: each is busy for a millisecond in a recursion of 34
 * frames, then sleeps, so that about two run at any time however many there are. */
#include "burn.h"
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { RUNNING = 2 };

static NOINLINE void descend(int depth, double until)
{
	if (depth > 1)
		descend(depth - 1, until);
	else
		while (now() < until)
			spin(1000);
	keep();
}

static void member(double end, double turn, int number)
{
	/* Nobody is left over when the parent goes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	usleep((useconds_t)(number * 1000 / RUNNING));
	while (now() < end) {
		descend(32, now() + 0.001);
		usleep((useconds_t)(turn * 1e6));
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	int count = argc > 2 ? atoi(argv[2]) : 10;

	if (count < 1 || count > 1000)
		count = 1000;
	for (int i = 0; i < count; i++)
		if (fork() == 0)
			member(end, 0.001 * (count / (double)RUNNING - 1), i);
	while (wait(NULL) > 0)
		;
	return 0;
}
