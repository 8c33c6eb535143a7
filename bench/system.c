// SPDX-License-Identifier: GPL-2.0
/* The kernel with pks: what a key that is open, or may be, costs everything else. */
#include "pks_bench.h"

static int bench_former;

/* All threads hold the same: what they got differs in nothing. */
void bench_open(void)
{
	bench_former = pks_enter(BENCH_KEY, PKS_READWRITE);
}

void bench_close(void)
{
	pks_leave(BENCH_KEY, bench_former);
}

static void bench_touch(void)
{
	bench_open();
	bench_close();
}

/* With a load: only what it changes, such as the isolation of interrupts. */
void bench_system(const char *load)
{
	struct bench_holder holder = { .begin = bench_touch, .threads = 2 };

	bench_interrupts(*load ? load : "idle", NULL);
	if (*load)
		return;
	bench_switch("idle", NULL);
	bench_kernel_fault("idle");
	bench_switch("two have held", &holder);
}

/* With a key open. */
void bench_hold(const char *load)
{
	struct bench_holder holder = {
		.begin = bench_open, .end = bench_close, .threads = 1
	};

	bench_interrupts("key open", &holder);
	bench_switch("one holds", &holder);
	holder.threads = 2;
	bench_switch("two hold", &holder);
}
