// SPDX-License-Identifier: GPL-2.0
/* Interrupts run at the default, and give back what was there. */
#include "pks_test.h"
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include "../pks_compat.h"

/*
 * A thread, @thread.pkey open, is interrupted: @handle runs on top of it. The
 * handler has a key of its own, @own.pkey.
 */
struct pks_irq_job {
	const struct pks_irq_way *way;
	void			(*handle)(struct pks_irq_job *job);
	struct pks_part		thread;
	struct pks_part		own;
	struct pks_actor	*actor;
	struct task_struct	*over;
	struct irq_work		work;
	struct irq_work		nested;
	struct hrtimer		timer;
	struct tasklet_struct	tasklet;
	struct pks_sight	before;	/* of the thread's page */
	struct pks_sight	inside;	/* of the handler's own page */
	struct pks_sight	other;	/* of the thread's page again */
	struct pks_sight	deeper;	/* by a handler that interrupted this */
	struct pks_actor	*high;
	struct pks_part		high_part;
	bool			context;
	bool			go_on;
	bool			done;
};

struct pks_irq_way {
	const char	*name;
	void		(*raise)(struct pks_irq_job *job);
	bool		soft;
};

static void pks_irq_handled(struct pks_irq_job *job)
{
	job->over = current;
	job->context = job->way->soft ? in_serving_softirq() : in_hardirq();
	job->handle(job);
	WRITE_ONCE(job->done, true);
}

static void pks_irq_worked(struct irq_work *work)
{
	pks_irq_handled(container_of(work, struct pks_irq_job, work));
}

static void pks_irq_called(void *job)
{
	pks_irq_handled(job);
}

static void pks_irq_tasklet(struct tasklet_struct *tasklet)
{
	pks_irq_handled(container_of(tasklet, struct pks_irq_job, tasklet));
}

static enum hrtimer_restart pks_irq_timer(struct hrtimer *timer)
{
	pks_irq_handled(container_of(timer, struct pks_irq_job, timer));
	return HRTIMER_NORESTART;
}

static void pks_irq_schedule_tasklet(struct irq_work *work)
{
	struct pks_irq_job *job = container_of(work, struct pks_irq_job, nested);

	tasklet_schedule(&job->tasklet);
}

static void pks_irq_by_work(struct pks_irq_job *job)
{
	irq_work_queue(&job->work);
}

/* The case itself sends it when it sees that the thread is ready. */
static void pks_irq_by_ipi(struct pks_irq_job *job)
{
}

static void pks_irq_by_timer(struct pks_irq_job *job)
{
	hrtimer_start(&job->timer, ns_to_ktime(100 * NSEC_PER_USEC),
		      job->way->soft ? HRTIMER_MODE_REL_SOFT :
				       HRTIMER_MODE_REL_HARD);
}

/* In the thread, when it lets softirqs in. */
static void pks_irq_by_bh(struct pks_irq_job *job)
{
	local_bh_disable();
	tasklet_schedule(&job->tasklet);
	local_bh_enable();
}

static void pks_irq_by_tasklet(struct pks_irq_job *job)
{
	irq_work_queue(&job->nested);
}

static const struct pks_irq_way pks_irq_ways[] = {
	{ "irq_work", pks_irq_by_work },
	{ "IPI", pks_irq_by_ipi },
	{ "hrtimer", pks_irq_by_timer },
	{ "soft hrtimer", pks_irq_by_timer, true },
	{ "tasklet after an interrupt", pks_irq_by_tasklet, true },
	{ "tasklet in local_bh_enable", pks_irq_by_bh, true },
};

static const struct pks_irq_way *const pks_irq_work_way = &pks_irq_ways[0];
static const struct pks_irq_way *const pks_irq_ipi_way = &pks_irq_ways[1];
static const struct pks_irq_way *const pks_irq_bh_way =
	&pks_irq_ways[ARRAY_SIZE(pks_irq_ways) - 1];

static void pks_irq_way_name(const struct pks_irq_way *way, char *desc)
{
	strscpy(desc, way->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_irq_way, pks_irq_ways, pks_irq_way_name);

static void pks_irq_act(void *data)
{
	struct pks_irq_job *job = data;

	pks_part_open(&job->thread);
	WRITE_ONCE(job->thread.ready, true);
	job->way->raise(job);
	pks_spin_until(&job->done);
	pks_part_look(&job->thread);
	pks_part_close(&job->thread);
}

static struct pks_part pks_irq_part(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);

	return (struct pks_part){
		.pkey	= pkey,
		.access	= PKS_READWRITE,
		.page	= pks_test_page(test, pkey),
	};
}

