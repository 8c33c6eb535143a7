// SPDX-License-Identifier: GPL-2.0
/* PKRS and CR4.PKS changed by others: noticed, put right, counted. */
#include "pks_test.h"
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

struct pks_tamper_counts {
	unsigned int	pkrs;
	unsigned int	cr4;
};

static struct pks_tamper_counts pks_tamper_counts(struct kunit *test)
{
	struct pks_tamper_counts counts = { ~0, ~0 };
	const char *line = pks_line_with(test, pks_file_read(test, "status"),
					 "tampering:");

	if (line)
		sscanf(line, "tampering: PKRS %u, CR4.PKS %u", &counts.pkrs,
		       &counts.cr4);
	return counts;
}

static void pks_tamper_wrmsr(u32 pkrs)
{
	asm volatile("wrmsr" : : "a" (pkrs), "c" (0x6e1), "d" (0) : "memory");
}

static void pks_tamper_pkrs(void)
{
	pks_tamper_wrmsr(0);
}

static void pks_tamper_write_cr4(unsigned long cr4)
{
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

/* Not with the kernel's function: its shadow of CR4 goes stale. */
static void pks_tamper_cr4(void)
{
	unsigned long cr4, flags;

	local_irq_save(flags);
	asm volatile("mov %%cr4, %0" : "=r" (cr4));
	pks_tamper_write_cr4(cr4 & ~BIT(24));
	local_irq_restore(flags);
}

/* A thread with a record, which tampers, and sleeps. */
struct pks_tamper {
	struct pks_part	part;
	void		(*with)(void);
	u32		msr;
	bool		cr4;
	bool		reached;
};

static void pks_tamper_act(void *data)
{
	struct pks_tamper *tamper = data;
	u64 val;

	preempt_disable();
	pks_part_open(&tamper->part);
	pks_part_close(&tamper->part);
	tamper->with();
	tamper->msr = pks_test_rdmsr();
	tamper->cr4 = pks_test_cr4_pks();
	tamper->reached = !pks_try_read(tamper->part.page, &val);
	/* QEMU remembers what it let through until PKRS is written. */
	pks_tamper_wrmsr(pks_test_rdmsr());
	preempt_enable();
	msleep(20);
	pks_part_look(&tamper->part);
}

static struct pks_tamper pks_tamper_with(struct kunit *test, void (*with)(void))
{
	int pkey = pks_test_key(test, 0);

	return (struct pks_tamper){
		.part = {
			.pkey	= pkey,
			.access	= PKS_READWRITE,
			.page	= pks_test_page(test, pkey),
		},
		.with = with,
	};
}

static void pks_tamper_expect_right(struct kunit *test,
				    struct pks_tamper *tamper)
{
	unsigned int cpu;

	pks_expect_sight(test, &tamper->part.sight, tamper->part.pkey,
			 PKS_TEST_CLOSED, "who tampered");
	for_each_online_cpu(cpu) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		pks_part_look(&tamper->part);
		pks_expect_sight(test, &tamper->part.sight, tamper->part.pkey,
				 PKS_TEST_CLOSED, "whoever runs there");
		KUNIT_EXPECT_TRUE(test, pks_test_cr4_pks());
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* At the next context switch; the log has one line, however often. */
static void pks_tamper_pkrs_switch(struct kunit *test)
{
	struct pks_tamper tamper = pks_tamper_with(test, pks_tamper_pkrs);
	struct pks_tamper_counts before = pks_tamper_counts(test), after;
	struct pks_actor *actor = pks_actor(test, "pks-tamperer", -1);
	int i;

	for (i = 0; i < 3; i++) {
		pks_actor_do(test, actor, pks_tamper_act, &tamper);
		KUNIT_EXPECT_EQ(test, tamper.msr, 0);
		KUNIT_EXPECT_TRUE(test, tamper.reached);
		pks_tamper_expect_right(test, &tamper);
	}
	after = pks_tamper_counts(test);
	KUNIT_EXPECT_EQ(test, after.pkrs, before.pkrs + 3);
	KUNIT_EXPECT_EQ(test, after.cr4, before.cr4);
	if (!before.pkrs)
		KUNIT_EXPECT_TRUE(test, pks_console_wait("PKRS was changed"));
	KUNIT_EXPECT_EQ(test, pks_console_count("PKRS was changed"),
			!before.pkrs);
}

static void pks_tamper_cr4_switch(struct kunit *test)
{
	struct pks_tamper tamper = pks_tamper_with(test, pks_tamper_cr4);
	struct pks_tamper_counts before = pks_tamper_counts(test), after;
	struct pks_actor *actor = pks_actor(test, "pks-tamperer", -1);
	int i;

	for (i = 0; i < 3; i++) {
		pks_actor_do(test, actor, pks_tamper_act, &tamper);
		KUNIT_EXPECT_FALSE(test, tamper.cr4);
		KUNIT_EXPECT_TRUE(test, tamper.reached);
		pks_tamper_expect_right(test, &tamper);
	}
	after = pks_tamper_counts(test);
	KUNIT_EXPECT_EQ(test, after.cr4, before.cr4 + 3);
	KUNIT_EXPECT_EQ(test, after.pkrs, before.pkrs);
	if (!before.cr4)
		KUNIT_EXPECT_TRUE(test, pks_console_wait("CR4.PKS was cleared"));
	KUNIT_EXPECT_EQ(test, pks_console_count("CR4.PKS was cleared"),
			!before.cr4);
}

static void pks_tamper_spin_act(void *data)
{
	struct pks_tamper *tamper = data;

	preempt_disable();
	tamper->with();
	WRITE_ONCE(tamper->part.ready, true);
	pks_spin_until(&tamper->part.stop);
	pks_part_look(&tamper->part);
	preempt_enable();
}

/* Without a context switch, and without a record: reading cpus finds it. */
static void pks_tamper_seen_by_cpus(struct kunit *test, void (*with)(void),
				    const char *mark)
{
	struct pks_tamper tamper = pks_tamper_with(test, with);
	struct pks_actor *actor = pks_actor(test, "pks-tamperer",
					    pks_other_cpu(test));

	pks_actor_begin(actor, pks_tamper_spin_act, &tamper);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&tamper.part.ready));
	KUNIT_EXPECT_NOT_NULL(test, strstr(pks_file_read(test, "cpus"), mark));
	KUNIT_EXPECT_NULL(test, strstr(pks_file_read(test, "cpus"), mark));
	WRITE_ONCE(tamper.part.stop, true);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(actor));
	pks_tamper_expect_right(test, &tamper);
}

