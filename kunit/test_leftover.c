// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that are left open at the end of a work, a timer or a handler (of a system call: see
 * pks_threads_fork_exec()), and scopes that are ended in another way than they began. All
 * of it is said, and nothing stays open.
 */
#include "pks_test.h"
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "../pks_compat.h"

/* A work that leaves its key open, or looks what the one before it has left. */
struct pks_left {
	struct work_struct	work;
	struct kthread_work	kwork;
	struct irq_work		irq;
	struct pks_part		part;
	struct task_struct	*task;
};

static void pks_left_open(struct work_struct *work)
{
	struct pks_left *left = container_of(work, struct pks_left, work);

	left->task = current;
	pks_part_open(&left->part);
}

static void pks_left_look(struct work_struct *work)
{
	struct pks_left *left = container_of(work, struct pks_left, work);

	left->task = current;
	pks_part_look(&left->part);
}

static void pks_left_open_kwork(struct kthread_work *work)
{
	pks_part_open(&container_of(work, struct pks_left, kwork)->part);
}

static void pks_left_look_kwork(struct kthread_work *work)
{
	pks_part_look(&container_of(work, struct pks_left, kwork)->part);
}

static void pks_left_open_irq(struct irq_work *work)
{
	pks_part_open(&container_of(work, struct pks_left, irq)->part);
}

static void pks_left_expect(struct kunit *test, const struct pks_left *left, const char *what)
{
	KUNIT_EXPECT_TRUE_MSG(test, pks_console_wait(what), "no line says '%s'", what);
	pks_expect_sight(test, &left->part.sight, left->part.pkey, PKS_TEST_CLOSED,
			 "who comes after it");
}

/* One after another, by the same thread at least once. */
static void pks_left_by_work(struct kunit *test)
{
	struct pks_left left = { .part = pks_test_part(test, PKS_READWRITE) };
	struct workqueue_struct *wq = alloc_ordered_workqueue("pks-left", 0);
	struct task_struct *opener;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, wq);
	/* Fewer than one place may say in five seconds. */
	for (i = 0; i < 9; i++) {
		pks_console_clear();
		INIT_WORK_ONSTACK(&left.work, pks_left_open);
		queue_work(wq, &left.work);
		flush_work(&left.work);
		destroy_work_on_stack(&left.work);
		opener = left.task;
		INIT_WORK_ONSTACK(&left.work, pks_left_look);
		queue_work(wq, &left.work);
		flush_work(&left.work);
		destroy_work_on_stack(&left.work);
		if (left.task == opener)
			break;
	}
	destroy_workqueue(wq);
	KUNIT_EXPECT_PTR_EQ(test, left.task, opener);
	pks_left_expect(test, &left, "work item pks_left_open");
}

static void pks_left_by_kthread_work(struct kunit *test)
{
	struct pks_left left = { .part = pks_test_part(test, PKS_READWRITE) };
	struct kthread_worker *worker = kthread_create_worker(0, "pks-left");

	KUNIT_ASSERT_FALSE(test, IS_ERR(worker));
	kthread_init_work(&left.kwork, pks_left_open_kwork);
	kthread_queue_work(worker, &left.kwork);
	kthread_flush_work(&left.kwork);
	kthread_init_work(&left.kwork, pks_left_look_kwork);
	kthread_queue_work(worker, &left.kwork);
	kthread_flush_work(&left.kwork);
	kthread_destroy_worker(worker);
	pks_left_expect(test, &left, "kthread work pks_left_open_kwork");
}

static void pks_left_by_interrupt(struct kunit *test)
{
	struct pks_left left = { .part = pks_test_part(test, PKS_READWRITE) };

	pks_isolation_needed(test);
	left.irq = IRQ_WORK_INIT_HARD(pks_left_open_irq);
	irq_work_queue(&left.irq);
	irq_work_sync(&left.irq);
	pks_part_look(&left.part);
	pks_left_expect(test, &left, "an interrupt handler on CPU ");
}

