// SPDX-License-Identifier: GPL-2.0
/*
 * What one would write first, and what Intel's series describes: a cache of the
 * register for each CPU, and a function that changes a key's bits in it. Without what
 * else it needs for the rights to be the thread's, which comes on top of it there.
 */
#include <linux/export.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include "bench.h"

static DEFINE_PER_CPU(u32, bench_cache) = BENCH_PKRS_CLOSED;

void bench_cache_set(int pkey, u32 access)
{
	u32 old, new;

	preempt_disable();
	old = this_cpu_read(bench_cache);
	new = (old & ~(3U << 2 * pkey)) | access << 2 * pkey;
	if (new != old) {
		this_cpu_write(bench_cache, new);
		bench_wrmsr(new);
	}
	preempt_enable();
}
EXPORT_SYMBOL_GPL(bench_cache_set);
