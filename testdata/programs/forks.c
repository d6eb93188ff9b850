/* forks CHILDREN [MILLISECONDS]: one child after the other, each busy for some milliseconds in in_child(). */
#include "burn.h"
#include <sys/wait.h>
#include <unistd.h>

static NOINLINE void in_child(double end)
{
	while (now() < end)
		spin(20000);
	keep();
}

int main(int argc, char **argv)
{
	int children = argc > 1 ? atoi(argv[1]) : 100;
	double length = (argc > 2 ? atof(argv[2]) : 10) / 1000;

	if (children > 10000)
		children = 10000;
	for (int i = 0; i < children; i++) {
		pid_t child = fork();

		if (child == 0) {
			in_child(now() + length);
			_exit(0);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return 1;
	}
	return 0;
}
