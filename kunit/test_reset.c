// SPDX-License-Identifier: GPL-2.0
/*
 * A key that is freed, or whose default changes: nobody keeps what he had, where
 * ever he is, and the next owner gets it closed.
 */
#include "pks_test.h"
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/smp.h>

static struct pks_part pks_reset_part(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);

	return (struct pks_part){
		.pkey	= pkey,
		.access	= PKS_READWRITE,
		.page	= pks_test_page(test, pkey),
	};
}

static void pks_reset_expect(struct kunit *test, const struct pks_part *part,
			     enum pks_access access, const char *who)
{
	pks_expect_sight(test, &part->sight, part->pkey,
			 pks_test_pkrs(part->pkey, access), who);
}

/* The same key again, for someone else. */
static void pks_reset_hand_on(struct kunit *test, const struct pks_part *part)
{
	KUNIT_ASSERT_EQ(test, pks_test_key(test, 0), part->pkey);
}

static void pks_reset_running_here(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test);

	pks_part_open(&part);
	pks_test_key_free(test, part.pkey);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "who freed it");
	pks_reset_hand_on(test, &part);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "who got it again");
}

/* A thread that never lets go of its CPU. */
static void pks_reset_running_there(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test), again;
	struct pks_actor *actor = pks_actor(test, "pks-spinner",
					    pks_other_cpu(test));

	pks_actor_begin(actor, pks_part_spin, &part);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&part.ready));
	pks_test_key_free(test, part.pkey);
	WRITE_ONCE(part.stop, true);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(actor));
	pks_reset_expect(test, &part, PKS_NOACCESS, "the spinner");

	pks_reset_hand_on(test, &part);
	again = part;
	pks_actor_do(test, actor, pks_part_look, &again);
	pks_reset_expect(test, &again, PKS_NOACCESS, "the old holder");
}

/* Meanwhile nobody, the key's next owner or the old one: all find it closed. */
static void pks_reset_sleeping(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test);
	struct pks_actor *awake = pks_actor(test, "pks-sleeper-1", -1);
	struct pks_actor *asleep = pks_actor(test, "pks-sleeper-2", -1);

	pks_actor_do(test, awake, pks_part_open, &part);
	pks_actor_do(test, asleep, pks_part_open, &part);
	pks_test_key_free(test, part.pkey);
	pks_actor_do(test, awake, pks_part_look, &part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "woken after the free");

	pks_reset_hand_on(test, &part);
	pks_mk_readwrite(part.pkey);
	pks_actor_do(test, awake, pks_part_look, &part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "woken twice");
	pks_actor_do(test, asleep, pks_part_look, &part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "woken after a new owner");
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_READWRITE, "the new owner");
}

/* It slept through many resets, of this key and of others. */
static void pks_reset_sleeping_long(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test);
	struct pks_part kept = pks_reset_part(test);
	struct pks_actor *actor = pks_actor(test, "pks-sleeper", -1);
	int other = pks_test_key(test, 0), i;

	pks_actor_do(test, actor, pks_part_open, &part);
	pks_actor_do(test, actor, pks_part_open, &kept);
	for (i = 0; i < 20; i++)
		pks_key_set_default(other, i & 1 ? PKS_NOACCESS : PKS_READONLY);
	pks_test_key_free(test, part.pkey);
	for (i = 0; i < 20; i++)
		pks_key_set_default(other, i & 1 ? PKS_NOACCESS : PKS_READONLY);
	pks_actor_do(test, actor, pks_part_look, &kept);
	pks_reset_expect(test, &kept, PKS_READWRITE, "who slept long");
}

/*
 * A CPU that can't answer: free must wait for it, and the right is gone when it
 * has answered.
 */
struct pks_reset_deaf {
	struct pks_part		part;
	struct irq_work		work;
	struct pks_sight	inside;
	bool			freeing;
	bool			over;
};

static void pks_reset_be_deaf(struct pks_reset_deaf *deaf)
{
	WRITE_ONCE(deaf->part.ready, true);
	pks_spin_until(&deaf->freeing);
	mdelay(30);
	pks_look(&deaf->inside, deaf->part.page);
	WRITE_ONCE(deaf->over, true);
}

static void pks_reset_irqs_off_act(void *data)
{
	struct pks_reset_deaf *deaf = data;

	pks_part_open(&deaf->part);
	local_irq_disable();
	pks_reset_be_deaf(deaf);
	local_irq_enable();
	pks_part_look(&deaf->part);
}

