// SPDX-License-Identifier: GPL-2.0
/* Protection that is given up: everyone may do everything, until the key is freed. */
#include "pks_test.h"
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/string.h>

#define PKS_ABANDONED	"protection abandoned system-wide by "

/* The worker has been: every thread has it, this one included. */
static void pks_abandon_wait(struct kunit *test, int pkey)
{
	unsigned long end = jiffies + PKS_TEST_PATIENCE;

	while (((pks_current_pkrs() >> 2 * pkey) & 3) != PKS_READWRITE &&
	       time_before(jiffies, end))
		cond_resched();
	KUNIT_EXPECT_EQ(test, (pks_current_pkrs() >> 2 * pkey) & 3, PKS_READWRITE);
}

static void pks_abandon_expect_open(struct kunit *test, u64 *page, int pkey,
				    const char *who)
{
	struct pks_sight sight;

	pks_look(&sight, page);
	pks_expect_sight(test, &sight, pkey, pks_test_pkrs(pkey, PKS_READWRITE), who);
}

static void pks_abandon_look_act(void *data)
{
	pks_part_look(data);
}

/* From the very next access on, and said once. */
static void pks_abandon_at_once(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	char line[96];
	u64 val;

	KUNIT_EXPECT_EQ(test, -EFAULT, pks_try_read(part.page, &val));
	pks_violations_clear();
	pks_abandon(part.pkey);
	KUNIT_EXPECT_EQ(test, 0, pks_try_write(part.page, 5));
	KUNIT_EXPECT_EQ(test, 0, pks_try_read(part.page, &val));
	KUNIT_EXPECT_EQ(test, val, 5);
	pks_abandon(part.pkey);
	pks_abandon_wait(test, part.pkey);
	pks_abandon(part.pkey);
	pks_abandon_expect_open(test, part.page, part.pkey, "the thread");
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);

	snprintf(line, sizeof(line), "pks: key %d (test): " PKS_ABANDONED "%s+0x",
		 part.pkey, __func__);
	KUNIT_EXPECT_TRUE(test, pks_console_wait(line));
	KUNIT_EXPECT_EQ(test, pks_console_count(PKS_ABANDONED), 1);
	KUNIT_EXPECT_NOT_NULL(test, pks_line_with(test, pks_file_read(test, "policy"),
						  "test (abandoned)"));
}

/* All that is there to close it succeeds, and closes nothing. */
static void pks_abandon_not_closed(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	int former;

	former = pks_enter(part.pkey, PKS_READONLY);
	pks_abandon(part.pkey);
	pks_abandon_wait(test, part.pkey);
	pks_leave(part.pkey, former);
	pks_abandon_expect_open(test, part.page, part.pkey, "after a scope");
	former = pks_enter(part.pkey, PKS_NOACCESS);
	KUNIT_EXPECT_GE(test, former, 0);
	pks_abandon_expect_open(test, part.page, part.pkey, "in a scope");
	pks_leave(part.pkey, former);
	pks_mk_noaccess(part.pkey);
	pks_mk_readonly(part.pkey);
	pks_abandon_expect_open(test, part.page, part.pkey, "after closing it");
	KUNIT_EXPECT_EQ(test, -EPERM, pks_key_set_default(part.pkey, PKS_NOACCESS));
	KUNIT_EXPECT_EQ(test, -EPERM, pks_key_set_default(part.pkey, PKS_READWRITE));
	pks_abandon_expect_open(test, part.page, part.pkey, "after a reset");
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
}

