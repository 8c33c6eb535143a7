// SPDX-License-Identifier: GPL-2.0
/*
 * Has the kernel change CR4 (its bit TSD) at each switch between two processes,
 * on each CPU, and in system calls: for as many seconds as it is told.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void toggle(int cpu, int with_tsc)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		_exit(1);
	for (;;) {
		if (!with_tsc && (prctl(PR_SET_TSC, PR_TSC_ENABLE) ||
				  prctl(PR_SET_TSC, PR_TSC_SIGSEGV)))
			_exit(1);
		sched_yield();
	}
}

int main(int argc, char **argv)
{
	long cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int status;

	for (cpu = 0; cpu < 2 * cpus; cpu++) {
		if (!fork()) {
			alarm(argc > 1 ? atoi(argv[1]) : 1);
			toggle(cpu / 2, cpu % 2);
		}
	}
	/* Each ends by its alarm; one that ends otherwise has failed. */
	for (cpu = 0; cpu < 2 * cpus; cpu++) {
		if (wait(&status) < 0 || !WIFSIGNALED(status))
			return 1;
	}
	return 0;
}
