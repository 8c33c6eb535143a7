// SPDX-License-Identifier: GPL-2.0
/* Rights follow their thread, and nobody else gets them. */
#include "pks_test.h"
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define PKS_THREADS_MANY	2000

static void pks_threads_expect(struct kunit *test, struct pks_part *part,
			       const char *when)
{
	pks_part_look(part);
	pks_expect_sight(test, &part->sight, part->pkey,
			 pks_test_pkrs(part->pkey, part->access), when);
}

static void pks_threads_expect_closed(struct kunit *test,
				      const struct pks_part *part,
				      const char *who)
{
	pks_expect_sight(test, &part->sight, part->pkey, PKS_TEST_CLOSED, who);
}

static void pks_threads_sleep(struct kunit *test)
{
	struct pks_part writer = pks_test_part(test, PKS_READWRITE);
	struct pks_part reader = pks_test_part(test, PKS_READONLY);

	pks_part_open(&writer);
	msleep(20);
	pks_threads_expect(test, &writer, "the writer, after sleep");
	pks_part_close(&writer);

	pks_part_open(&reader);
	msleep(20);
	pks_threads_expect(test, &reader, "the reader, after sleep");
	pks_part_close(&reader);

	msleep(20);
	pks_part_look(&writer);
	pks_threads_expect_closed(test, &writer, "neither, after sleep");
}

static void pks_threads_yield_act(void *data)
{
	struct pks_part *part = data;
	int i;

	pks_part_open(part);
	for (i = 0; i < 200; i++) {
		yield();
		part->bad += !pks_part_holds(part);
	}
	pks_part_look(part);
	pks_part_close(part);
}

/* Three on one CPU, each with other rights, hand it to one another. */
static void pks_threads_yield(struct kunit *test)
{
	struct pks_part parts[3];
	struct pks_actor *actors[3];
	int cpu = pks_test_cpu(test), i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		parts[i] = pks_test_part(test, i == 2 ? PKS_NOACCESS :
					    i ? PKS_READONLY : PKS_READWRITE);
		actors[i] = pks_actor(test, "pks-yield", cpu);
	}
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		pks_actor_begin(actors[i], pks_threads_yield_act, &parts[i]);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, parts[i].bad, 0);
		pks_expect_sight(test, &parts[i].sight, parts[i].pkey,
				 pks_test_pkrs(parts[i].pkey, parts[i].access),
				 "one that yielded");
	}
}

struct pks_threads_preempt {
	struct pks_part	part;
	unsigned long	preempted;
	unsigned int	rounds;
	struct pks_part	*spinner;
};

static void pks_threads_preempted_act(void *data)
{
	struct pks_threads_preempt *p = data;
	unsigned long before = current->nivcsw;
	unsigned long end = jiffies + PKS_TEST_PATIENCE;

	pks_part_open(&p->part);
	WRITE_ONCE(p->part.ready, true);
	while (!READ_ONCE(p->part.stop) && time_before(jiffies, end)) {
		p->part.bad += !pks_part_holds(&p->part);
		cond_resched();
	}
	p->preempted = current->nivcsw - before;
	pks_part_look(&p->part);
	pks_part_close(&p->part);
}

static void pks_threads_preempting_act(void *data)
{
	struct pks_threads_preempt *p = data;
	unsigned int i;

	sched_set_fifo(current);
	for (i = 0; i < p->rounds; i++) {
		usleep_range(500, 1000);
		p->part.bad += !pks_part_holds(&p->part);
		pks_part_look(&p->part);
		p->part.bad += p->part.sight.read != -EFAULT;
	}
	sched_set_normal(current, 0);
	WRITE_ONCE(p->spinner->stop, true);
}

/* A thread that never sleeps, and one of higher priority that wakes up. */
static void pks_threads_preemption(struct kunit *test)
{
	struct pks_threads_preempt low = {
		.part = pks_test_part(test, PKS_READWRITE),
	};
	struct pks_threads_preempt high = {
		.part = low.part,
		.rounds = 100,
		.spinner = &low.part,
	};
	int cpu = pks_other_cpu(test);
	struct pks_actor *a = pks_actor(test, "pks-low", cpu);
	struct pks_actor *b = pks_actor(test, "pks-high", cpu);

	high.part.access = PKS_NOACCESS;
	pks_actor_begin(a, pks_threads_preempted_act, &low);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&low.part.ready));
	pks_actor_do(test, b, pks_threads_preempting_act, &high);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(a));

	KUNIT_EXPECT_GE(test, low.preempted, high.rounds / 2);
	KUNIT_EXPECT_EQ(test, low.part.bad, 0);
	KUNIT_EXPECT_EQ(test, high.part.bad, 0);
	pks_expect_sight(test, &low.part.sight, low.part.pkey,
			 pks_test_pkrs(low.part.pkey, PKS_READWRITE),
			 "the preempted");
	pks_threads_expect_closed(test, &high.part, "the preempting");
}

