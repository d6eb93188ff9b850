/* known-signals [alternate]: a timer's signal comes some thousand times a second, wherever the program is; "alternate": its handler
 * has a stack of its own. */
#define _GNU_SOURCE
#include "known.h"
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

static char stack[1 << 16];

KNOWN void handler_leaf(void) { WORK_WITH("rbx", "rbp"); }

KNOWN void handler_frame(void)
{
	FRAME(100);
	for (int i = 0; i < 40000; i++)
		handler_leaf();
	AND_RETURN;
}

KNOWN void handler(int number)
{
	(void)number;
	handler_frame();
	WORK_WITH("rbp");
}

KNOWN void hit_without_frame(void) { WORK; }
KNOWN void hit_with_pushes(void) { WORK_WITH("rbx", "rbp", "r12", "r13"); }

KNOWN void hit_with_frame(void)
{
	FRAME(100);
	WORK;
}

KNOWN void is_hit(void)
{
	hit_without_frame();
	hit_with_pushes();
	hit_with_frame();
	WORK_WITH("rbp");
}

int main(int argc, char **argv)
{
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = handler;
	if (argc > 1 && strcmp(argv[1], "alternate") == 0)
		action.sa_flags = SA_ONSTACK;
	if (sigaltstack(&alternate, NULL) || sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL))
		return 1;
	for (;;)
		is_hit();
}