/* @job is on the caller's stack, and so is its timer. */
static void pks_irq_job_init(struct kunit *test, struct pks_irq_job *job,
			     const struct pks_irq_way *way)
{
	int cpu = pks_other_cpu(test);

	*job = (struct pks_irq_job){
		.way	= way,
		.thread	= pks_irq_part(test),
		.own	= pks_irq_part(test),
		.actor	= pks_actor(test, "pks-interrupted", cpu),
		.work	= IRQ_WORK_INIT_HARD(pks_irq_worked),
		.nested	= IRQ_WORK_INIT_HARD(pks_irq_schedule_tasklet),
	};
	job->own.access = PKS_READONLY;
	tasklet_setup(&job->tasklet, pks_irq_tasklet);
	hrtimer_setup_on_stack(&job->timer, pks_irq_timer, CLOCK_MONOTONIC,
			       way->soft ? HRTIMER_MODE_REL_SOFT : HRTIMER_MODE_REL_HARD);
}

static void pks_irq_job_exit(struct pks_irq_job *job)
{
	hrtimer_cancel(&job->timer);
	destroy_hrtimer_on_stack(&job->timer);
	irq_work_sync(&job->nested);
	irq_work_sync(&job->work);
	tasklet_kill(&job->tasklet);
}

static bool pks_irq_once(struct kunit *test, struct pks_irq_job *job)
{
	job->done = false;
	job->thread.ready = false;
	pks_actor_begin(job->actor, pks_irq_act, job);
	if (job->way->raise == pks_irq_by_ipi) {
		KUNIT_EXPECT_TRUE(test, pks_sleep_until(&job->thread.ready));
		smp_call_function_single(pks_test_cpu(test), pks_irq_called,
					 job, 1);
	}
	if (!pks_actor_wait(job->actor))
		return false;
	/* A softirq may be left to its thread; always so on PREEMPT_RT. */
	return job->over == pks_actor_task(job->actor) ||
		(job->way->soft && IS_ENABLED(CONFIG_PREEMPT_RT));
}

/* Until the handler has run on top of the thread. */
static void pks_irq_run(struct kunit *test, struct pks_irq_job *job,
			void (*handle)(struct pks_irq_job *job))
{
	bool hit = false;
	int i;

	job->handle = handle;
	for (i = 0; i < 20 && !hit; i++)
		hit = pks_irq_once(test, job);
	KUNIT_EXPECT_TRUE(test, hit);
	KUNIT_EXPECT_TRUE(test, job->context);
	pks_expect_sight(test, &job->thread.sight, job->thread.pkey,
			 pks_test_pkrs(job->thread.pkey, PKS_READWRITE),
			 "the thread, afterwards");
}

static void pks_irq_expect_default(struct kunit *test,
				   const struct pks_irq_job *job)
{
	pks_expect_sight(test, &job->before, job->thread.pkey, PKS_TEST_CLOSED,
			 "the handler");
}

static void pks_irq_looks(struct pks_irq_job *job)
{
	pks_look(&job->before, job->thread.page);
}

/* Whatever interrupts a thread with a key open is at the default. */
static void pks_irq_default(struct kunit *test)
{
	struct pks_irq_job job;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, test->param_value);
	pks_irq_run(test, &job, pks_irq_looks);
	pks_irq_expect_default(test, &job);
	pks_irq_job_exit(&job);
}

static void pks_irq_opens(struct pks_irq_job *job)
{
	pks_part_open(&job->own);
	pks_part_look(&job->own);
	pks_look(&job->other, job->thread.page);
	pks_part_close(&job->own);
	pks_look(&job->before, job->thread.page);
}

static void pks_irq_expect_own(struct kunit *test,
			       const struct pks_irq_job *job)
{
	u32 own = pks_test_pkrs(job->own.pkey, job->own.access);

	KUNIT_EXPECT_GE(test, job->own.former, 0);
	pks_expect_sight(test, &job->own.sight, job->own.pkey, own,
			 "the handler, of its page");
	pks_expect_sight(test, &job->other, job->thread.pkey, own,
			 "the handler, of the thread's page");
}