/* Of three that are called one after another, the second leaves the key open. */
#define PKS_LEFT_CALLS	3

struct pks_left_call {
	struct timer_list	timer;
	struct tasklet_struct	tasklet;
	struct pks_part		*part;
	bool			opens;
	bool			done;
};

struct pks_left_calls {
	struct pks_left_call	call[PKS_LEFT_CALLS];
	struct irq_work		raise;
	struct pks_part		part;
	int			irq;
};

static void pks_left_called(struct pks_left_call *call)
{
	if (call->opens)
		pks_part_open(call->part);
	else
		pks_part_look(call->part);
	WRITE_ONCE(call->done, true);
}

static void pks_left_timer(struct timer_list *timer)
{
	pks_left_called(container_of(timer, struct pks_left_call, timer));
}

static void pks_left_tasklet(struct tasklet_struct *tasklet)
{
	pks_left_called(container_of(tasklet, struct pks_left_call, tasklet));
}

static irqreturn_t pks_left_action(int irq, void *call)
{
	pks_left_called(call);
	return IRQ_HANDLED;
}

static struct pks_left_calls *pks_left_calls(struct kunit *test)
{
	struct pks_left_calls *calls = kunit_kzalloc(test, sizeof(*calls), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, calls);
	pks_isolation_needed(test);
	calls->part = pks_test_part(test, PKS_READWRITE);
	for (i = 0; i < PKS_LEFT_CALLS; i++) {
		calls->call[i].part = &calls->part;
		calls->call[i].opens = i == 1;
	}
	return calls;
}

static void pks_left_calls_expect(struct kunit *test, struct pks_left_calls *calls,
				  const char *line)
{
	int i;

	for (i = 0; i < PKS_LEFT_CALLS; i++)
		KUNIT_EXPECT_TRUE_MSG(test, pks_sleep_until(&calls->call[i].done), "call %d", i);
	KUNIT_EXPECT_TRUE_MSG(test, pks_console_wait(line), "no line says '%s'", line);
	pks_expect_sight(test, &calls->part.sight, calls->part.pkey, PKS_TEST_CLOSED,
			 "who is called after it");
}

static void pks_left_by_timer(struct kunit *test)
{
	struct pks_left_calls *calls = pks_left_calls(test);
	unsigned long expires = jiffies + 3;
	int i;

	for (i = 0; i < PKS_LEFT_CALLS; i++) {
		timer_setup(&calls->call[i].timer, pks_left_timer, 0);
		calls->call[i].timer.expires = expires;
		add_timer_on(&calls->call[i].timer, 0);
	}
	pks_left_calls_expect(test, calls, "timer pks_left_timer");
	for (i = 0; i < PKS_LEFT_CALLS; i++)
		timer_delete_sync(&calls->call[i].timer);
}

static void pks_left_by_tasklet(struct kunit *test)
{
	struct pks_left_calls *calls = pks_left_calls(test);
	int i;

	local_bh_disable();
	for (i = 0; i < PKS_LEFT_CALLS; i++) {
		tasklet_setup(&calls->call[i].tasklet, pks_left_tasklet);
		tasklet_schedule(&calls->call[i].tasklet);
	}
	local_bh_enable();
	pks_left_calls_expect(test, calls, "tasklet pks_left_tasklet");
	for (i = 0; i < PKS_LEFT_CALLS; i++)
		tasklet_kill(&calls->call[i].tasklet);
}

static void pks_left_raise(struct irq_work *raise)
{
	generic_handle_irq(container_of(raise, struct pks_left_calls, raise)->irq);
}