/* A scope with all CPUs in view: sleepers, runners, new ones. */
static void pks_abandon_others(struct kunit *test)
{
	struct pks_part closed = pks_test_part(test, PKS_NOACCESS), reading, fresh;
	struct pks_actor *closer, *reader, *newcomer;
	unsigned int cpu;

	reading = closed;
	fresh = closed;
	reading.access = PKS_READONLY;
	closer = pks_actor(test, "pks-closer", -1);
	reader = pks_actor(test, "pks-reader", -1);
	pks_actor_do(test, closer, pks_part_open, &closed);
	pks_actor_do(test, reader, pks_part_open, &reading);
	pks_abandon(closed.pkey);
	pks_abandon_wait(test, closed.pkey);

	pks_actor_do(test, closer, pks_abandon_look_act, &closed);
	pks_expect_sight(test, &closed.sight, closed.pkey,
			 pks_test_pkrs(closed.pkey, PKS_READWRITE), "a sleeper");
	pks_actor_do(test, reader, pks_abandon_look_act, &reading);
	pks_expect_sight(test, &reading.sight, closed.pkey,
			 pks_test_pkrs(closed.pkey, PKS_READWRITE), "a reader");
	pks_actor_do(test, reader, pks_part_close, &reading);
	pks_actor_do(test, reader, pks_abandon_look_act, &reading);
	pks_expect_sight(test, &reading.sight, closed.pkey,
			 pks_test_pkrs(closed.pkey, PKS_READWRITE),
			 "a reader, after its scope");
	for_each_online_cpu(cpu) {
		newcomer = pks_actor(test, "pks-newcomer", cpu);
		pks_actor_do(test, newcomer, pks_abandon_look_act, &fresh);
		pks_expect_sight(test, &fresh.sight, closed.pkey,
				 pks_test_pkrs(closed.pkey, PKS_READWRITE),
				 "a newcomer");
	}
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
}

/* The next owner of the key knows nothing of it. */
static void pks_abandon_freed(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_actor *actor = pks_actor(test, "pks-heir", -1);

	pks_abandon(part.pkey);
	pks_abandon_wait(test, part.pkey);
	pks_actor_do(test, actor, pks_part_open, &part);
	pks_test_key_free(test, part.pkey);
	KUNIT_ASSERT_EQ(test, part.pkey, pks_test_key(test, 0));
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "this thread");
	pks_actor_do(test, actor, pks_abandon_look_act, &part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "another");
	KUNIT_EXPECT_EQ(test, pks_violations(), 4);
	KUNIT_EXPECT_EQ(test, 0, pks_key_set_default(part.pkey, PKS_READONLY));
	KUNIT_EXPECT_EQ(test, 0, pks_key_set_default(part.pkey, PKS_NOACCESS));
	pks_part_open(&part);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READWRITE), "in a scope");
	pks_part_close(&part);

	/* It can be given up as well, which is said again. */
	pks_abandon(part.pkey);
	pks_abandon_wait(test, part.pkey);
	KUNIT_EXPECT_EQ(test, pks_console_count(PKS_ABANDONED), 2);
}

/* Freed before the worker has come to it. */
static void pks_abandon_freed_at_once(struct kunit *test)
{
	struct pks_part part;
	int i;

	for (i = 0; i < 50; i++) {
		part = (struct pks_part){ .pkey = pks_test_key(test, 0) };
		pks_abandon(part.pkey);
		pks_test_key_free(test, part.pkey);
	}
	part = pks_test_part(test, PKS_READWRITE);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "the last");
}

KUNIT_ARRAY_PARAM(pks_place, pks_places, pks_place_name);

struct pks_abandon_job {
	int		pkey;
	struct pks_try	first;
	struct pks_try	second;
};

static void pks_abandon_act(void *data)
{
	struct pks_abandon_job *job = data;

	pks_abandon(job->pkey);
	pks_try(&job->first);
	pks_try(&job->second);
}

static void pks_abandon_anywhere(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_abandon_job job = {
		.pkey	= part.pkey,
		.first	= { .page = part.page },
		.second	= { .page = part.page + 1, .write = true, .val = 3 },
	};

	/* Nothing of it reaches this: the machine would panic. */
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(part.pkey, PKS_POLICY_PANIC));
	pks_place_do(test, test->param_value, pks_abandon_act, &job);
	KUNIT_EXPECT_EQ(test, job.first.err, 0);
	KUNIT_EXPECT_EQ(test, job.second.err, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(part.page[1]), 3);
	KUNIT_EXPECT_EQ(test, job.first.flags[0], job.first.flags[1]);
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
	pks_abandon_wait(test, part.pkey);
	pks_abandon_expect_open(test, part.page, part.pkey, "afterwards");
}