/* It may open keys for itself, starting from the default. */
static void pks_irq_own_key(struct kunit *test)
{
	struct pks_irq_job job;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, test->param_value);
	pks_irq_run(test, &job, pks_irq_opens);
	pks_irq_expect_own(test, &job);
	pks_irq_expect_default(test, &job);
	pks_irq_job_exit(&job);
}

/* First what an earlier one may have left. */
static void pks_irq_leaves_open(struct pks_irq_job *job)
{
	pks_look(&job->before, job->thread.page);
	pks_part_open(&job->own);
	pks_enter(job->thread.pkey, PKS_READONLY);
}

static void pks_irq_not_closed(struct kunit *test)
{
	struct pks_irq_job job;
	int i;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, test->param_value);
	for (i = 0; i < 3; i++) {
		pks_irq_run(test, &job, pks_irq_leaves_open);
		pks_irq_expect_default(test, &job);
	}
	pks_irq_job_exit(&job);
}

/* The thread has nothing open: that is what comes back. */
static void pks_irq_over_default(struct kunit *test)
{
	struct pks_irq_job job;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, test->param_value);
	job.handle = pks_irq_leaves_open;
	job.thread.access = PKS_NOACCESS;
	KUNIT_EXPECT_TRUE(test, pks_irq_once(test, &job));
	pks_irq_expect_default(test, &job);
	pks_expect_sight(test, &job.thread.sight, job.thread.pkey,
			 PKS_TEST_CLOSED, "the thread, afterwards");
	pks_irq_job_exit(&job);
}

static void pks_irq_deeper(struct irq_work *work)
{
	struct pks_irq_job *job = container_of(work, struct pks_irq_job, nested);

	pks_look(&job->deeper, job->own.page);
	pks_enter(job->thread.pkey, PKS_READWRITE);
	job->go_on = true;
}

/* Has itself interrupted with its key open, by one that opens the thread's. */
static void pks_irq_interrupted(struct pks_irq_job *job)
{
	pks_part_open(&job->own);
	irq_work_queue(&job->nested);
	if (in_hardirq())
		raw_local_irq_enable();
	pks_spin_until(&job->go_on);
	if (in_hardirq())
		raw_local_irq_disable();
	pks_part_look(&job->own);
	pks_look(&job->other, job->thread.page);
	pks_part_close(&job->own);
	pks_look(&job->before, job->thread.page);
}

static void pks_irq_nested(struct kunit *test, const struct pks_irq_way *way)
{
	struct pks_irq_job job;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, way);
	job.nested = IRQ_WORK_INIT_HARD(pks_irq_deeper);
	pks_irq_run(test, &job, pks_irq_interrupted);
	KUNIT_EXPECT_TRUE(test, job.go_on);
	pks_expect_sight(test, &job.deeper, job.own.pkey, PKS_TEST_CLOSED,
			 "the inner handler");
	pks_irq_expect_own(test, &job);
	pks_irq_expect_default(test, &job);
	pks_irq_job_exit(&job);
}

static void pks_irq_hard_in_soft(struct kunit *test)
{
	pks_irq_nested(test, pks_irq_bh_way);
}

static void pks_irq_hard_in_hard(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "lockdep does not let hard interrupts nest");
	pks_irq_nested(test, pks_irq_work_way);
}

/* Waits, its key open, until the key has been freed. */
static void pks_irq_holds_on(struct pks_irq_job *job)
{
	pks_part_open(&job->own);
	WRITE_ONCE(job->own.ready, true);
	pks_spin_until(&job->go_on);
	pks_part_look(&job->own);
	pks_part_close(&job->own);
	pks_look(&job->before, job->own.page);
}

/* A reset reaches a softirq handler, and the thread below it. */
static void pks_irq_reset_in_softirq(struct kunit *test)
{
	struct pks_irq_job job;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, pks_irq_bh_way);
	job.handle = pks_irq_holds_on;
	pks_actor_begin(job.actor, pks_irq_act, &job);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&job.own.ready));
	pks_test_key_free(test, job.own.pkey);
	pks_test_key_free(test, job.thread.pkey);
	KUNIT_EXPECT_FALSE(test, job.done);
	WRITE_ONCE(job.go_on, true);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(job.actor));

	pks_expect_sight(test, &job.own.sight, job.own.pkey, PKS_TEST_CLOSED,
			 "the handler");
	pks_expect_sight(test, &job.before, job.own.pkey, PKS_TEST_CLOSED,
			 "the handler, after its scope");
	pks_expect_sight(test, &job.thread.sight, job.thread.pkey,
			 PKS_TEST_CLOSED, "the thread");
	pks_irq_job_exit(&job);
}