static void pks_reset_long_handler(struct irq_work *work)
{
	pks_reset_be_deaf(container_of(work, struct pks_reset_deaf, work));
}

static void pks_reset_interrupted_act(void *data)
{
	struct pks_reset_deaf *deaf = data;

	pks_part_open(&deaf->part);
	irq_work_queue(&deaf->work);
	pks_spin_until(&deaf->over);
	pks_part_look(&deaf->part);
}

static void pks_reset_free_when_deaf(struct kunit *test, void (*act)(void *),
				     enum pks_access inside)
{
	struct pks_reset_deaf deaf = {
		.part = pks_reset_part(test),
		.work = IRQ_WORK_INIT_HARD(pks_reset_long_handler),
	};
	struct pks_actor *actor = pks_actor(test, "pks-deaf",
					    pks_other_cpu(test));

	pks_actor_begin(actor, act, &deaf);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&deaf.part.ready));
	WRITE_ONCE(deaf.freeing, true);
	pks_test_key_free(test, deaf.part.pkey);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(deaf.over));
	pks_reset_hand_on(test, &deaf.part);

	KUNIT_ASSERT_TRUE(test, pks_actor_wait(actor));
	pks_expect_sight(test, &deaf.inside, deaf.part.pkey,
			 pks_test_pkrs(deaf.part.pkey, inside), "while deaf");
	pks_reset_expect(test, &deaf.part, PKS_NOACCESS, "thereafter");
}

static void pks_reset_irqs_off(struct kunit *test)
{
	pks_reset_free_when_deaf(test, pks_reset_irqs_off_act, PKS_READWRITE);
}

static void pks_reset_interrupted(struct kunit *test)
{
	pks_isolation_needed(test);
	pks_reset_free_when_deaf(test, pks_reset_interrupted_act, PKS_NOACCESS);
}

/* The end of a scope that began before the reset gives nothing back. */
static void pks_reset_leave(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test);
	int outer, inner;

	outer = pks_enter(part.pkey, PKS_READWRITE);
	inner = pks_enter(part.pkey, PKS_NOACCESS);
	pks_test_key_free(test, part.pkey);
	pks_leave(part.pkey, inner);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "who left a freed key");

	pks_reset_hand_on(test, &part);
	pks_leave(part.pkey, inner);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "who left another's key");
	pks_leave(part.pkey, outer);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_NOACCESS, "who left it for good");
}

/* Likewise for a default that changed inside of a scope. */
static void pks_reset_leave_default(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test);
	int former = pks_enter(part.pkey, PKS_READWRITE);
	int inner = pks_enter(part.pkey, PKS_NOACCESS);

	KUNIT_EXPECT_EQ(test, pks_key_set_default(part.pkey, PKS_READONLY), 0);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_READONLY, "inside");
	pks_leave(part.pkey, inner);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_READONLY, "half outside");
	pks_leave(part.pkey, former);
	pks_part_look(&part);
	pks_reset_expect(test, &part, PKS_READONLY, "outside");
}

struct pks_reset_pair {
	struct pks_part	*part;
	int		inner;
};

static void pks_reset_pair_enter(void *data)
{
	struct pks_reset_pair *pair = data;

	pks_part_open(pair->part);
	pair->inner = pks_enter(pair->part->pkey, PKS_NOACCESS);
}

static void pks_reset_pair_leave(void *data)
{
	struct pks_reset_pair *pair = data;

	pks_leave(pair->part->pkey, pair->inner);
	pks_part_look(pair->part);
	pks_part_close(pair->part);
}

/* The thread slept in its scope when the key went to another. */
static void pks_reset_leave_asleep(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test);
	struct pks_reset_pair pair = { .part = &part };
	struct pks_actor *actor = pks_actor(test, "pks-sleeper", -1);

	pks_actor_do(test, actor, pks_reset_pair_enter, &pair);
	pks_test_key_free(test, part.pkey);
	pks_reset_hand_on(test, &part);
	pks_actor_do(test, actor, pks_reset_pair_leave, &pair);
	pks_reset_expect(test, &part, PKS_NOACCESS, "who left in his sleep");
}

