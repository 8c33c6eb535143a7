// SPDX-License-Identifier: GPL-2.0
/* Keys taken and given back. */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include "pks_bench.h"

/*
 * After a moment: how long CPUs take to answer depends on what they have been doing, and
 * is to differ from round to round.
 */
static u64 bench_key_once(void *unused)
{
	usleep_range(200, 200);
	return bench_time(pks_key_free(pks_key_alloc("bench-key", PKS_FLAG_EXCLUSIVE)));
}

void bench_keys(const char *load)
{
	char cpus[16];

	snprintf(cpus, sizeof(cpus), "%u CPU%s", num_online_cpus(),
		 num_online_cpus() == 1 ? "" : "s");
	bench("key alloc and free", *load ? load : cpus, bench_key_once, NULL);
}