/* @part is shown as held, and no other: "<pkey>:w". */
static void pks_irq_expect_held(struct kunit *test, const char *line,
				const struct pks_irq_job *job)
{
	char thread[8], own[8];

	KUNIT_ASSERT_NOT_NULL(test, line);
	snprintf(thread, sizeof(thread), " %d:w", job->thread.pkey);
	snprintf(own, sizeof(own), " %d:-", job->own.pkey);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, thread), "%s", line);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, own), "%s", line);
}

/* What debugfs says of a thread is the thread's, whatever a softirq on top of it has. */
static void pks_irq_shown(struct kunit *test)
{
	struct pks_irq_job job;
	char cpu[16];

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, pks_irq_bh_way);
	snprintf(cpu, sizeof(cpu), "\n%3u  on", pks_test_cpu(test));
	job.handle = pks_irq_holds_on;
	pks_actor_begin(job.actor, pks_irq_act, &job);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&job.own.ready));
	pks_irq_expect_held(test, pks_line_with(test, pks_file_read(test, "threads"),
						"pks-interrupted"), &job);
	/* On PREEMPT_RT another thread may serve it, and have the CPU. */
	if (job.over == pks_actor_task(job.actor))
		pks_irq_expect_held(test, pks_line_with(test, pks_file_read(test, "cpus"),
							cpu + 1), &job);
	WRITE_ONCE(job.go_on, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(job.actor));
	pks_irq_job_exit(&job);
}

static void pks_irq_fifo_act(void *unused)
{
	sched_set_fifo(current);
}

/* Wakes a thread of higher priority, with keys open. */
static void pks_irq_wakes(struct pks_irq_job *job)
{
	pks_irq_leaves_open(job);
	pks_actor_begin(job->high, pks_part_look, &job->high_part);
}

/* Who is scheduled on the way out of the interrupt has nothing of anyone. */
static void pks_irq_scheduling_on_the_way_out(struct kunit *test)
{
	struct pks_irq_job job;
	int i;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, test->param_value);
	job.high = pks_actor(test, "pks-high", pks_test_cpu(test));
	pks_actor_do(test, job.high, pks_irq_fifo_act, NULL);
	job.handle = pks_irq_wakes;
	for (i = 0; i < 20; i++) {
		job.high_part = job.thread;
		pks_irq_once(test, &job);
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(job.high));
		pks_expect_sight(test, &job.high_part.sight, job.thread.pkey,
				 PKS_TEST_CLOSED, "who was woken");
		pks_expect_sight(test, &job.thread.sight, job.thread.pkey,
				 pks_test_pkrs(job.thread.pkey, PKS_READWRITE),
				 "who was interrupted");
	}
	pks_irq_job_exit(&job);
}

/* A handler has what it interrupted, and can't change it. */
static void pks_irq_expect_inherited(struct kunit *test,
				     const struct pks_irq_job *job)
{
	u32 open = pks_test_pkrs(job->thread.pkey, PKS_READWRITE);

	KUNIT_EXPECT_EQ(test, job->own.former, -EPERM);
	pks_expect_sight(test, &job->before, job->thread.pkey, open,
			 "the handler");
	pks_expect_sight(test, &job->own.sight, job->own.pkey, open,
			 "the handler, of a page of its own");
	pks_expect_sight(test, &job->thread.sight, job->thread.pkey, open,
			 "the thread, afterwards");
}

static void pks_irq_not_isolated(struct kunit *test)
{
	struct pks_irq_job job;

	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, test->param_value);
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, false), 0);
	KUNIT_EXPECT_STREQ(test, pks_isolation(test), "off");
	pks_irq_run(test, &job, pks_irq_opens);
	/* On PREEMPT_RT a softirq may be served by a thread of its own. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT) ||
	    job.over == pks_actor_task(job.actor))
		pks_irq_expect_inherited(test, &job);

	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, true), 0);
	pks_irq_run(test, &job, pks_irq_opens);
	pks_irq_expect_own(test, &job);
	pks_irq_job_exit(&job);
}

/* Switched off while the thread runs, and not again before it is interrupted. */
static void pks_irq_switched_off(struct kunit *test)
{
	unsigned int cpu = pks_other_cpu(test);
	struct pks_irq_job job;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "the thread would keep RCU's threads from its CPU");
	pks_isolation_needed(test);
	pks_irq_job_init(test, &job, pks_irq_ipi_way);
	job.handle = pks_irq_opens;
	pks_actor_do(test, job.actor, pks_irq_fifo_act, NULL);
	pks_actor_begin(job.actor, pks_irq_act, &job);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&job.thread.ready));
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, false), 0);
	smp_call_function_single(cpu, pks_irq_called, &job, 1);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(job.actor));
	pks_irq_expect_inherited(test, &job);

	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, true), 0);
	pks_irq_job_exit(&job);
}