/* An interrupt that three share. No device raises it, but another interrupt. */
static void pks_left_by_action(struct kunit *test)
{
	struct pks_left_calls *calls = pks_left_calls(test);
	int i;

	calls->irq = irq_alloc_desc(NUMA_NO_NODE);
	KUNIT_ASSERT_GT(test, calls->irq, 0);
	irq_set_chip_and_handler(calls->irq, &dummy_irq_chip, handle_simple_irq);
	for (i = 0; i < PKS_LEFT_CALLS; i++)
		KUNIT_EXPECT_EQ(test, request_irq(calls->irq, pks_left_action,
						  IRQF_SHARED | IRQF_NO_THREAD, "pks_kunit",
						  &calls->call[i]), 0);
	calls->raise = IRQ_WORK_INIT_HARD(pks_left_raise);
	irq_work_queue(&calls->raise);
	irq_work_sync(&calls->raise);
	pks_left_calls_expect(test, calls, "interrupt handler pks_left_action");
	for (i = 0; i < PKS_LEFT_CALLS; i++)
		free_irq(calls->irq, &calls->call[i]);
	irq_free_desc(calls->irq);
}

/* The outer scope ends first: what the inner one found is not to come back. */
static void pks_left_wrong_order(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	int outer = pks_enter(part.pkey, PKS_READWRITE);
	int inner = pks_enter(part.pkey, PKS_READONLY);

	pks_leave(part.pkey, outer);
	pks_leave(part.pkey, inner);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "after both");
	KUNIT_EXPECT_TRUE(test, pks_console_wait("it has ended before, or one around it has"));
}

static void pks_left_twice(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	int outer = pks_enter(part.pkey, PKS_READWRITE);
	int inner = pks_enter(part.pkey, PKS_READONLY);

	pks_leave(part.pkey, inner);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READWRITE), "after the inner one");
	KUNIT_EXPECT_EQ(test, pks_console_count("a scope that was ended"), 0);
	pks_leave(part.pkey, outer);
	pks_leave(part.pkey, inner);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "after all");
	KUNIT_EXPECT_TRUE(test, pks_console_wait("it has ended before, or one around it has"));
}

/* No scope has begun like that: nothing changes. */
static void pks_left_foreign(struct kunit *test)
{
	static const int formers[] = { 1, 7, 0x3c, INT_MAX };
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	int i, outer;

	pks_console_clear();
	for (i = 0; i < ARRAY_SIZE(formers); i++) {
		outer = pks_enter(part.pkey, PKS_READWRITE);
		pks_leave(part.pkey, formers[i]);
		pks_part_look(&part);
		pks_expect_sight(test, &part.sight, part.pkey,
				 pks_test_pkrs(part.pkey, PKS_READWRITE), "inside");
		pks_leave(part.pkey, outer);
	}
	KUNIT_EXPECT_TRUE(test, pks_console_wait("no scope has begun like that"));
}

static void pks_left_freed(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), outer, inner;

	outer = pks_enter(pkey, PKS_READWRITE);
	inner = pks_enter(pkey, PKS_READONLY);
	pks_test_key_free(test, pkey);
	pks_leave(pkey, inner);
	pks_leave(pkey, outer);
	KUNIT_EXPECT_TRUE(test, pks_console_wait("its key was freed in it"));
	pks_expect_closed(test, "after both");
}

static struct kunit_case pks_left_cases[] = {
	KUNIT_CASE(pks_left_by_work),
	KUNIT_CASE(pks_left_by_kthread_work),
	KUNIT_CASE(pks_left_by_interrupt),
	KUNIT_CASE(pks_left_by_timer),
	KUNIT_CASE(pks_left_by_tasklet),
	KUNIT_CASE(pks_left_by_action),
	KUNIT_CASE(pks_left_wrong_order),
	KUNIT_CASE(pks_left_twice),
	KUNIT_CASE(pks_left_foreign),
	KUNIT_CASE(pks_left_freed),
	{}
};

struct kunit_suite pks_left_suite = {
	.name		= "pks_left",
	.init		= pks_debugfs_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_left_cases,
};