static enum pks_fault_action pks_abandon_handler(const struct pks_fault_info *info,
						 struct pt_regs *regs, void *data)
{
	(*(unsigned int *)data)++;
	pks_abandon(info->pkey);
	return PKS_FAULT_RETRY;
}

/* By a driver that finds that it must go on. */
static void pks_abandon_in_handler(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_try try = { .page = part.page, .write = true, .val = 8 };
	unsigned int calls = 0;

	KUNIT_ASSERT_EQ(test, 0, pks_set_fault_handler(part.pkey, pks_abandon_handler,
						       &calls));
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*part.page), 8);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_RETRIED), 1);
	pks_abandon_wait(test, part.pkey);
	pks_abandon_expect_open(test, part.page, part.pkey, "afterwards");
	KUNIT_EXPECT_EQ(test, calls, 1);
}

static void pks_abandon_nothing(struct kunit *test)
{
	static const int keys[] = { -1, 0, PKS_NUM_KEYS - 1, PKS_NUM_KEYS };
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	char line[96];
	int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		pks_abandon(keys[i]);
		snprintf(line, sizeof(line), "pks: key %d: not abandoned: ", keys[i]);
		KUNIT_EXPECT_EQ_MSG(test, pks_console_count(line), 1, "%s", line);
	}
	snprintf(line, sizeof(line), "called from %s+0x", __func__);
	KUNIT_EXPECT_EQ(test, pks_console_count(line), ARRAY_SIZE(keys));
	KUNIT_EXPECT_EQ(test, pks_console_count(PKS_ABANDONED), 0);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "afterwards");
}

/* While all CPUs try: who began after it gets through. */
struct pks_abandon_storm {
	u64		*page;
	int		pkey;
	bool		abandoned;
	bool		stop;
	atomic_t	stopped;
	atomic_t	too_late;
};

static void pks_abandon_storm_act(void *data)
{
	struct pks_abandon_storm *storm = data;
	bool abandoned;
	u64 val;

	while (!READ_ONCE(storm->stop)) {
		/* Pairs with pks_abandon_meanwhile(). */
		abandoned = smp_load_acquire(&storm->abandoned);
		if (pks_try_read(storm->page, &val)) {
			atomic_inc(&storm->stopped);
			if (abandoned)
				atomic_inc(&storm->too_late);
		}
		pks_mk_noaccess(storm->pkey);
		cond_resched();
	}
}

#define PKS_ABANDON_STORMS	6

static void pks_abandon_meanwhile(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_abandon_storm storm = { .page = part.page, .pkey = part.pkey };
	struct pks_actor *actors[PKS_ABANDON_STORMS];
	unsigned long end = jiffies + PKS_TEST_PATIENCE;
	int i;

	for (i = 0; i < PKS_ABANDON_STORMS; i++) {
		actors[i] = pks_actor(test, "pks-storm", -1);
		pks_actor_begin(actors[i], pks_abandon_storm_act, &storm);
	}
	while (atomic_read(&storm.stopped) < 100 && time_before(jiffies, end))
		cond_resched();
	pks_abandon(part.pkey);
	/* Pairs with pks_abandon_storm_act(): who sees it begins after it. */
	smp_store_release(&storm.abandoned, true);
	pks_abandon_wait(test, part.pkey);
	WRITE_ONCE(storm.stop, true);
	for (i = 0; i < PKS_ABANDON_STORMS; i++)
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
	/* One that was under way when the key was given up is retried, not stopped. */
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, part.pkey).stopped,
			atomic_read(&storm.stopped));
	KUNIT_EXPECT_EQ(test, atomic_read(&storm.too_late), 0);
	KUNIT_EXPECT_GE(test, atomic_read(&storm.stopped), 100);
}