struct pks_irq_flight {
	struct pks_part	part;
	struct irq_work	work;
	unsigned int	interrupts;
};

static void pks_irq_fly(struct irq_work *work)
{
	container_of(work, struct pks_irq_flight, work)->interrupts++;
}

/* Holds its key over many interrupts, and a scope in it. */
static void pks_irq_fly_act(void *data)
{
	struct pks_irq_flight *flight = data;
	struct pks_part *part = &flight->part;
	unsigned long end = jiffies + PKS_TEST_PATIENCE;
	int former;

	pks_part_open(part);
	WRITE_ONCE(part->ready, true);
	while (!READ_ONCE(part->stop) && time_before(jiffies, end)) {
		irq_work_queue(&flight->work);
		part->bad += !pks_part_holds(part);
		former = pks_enter(part->pkey, PKS_NOACCESS);
		part->bad += former < 0;
		part->bad += pks_test_rdmsr() != PKS_TEST_CLOSED;
		pks_leave(part->pkey, former);
		cond_resched();
	}
	irq_work_sync(&flight->work);
	part->bad += !pks_part_holds(part);
	pks_part_close(part);
}

#define PKS_IRQ_FLIGHTS	4

/* On and off again: no thread, running, sleeping or interrupted, loses a thing. */
static void pks_irq_isolation_toggled(struct kunit *test)
{
	struct pks_actor *sleeper = pks_actor(test, "pks-sleeper", -1);
	struct pks_actor *actors[PKS_IRQ_FLIGHTS];
	struct pks_irq_flight flights[PKS_IRQ_FLIGHTS];
	struct pks_part asleep = pks_irq_part(test);
	int i;

	pks_isolation_needed(test);
	pks_actor_do(test, sleeper, pks_part_open, &asleep);
	for (i = 0; i < PKS_IRQ_FLIGHTS; i++) {
		flights[i] = (struct pks_irq_flight){
			.part = pks_irq_part(test),
			.work = IRQ_WORK_INIT_HARD(pks_irq_fly),
		};
		actors[i] = pks_actor(test, "pks-flight", -1);
		pks_actor_begin(actors[i], pks_irq_fly_act, &flights[i]);
	}
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, pks_isolation_set(test, i & 1), 0);
	for (i = 0; i < PKS_IRQ_FLIGHTS; i++)
		WRITE_ONCE(flights[i].part.stop, true);
	for (i = 0; i < PKS_IRQ_FLIGHTS; i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, flights[i].part.bad, 0);
		KUNIT_EXPECT_GT(test, flights[i].interrupts, 0);
	}
	pks_actor_do(test, sleeper, pks_part_look, &asleep);
	pks_expect_sight(test, &asleep.sight, asleep.pkey,
			 pks_test_pkrs(asleep.pkey, PKS_READWRITE), "asleep");
}

static struct kunit_case pks_irq_cases[] = {
	KUNIT_CASE_PARAM(pks_irq_default, pks_irq_way_gen_params),
	KUNIT_CASE_PARAM(pks_irq_own_key, pks_irq_way_gen_params),
	KUNIT_CASE_PARAM(pks_irq_not_closed, pks_irq_way_gen_params),
	KUNIT_CASE_PARAM(pks_irq_over_default, pks_irq_way_gen_params),
	KUNIT_CASE(pks_irq_hard_in_soft),
	KUNIT_CASE(pks_irq_hard_in_hard),
	KUNIT_CASE(pks_irq_reset_in_softirq),
	KUNIT_CASE(pks_irq_shown),
	KUNIT_CASE_PARAM(pks_irq_scheduling_on_the_way_out,
			 pks_irq_way_gen_params),
	KUNIT_CASE_PARAM(pks_irq_not_isolated, pks_irq_way_gen_params),
	KUNIT_CASE(pks_irq_switched_off),
	KUNIT_CASE(pks_irq_isolation_toggled),
	{}
};

struct kunit_suite pks_irq_suite = {
	.name		= "pks_irq",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_irq_cases,
};
