// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: failnth <write|read|insmod> <file> [<file to look at>...]
 *
 * Does it again and again, each time in a new process of which the first, the second
 * ... allocation fails, until none is left to fail. Each time it must succeed or give
 * an error that says so, and the files to look at must be what they were. Allocations
 * of insmod are counted by pks_failinit.ko.
 *
 * Prints how many allocations were made to fail and what came of that.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE	(64 * 1024)
#define MOST	5000
#define INSMOD	"/sys/module/pks_failinit/parameters/nth"

/* What the child tells: has one failed, and what was the error? */
struct outcome {
	int	failed;
	int	error;
};

static const char *what, *path;
static char **looked_at;

static int prepare(void)
{
	int fd = open(path, strcmp(what, "write") ? O_RDONLY : O_WRONLY);

	if (fd < 0 && strcmp(what, "read"))
		err(1, "%s", path);
	return fd;
}

static int read_all(const char *name, char *to, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t got = 1;
	size_t len = 0;
	int error;

	if (fd < 0)
		return errno;
	while (got > 0 && len < size) {
		got = read(fd, to + len, size - len);
		len += got > 0 ? got : 0;
	}
	error = got < 0 ? errno : 0;
	close(fd);
	to[len < size ? len : size - 1] = '\0';
	return error;
}

/* Once. An opened file is only for what is not about opening it. */
static int do_it(int fd)
{
	static char buf[SIZE];

	if (!strcmp(what, "read"))
		return read_all(path, buf, sizeof(buf));
	if (!strcmp(what, "write"))
		return write(fd, "1", 1) == 1 ? 0 : errno;
	return syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
}

static struct outcome child(unsigned int nth)
{
	int nth_fd = open("/proc/self/fail-nth", O_RDWR), fd = prepare(), begin_fd = nth_fd;
	struct outcome outcome = { 0, 0 };
	char text[16] = "";

	if (!strcmp(what, "insmod"))
		begin_fd = open(INSMOD, O_WRONLY);
	if (nth_fd < 0 || begin_fd < 0)
		err(1, "there is no way to have allocations fail");
	snprintf(text, sizeof(text), "%u", nth);
	if (write(begin_fd, text, strlen(text)) < 0)
		err(1, "fail-nth");
	outcome.error = do_it(fd);
	memset(text, 0, sizeof(text));
	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		err(1, "/proc/self/fail-nth");
	outcome.failed = !atoi(text);
	if (pwrite(nth_fd, "0", 1, 0) < 0)
		err(1, "/proc/self/fail-nth");
	return outcome;
}

static struct outcome attempt(unsigned int nth)
{
	struct outcome outcome;
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes))
		err(1, "pipe");
	pid = fork();
	if (!pid) {
		outcome = child(nth);
		_exit(write(pipes[1], &outcome, sizeof(outcome)) != sizeof(outcome));
	}
	close(pipes[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status ||
	    read(pipes[0], &outcome, sizeof(outcome)) != sizeof(outcome))
		errx(1, "allocation %u: the process did not come to its end", nth);
	close(pipes[0]);
	return outcome;
}

/* Who frees later has done it by the second look, or the third. */
static void look(char *const *before)
{
	static char now[SIZE];
	int i, again;

	for (i = 0; looked_at[i]; i++) {
		for (again = 0; again < 20; again++) {
			if (read_all(looked_at[i], now, sizeof(now)))
				err(1, "%s", looked_at[i]);
			if (!strcmp(now, before[i]))
				break;
			usleep(50000);
		}
		if (again == 20)
			errx(1, "%s is not what it was:\n%s", looked_at[i], now);
	}
}

static int is_clean(int error)
{
	return error == ENOMEM || error == EOPNOTSUPP;
}

/* What was loaded goes again. */
static void undo(int error)
{
	char name[64], *end;

	if (strcmp(what, "insmod") || error)
		return;
	snprintf(name, sizeof(name), "%s", strrchr(path, '/') + 1);
	end = strstr(name, ".ko");
	if (end)
		*end = '\0';
	if (syscall(SYS_delete_module, name, O_NONBLOCK))
		err(1, "%s can't be unloaded", name);
}

int main(int argc, char **argv)
{
	unsigned int nth, failures = 0, absorbed = 0;
	struct outcome outcome;
	char **before;
	int i;

	if (argc < 3)
		errx(1, "usage: failnth <write|read|insmod> <file> [<file to look at>...]");
	what = argv[1];
	path = argv[2];
	looked_at = argv + 3;
	before = calloc(argc, sizeof(*before));
	for (i = 0; looked_at[i]; i++) {
		before[i] = malloc(SIZE);
		if (read_all(looked_at[i], before[i], SIZE))
			err(1, "%s", looked_at[i]);
	}
	for (nth = 1; nth < MOST; nth++) {
		outcome = attempt(nth);
		if (outcome.error && !is_clean(outcome.error))
			errx(1, "allocation %u: %s", nth, strerror(outcome.error));
		undo(outcome.error);
		look(before);
		if (!outcome.failed)
			break;
		failures += !!outcome.error;
		absorbed += !outcome.error;
	}
	if (outcome.failed || outcome.error)
		errx(1, "it does not succeed in the end");
	printf("%u failed allocations: %u errors, %u done without\n", nth - 1, failures, absorbed);
	return 0;
}
