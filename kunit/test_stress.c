// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: threads that toggle their rights, on all CPUs, while keys
 * are reset, interrupts open keys, threads are moved and a CPU comes and goes.
 * What must never be seen is counted, and has to be zero in the end.
 */
#include "pks_test.h"
#include "../pks_compat.h"
#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/smp.h>

/* On 6.1 this is what it is: KUnit runs there before parameters are read. */
static unsigned int stress_toggles = 1000000;
module_param(stress_toggles, uint, 0444);
MODULE_PARM_DESC(stress_toggles,
		 "How often rights are taken and given back in pks_stress (default: 1000000)");

#define PKS_STRESS_TOGGLERS	5
#define PKS_STRESS_BATCH	256
#define PKS_STRESS_SECONDS	240
#define PKS_STRESS_PERIOD	ns_to_ktime(2 * NSEC_PER_MSEC)

enum pks_stress_count {
	PKS_STRESS_TOGGLES,
	PKS_STRESS_FAULTS,
	PKS_STRESS_RESETS,
	PKS_STRESS_OWNERS,
	PKS_STRESS_HARDIRQS,
	PKS_STRESS_SOFTIRQS,
	PKS_STRESS_MOVES,
	PKS_STRESS_HOTPLUGS,
	PKS_STRESS_PONGS,
	PKS_STRESS_SWITCHES,
	/* From here on: never. */
	PKS_STRESS_NEVER,
	PKS_STRESS_LAGS = PKS_STRESS_NEVER,
	PKS_STRESS_LOST,
	PKS_STRESS_KEPT,
	PKS_STRESS_FOREIGN,
	PKS_STRESS_STOPPED,
	PKS_STRESS_PASSED,
	PKS_STRESS_SURVIVED,
	PKS_STRESS_REFUSED,
	PKS_STRESS_COUNTS,
};

static const char *const pks_stress_names[] = {
	[PKS_STRESS_TOGGLES]	= "toggles",
	[PKS_STRESS_FAULTS]	= "faults on closed pages",
	[PKS_STRESS_RESETS]	= "resets",
	[PKS_STRESS_OWNERS]	= "keys handed on",
	[PKS_STRESS_HARDIRQS]	= "hard interrupts",
	[PKS_STRESS_SOFTIRQS]	= "softirqs",
	[PKS_STRESS_MOVES]	= "migrations",
	[PKS_STRESS_HOTPLUGS]	= "CPUs unplugged",
	[PKS_STRESS_PONGS]	= "ping-pongs",
	[PKS_STRESS_SWITCHES]	= "switches of irq_isolation",
	[PKS_STRESS_LAGS]	= "MSR and word differ",
	[PKS_STRESS_LOST]	= "right lost",
	[PKS_STRESS_KEPT]	= "right not given back",
	[PKS_STRESS_FOREIGN]	= "another's right",
	[PKS_STRESS_STOPPED]	= "open page not reached",
	[PKS_STRESS_PASSED]	= "closed page reached",
	[PKS_STRESS_SURVIVED]	= "right survived a reset",
	[PKS_STRESS_REFUSED]	= "right refused",
};

static_assert(ARRAY_SIZE(pks_stress_names) == PKS_STRESS_COUNTS);

static struct {
	atomic_t	counts[PKS_STRESS_COUNTS];
	atomic_t	left;		/* toggles to be begun */
	int		common;		/* the key that all use */
	atomic_t	begun;		/* resets of it */
	atomic_t	over;
	int		wheel;		/* one whose default goes round */
	int		hard;		/* of interrupt handlers */
	int		soft;
	bool		stop;
} pks_stress;

struct pks_stress_timers {
	struct hrtimer	hard;
	struct hrtimer	soft;
};

static DEFINE_PER_CPU(struct pks_stress_timers, pks_stress_timers);

static void pks_stress_add(enum pks_stress_count what, int n)
{
	if (n)
		atomic_add(n, &pks_stress.counts[what]);
}

static u32 pks_stress_of(u32 pkrs, int pkey)
{
	return (pkrs >> 2 * pkey) & 3;
}

/*
 * The running context should have @access to @pkey, and to no other key more
 * than nothing. Not looked at: the keys that are being reset.
 */
static void pks_stress_check(int pkey, enum pks_access access)
{
	u32 moving = 3U << 2 * pks_stress.wheel | 3U << 2 * pks_stress.common;
	unsigned long flags;
	u32 word, msr;

	local_irq_save(flags);
	word = pks_current_pkrs();
	msr = pks_test_rdmsr();
	local_irq_restore(flags);

	pks_stress_add(PKS_STRESS_LAGS, word != msr);
	pks_stress_add(access == PKS_NOACCESS ? PKS_STRESS_KEPT : PKS_STRESS_LOST,
		       pks_stress_of(msr, pkey) != access);
	moving |= 3U << 2 * pkey;
	pks_stress_add(PKS_STRESS_FOREIGN, (msr ^ PKS_TEST_CLOSED) & ~moving);
}

