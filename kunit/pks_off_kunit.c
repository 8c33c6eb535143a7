// SPDX-License-Identifier: GPL-2.0
/* Loaded while pks.ko is not: no CPU shows that it ever was. */
#include "pks_test.h"
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/processor.h>
#ifdef PKS_HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif

struct pks_off_state {
	unsigned int cr4_set;
	unsigned int pkrs_set;
};

static void pks_off_look(void *data)
{
	struct pks_off_state *state = data;

	state->cr4_set += pks_test_cr4_pks();
	state->pkrs_set += !!pks_test_rdmsr();
}

static bool pks_off_cpu_has_pks(void)
{
	unsigned int eax, ebx, ecx = 0, edx;

	if (boot_cpu_data.cpuid_level >= 7)
		cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
	return ecx & BIT(31);
}

static void pks_off_every_cpu(struct kunit *test)
{
	struct pks_off_state state = { };
	unsigned int cpu;

	if (!pks_off_cpu_has_pks())
		kunit_skip(test, "the CPU has no PKS");
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, pks_off_look, &state, 1);
	KUNIT_EXPECT_EQ(test, state.cr4_set, 0);
	KUNIT_EXPECT_EQ(test, state.pkrs_set, 0);
}

static struct kunit_case pks_off_cases[] = {
	KUNIT_CASE(pks_off_every_cpu),
	{}
};

static struct kunit_suite pks_off_suite = {
	.name		= "pks_off",
	.test_cases	= pks_off_cases,
};

kunit_test_suites(&pks_off_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit test of a machine from which pks was unloaded");
