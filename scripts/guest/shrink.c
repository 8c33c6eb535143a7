// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: shrink <list> <command...>
 *
 * <list> has the steps with which something goes wrong, "<thread>:<first>-<last>" or
 * "<thread>:<step>". Leaves steps out as long as <command>, given a list as its last
 * argument, succeeds, which means that it goes wrong still. In the end <list> has no
 * step that can be left out.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct step {
	unsigned int	thread;
	unsigned int	nr;
};

static struct step *steps;
static size_t nr_steps;
static unsigned int tried;
static char **command;
static char *trial;

static void read_list(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned int thread, first, last;
	char word[64];
	int nr;

	if (!file)
		err(1, "%s", path);
	while (fscanf(file, "%63s", word) == 1) {
		nr = sscanf(word, "%u:%u-%u", &thread, &first, &last);
		if (nr == 2)
			last = first;
		if (nr < 2 || first > last)
			errx(1, "%s: %s is no step", path, word);
		steps = realloc(steps, (nr_steps + last - first + 1) * sizeof(*steps));
		if (!steps)
			err(1, "%s", path);
		for (; first <= last; first++)
			steps[nr_steps++] = (struct step){ thread, first };
	}
	fclose(file);
}

static int follows(const struct step *step, const struct step *before)
{
	return step->thread == before->thread && step->nr == before->nr + 1;
}

/* All but those from @from to @to. */
static void write_list(const char *path, size_t from, size_t to)
{
	FILE *file = fopen(path, "w");
	const struct step *first = NULL, *last = NULL;
	size_t i;

	if (!file)
		err(1, "%s", path);
	for (i = 0; i <= nr_steps; i++) {
		if (i >= from && i < to)
			continue;
		if (i < nr_steps && last && follows(&steps[i], last)) {
			last = &steps[i];
			continue;
		}
		if (last && last != first)
			fprintf(file, "%u:%u-%u\n", first->thread, first->nr, last->nr);
		else if (last)
			fprintf(file, "%u:%u\n", first->thread, first->nr);
		if (i == nr_steps)
			break;
		first = &steps[i];
		last = first;
	}
	fclose(file);
}

static int goes_wrong(void)
{
	pid_t pid = fork();
	int status;

	tried++;
	if (!pid) {
		execvp(command[0], command);
		err(127, "%s", command[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 127)
		errx(1, "%s does not run", command[0]);
	return !WEXITSTATUS(status);
}

static int leave_out(size_t from, size_t to)
{
	write_list(trial, from, to);
	if (!goes_wrong())
		return 0;
	memmove(&steps[from], &steps[to], (nr_steps - to) * sizeof(*steps));
	nr_steps -= to - from;
	fprintf(stderr, "%zu steps\n", nr_steps);
	return 1;
}

static void leave_out_threads(void)
{
	size_t from = 0, to;

	while (from < nr_steps) {
		for (to = from; to < nr_steps && steps[to].thread == steps[from].thread; to++)
			;
		if (to - from == nr_steps || !leave_out(from, to))
			from = to;
	}
}

/* From the end, for what comes last mostly depends on what came before. */
static int leave_out_runs(size_t size)
{
	size_t to = nr_steps, from;
	int any = 0;

	while (to) {
		from = to > size ? to - size : 0;
		any |= to - from < nr_steps && leave_out(from, to);
		to = from;
	}
	return any;
}

int main(int argc, char **argv)
{
	size_t size;

	if (argc < 3)
		errx(1, "usage: shrink <list> <command...>");
	command = calloc(argc, sizeof(*command));
	if (!command || asprintf(&trial, "%s.trial", argv[1]) < 0)
		err(1, "shrink");
	memcpy(command, argv + 2, (argc - 2) * sizeof(*command));
	command[argc - 2] = trial;

	read_list(argv[1]);
	write_list(trial, 0, 0);
	if (!goes_wrong())
		errx(2, "it does not go wrong a second time");
	leave_out_threads();
	for (size = nr_steps / 2; size > 1; size /= 2)
		leave_out_runs(size);
	while (leave_out_runs(1))
		;
	write_list(argv[1], 0, 0);
	unlink(trial);
	fprintf(stderr, "%zu steps are left after %u attempts\n", nr_steps, tried);
	return 0;
}