static void pks_stress_fault(struct pks_part *part)
{
	u64 val;

	pks_stress_add(PKS_STRESS_PASSED, !pks_try_read(part->page, &val));
	pks_stress_add(PKS_STRESS_FAULTS, 1);
}

/*
 * A right to the key that is reset all the time, had when @begun resets had begun, is
 * gone once one more is over.
 */
static void pks_stress_check_common(int begun)
{
	unsigned long flags;
	bool open, over;

	local_irq_save(flags);
	over = begun < atomic_read_acquire(&pks_stress.over);
	open = pks_stress_of(pks_test_rdmsr(), pks_stress.common) != PKS_NOACCESS;
	local_irq_restore(flags);
	pks_stress_add(PKS_STRESS_SURVIVED, open && over);
}

/* Where it is not known that a thread can wait, it is kept out of a reset. */
static bool pks_stress_kept_out(int former)
{
	return former == -EAGAIN && !IS_ENABLED(CONFIG_PREEMPT_COUNT);
}

/* Its own key inside of the common one; the default of neither changes. */
static void pks_stress_toggle(struct pks_part *part)
{
	int common = pks_enter(pks_stress.common, PKS_READWRITE);
	int begun = atomic_read_acquire(&pks_stress.begun);
	int former = pks_enter(part->pkey, PKS_READWRITE);

	pks_stress_add(PKS_STRESS_REFUSED, former < 0 ||
		       (common < 0 && !pks_stress_kept_out(common)));
	pks_stress_check(part->pkey, PKS_READWRITE);
	pks_stress_add(PKS_STRESS_STOPPED, !!pks_try_write(part->page, former));
	pks_leave(part->pkey, former);
	pks_stress_check(part->pkey, PKS_NOACCESS);
	pks_stress_check_common(begun);
	pks_leave(pks_stress.common, common);
	pks_stress_check(pks_stress.common, PKS_NOACCESS);
}

static void pks_stress_toggler(void *data)
{
	struct pks_part *part = data;
	int i;

	while (!READ_ONCE(pks_stress.stop) &&
	       atomic_sub_return(PKS_STRESS_BATCH, &pks_stress.left) >
	       -PKS_STRESS_BATCH) {
		for (i = 0; i < PKS_STRESS_BATCH; i += 2) {
			pks_stress_toggle(part);
			if (!(i % 64))
				pks_stress_fault(part);
		}
		pks_stress_add(PKS_STRESS_TOGGLES, PKS_STRESS_BATCH);
		cond_resched();
	}
}

/* A reset interrupts all CPUs. */
static void pks_stress_storm(void *unused)
{
	static const enum pks_access wheel[] = {
		PKS_READONLY, PKS_READWRITE, PKS_NOACCESS
	};
	unsigned int i;

	set_user_nice(current, MIN_NICE);
	for (i = 0; !READ_ONCE(pks_stress.stop); i++) {
		atomic_inc_return(&pks_stress.begun);
		pks_key_set_default(pks_stress.common, PKS_NOACCESS);
		atomic_inc_return_release(&pks_stress.over);
		pks_key_set_default(pks_stress.wheel, wheel[i % 3]);
		pks_stress_add(PKS_STRESS_RESETS, 2);
		cond_resched();
	}
}

/* The lowest key that is free is the one just freed. */
static void pks_stress_owners(void *data)
{
	struct pks_part *part = data;
	int pkey;

	while (!READ_ONCE(pks_stress.stop)) {
		pkey = pks_key_alloc("stress", 0);
		pks_stress_add(PKS_STRESS_REFUSED, pkey < 0);
		if (pkey < 0)
			return;
		part->pkey = pkey;
		pks_stress_check(pkey, PKS_NOACCESS);
		pks_mk_readwrite(pkey);
		pks_key_free(pkey);
		pks_stress_check(pkey, PKS_NOACCESS);
		pks_stress_add(PKS_STRESS_OWNERS, 1);
		usleep_range(1000, 2000);
	}
}

/* One interrupt or softirq may serve several timers: each closes its key. */
static enum hrtimer_restart pks_stress_interrupt(struct hrtimer *timer, int pkey,
						 enum pks_stress_count what)
{
	int former;

