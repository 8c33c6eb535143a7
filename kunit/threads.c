// SPDX-License-Identifier: GPL-2.0
/*
 * Threads of a case that do what they are told, one act at a time, and sleep in
 * between with the rights that they have.
 */
#include "pks_test.h"
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <uapi/linux/sched/types.h>

struct pks_actor {
	struct list_head	node;
	struct task_struct	*task;
	struct completion	begin;
	struct completion	done;
	void			(*act)(void *data);
	void			*data;
	int			cpu;
	bool			acting;
};

/* Those of the case that is running. */
static LIST_HEAD(pks_actors);

static int pks_actor_main(void *data)
{
	struct pks_actor *actor = data;

	/* By the thread itself: newer kernels change it until it has begun. */
	if (actor->cpu >= 0)
		set_cpus_allowed_ptr(current, cpumask_of(actor->cpu));
	for (;;) {
		wait_for_completion(&actor->begin);
		if (!actor->act)
			return 0;
		actor->act(actor->data);
		complete(&actor->done);
	}
}

struct pks_actor *pks_actor(struct kunit *test, const char *name, int cpu)
{
	struct pks_actor *actor = kzalloc(sizeof(*actor), GFP_KERNEL);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, actor);
	init_completion(&actor->begin);
	init_completion(&actor->done);
	actor->cpu = cpu;
	task = kthread_create(pks_actor_main, actor, "%s", name);
	if (IS_ERR(task)) {
		kfree(actor);
		actor = NULL;
	}
	KUNIT_ASSERT_NOT_NULL(test, actor);

	actor->task = task;
	get_task_struct(task);
	list_add(&actor->node, &pks_actors);
	wake_up_process(task);
	return actor;
}

struct task_struct *pks_actor_task(struct pks_actor *actor)
{
	return actor->task;
}

void pks_actor_begin(struct pks_actor *actor, void (*act)(void *), void *data)
{
	actor->act = act;
	actor->data = data;
	actor->acting = true;
	complete(&actor->begin);
}

bool pks_actor_wait(struct pks_actor *actor)
{
	if (!actor->acting)
		return true;
	actor->acting = !wait_for_completion_timeout(&actor->done,
						     PKS_TEST_LONG_PATIENCE);
	return !actor->acting;
}

void pks_actor_do(struct kunit *test, struct pks_actor *actor,
		  void (*act)(void *), void *data)
{
	pks_actor_begin(actor, act, data);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(actor));
}

/* One that does not come to an end is left alone, with its memory. */
void pks_actor_quit(struct pks_actor *actor)
{
	list_del(&actor->node);
	if (!pks_actor_wait(actor)) {
		pr_err("%s does not come to an end\n", actor->task->comm);
		return;
	}
	actor->act = NULL;
	complete(&actor->begin);
	kthread_stop(actor->task);
	put_task_struct(actor->task);
	kfree(actor);
}

void pks_actors_quit(void)
{
	struct pks_actor *actor, *next;

	list_for_each_entry_safe(actor, next, &pks_actors, node)
		pks_actor_quit(actor);
}

void pks_look(struct pks_sight *sight, u64 *page)
{
	unsigned long flags;
	u64 val;

	local_irq_save(flags);
	sight->word = pks_current_pkrs();
	sight->msr = pks_test_rdmsr();
	local_irq_restore(flags);
	sight->read = pks_try_read(page, &val);
	sight->write = pks_try_write(page, 0x5ec4e7);
}

void pks_expect_sight(struct kunit *test, const struct pks_sight *sight,
		      int pkey, u32 pkrs, const char *who)
{
	u32 access = (pkrs >> 2 * pkey) & 3;

	KUNIT_EXPECT_EQ_MSG(test, sight->word, pkrs, "%s: the word", who);
	KUNIT_EXPECT_EQ_MSG(test, sight->msr, pkrs, "%s: the MSR", who);
	KUNIT_EXPECT_EQ_MSG(test, sight->read,
			    access == PKS_NOACCESS ? -EFAULT : 0,
			    "%s: reading", who);
	KUNIT_EXPECT_EQ_MSG(test, sight->write,
			    access == PKS_READWRITE ? 0 : -EFAULT,
			    "%s: writing", who);
}

void pks_part_open(void *data)
{
	struct pks_part *part = data;

	part->former = pks_enter(part->pkey, part->access);
}

void pks_part_look(void *data)
{
	struct pks_part *part = data;

	pks_look(&part->sight, part->page);
}

void pks_part_close(void *data)
{
	struct pks_part *part = data;

	pks_leave(part->pkey, part->former);
}

/* Keeps its CPU busy with the key open. */
void pks_part_spin(void *data)
{
	struct pks_part *part = data;

	pks_part_open(part);
	WRITE_ONCE(part->ready, true);
	pks_spin_until(&part->stop);
	pks_part_look(part);
	pks_part_close(part);
}

void pks_part_deaf(void *data)
{
	struct pks_part *part = data;

	local_irq_disable();
	WRITE_ONCE(part->ready, true);
	pks_spin_until(&part->stop);
	local_irq_enable();
}

bool pks_part_holds(const struct pks_part *part)
{
	u32 expected = pks_test_pkrs(part->pkey, part->access);
	unsigned long flags;
	bool holds;

	local_irq_save(flags);
	holds = pks_current_pkrs() == expected && pks_test_rdmsr() == expected;
	local_irq_restore(flags);
	return holds;
}

/* Where preempt_count() does not tell, only what else is known. */
static bool pks_may_resched(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible();
	return in_task() && !irqs_disabled();
}

/* Without sleeping; the scheduler is let in, for kernels that do not preempt. */
bool pks_spin_until(const bool *flag)
{
	unsigned long end = jiffies + PKS_TEST_PATIENCE;

	while (!READ_ONCE(*flag) && time_before(jiffies, end)) {
		cpu_relax();
		if (pks_may_resched())
			cond_resched();
	}
	return READ_ONCE(*flag);
}

bool pks_sleep_until(const bool *flag)
{
	unsigned long end = jiffies + PKS_TEST_LONG_PATIENCE;

	while (!READ_ONCE(*flag) && time_before(jiffies, end))
		usleep_range(200, 500);
	return READ_ONCE(*flag);
}

unsigned int pks_test_cpu(struct kunit *test)
{
	unsigned int cpu, last = 0;

	for_each_online_cpu(cpu)
		last = cpu;
	return last;
}

unsigned int pks_other_cpu(struct kunit *test)
{
	unsigned int cpu = pks_test_cpu(test);

	if (!cpu)
		kunit_skip(test, "only one CPU is online");
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	return cpu;
}

struct pks_part pks_test_part(struct kunit *test, enum pks_access access)
{
	int pkey = pks_test_key(test, 0);

	return (struct pks_part){
		.pkey	= pkey,
		.access	= access,
		.page	= pks_test_page(test, pkey),
	};
}
