/* crowd SECONDS COUNT [FILE]: COUNT processes (1,000 at most) that take turns: each is busy for a millisecond in a recursion of 34
 * frames, and hands its turn to the next, so that two run at any time however many there are. With FILE, they begin when it exists. */
#include "burn.h"
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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

/* At the end, each lets the next one end as well. */
static void member(double end, sem_t *mine, sem_t *next)
{
	/* Nobody is left over when the parent goes. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (sem_wait(mine) == 0 && now() < end) {
		descend(32, now() + 0.001);
		sem_post(next);
	}
	sem_post(next);
	_exit(0);
}

int main(int argc, char **argv)
{
	double end = deadline(argc, argv);
	int count = argc > 2 ? atoi(argv[2]) : 10;

	if (count < 1 || count > 1000)
		count = 1000;
	sem_t *turns = mmap(NULL, sizeof(sem_t) * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turns == MAP_FAILED)
		return 1;
	for (int i = 0; i < count; i++)
		sem_init(&turns[i], 1, 0);
	for (int i = 0; i < count; i++)
		if (fork() == 0)
			member(end, &turns[i], &turns[(i + 1) % count]);
	while (argc > 3 && access(argv[3], F_OK) != 0 && now() < end)
		usleep(1000);
	for (int i = 0; i < RUNNING; i++)
		sem_post(&turns[i * count / RUNNING]);
	while (wait(NULL) > 0)
		;
	return 0;
}