/* Has the key no number: is it being reset, given up, or nobody's? */
static bool pks_abandon_shut(int pkey)
{
	return READ_ONCE(__pks_closed[pkey - 1]) == U32_MAX;
}

static void pks_abandon_default_act(void *data)
{
	struct pks_part *part = data;

	part->former = pks_key_set_default(part->pkey, part->access);
}

/* One that is being reset can be given up as well: who waits for the end need not. */
static void pks_abandon_in_reset(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE), enters = part;
	struct pks_part deaf = { }, resets = { .pkey = part.pkey, .access = PKS_READONLY };
	unsigned long end = jiffies + PKS_TEST_PATIENCE;
	unsigned int cpu = pks_other_cpu(test);
	struct pks_actor *actors[3];
	int i;

	if (cpu < 2)
		kunit_skip(test, "only two CPUs are online");
	actors[0] = pks_actor(test, "pks-deaf", cpu);
	actors[1] = pks_actor(test, "pks-resets", cpu - 1);
	actors[2] = pks_actor(test, "pks-enters", 0);
	pks_actor_begin(actors[0], pks_part_deaf, &deaf);
	KUNIT_ASSERT_TRUE(test, pks_sleep_until(&deaf.ready));
	pks_actor_begin(actors[1], pks_abandon_default_act, &resets);
	while (!pks_abandon_shut(part.pkey) && time_before(jiffies, end))
		usleep_range(200, 500);
	pks_actor_begin(actors[2], pks_part_open, &enters);
	usleep_range(5000, 10000);
	pks_abandon(part.pkey);
	KUNIT_EXPECT_EQ(test, pks_console_count("not abandoned"), 0);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[2]));
	/* Where nobody can tell whether he can wait, nobody does. */
	KUNIT_EXPECT_EQ(test, enters.former,
			IS_ENABLED(CONFIG_PREEMPT_COUNT) ? 0 : -EAGAIN);
	WRITE_ONCE(deaf.stop, true);
	for (i = 0; i < ARRAY_SIZE(actors); i++)
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
	KUNIT_EXPECT_EQ(test, resets.former, 0);
	pks_abandon_wait(test, part.pkey);
	pks_abandon_expect_open(test, part.page, part.pkey, "afterwards");
}

/*
 * Something else happens to the key, elsewhere, in the middle of a function: where the
 * probe is, it waits until the key has no number.
 */
static struct pks_abandon_gap {
	struct kprobe	kp;
	struct kunit	*test;
	int		pkey;
	bool		reached;
} pks_gap;

static int pks_gap_pre(struct kprobe *kp, struct pt_regs *regs)
{
	unsigned long end = jiffies + PKS_TEST_PATIENCE;

	if (READ_ONCE(pks_gap.reached))
		return 0;
	WRITE_ONCE(pks_gap.reached, true);
	while (!pks_abandon_shut(pks_gap.pkey) && time_before(jiffies, end))
		cpu_relax();
	return 0;
}

static void pks_gap_abandon_act(void *unused)
{
	pks_spin_until(&pks_gap.reached);
	pks_abandon(pks_gap.pkey);
}

static void pks_gap_free_act(void *unused)
{
	pks_spin_until(&pks_gap.reached);
	pks_test_key_free(pks_gap.test, pks_gap.pkey);
}

/* Given up between the start of a scope and its look at the key: no error. */
static void pks_abandon_entering(struct kunit *test)
{
	struct pks_actor *abandons = pks_actor(test, "pks-abandons", pks_other_cpu(test));
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	/* The first of a thread is never in place. */
	struct pks_actor *enters = pks_actor(test, "pks-enters", 0);
	bool entered;

	pks_gap = (struct pks_abandon_gap){
		.kp	= { .symbol_name = "pks_enter_checked", .pre_handler = pks_gap_pre },
		.pkey	= part.pkey,
	};
	if (register_kprobe(&pks_gap.kp))
		kunit_skip(test, "no kprobe can be set");
	pks_actor_begin(abandons, pks_gap_abandon_act, NULL);
	pks_actor_begin(enters, pks_part_open, &part);
	entered = pks_actor_wait(enters);
	/* Before anything that ends the case: the probe would stay. */
	unregister_kprobe(&pks_gap.kp);
	KUNIT_ASSERT_TRUE(test, entered);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(pks_gap.reached));
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(abandons));
	KUNIT_EXPECT_EQ(test, part.former, 0);
	KUNIT_EXPECT_EQ(test, pks_console_count("rights not changed"), 0);
	pks_abandon_wait(test, part.pkey);
	pks_abandon_expect_open(test, part.page, part.pkey, "afterwards");
}