static void pks_tamper_pkrs_cpus(struct kunit *test)
{
	struct pks_tamper_counts before = pks_tamper_counts(test);

	pks_tamper_seen_by_cpus(test, pks_tamper_pkrs, "0x00000000!");
	KUNIT_EXPECT_EQ(test, pks_tamper_counts(test).pkrs, before.pkrs + 1);
}

static void pks_tamper_cr4_cpus(struct kunit *test)
{
	struct pks_tamper_counts before = pks_tamper_counts(test);

	pks_tamper_seen_by_cpus(test, pks_tamper_cr4, "  OFF");
	KUNIT_EXPECT_EQ(test, pks_tamper_counts(test).cr4, before.cr4 + 1);
}

/* A thread without a record tampers and goes; one with a record comes. */
static void pks_tamper_pkrs_by_stranger(struct kunit *test)
{
	struct pks_tamper tamper = pks_tamper_with(test, pks_tamper_pkrs);
	int cpu = pks_other_cpu(test);
	struct pks_actor *stranger = pks_actor(test, "pks-stranger", cpu);
	struct pks_actor *known = pks_actor(test, "pks-known", cpu);
	struct pks_part part = tamper.part;

	pks_actor_do(test, known, pks_part_open, &part);
	pks_actor_do(test, known, pks_part_close, &part);
	tamper.part.stop = true;
	pks_actor_do(test, stranger, pks_tamper_spin_act, &tamper);
	pks_actor_do(test, known, pks_part_look, &part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED,
			 "a thread with a record, afterwards");
	pks_file_read(test, "cpus");
}

/* Both accesses of @part, with @msr behind its back; interrupts would put it right. */
static void pks_tamper_access(struct pks_part *part, u32 msr)
{
	unsigned long flags;
	u64 val;

	local_irq_save(flags);
	pks_tamper_wrmsr(msr);
	part->sight.read = pks_try_read(part->page, &val);
	part->sight.word = pks_current_pkrs();
	part->sight.msr = pks_test_rdmsr();
	pks_tamper_wrmsr(msr);
	part->sight.write = pks_try_write(part->page, 42);
	local_irq_restore(flags);
}