	pks_stress_check(pkey, PKS_NOACCESS);
	former = pks_enter(pkey, PKS_READONLY);
	pks_stress_add(PKS_STRESS_REFUSED, former < 0);
	pks_stress_check(pkey, PKS_READONLY);
	pks_leave(pkey, former);
	pks_stress_check(pkey, PKS_NOACCESS);
	pks_stress_add(what, 1);
	hrtimer_forward_now(timer, PKS_STRESS_PERIOD);
	return READ_ONCE(pks_stress.stop) ? HRTIMER_NORESTART : HRTIMER_RESTART;
}

static enum hrtimer_restart pks_stress_hard(struct hrtimer *timer)
{
	return pks_stress_interrupt(timer, pks_stress.hard, PKS_STRESS_HARDIRQS);
}

static enum hrtimer_restart pks_stress_soft(struct hrtimer *timer)
{
	return pks_stress_interrupt(timer, pks_stress.soft, PKS_STRESS_SOFTIRQS);
}

static void pks_stress_start_timers(void *unused)
{
	struct pks_stress_timers *timers = this_cpu_ptr(&pks_stress_timers);

	hrtimer_start(&timers->hard, PKS_STRESS_PERIOD, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&timers->soft, PKS_STRESS_PERIOD, HRTIMER_MODE_REL_SOFT);
}

static void pks_stress_cancel_timers(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		hrtimer_cancel(&per_cpu(pks_stress_timers, cpu).hard);
		hrtimer_cancel(&per_cpu(pks_stress_timers, cpu).soft);
	}
}

static void pks_stress_setup_timers(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		hrtimer_setup(&per_cpu(pks_stress_timers, cpu).hard, pks_stress_hard,
			      CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
		hrtimer_setup(&per_cpu(pks_stress_timers, cpu).soft, pks_stress_soft,
			      CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	}
}

/* The last CPU goes and comes. */
static void pks_stress_hotplug(void *unused)
{
	while (!READ_ONCE(pks_stress.stop)) {
		unsigned int cpu = pks_test_cpu(NULL);

		if (!cpu || remove_cpu(cpu))
			return;
		msleep(20);
		add_cpu(cpu);
		pks_stress_add(PKS_STRESS_HOTPLUGS, 1);
		/* Resets wait for it: let some through. */
		msleep(400);
	}
}

static void pks_stress_move(struct pks_actor *actor)
{
	unsigned int cpu = get_random_u32() % nr_cpu_ids;
	struct task_struct *task = pks_actor_task(actor);

	/* The scheduler does not like threads to be moved to a CPU that goes. */
	cpus_read_lock();
	if (cpu_online(cpu) && !set_cpus_allowed_ptr(task, cpumask_of(cpu)))
		pks_stress_add(PKS_STRESS_MOVES, 1);
	set_cpus_allowed_ptr(task, cpu_possible_mask);
	cpus_read_unlock();
}

static void pks_stress_mover(void *data)
{
	struct pks_actor **togglers = data;
	int i;

	while (!READ_ONCE(pks_stress.stop)) {
		for (i = 0; i < PKS_STRESS_TOGGLERS; i++)
			pks_stress_move(togglers[i]);
		usleep_range(1000, 3000);
	}
}

struct pks_stress_pong {
	struct pks_part		part;
	struct completion	turn;
	struct pks_stress_pong	*other;
};

/* With its key open all the time, and the CPU handed to and fro. */
static void pks_stress_ping_pong(void *data)
{
	struct pks_stress_pong *pong = data;

	pks_part_open(&pong->part);
	while (!READ_ONCE(pks_stress.stop)) {
		wait_for_completion_timeout(&pong->turn, HZ / 10);
		pks_stress_check(pong->part.pkey, pong->part.access);
		pks_stress_fault(&pong->other->part);
		pks_stress_add(PKS_STRESS_PONGS, 1);
		complete(&pong->other->turn);
	}
	pks_part_close(&pong->part);
}

static void pks_stress_switcher(void *test)
{
	int on = 0;

	while (!READ_ONCE(pks_stress.stop) || on) {
		if (pks_isolation_set(test, on))
			return;
		pks_stress_add(PKS_STRESS_SWITCHES, 1);
		on = !on;
	}
}

static void pks_stress_wait(struct kunit *test, unsigned int toggles)
{
	ktime_t start = ktime_get();
	unsigned int i;
	s64 ms;

	do {
		msleep(100);
		ms = ktime_ms_delta(ktime_get(), start);
	} while (atomic_read(&pks_stress.counts[PKS_STRESS_TOGGLES]) < toggles &&
		 ms < PKS_STRESS_SECONDS * MSEC_PER_SEC);
	WRITE_ONCE(pks_stress.stop, true);

	kunit_info(test, "%lld.%03lld s", ms / 1000, ms % 1000);
	for (i = 0; i < PKS_STRESS_NEVER; i++)
		kunit_info(test, "%7d %s", atomic_read(&pks_stress.counts[i]),
			   pks_stress_names[i]);
}

static void pks_stress_expect(struct kunit *test, unsigned int toggles)
{
	unsigned int i;

	KUNIT_EXPECT_GE(test, atomic_read(&pks_stress.counts[PKS_STRESS_TOGGLES]),
			toggles);
	for (i = PKS_STRESS_NEVER; i < PKS_STRESS_COUNTS; i++)
		KUNIT_EXPECT_EQ_MSG(test, atomic_read(&pks_stress.counts[i]), 0,
				    "%s", pks_stress_names[i]);
}

/* A single CPU has the threads, the interrupts and the resets to share. */
static unsigned int pks_stress_toggles(void)
{
	return num_possible_cpus() > 1 ? stress_toggles : stress_toggles / 20;
}

static void pks_stress_init(struct kunit *test, unsigned int toggles)
{
	memset(&pks_stress, 0, sizeof(pks_stress));
	atomic_set(&pks_stress.left, toggles);
	pks_stress.common = pks_test_key(test, 0);
	pks_stress.wheel = pks_test_key(test, 0);
	pks_stress.hard = pks_test_key(test, 0);
	pks_stress.soft = pks_test_key(test, 0);
}

/* What goes on in both cases. */
static void pks_stress_begin(struct kunit *test, struct pks_actor **togglers,
			     struct pks_part *parts)
{
	struct pks_part *owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, owner);
	for (i = 0; i < PKS_STRESS_TOGGLERS; i++) {
		parts[i] = pks_test_part(test, PKS_READWRITE);
		togglers[i] = pks_actor(test, "pks-toggler", -1);
		pks_actor_begin(togglers[i], pks_stress_toggler, &parts[i]);
	}
	pks_actor_begin(pks_actor(test, "pks-storm", -1), pks_stress_storm, NULL);
	pks_actor_begin(pks_actor(test, "pks-owners", -1), pks_stress_owners,
			owner);
	pks_actor_begin(pks_actor(test, "pks-mover", -1), pks_stress_mover,
			togglers);
	pks_actor_begin(pks_actor(test, "pks-hotplug", -1), pks_stress_hotplug,
			NULL);
}