static void pks_threads_migration(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	unsigned int cpu, round;

	pks_part_open(&part);
	for (round = 0; round < 10; round++) {
		for_each_online_cpu(cpu) {
			KUNIT_ASSERT_EQ(test, 0,
					set_cpus_allowed_ptr(current,
							     cpumask_of(cpu)));
			KUNIT_EXPECT_EQ(test, raw_smp_processor_id(), cpu);
			pks_threads_expect(test, &part, "the migrating");
		}
	}
	pks_part_close(&part);
	/* It left its rights on none of them. */
	for_each_online_cpu(cpu) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		pks_part_look(&part);
		pks_threads_expect_closed(test, &part, "after migration");
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

struct pks_threads_pong {
	struct pks_part		part;
	struct completion	turn;
	struct pks_threads_pong	*other;
	bool			may;	/* reach the page */
	bool			first;
};

static void pks_threads_pong_act(void *data)
{
	struct pks_threads_pong *p = data;
	u64 val;
	int i;

	pks_part_open(&p->part);
	if (p->first)
		complete(&p->turn);
	for (i = 0; i < 500; i++) {
		wait_for_completion_timeout(&p->turn, PKS_TEST_PATIENCE);
		p->part.bad += !pks_part_holds(&p->part);
		p->part.bad += pks_try_read(p->part.page, &val) !=
			(p->may ? 0 : -EFAULT);
		complete(&p->other->turn);
	}
	pks_part_close(&p->part);
}

static void pks_threads_ping_pong_on(struct kunit *test,
				     struct pks_threads_pong *a,
				     struct pks_threads_pong *b)
{
	int cpu = pks_test_cpu(test);
	struct pks_actor *x = pks_actor(test, "pks-ping", cpu);
	struct pks_actor *y = pks_actor(test, "pks-pong", cpu);

	init_completion(&a->turn);
	init_completion(&b->turn);
	a->other = b;
	b->other = a;
	a->first = true;
	pks_actor_begin(x, pks_threads_pong_act, a);
	pks_actor_begin(y, pks_threads_pong_act, b);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(x));
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(y));
	KUNIT_EXPECT_EQ(test, a->part.bad, 0);
	KUNIT_EXPECT_EQ(test, b->part.bad, 0);
}

/* One has the key, the other tries its page each time. */
static void pks_threads_ping_pong(struct kunit *test)
{
	struct pks_threads_pong a = {
		.part = pks_test_part(test, PKS_READWRITE),
		.may = true,
	};
	struct pks_threads_pong b = { .part = a.part };

	b.part.access = PKS_NOACCESS;
	pks_threads_ping_pong_on(test, &a, &b);
}

/* Each has a key, and tries the page of the other's. */
static void pks_threads_ping_pong_two_keys(struct kunit *test)
{
	struct pks_threads_pong a = {
		.part = pks_test_part(test, PKS_READWRITE),
	};
	struct pks_threads_pong b = {
		.part = pks_test_part(test, PKS_READONLY),
	};

	swap(a.part.page, b.part.page);
	pks_threads_ping_pong_on(test, &a, &b);
}

/* A thread that is made inside a scope; the scope's owner keeps its rights. */
static void pks_threads_new_thread(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_part child = part;
	struct pks_actor *actor;

	pks_part_open(&part);
	actor = pks_actor(test, "pks-child", -1);
	pks_actor_do(test, actor, pks_part_look, &child);
	pks_threads_expect_closed(test, &child, "the new thread");
	pks_threads_expect(test, &part, "its maker");
	pks_part_close(&part);
}

/* What processes see that read this file, in the order in which they do. */
#define PKS_THREADS_FILE	"pks_kunit_look"
#define PKS_THREADS_LOOK	"read x </sys/kernel/debug/" PKS_THREADS_FILE

struct pks_threads_looks {
	struct pks_part	parts[3];
	unsigned int	nr;
};