/* Those who are asked what they see of a key's default. */
struct pks_reset_crowd {
	struct pks_part		part;
	struct pks_actor	*recorded;	/* had rights once */
	struct pks_actor	*fresh;		/* never had */
	struct pks_actor	*spinner;
	struct pks_part		spins;
};

static void pks_reset_spin_act(void *data)
{
	struct pks_part *part = data;

	WRITE_ONCE(part->ready, true);
	pks_spin_until(&part->stop);
	pks_part_look(part);
}

static void pks_reset_spin_begin(struct kunit *test, struct pks_reset_crowd *c)
{
	c->spins = c->part;
	c->spins.ready = false;
	c->spins.stop = false;
	pks_actor_begin(c->spinner, pks_reset_spin_act, &c->spins);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&c->spins.ready));
}

static void pks_reset_expect_cpus(struct kunit *test, struct pks_part *part,
				  enum pks_access access)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, pks_part_look, part, 1);
		pks_reset_expect(test, part, access, "an interrupt");
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		pks_part_look(part);
		pks_reset_expect(test, part, access, "a thread on each CPU");
	}
	set_cpus_allowed_ptr(current, cpumask_of(0));
}

static void pks_reset_to(struct kunit *test, struct pks_reset_crowd *c,
			 enum pks_access access)
{
	struct pks_part *part = &c->part;
	struct pks_actor *born;

	pks_reset_spin_begin(test, c);
	KUNIT_EXPECT_EQ(test, pks_key_set_default(part->pkey, access), 0);
	WRITE_ONCE(c->spins.stop, true);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(c->spinner));
	pks_reset_expect(test, &c->spins, access, "running");

	pks_actor_do(test, c->recorded, pks_part_look, part);
	pks_reset_expect(test, part, access, "sleeping, with a record");
	pks_actor_do(test, c->fresh, pks_part_look, part);
	pks_reset_expect(test, part, access, "sleeping, without");
	born = pks_actor(test, "pks-new", -1);
	pks_actor_do(test, born, pks_part_look, part);
	pks_reset_expect(test, part, access, "new");
	pks_reset_expect_cpus(test, part, access);
}

static void pks_reset_default(struct kunit *test)
{
	static const enum pks_access walk[] = {
		PKS_NOACCESS, PKS_READONLY, PKS_READWRITE, PKS_NOACCESS,
		PKS_READWRITE, PKS_READONLY, PKS_NOACCESS
	};
	int cpu = pks_other_cpu(test), i;
	struct pks_reset_crowd crowd = {
		.part = pks_reset_part(test),
		.recorded = pks_actor(test, "pks-recorded", -1),
		.fresh = pks_actor(test, "pks-fresh", -1),
		.spinner = pks_actor(test, "pks-spinner", cpu),
	};

	pks_actor_do(test, crowd.recorded, pks_part_open, &crowd.part);
	for (i = 0; i < ARRAY_SIZE(walk); i++)
		pks_reset_to(test, &crowd, walk[i]);
}

/* Who holds more, or less, than the new default, loses that too. */
static void pks_reset_default_takes_all(struct kunit *test)
{
	struct pks_part part = pks_reset_part(test), spins = part;
	struct pks_actor *spinner = pks_actor(test, "pks-spinner",
					      pks_other_cpu(test));
	struct pks_actor *sleeper = pks_actor(test, "pks-sleeper", -1);
	struct pks_part less = part;

	less.access = PKS_NOACCESS;
	pks_actor_do(test, sleeper, pks_part_open, &less);
	pks_actor_begin(spinner, pks_part_spin, &spins);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&spins.ready));
	pks_part_open(&part);

	KUNIT_EXPECT_EQ(test, pks_key_set_default(part.pkey, PKS_READONLY), 0);
	WRITE_ONCE(spins.stop, true);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(spinner));
	pks_part_look(&part);
	pks_actor_do(test, sleeper, pks_part_look, &less);
	pks_reset_expect(test, &part, PKS_READONLY, "the caller");
	pks_reset_expect(test, &spins, PKS_READONLY, "running, with more");
	pks_reset_expect(test, &less, PKS_READONLY, "sleeping, with less");
}

static void pks_reset_open_all_act(void *unused)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++)
		pks_enter(pkey, pkey & 1 ? PKS_READWRITE : PKS_READONLY);
}

