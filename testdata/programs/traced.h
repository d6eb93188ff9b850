// A program that is traced: its memory, its registers, and how it goes on.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long long address;

enum { BREAKPOINT = 0xcc };

static pid_t child;
static int memory;
static unsigned long long steps;

static void fail(const char *what)
{
	fprintf(stderr, "shadow: %s: %s\n", what, strerror(errno));
	kill(child, SIGKILL);
	exit(1);
}

static address word_at(address at)
{
	address word = 0;
	return pread(memory, &word, sizeof word, (off_t)at) == sizeof word ? word : 0;
}

static void put_byte(address at, unsigned char byte)
{
	if (pwrite(memory, &byte, 1, (off_t)at) != 1)
		fail("writing a byte of code");
}

static unsigned char set_breakpoint(address at)
{
	unsigned char original = 0;
	if (pread(memory, &original, 1, (off_t)at) != 1)
		fail("reading a byte of code");
	put_byte(at, BREAKPOINT);
	return original;
}

// Lets the program go on until it stops again; the end of this program when it ends. Its signals reach it.
static void resume(enum __ptrace_request how)
{
	int status, signal = 0;
	for (;;) {
		if (ptrace(how, child, NULL, signal) != 0 || waitpid(child, &status, __WALL) < 0)
			fail("going on");
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			printf("end %llu\n", steps);
			exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
		signal = WSTOPSIG(status);
		if (signal == SIGTRAP)
			return;
	}
}

static struct user_regs_struct registers(void)
{
	struct user_regs_struct now;
	if (ptrace(PTRACE_GETREGS, child, NULL, &now) != 0)
		fail("reading registers");
	return now;
}

static void go_back_to(struct user_regs_struct *now, address at)
{
	now->rip = at;
	if (ptrace(PTRACE_SETREGS, child, NULL, now) != 0)
		fail("setting registers");
}

static void start(char **command)
{
	child = fork();
	if (child == 0) {
		// Orders and reports are none of its business.
		int nothing = open("/dev/null", O_RDWR);
		dup2(nothing, STDIN_FILENO);
		dup2(nothing, STDOUT_FILENO);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(*command, command);
		perror(*command);
		_exit(127);
	}
	int status;
	waitpid(child, &status, 0);
	if (!WIFSTOPPED(status))
		exit(127);
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/mem", child);
	memory = open(path, O_RDWR | O_CLOEXEC);
	if (memory < 0)
		fail(path);
}

// Where the program begins, by its auxiliary vector.
static address entry(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/auxv", child);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	address pair[2] = {0, 0};
	while (read(file, pair, sizeof pair) == sizeof pair)
		if (pair[0] == 9) // AT_ENTRY
			break;
	close(file);
	return pair[1];
}

static void run_to_entry(void)
{
	address at = entry();
	unsigned char original = set_breakpoint(at);
	resume(PTRACE_CONT);
	put_byte(at, original);
	struct user_regs_struct now = registers();
	go_back_to(&now, at);
}