static int pks_threads_look_show(struct seq_file *m, void *unused)
{
	struct pks_threads_looks *looks = m->private;

	if (looks->nr < ARRAY_SIZE(looks->parts))
		pks_part_look(&looks->parts[looks->nr++]);
	seq_puts(m, "looked\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pks_threads_look);

/*
 * A process opens a key, and executes a shell, which looks, has a child look and
 * looks again. It has gone to user space with the key open: that ended there, and was said.
 */
static void pks_threads_fork_exec(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_threads_looks looks = { .parts = { part, part, part } };
	struct pks_shell shell = {
		.command = PKS_THREADS_LOOK "; (" PKS_THREADS_LOOK "); "
			   PKS_THREADS_LOOK,
		.act = pks_part_open,
		.data = &part,
	};
	struct dentry *file;
	int status;

	pks_debugfs_needed(test);
	file = debugfs_create_file(PKS_THREADS_FILE, 0400, NULL, &looks,
				   &pks_threads_look_fops);
	status = pks_shell_run(test, &shell, UMH_WAIT_PROC);
	debugfs_remove(file);
	if (status < 0)
		kunit_skip(test, "/bin/sh can't be run");

	KUNIT_EXPECT_EQ(test, status, 0);
	KUNIT_ASSERT_EQ(test, looks.nr, 3);
	pks_threads_expect_closed(test, &looks.parts[0], "after exec");
	pks_threads_expect_closed(test, &looks.parts[1], "the forked child");
	pks_threads_expect_closed(test, &looks.parts[2], "its parent");
	KUNIT_EXPECT_TRUE(test, pks_console_wait(", left open: "));
}

/* The line about the death of a task is written by a worker, a little later. */
static void pks_threads_expect_reports(struct kunit *test, const char *name,
				       unsigned int lines)
{
	struct pks_part last = pks_test_part(test, PKS_READWRITE);
	struct pks_actor *actor = pks_actor(test, "pks-last", -1);

	pks_actor_do(test, actor, pks_part_open, &last);
	pks_actor_quit(actor);
	KUNIT_EXPECT_TRUE(test, pks_console_wait("pks-last["));
	KUNIT_EXPECT_EQ(test, pks_console_count(name), lines);
}

static void pks_threads_exit_open(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	int cpu = pks_test_cpu(test);
	struct pks_actor *actor = pks_actor(test, "pks-leaver", cpu);
	char rights[24];

	pks_actor_do(test, actor, pks_part_open, &part);
	KUNIT_EXPECT_NOT_NULL(test, strstr(pks_file_read(test, "threads"),
					   "pks-leaver"));
	pks_actor_quit(actor);

	/* Whoever runs on its CPU next has nothing of it. */
	pks_actor_do(test, pks_actor(test, "pks-next", cpu), pks_part_look,
		     &part);
	pks_threads_expect_closed(test, &part, "the next thread");
	KUNIT_EXPECT_NULL(test, strstr(pks_file_read(test, "threads"),
				       "pks-leaver"));

	pks_threads_expect_reports(test, "pks-leaver[", 1);
	snprintf(rights, sizeof(rights), "rights open: %d:rw(test)", part.pkey);
	KUNIT_EXPECT_EQ(test, pks_console_count(rights), 1);
}

static void pks_threads_exit_closed(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_actor *actor = pks_actor(test, "pks-leaver", -1);

	pks_actor_do(test, actor, pks_part_open, &part);
	pks_actor_do(test, actor, pks_part_close, &part);
	pks_actor_quit(actor);
	pks_threads_expect_reports(test, "pks-leaver", 0);
}

/* It slept while its key was taken from it. */
static void pks_threads_exit_after_reset(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_actor *actor = pks_actor(test, "pks-leaver", -1);

	pks_actor_do(test, actor, pks_part_open, &part);
	pks_test_key_free(test, part.pkey);
	pks_actor_quit(actor);
	pks_threads_expect_reports(test, "pks-leaver", 0);
}

struct pks_threads_crowd {
	struct pks_part		parts[PKS_THREADS_MANY];
	struct pks_actor	*actors[PKS_THREADS_MANY];
};

static void pks_threads_crowd_all(struct kunit *test,
				  struct pks_threads_crowd *crowd,
				  void (*act)(void *))
{
	int i;

	for (i = 0; i < PKS_THREADS_MANY; i++)
		pks_actor_begin(crowd->actors[i], act, &crowd->parts[i]);
	for (i = 0; i < PKS_THREADS_MANY; i++)
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(crowd->actors[i]));
}

static unsigned int pks_threads_crowd_wrong(const struct pks_threads_crowd *crowd,
					    bool open)
{
	unsigned int wrong = 0, i;

	for (i = 0; i < PKS_THREADS_MANY; i++) {
		const struct pks_part *part = &crowd->parts[i];
		u32 pkrs = pks_test_pkrs(part->pkey, open ? part->access :
					 PKS_NOACCESS);
		bool write = open && part->access == PKS_READWRITE;

		wrong += part->sight.word != pkrs || part->sight.msr != pkrs ||
			 part->sight.read != (open ? 0 : -EFAULT) ||
			 part->sight.write != (write ? 0 : -EFAULT);
	}
	return wrong;
}

/* Far more than there are records in reserve. */
static void pks_threads_many(struct kunit *test)
{
	struct pks_threads_crowd *crowd = vzalloc(sizeof(*crowd));
	struct pks_part keys[PKS_NUM_KEYS - 1];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, crowd);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = pks_test_part(test, PKS_READWRITE);
	for (i = 0; i < PKS_THREADS_MANY; i++) {
		crowd->parts[i] = keys[i % ARRAY_SIZE(keys)];
		crowd->parts[i].access = i & 1 ? PKS_READWRITE : PKS_READONLY;
		crowd->actors[i] = pks_actor(test, "pks-crowd", -1);
	}

	pks_threads_crowd_all(test, crowd, pks_part_open);
	pks_threads_crowd_all(test, crowd, pks_part_look);
	KUNIT_EXPECT_EQ(test, pks_threads_crowd_wrong(crowd, true), 0);
	pks_threads_crowd_all(test, crowd, pks_part_close);
	pks_threads_crowd_all(test, crowd, pks_part_look);
	KUNIT_EXPECT_EQ(test, pks_threads_crowd_wrong(crowd, false), 0);
	KUNIT_EXPECT_EQ(test, pks_console_count("rights not changed"), 0);

	pks_actors_quit();
	vfree(crowd);
}

