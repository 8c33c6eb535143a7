// SPDX-License-Identifier: GPL-2.0
/*
 * A key opened and closed again, by pks, by the least that could do it, and by what
 * one would write first.
 */
#include <linux/module.h>
#include <linux/preempt.h>
#include <asm/msr.h>
#include "pks_bench.h"

#define PKRS_OPEN	(BENCH_PKRS_CLOSED & ~(3U << 2 * BENCH_KEY))

/* msr.h: the functions are named by the size of what they take. */
#ifdef BENCH_HAVE_WRMSRQ
#define bench_wrmsrq(value)	wrmsrq(__PKS_MSR_IA32_PKRS, value)
#else
#define bench_wrmsrq(value)	wrmsrl(__PKS_MSR_IA32_PKRS, value)
#endif

/*
 * The floor: values known beforehand, no one else's key, nothing for an interrupt or
 * a thread that is switched. It protects nothing.
 */
static u64 bench_floor(void *unused)
{
	return bench_time(preempt_disable();
			  bench_wrmsr(PKRS_OPEN);
			  preempt_enable();
			  preempt_disable();
			  bench_wrmsr(BENCH_PKRS_CLOSED);
			  preempt_enable());
}

/* The same by the kernel's own function for MSRs. */
static u64 bench_floor_kernel(void *unused)
{
	return bench_time(preempt_disable();
			  bench_wrmsrq(PKRS_OPEN);
			  preempt_enable();
			  preempt_disable();
			  bench_wrmsrq(BENCH_PKRS_CLOSED);
			  preempt_enable());
}

static u64 bench_cached(void *pkey)
{
	return bench_time(bench_cache_set((long)pkey, PKS_READWRITE);
			  bench_cache_set((long)pkey, PKS_NOACCESS));
}

static u64 bench_function(void *pkey)
{
	return bench_time(pks_mk_readwrite((long)pkey);
			  pks_mk_noaccess((long)pkey));
}

static u64 bench_inline(void *unused)
{
	return bench_time(pks_leave(BENCH_KEY, pks_enter(BENCH_KEY, PKS_READWRITE)));
}

static u64 bench_inline_variable(void *pkey)
{
	return bench_time(pks_leave((long)pkey, pks_enter((long)pkey, PKS_READWRITE)));
}

static u64 bench_domain_scope(void *domain)
{
	return bench_time(pks_domain_leave(domain, pks_domain_enter(domain, PKS_READWRITE)));
}

static u64 bench_nested(void *unused)
{
	int former = pks_enter(BENCH_KEY, PKS_READWRITE);
	u64 time = bench_inline(NULL);

	pks_leave(BENCH_KEY, former);
	return time;
}

static u64 bench_nested_other(void *other)
{
	int former = pks_enter((long)other, PKS_READWRITE);
	u64 time = bench_inline(NULL);

	pks_leave((long)other, former);
	return time;
}

void bench_hot(const char *load)
{
	long pkey = BENCH_KEY;

	bench("inline", load, bench_inline, NULL);
	bench("function", load, bench_function, (void *)pkey);
}

void bench_updates(const char *load)
{
	long pkey = BENCH_KEY, other = pks_key_alloc("bench-other", PKS_FLAG_EXCLUSIVE);

	bench("floor", load, bench_floor, NULL);
	bench("floor by wrmsrq()", load, bench_floor_kernel, NULL);
	bench("cache", load, bench_cached, (void *)pkey);
	bench_hot(load);
	bench("variable key", load, bench_inline_variable, (void *)pkey);
	bench("domain scope", load, bench_domain_scope, bench_domain);
	bench("nested", load, bench_nested, NULL);
	if (other < 0)
		return;
	bench("nested on another key", load, bench_nested_other, (void *)other);
	pks_key_free(other);
}
