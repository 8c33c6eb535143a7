// SPDX-License-Identifier: GPL-2.0
/* NMI handlers run at the default, and what they interrupted loses nothing. */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/apic.h>
#include <asm/mach_traps.h>
#include <asm/nmi.h>
#include <asm/x86_init.h>

#define PKS_NMI_ROUNDS	200

struct pks_nmi_seen {
	u64		*page;
	int		pkey;
	unsigned int	count;
	unsigned int	not_default;
	unsigned int	not_stopped;
	unsigned int	opened;
	bool		watched;
};

static struct pks_nmi_seen pks_nmi_seen;
static atomic_t pks_nmi_wanted = ATOMIC_INIT(0);

static int pks_nmi_handler(unsigned int type, struct pt_regs *regs)
{
	struct pks_nmi_seen *seen = &pks_nmi_seen;
	u64 val;

	if (!atomic_add_unless(&pks_nmi_wanted, -1, 0))
		return NMI_DONE;
	if (pks_current_pkrs() != PKS_TEST_CLOSED ||
	    pks_test_rdmsr() != PKS_TEST_CLOSED)
		seen->not_default++;
	if (pks_try_read(seen->page, &val) != -EFAULT)
		seen->not_stopped++;
	if (pks_enter(seen->pkey, PKS_READWRITE) != -EPERM)
		seen->opened++;
	seen->count++;
	return NMI_HANDLED;
}

/* One after another, each handled before the next. */
static void pks_nmi_send(unsigned int cpu, unsigned int count)
{
	unsigned long give_up = jiffies + 30 * HZ;

	while (count-- && time_before(jiffies, give_up)) {
		atomic_inc(&pks_nmi_wanted);
		apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
		while (atomic_read(&pks_nmi_wanted) && time_before(jiffies, give_up))
			cpu_relax();
	}
}

/* Of each kind of NMI: why the machine is told that it is one. */
struct pks_nmi_kind {
	const char	*name;
	unsigned int	type;
	unsigned char	reason;
};

static const struct pks_nmi_kind pks_nmi_kinds[] = {
	{ "local", NMI_LOCAL, 0 },
	{ "unknown", NMI_UNKNOWN, 0 },
	{ "SERR", NMI_SERR, NMI_REASON_SERR },
	{ "I/O check", NMI_IO_CHECK, NMI_REASON_IOCHK },
};

static void pks_nmi_kind_name(const struct pks_nmi_kind *kind, char *desc)
{
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_nmi_kind, pks_nmi_kinds, pks_nmi_kind_name);

static const struct pks_nmi_kind *pks_nmi_watched;
static unsigned char (*pks_nmi_reason_was)(void);

static unsigned char pks_nmi_reason(void)
{
	return atomic_read(&pks_nmi_wanted) ? pks_nmi_watched->reason : pks_nmi_reason_was();
}