/* Who may do what PKRS keeps him from gets PKRS put right, and no violation. */
static void pks_tamper_pkrs_in_a_scope(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_tamper_counts before = pks_tamper_counts(test);

	pks_status_needed(test, "fault hook:");
	pks_part_open(&part);
	pks_tamper_access(&part, PKS_TEST_CLOSED);
	KUNIT_EXPECT_TRUE(test, pks_part_holds(&part));
	pks_part_close(&part);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READWRITE), "in the scope");
	KUNIT_EXPECT_EQ(test, pks_tamper_counts(test).pkrs, before.pkrs + 2);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, part.pkey).reads, 0);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, part.pkey).writes, 0);
}

/* Who may not is stopped as ever, and what else had been opened is closed. */
static void pks_tamper_pkrs_before_a_violation(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_NOACCESS);
	struct pks_part other = pks_test_part(test, PKS_NOACCESS);
	struct pks_tamper_counts before = pks_tamper_counts(test);

	pks_status_needed(test, "fault hook:");
	pks_tamper_access(&part, pks_test_pkrs(other.pkey, PKS_READWRITE));
	pks_part_look(&other);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "the violator");
	pks_expect_sight(test, &other.sight, other.pkey, PKS_TEST_CLOSED, "afterwards");
	KUNIT_EXPECT_EQ(test, pks_tamper_counts(test).pkrs, before.pkrs + 2);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, part.pkey).stopped, 2);
}

/*
 * Others change CR4 by the kernel's own function, which works from a shadow: that
 * has PKS in it, also after a repair.
 */
static void pks_tamper_cr4_by_others(struct kunit *test)
{
#ifdef PKS_CR4_EXPORTED_TO_KVM_ONLY
	kunit_skip(test, "cr4_update_irqsoff() is exported to KVM alone");
#else
	struct pks_tamper tamper = pks_tamper_with(test, pks_tamper_cr4);
	struct pks_actor *actor = pks_actor(test, "pks-tamperer", -1);
	unsigned long flags;
	unsigned int cpu, lost = 0;
	int i;

	pks_actor_do(test, actor, pks_tamper_act, &tamper);
	for_each_online_cpu(cpu) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		for (i = 0; i < 100; i++) {
			local_irq_save(flags);
			cr4_set_bits_irqsoff(X86_CR4_TSD);
			lost += !pks_test_cr4_pks();
			cr4_clear_bits_irqsoff(X86_CR4_TSD);
			lost += !pks_test_cr4_pks();
			local_irq_restore(flags);
		}
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, lost, 0);
#endif
}

/* With the instruction that writes the MSR in it, and in no other of the kernel's. */
static noinline void pks_tamper_leave(int pkey, int former)
{
	pks_leave(pkey, former);
}

/* As if the WRMSR had been jumped to: there is no update, and it opens everything. */
static int pks_tamper_forge(struct kprobe *kp, struct pt_regs *regs)
{
	this_cpu_write(pks_pkrs, PKS_TEST_CLOSED);
	regs->ax = 0;
	return 0;
}

static void pks_tamper_forged_value(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct kprobe kp = {
		.addr = pks_find_wrmsr(pks_tamper_leave),
		.pre_handler = pks_tamper_forge,
	};
	int i;

	KUNIT_ASSERT_NOT_NULL(test, kp.addr);
	if (register_kprobe(&kp))
		kunit_skip(test, "there are no kprobes");
	for (i = 0; i < 3; i++) {
		pks_part_open(&part);
		pks_tamper_leave(part.pkey, part.former);
		pks_part_look(&part);
		pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED,
				 "after a forged value");
	}
	unregister_kprobe(&kp);
}

static struct kunit_case pks_tamper_cases[] = {
	KUNIT_CASE(pks_tamper_forged_value),
	KUNIT_CASE(pks_tamper_pkrs_switch),
	KUNIT_CASE(pks_tamper_cr4_switch),
	KUNIT_CASE(pks_tamper_pkrs_cpus),
	KUNIT_CASE(pks_tamper_cr4_cpus),
	KUNIT_CASE(pks_tamper_pkrs_by_stranger),
	KUNIT_CASE(pks_tamper_pkrs_in_a_scope),
	KUNIT_CASE(pks_tamper_pkrs_before_a_violation),
	KUNIT_CASE(pks_tamper_cr4_by_others),
	{}
};

struct kunit_suite pks_tamper_suite = {
	.name		= "pks_tamper",
	.init		= pks_debugfs_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_tamper_cases,
};
