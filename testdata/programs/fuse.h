/* A file system in this process, with one file: "program". */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, FILE_NODE = 2, MOST = 1 << 17 };

static char *content;
static size_t size;
static char request[MOST + 4096];

/* Takes a copy of the file that the file system will have. */
static int load(const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat stat;

	if (file < 0 || fstat(file, &stat))
		return 1;
	size = stat.st_size;
	content = malloc(size);
	return !content || read(file, content, size) != (ssize_t)size;
}

/* An attribute is asked for again each time: it is valid for no time. */
static struct fuse_attr attribute(unsigned long node)
{
	struct fuse_attr attr = {.ino = node, .nlink = 1, .blksize = 4096};

	attr.mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0755;
	attr.size = node == ROOT ? 0 : size;
	return attr;
}

static void reply(int device, const struct fuse_in_header *to, int error, const void *body, size_t length)
{
	static char buffer[MOST + sizeof(struct fuse_out_header)];
	struct fuse_out_header header = {.unique = to->unique, .error = error, .len = sizeof header + length};

	memcpy(buffer, &header, sizeof header);
	memcpy(buffer + sizeof header, body, length);
	if (write(device, buffer, header.len) < 0 && errno != ENOENT)
		_exit(1);
}

static void look_up(int device, const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out entry = {.nodeid = FILE_NODE, .attr = attribute(FILE_NODE)};
	int found = in->nodeid == ROOT && !strcmp(name, "program");

	reply(device, in, found ? 0 : -ENOENT, &entry, found ? sizeof entry : 0);
}

static void answer(int device, const struct fuse_in_header *in)
{
	const void *body = in + 1;
	const struct fuse_read_in *wanted = body;
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = MOST, .max_readahead = MOST};
	struct fuse_attr_out attr = {.attr = attribute(in->nodeid)};
	struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255}};
	struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};
	size_t rest;

	switch (in->opcode) {
	case FUSE_INIT:
		return reply(device, in, 0, &init, sizeof init);
	case FUSE_LOOKUP:
		return look_up(device, in, body);
	case FUSE_GETATTR:
		return reply(device, in, 0, &attr, sizeof attr);
	case FUSE_STATFS:
		return reply(device, in, 0, &statfs, sizeof statfs);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		return reply(device, in, 0, &opened, sizeof opened);
	case FUSE_READ:
		rest = wanted->offset < size ? size - wanted->offset : 0;
		return reply(device, in, 0, content + wanted->offset, rest < wanted->size ? rest : wanted->size);
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_ACCESS:
		return reply(device, in, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		reply(device, in, -ENOSYS, NULL, 0);
	}
}

/* Answers requests. When DIRECTORY.silent appears, it takes requests and answers none; when DIRECTORY.broken appears, each answer is an error;
 * when DIRECTORY.torn appears, the answer to each request for content is one. */
static void serve(int device, const char *directory)
{
	const struct fuse_in_header *in = (const void *)request;
	char silent[4096], broken[4096], torn[4096];

	snprintf(silent, sizeof silent, "%s.silent", directory);
	snprintf(broken, sizeof broken, "%s.broken", directory);
	snprintf(torn, sizeof torn, "%s.torn", directory);

	while (read(device, request, sizeof request) > 0 || errno == EINTR) {
		if (!access(silent, F_OK))
			continue;
		if (!access(broken, F_OK) || (in->opcode == FUSE_READ && !access(torn, F_OK)))
			reply(device, in, -EIO, NULL, 0);
		else
			answer(device, in);
	}
}

/* Mounts it on DIRECTORY, for this process and its children alone, with a copy of PROGRAM as its file, and starts the process that
 * answers. Returns the device, which the caller closes: with the end of that process, all waiting ends. */
static int begin(const char *directory, const char *program, pid_t *server)
{
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];

	if (device < 0 || load(program) || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		exit(1);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (mount("silent", directory, "fuse", MS_NOSUID | MS_NODEV, options))
		exit(1);
	*server = fork();
	if (!*server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(device, directory);
		_exit(0);
	}
	return device;
}