/* pks_abandon(), with the key freed at that place of it. True if that is in its way. */
static bool pks_abandon_freed_at(struct kunit *test, struct pks_part *part,
				 struct pks_actor *frees, unsigned long offset)
{
	int other = pks_test_key(test, 0);
	bool reached, freed;

	pks_gap = (struct pks_abandon_gap){
		.kp	= { .addr = (kprobe_opcode_t *)pks_abandon + offset,
			    .pre_handler = pks_gap_pre },
		.test	= test,
		.pkey	= part->pkey,
	};
	if (register_kprobe(&pks_gap.kp)) {
		pks_test_key_free(test, other);
		return false;
	}
	pks_actor_begin(frees, pks_gap_free_act, NULL);
	pks_abandon(part->pkey);
	reached = READ_ONCE(pks_gap.reached);
	WRITE_ONCE(pks_gap.reached, true);
	freed = pks_actor_wait(frees);
	unregister_kprobe(&pks_gap.kp);
	KUNIT_ASSERT_TRUE(test, freed);
	/* When the worker has come to this one, it has seen what there is of the first. */
	pks_abandon(other);
	pks_abandon_wait(test, other);

	KUNIT_ASSERT_EQ(test, pks_test_key(test, 0), part->pkey);
	pks_test_key_free(test, other);
	pks_part_look(part);
	pks_expect_sight(test, &part->sight, part->pkey, PKS_TEST_CLOSED, "the next owner");
	return reached;
}

/* Freed while it is being given up: the next owner of the key has it protected. */
static void pks_abandon_freed_meanwhile(struct kunit *test)
{
	struct pks_actor *frees = pks_actor(test, "pks-frees", pks_other_cpu(test));
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	unsigned long size = 0, offset;
	char where[KSYM_SYMBOL_LEN];
	unsigned int places = 0;
	int found;

	snprintf(where, sizeof(where), "%pS", pks_abandon);
	found = sscanf(where, "pks_abandon+0x0/0x%lx", &size);
	KUNIT_ASSERT_EQ_MSG(test, found, 1, "%s", where);
	for (offset = 0; offset < size; offset++)
		places += pks_abandon_freed_at(test, &part, frees, offset);
	if (!places)
		kunit_skip(test, "no kprobe can be set");
	/* What it does without a function call takes more instructions than that. */
	KUNIT_EXPECT_GE(test, places, 8);
}

static struct kunit_case pks_abandon_cases[] = {
	KUNIT_CASE(pks_abandon_at_once),
	KUNIT_CASE(pks_abandon_not_closed),
	KUNIT_CASE(pks_abandon_others),
	KUNIT_CASE(pks_abandon_freed),
	KUNIT_CASE(pks_abandon_freed_at_once),
	KUNIT_CASE_PARAM(pks_abandon_anywhere, pks_place_gen_params),
	KUNIT_CASE(pks_abandon_in_handler),
	KUNIT_CASE(pks_abandon_nothing),
	KUNIT_CASE(pks_abandon_meanwhile),
	KUNIT_CASE(pks_abandon_in_reset),
	KUNIT_CASE(pks_abandon_entering),
	KUNIT_CASE(pks_abandon_freed_meanwhile),
	{}
};

struct kunit_suite pks_abandon_suite = {
	.name		= "pks_abandon",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_abandon_cases,
};
