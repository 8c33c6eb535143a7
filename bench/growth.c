// SPDX-License-Identifier: GPL-2.0
/* What is hot, measured again while many threads hold rights, or with many domains. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "pks_bench.h"

#define GROWTH_THREADS	10000
#define GROWTH_DOMAINS	15

static void bench_all_hot(const char *load)
{
	bench_hot(load);
	bench_switch(load, &(struct bench_holder){
		.begin = bench_open, .end = bench_close, .threads = 2 });
	bench_interrupts(load, &(struct bench_holder){
		.begin = bench_open, .end = bench_close, .threads = 1 });
}

/* Holds its right asleep, until it is stopped. */
static int bench_sleeper(void *data)
{
	int former = pks_enter(BENCH_KEY, PKS_READONLY);

	complete(data);
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	pks_leave(BENCH_KEY, former);
	return 0;
}

/* Up to @wanted in all; returns how many there are. */
static unsigned int bench_sleepers(struct task_struct **tasks, unsigned int nr,
				   unsigned int wanted)
{
	DECLARE_COMPLETION_ONSTACK(begun);

	for (; nr < wanted; nr++) {
		tasks[nr] = kthread_run(bench_sleeper, &begun, "pks-sleeper");
		if (IS_ERR(tasks[nr]))
			break;
		wait_for_completion(&begun);
	}
	return nr;
}

static void bench_threads(void)
{
	static const unsigned int counts[] = { 1, 100, GROWTH_THREADS };
	struct task_struct **tasks = kvcalloc(GROWTH_THREADS, sizeof(*tasks), GFP_KERNEL);
	unsigned int i, nr = 0;
	char load[40];

	if (!tasks)
		return;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		nr = bench_sleepers(tasks, nr, counts[i]);
		snprintf(load, sizeof(load), "%u thread%s", nr, nr == 1 ? "" : "s");
		bench_all_hot(load);
		bench_keys(load);
		bench_one_page(load);
	}
	while (nr--)
		kthread_stop(tasks[nr]);
	kvfree(tasks);
}

static void bench_many_domains(void)
{
	struct pks_domain *domains[GROWTH_DOMAINS];
	unsigned int nr = 0;
	char load[40];

	for (;;) {
		snprintf(load, sizeof(load), "%u domain%s", nr + 1, nr ? "s" : "");
		bench_all_hot(load);
		if (nr + 1 == GROWTH_DOMAINS)
			break;
		domains[nr] = pks_domain_create(load, 0);
		if (IS_ERR(domains[nr]))
			break;
		nr++;
	}
	while (nr--)
		pks_domain_destroy(domains[nr]);
}

void bench_growth(const char *load)
{
	bench_threads();
	bench_many_domains();
}
