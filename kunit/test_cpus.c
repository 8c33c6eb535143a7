// SPDX-License-Identifier: GPL-2.0
/* Each CPU: PKS is on and PKRS at the default, after it came back too. */
#include "pks_test.h"
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/sched.h>
#include <linux/smp.h>

/* On each CPU in turn, as a thread and from a hard interrupt. */
static void pks_cpus_expect(struct kunit *test, u32 pkrs)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		KUNIT_ASSERT_EQ(test, 0,
				set_cpus_allowed_ptr(current, cpumask_of(cpu)));
		KUNIT_EXPECT_EQ(test, raw_smp_processor_id(), cpu);
		KUNIT_EXPECT_TRUE(test, pks_test_cr4_pks());
		KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), pkrs);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void pks_cpus_default(struct kunit *test)
{
	pks_cpus_expect(test, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

static void pks_cpus_default_readonly(struct kunit *test)
{
	int pkey = pks_test_key(test, PKS_FLAG_DEFAULT_READONLY);
	u64 *page = pks_test_page(test, pkey);
	u32 expected = PKS_TEST_CLOSED ^ (PKS_NOACCESS ^ PKS_READONLY) << 2 * pkey;

	pks_cpus_expect(test, expected);
	pks_expect_read(test, page, true);
	pks_expect_write(test, page, false);

	pks_test_key_free(test, pkey);
	pks_cpus_expect(test, PKS_TEST_CLOSED);
}

/* The highest CPU other than the first that is online, or the case is skipped. */
static unsigned int pks_cpus_last(struct kunit *test)
{
	unsigned int cpu, last = 0;

	for_each_online_cpu(cpu)
		last = cpu;
	if (!last)
		kunit_skip(test, "only one CPU is online");
	return last;
}

static void pks_cpus_offline_online(struct kunit *test)
{
	unsigned int cpu = pks_cpus_last(test);
	u64 *page;
	int pkey;

	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	/* The default changes while it is away. */
	pkey = pks_test_key(test, PKS_FLAG_DEFAULT_READONLY);
	page = pks_test_page(test, pkey);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);

	pks_cpus_expect(test, PKS_TEST_CLOSED ^
			(PKS_NOACCESS ^ PKS_READONLY) << 2 * pkey);
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	pks_expect_read(test, page, true);
	pks_expect_write(test, page, false);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

struct pks_cpus_early {
	struct kunit	*test;
	u32		msr;
	bool		cr4;
	bool		seen;
};

/* Runs as one of the last steps of bringing a CPU up; earlier is ours alone. */
static struct pks_cpus_early *pks_cpus_early;

static int pks_cpus_early_look(unsigned int cpu)
{
	pks_cpus_early->msr = pks_test_rdmsr();
	pks_cpus_early->cr4 = pks_test_cr4_pks();
	pks_cpus_early->seen = true;
	return 0;
}

/* Before a callback of the last atomic state, and with it any thread, has run. */
static void pks_cpus_restrictive_from_the_start(struct kunit *test)
{
	const enum cpuhp_state state = CPUHP_AP_ARM64_ISNDEP_STARTING;
	struct pks_cpus_early early = { .test = test };
	unsigned int cpu = pks_cpus_last(test);

	pks_cpus_early = &early;
	KUNIT_ASSERT_EQ(test, 0, cpuhp_setup_state_nocalls(state, "pks_kunit",
							   pks_cpus_early_look,
							   NULL));
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	cpuhp_remove_state_nocalls(state);

	KUNIT_EXPECT_TRUE(test, early.seen);
	KUNIT_EXPECT_TRUE(test, early.cr4);
	KUNIT_EXPECT_EQ(test, early.msr, PKS_TEST_CLOSED);
}

static struct kunit_case pks_cpus_cases[] = {
	KUNIT_CASE(pks_cpus_default),
	KUNIT_CASE(pks_cpus_default_readonly),
	KUNIT_CASE(pks_cpus_offline_online),
	KUNIT_CASE(pks_cpus_restrictive_from_the_start),
	{}
};

struct kunit_suite pks_cpus_suite = {
	.name		= "pks_cpus",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_cpus_cases,
};
