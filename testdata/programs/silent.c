/* silent SECONDS DIRECTORY PROGRAM: mounts a file system on DIRECTORY, for itself alone, with one file: PROGRAM, a copy of it in memory. Then
 * it runs that file for SECONDS. What the file system does when DIRECTORY.silent, DIRECTORY.broken or DIRECTORY.torn appears is in fuse.h. */
#include "fuse.h"

int main(int argc, char **argv)
{
	char program[4096];
	int device, status = 1;
	pid_t server, child;

	if (argc < 4)
		return 1;
	device = begin(argv[2], argv[3], &server);
	snprintf(program, sizeof program, "%s/program", argv[2]);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(device);
		execl(program, "silent-program", argv[1], (char *)NULL);
		_exit(127);
	}
	close(device);
	waitpid(child, &status, 0);
	kill(server, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
