// SPDX-License-Identifier: GPL-2.0
/*
 * pks, measured. Loading this does it, once; "only" says what of it, and what the
 * parameter leaves out can be had from debugfs pks_bench/run (see base.c).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include "pks_bench.h"

struct pks_domain *bench_domain;

static char *only = "";
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "Measure this group at loading (default: all)");

static const struct bench_group bench_groups[] = {
	{ "updates", bench_updates },
	{ "flips", bench_flips },
	{ "system", bench_system },
	{ "hold", bench_hold },
	{ "keys", bench_keys },
	{ "domains", bench_domains },
	{ "violations", bench_violations },
	{ "growth", bench_growth },
};

static int __init bench_init(void)
{
	unsigned int i;

	bench_domain = pks_domain_create("bench", 0);
	if (IS_ERR(bench_domain))
		return PTR_ERR(bench_domain);
	if (bench_domain->pkey != BENCH_KEY) {
		pr_err("key %d is taken: nothing else may use pks meanwhile\n", BENCH_KEY);
		pks_domain_destroy(bench_domain);
		return -EBUSY;
	}
	for (i = 0; i < ARRAY_SIZE(bench_groups); i++) {
		if (!*only || !strcmp(only, bench_groups[i].name))
			bench_groups[i].run("");
	}
	bench_set_groups(bench_groups, ARRAY_SIZE(bench_groups));
	return 0;
}

static void __exit bench_exit(void)
{
	bench_set_groups(NULL, 0);
	pks_domain_destroy(bench_domain);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmarks: pks");
PKS_IMPORT_NS();