struct pks_threads_blocked {
	struct pks_part	part;
	struct mutex	mutex;	/* what it waits for; protects nothing */
};

static void pks_threads_block_act(void *data)
{
	struct pks_threads_blocked *b = data;

	pks_part_open(&b->part);
	WRITE_ONCE(b->part.ready, true);
	mutex_lock(&b->mutex);
	mutex_unlock(&b->mutex);
	pks_part_look(&b->part);
	pks_part_close(&b->part);
}

/* One waits for a mutex with the key open, another gets the CPU and tries. */
static void pks_threads_blocked(struct kunit *test)
{
	struct pks_threads_blocked blocked = {
		.part = pks_test_part(test, PKS_READWRITE),
	};
	struct pks_part other = blocked.part;
	int cpu = pks_test_cpu(test);
	struct pks_actor *a = pks_actor(test, "pks-blocked", cpu);
	struct pks_actor *b = pks_actor(test, "pks-other", cpu);

	mutex_init(&blocked.mutex);
	mutex_lock(&blocked.mutex);
	pks_actor_begin(a, pks_threads_block_act, &blocked);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&blocked.part.ready));
	pks_actor_do(test, b, pks_part_look, &other);
	mutex_unlock(&blocked.mutex);

	pks_threads_expect_closed(test, &other, "the other");
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(a));
	pks_expect_sight(test, &blocked.part.sight, other.pkey,
			 pks_test_pkrs(other.pkey, PKS_READWRITE),
			 "the blocked");
}

static struct kunit_case pks_threads_cases[] = {
	KUNIT_CASE(pks_threads_sleep),
	KUNIT_CASE(pks_threads_yield),
	KUNIT_CASE(pks_threads_preemption),
	KUNIT_CASE(pks_threads_migration),
	KUNIT_CASE(pks_threads_ping_pong),
	KUNIT_CASE(pks_threads_ping_pong_two_keys),
	KUNIT_CASE(pks_threads_new_thread),
	KUNIT_CASE(pks_threads_fork_exec),
	KUNIT_CASE(pks_threads_exit_open),
	KUNIT_CASE(pks_threads_exit_closed),
	KUNIT_CASE(pks_threads_exit_after_reset),
	KUNIT_CASE(pks_threads_many),
	KUNIT_CASE(pks_threads_blocked),
	{}
};

struct kunit_suite pks_threads_suite = {
	.name		= "pks_threads",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_threads_cases,
};
