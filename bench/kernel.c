// SPDX-License-Identifier: GPL-2.0
/* What the kernel does anyway: context switches, interrupts, faults of its own. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "bench.h"
#include "../pks_compat.h"

static void bench_hold_begin(const struct bench_holder *holder, unsigned int thread)
{
	if (holder && holder->begin && thread < holder->threads)
		holder->begin();
}

static void bench_hold_end(const struct bench_holder *holder, unsigned int thread)
{
	if (holder && holder->end && thread < holder->threads)
		holder->end();
}

/* Two threads of the same real-time priority on one CPU: each yields to the other. */
struct bench_pair {
	const struct bench_holder	*holder;
	const char			*load;
	struct completion		done;
	bool				stop;
};

/* There and back: two switches. */
static u64 bench_switch_once(void *unused)
{
	return bench_time(yield());
}

static int bench_switch_first(void *data)
{
	struct bench_pair *pair = data;

	bench_hold_begin(pair->holder, 0);
	bench_measure(&(struct bench_row){
		"switch", pair->load, bench_switch_once, NULL, BENCH_ROUNDS, 2 });
	bench_hold_end(pair->holder, 0);
	WRITE_ONCE(pair->stop, true);
	complete(&pair->done);
	return 0;
}

static int bench_switch_second(void *data)
{
	struct bench_pair *pair = data;

	bench_hold_begin(pair->holder, 1);
	while (!READ_ONCE(pair->stop))
		yield();
	bench_hold_end(pair->holder, 1);
	complete(&pair->done);
	return 0;
}

static struct task_struct *bench_switch_thread(int (*fn)(void *data), struct bench_pair *pair)
{
	struct task_struct *task = kthread_create(fn, pair, "pks-bench");

	if (IS_ERR(task))
		return NULL;
	kthread_bind(task, 0);
	sched_set_fifo(task);
	return task;
}

void bench_switch(const char *load, const struct bench_holder *holder)
{
	struct bench_pair pair = { .holder = holder, .load = load };
	struct task_struct *second = bench_switch_thread(bench_switch_second, &pair);
	struct task_struct *first = bench_switch_thread(bench_switch_first, &pair);

	init_completion(&pair.done);
	if (!first || !second) {
		pr_err("no threads to switch between\n");
		if (first)
			kthread_stop(first);
		if (second)
			kthread_stop(second);
		return;
	}
	/* A real-time thread that has nobody to yield to does not let us go on. */
	preempt_disable();
	wake_up_process(second);
	wake_up_process(first);
	preempt_enable();
	wait_for_completion(&pair.done);
	wait_for_completion(&pair.done);
}
EXPORT_SYMBOL_GPL(bench_switch);

struct bench_timer {
	struct hrtimer		timer;
	enum hrtimer_mode	mode;
	bool			fired;
};

static enum hrtimer_restart bench_timer_fired(struct hrtimer *timer)
{
	WRITE_ONCE(container_of(timer, struct bench_timer, timer)->fired, true);
	return HRTIMER_NORESTART;
}

/*
 * All that an interrupt takes, from the entry code to the return: the longest time
 * between two looks at the clock, less the shortest.
 */
static u64 bench_interrupt_once(void *data)
{
	struct bench_timer *t = data;
	u64 last, now, longest = 0, shortest = U64_MAX;
	unsigned int looks;
	bool fired = false;

	WRITE_ONCE(t->fired, false);
	/* Not before the first look. */
	local_irq_disable();
	hrtimer_start(&t->timer, ns_to_ktime(20 * NSEC_PER_USEC), t->mode);
	last = bench_now();
	local_irq_enable();
	for (looks = 0; !fired || looks < 2; looks++) {
		fired = READ_ONCE(t->fired);
		now = bench_now();
		longest = max(longest, now - last);
		shortest = min(shortest, now - last);
		last = now;
	}
	return longest - shortest;
}

static void bench_interrupt(const char *name, const char *load, enum hrtimer_mode mode)
{
	struct bench_timer t = { .mode = mode };

	hrtimer_setup_on_stack(&t.timer, bench_timer_fired, CLOCK_MONOTONIC, mode);
	bench(name, load, bench_interrupt_once, &t);
	hrtimer_cancel(&t.timer);
	destroy_hrtimer_on_stack(&t.timer);
}

void bench_interrupts(const char *load, const struct bench_holder *holder)
{
	bench_hold_begin(holder, 0);
	bench_interrupt("timer interrupt", load, HRTIMER_MODE_REL_HARD);
	bench_interrupt("timer softirq", load, HRTIMER_MODE_REL_SOFT);
	bench_hold_end(holder, 0);
}
EXPORT_SYMBOL_GPL(bench_interrupts);

/* Of the kernel's, of a page that is not there, ending in the exception table. */
static u64 bench_kernel_fault_once(void *hole)
{
	u64 val;

	return bench_time(copy_from_kernel_nofault(&val, hole, sizeof(val)));
}

void bench_kernel_fault(const char *load)
{
	void *area = vmalloc(PAGE_SIZE);

	if (!area)
		return;
	/* Behind each area of vmalloc() is a page with nothing in it. */
	bench("kernel fault", load, bench_kernel_fault_once, area + PAGE_SIZE);
	vfree(area);
}
EXPORT_SYMBOL_GPL(bench_kernel_fault);