/* It is read-only where the kernel has it. */
static void pks_nmi_reason_set(struct kunit *test, unsigned char (*reason)(void))
{
	void *at = &x86_platform.get_nmi_reason;
	struct page *page = pfn_to_page(PHYS_PFN(__pa_symbol(at)));
	void *map = vmap(&page, 1, VM_MAP, PAGE_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	WRITE_ONCE(*(void **)(map + offset_in_page(at)), reason);
	vunmap(map);
}

/* From now on those of a kind come to the handler, which is registered after pks. */
static void pks_nmi_watch(struct kunit *test, const struct pks_nmi_kind *kind)
{
	KUNIT_ASSERT_EQ(test, 0, register_nmi_handler(kind->type, pks_nmi_handler, 0,
						      "pks_kunit"));
	pks_nmi_watched = kind;
	if (kind->reason)
		pks_nmi_reason_set(test, pks_nmi_reason);
}

static int pks_nmi_init(struct kunit *test)
{
	int err = pks_fixture_init(test);

	if (err)
		return err;
	pks_nmi_seen = (struct pks_nmi_seen){ };
	pks_nmi_watched = NULL;
	pks_nmi_reason_was = x86_platform.get_nmi_reason;
	pks_isolation_needed(test);
	if (strstr(pks_line_with(test, pks_file_read(test, "status"), "not isolated:"), "NMIs"))
		kunit_skip(test, "NMIs are not isolated");
	/* 6.1 warns when a message of an NMI meets a user of this tracepoint. */
	pks_console_unwatch();
	pks_nmi_seen.watched = true;
	return 0;
}

static void pks_nmi_exit(struct kunit *test)
{
	if (x86_platform.get_nmi_reason != pks_nmi_reason_was)
		pks_nmi_reason_set(test, pks_nmi_reason_was);
	if (pks_nmi_watched)
		unregister_nmi_handler(pks_nmi_watched->type, "pks_kunit");
	if (pks_nmi_seen.watched)
		pks_console_watch();
	pks_fixture_exit(test);
}

static void pks_nmi_expect_isolated(struct kunit *test, unsigned int count)
{
	KUNIT_EXPECT_EQ(test, pks_nmi_seen.count, count);
	KUNIT_EXPECT_EQ(test, pks_nmi_seen.not_default, 0);
	KUNIT_EXPECT_EQ(test, pks_nmi_seen.not_stopped, 0);
	KUNIT_EXPECT_EQ(test, pks_nmi_seen.opened, 0);
}

static void pks_nmi_in_a_scope(struct kunit *test)
{
	u32 open;
	int former;

	pks_nmi_watch(test, test->param_value);
	pks_nmi_seen.pkey = pks_test_key(test, 0);
	pks_nmi_seen.page = pks_test_page(test, pks_nmi_seen.pkey);

	preempt_disable();
	former = pks_enter(pks_nmi_seen.pkey, PKS_READWRITE);
	open = pks_current_pkrs();
	pks_nmi_send(smp_processor_id(), PKS_NMI_ROUNDS);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), open);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), open);
	pks_leave(pks_nmi_seen.pkey, former);
	preempt_enable();

	pks_nmi_expect_isolated(test, PKS_NMI_ROUNDS);
}

/* Opens and closes its key, and expects its rights at every step. */
static int pks_nmi_toggle(void *data)
{
	unsigned int *errors = data;
	int pkey = pks_nmi_seen.pkey, former;

	while (!kthread_should_stop()) {
		former = pks_enter(pkey, PKS_READWRITE);
		if (pks_try_write(pks_nmi_seen.page, 1))
			(*errors)++;
		pks_leave(pkey, former);
		if (pks_test_rdmsr() != PKS_TEST_CLOSED)
			(*errors)++;
		cond_resched();
	}
	return 0;
}

/* NMIs that come at any step of an update. */
static void pks_nmi_in_updates(struct kunit *test)
{
	unsigned int cpu = cpumask_last(cpu_online_mask), errors = 0;
	struct task_struct *toggler;

	if (num_online_cpus() < 2)
		kunit_skip(test, "only one CPU is online");
	pks_nmi_watch(test, &pks_nmi_kinds[0]);
	pks_nmi_seen.pkey = pks_test_key(test, 0);
	pks_nmi_seen.page = pks_test_page(test, pks_nmi_seen.pkey);

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	toggler = kthread_create(pks_nmi_toggle, &errors, "pks-nmi");
	KUNIT_ASSERT_FALSE(test, IS_ERR(toggler));
	kthread_bind(toggler, cpu);
	wake_up_process(toggler);
	pks_nmi_send(cpu, 10 * PKS_NMI_ROUNDS);
	kthread_stop(toggler);
	set_cpus_allowed_ptr(current, cpu_possible_mask);

	KUNIT_EXPECT_EQ(test, errors, 0);
	pks_nmi_expect_isolated(test, 10 * PKS_NMI_ROUNDS);
}

static struct kunit_case pks_nmi_cases[] = {
	KUNIT_CASE_PARAM(pks_nmi_in_a_scope, pks_nmi_kind_gen_params),
	KUNIT_CASE(pks_nmi_in_updates),
	{}
};

struct kunit_suite pks_nmi_suite = {
	.name		= "pks_nmi",
	.init		= pks_nmi_init,
	.exit		= pks_nmi_exit,
	.test_cases	= pks_nmi_cases,
};
