// SPDX-License-Identifier: GPL-2.0
/*
 * What only user space can do: fork, fault, run a command.
 *
 * Usage: user rows <load>
 *        user run <row> <load> <rounds> <command>
 *
 * Prints lines like those of debugfs pks_bench/results. With BENCH_COUNT in the
 * environment it counts what pks_bench/now says, writes of PKRS, instead of time.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define NOW_FILE	"/sys/kernel/debug/pks_bench/now"
#define ROUNDS		200
#define WARM_UP		16

static int counting;

/* Without what the CPU spends idle. */
static uint64_t now_by_file(void)
{
	char text[32] = "";
	int fd = open(NOW_FILE, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		err(1, NOW_FILE);
	close(fd);
	return strtoull(text, NULL, 10);
}

static uint64_t now(void)
{
	if (counting)
		return now_by_file();
	_mm_lfence();
	return __rdtsc();
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void show(const char *row, const char *load, uint64_t *samples, int nr)
{
	qsort(samples, nr, sizeof(*samples), compare);
	printf("%s,%s,%llu,%llu,%llu\n", row, load, (unsigned long long)samples[0],
	       (unsigned long long)samples[nr / 2],
	       (unsigned long long)samples[nr * 99 / 100]);
}

/* From the fork to the child's end. */
static uint64_t fork_and_exit(void)
{
	uint64_t start = now();
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	return now() - start;
}

/* A page touched for the first time. Those beside it are there, so page tables are. */
static uint64_t page_fault(void)
{
	volatile char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t start, time;

	if (pages == MAP_FAILED)
		err(1, "mmap");
	pages[0] = 1;
	pages[2 * 4096] = 1;
	start = now();
	pages[4096] = 1;
	time = now() - start;
	munmap((void *)pages, 3 * 4096);
	return time;
}

static void measure(const char *row, const char *load, uint64_t (*once)(void))
{
	static uint64_t samples[ROUNDS];
	int i;

	for (i = 0; i < WARM_UP; i++)
		once();
	for (i = 0; i < ROUNDS; i++)
		samples[i] = once();
	show(row, load, samples, ROUNDS);
}

static void run(const char *row, const char *load, int rounds, const char *command)
{
	uint64_t samples[rounds], start;
	int i;

	for (i = 0; i < rounds; i++) {
		start = now_by_file();
		if (system(command))
			errx(1, "failed: %s", command);
		samples[i] = now_by_file() - start;
	}
	show(row, load, samples, rounds);
}

int main(int argc, char **argv)
{
	counting = !!getenv("BENCH_COUNT");
	if (argc == 3 && !strcmp(argv[1], "rows")) {
		measure("fork and exit", argv[2], fork_and_exit);
		measure("page fault", argv[2], page_fault);
	} else if (argc == 6 && !strcmp(argv[1], "run") && atoi(argv[4]) > 0) {
		run(argv[2], argv[3], atoi(argv[4]), argv[5]);
	} else {
		errx(2, "usage: user rows <load> | run <row> <load> <rounds> <command>");
	}
	return 0;
}