static void pks_stress_begin_ping_pong(struct kunit *test,
				       struct pks_stress_pong *pongs)
{
	int i;

	for (i = 0; i < 2; i++) {
		pongs[i].part = pks_test_part(test, i ? PKS_READONLY :
						PKS_READWRITE);
		init_completion(&pongs[i].turn);
		pongs[i].other = &pongs[!i];
	}
	complete(&pongs[0].turn);
	for (i = 0; i < 2; i++)
		pks_actor_begin(pks_actor(test, "pks-pong", 0),
				pks_stress_ping_pong, &pongs[i]);
}

/* With interrupts that open keys for themselves. */
static void pks_stress_all(struct kunit *test)
{
	struct pks_actor *togglers[PKS_STRESS_TOGGLERS];
	struct pks_part parts[PKS_STRESS_TOGGLERS];
	struct pks_stress_pong pongs[2];

	pks_isolation_needed(test);
	pks_stress_init(test, pks_stress_toggles());
	pks_stress_begin_ping_pong(test, pongs);
	pks_stress_begin(test, togglers, parts);
	pks_stress_setup_timers();
	on_each_cpu(pks_stress_start_timers, NULL, 1);

	pks_stress_wait(test, pks_stress_toggles());
	pks_actors_quit();
	pks_stress_cancel_timers();
	pks_stress_expect(test, pks_stress_toggles());
}

/* With irq_isolation going on and off. */
static void pks_stress_isolation(struct kunit *test)
{
	struct pks_actor *togglers[PKS_STRESS_TOGGLERS];
	struct pks_part parts[PKS_STRESS_TOGGLERS];

	pks_isolation_needed(test);
	pks_stress_init(test, pks_stress_toggles() / 4);
	pks_stress_begin(test, togglers, parts);
	pks_actor_begin(pks_actor(test, "pks-switcher", -1),
			pks_stress_switcher, test);

	pks_stress_wait(test, pks_stress_toggles() / 4);
	pks_actors_quit();
	pks_stress_expect(test, pks_stress_toggles() / 4);
	KUNIT_EXPECT_STREQ(test, pks_isolation(test), "on");
}

static struct kunit_case pks_stress_cases[] = {
	KUNIT_CASE(pks_stress_all),
	KUNIT_CASE(pks_stress_isolation),
	{}
};

struct kunit_suite pks_stress_suite = {
	.name		= "pks_stress",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_stress_cases,
};