/* All keys are held; one after the other is reset, the rest stays. */
static void pks_reset_leaves_others_alone(struct kunit *test)
{
	struct pks_actor *sleeper = pks_actor(test, "pks-sleeper", -1);
	struct pks_part part;
	int pkey;
	u32 pkrs;

	part.page = pks_test_page(test, pks_test_key(test, 0));
	for (pkey = 2; pkey < PKS_NUM_KEYS; pkey++)
		pks_test_key(test, 0);
	pks_reset_open_all_act(NULL);
	pks_actor_do(test, sleeper, pks_reset_open_all_act, NULL);

	pkrs = pks_current_pkrs();
	KUNIT_EXPECT_EQ(test, pkrs, 0x22222220);
	for (pkey = PKS_NUM_KEYS - 1; pkey > 0; pkey--) {
		pkrs = (pkrs & ~(3U << 2 * pkey)) | PKS_NOACCESS << 2 * pkey;
		pks_test_key_free(test, pkey);
		pks_part_look(&part);
		pks_expect_sight(test, &part.sight, 1, pkrs, "running");
		pks_actor_do(test, sleeper, pks_part_look, &part);
		pks_expect_sight(test, &part.sight, 1, pkrs, "sleeping");
	}
}

/* Of who is in a scope, and has been reached by a reset that is not over. */
struct pks_reset_late {
	struct pks_part	key;
	struct pks_part	other;
	struct pks_part	deaf;
};

static void pks_reset_leave_during(void *data)
{
	struct pks_reset_late *late = data;
	unsigned long end = jiffies + PKS_TEST_PATIENCE;

	/* The first of a thread is never in place. */
	pks_part_open(&late->other);
	pks_part_close(&late->other);
	pks_part_open(&late->key);
	WRITE_ONCE(late->key.ready, true);
	while (pks_part_holds(&late->key) && time_before(jiffies, end))
		cpu_relax();
	/* Another update makes the context as it was before the reset. */
	pks_part_open(&late->other);
	pks_part_close(&late->other);
	pks_part_close(&late->key);
	WRITE_ONCE(late->deaf.stop, true);
}

/* A scope that ends while a CPU has not answered yet ends at the new default. */
static void pks_reset_answered_late(struct kunit *test)
{
	unsigned int cpu = pks_other_cpu(test);
	struct pks_reset_late late = {
		.key = {
			.pkey = pks_test_key(test, PKS_FLAG_DEFAULT_READONLY),
			.access = PKS_READWRITE,
		},
		.other = pks_test_part(test, PKS_READWRITE),
	};
	struct pks_actor *leaver, *deaf;

	if (cpu < 2)
		kunit_skip(test, "only two CPUs are online");
	late.key.page = pks_test_page(test, late.key.pkey);
	leaver = pks_actor(test, "pks-leaver", cpu);
	deaf = pks_actor(test, "pks-deaf", cpu - 1);
	pks_actor_begin(leaver, pks_reset_leave_during, &late);
	KUNIT_ASSERT_TRUE(test, pks_sleep_until(&late.key.ready));
	pks_actor_begin(deaf, pks_part_deaf, &late.deaf);
	KUNIT_ASSERT_TRUE(test, pks_sleep_until(&late.deaf.ready));
	pks_test_key_free(test, late.key.pkey);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(leaver));
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(deaf));
	pks_actor_do(test, leaver, pks_part_look, &late.key);
	pks_expect_sight(test, &late.key.sight, late.key.pkey, PKS_TEST_CLOSED,
			 "who left meanwhile");
}

static struct kunit_case pks_reset_cases[] = {
	KUNIT_CASE(pks_reset_answered_late),
	KUNIT_CASE(pks_reset_running_here),
	KUNIT_CASE(pks_reset_running_there),
	KUNIT_CASE(pks_reset_sleeping),
	KUNIT_CASE(pks_reset_sleeping_long),
	KUNIT_CASE(pks_reset_irqs_off),
	KUNIT_CASE(pks_reset_interrupted),
	KUNIT_CASE(pks_reset_leave),
	KUNIT_CASE(pks_reset_leave_default),
	KUNIT_CASE(pks_reset_leave_asleep),
	KUNIT_CASE(pks_reset_default),
	KUNIT_CASE(pks_reset_default_takes_all),
	KUNIT_CASE(pks_reset_leaves_others_alone),
	{}
};

struct kunit_suite pks_reset_suite = {
	.name		= "pks_reset",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_reset_cases,
};
