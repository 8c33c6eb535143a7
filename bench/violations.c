// SPDX-License-Identifier: GPL-2.0
/* What a violation takes, by what becomes of it. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/module.h>
#include <asm/asm.h>
#include "pks_bench.h"

/* To the exception table, if it comes to that. */
static u64 bench_stray(void *page)
{
	u64 start = bench_now(), val;

	asm volatile("1:	mov %[mem], %[val]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [val] "=r" (val)
		     : [mem] "m" (*(u64 *)page)
		     : "memory");
	return bench_now() - start;
}

static u64 bench_probe(void *page)
{
	u64 val;

	return bench_time(pks_read_nofault(&val, page, sizeof(val)));
}

static enum pks_fault_action bench_fixup(const struct pks_fault_info *info,
					 struct pt_regs *regs, void *data)
{
	return PKS_FAULT_FIXUP;
}

static enum pks_fault_action bench_retry(const struct pks_fault_info *info,
					 struct pt_regs *regs, void *data)
{
	return pks_update_exception(regs, info->pkey, PKS_READWRITE) ?
		PKS_FAULT_DENY : PKS_FAULT_RETRY;
}

/* The handler has opened the key. */
static u64 bench_retried(void *page)
{
	u64 time = bench_stray(page);

	pks_mk_noaccess(BENCH_KEY);
	return time;
}

static void bench_handled(const char *name, const char *load, pks_fault_handler_t fn,
			  bench_once_t once, void *page)
{
	if (pks_set_fault_handler(BENCH_KEY, fn, NULL))
		return;
	bench(name, load, once, page);
	pks_set_fault_handler(BENCH_KEY, NULL, NULL);
}

void bench_violations(const char *load)
{
	void *page = pks_domain_alloc_pages(bench_domain, 0, GFP_KERNEL);

	if (!page)
		return;
	bench("violation probed", load, bench_probe, page);
	bench("violation denied", load, bench_stray, page);
	bench_handled("violation skipped", load, bench_fixup, bench_stray, page);
	bench_handled("violation opened", load, bench_retry, bench_retried, page);
	if (!pks_set_policy(BENCH_KEY, PKS_POLICY_REPORT)) {
		bench("violation stepped", load, bench_stray, page);
		pks_set_policy(BENCH_KEY, PKS_POLICY_DENY);
	}
	pks_domain_free_pages(bench_domain, page, 0);
}
