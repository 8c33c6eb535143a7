// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts that threads ask for: each is a context of its own, which begins with
 * nothing but the defaults, makes some steps, and ends.
 */
#include "fuzz.h"
#include <linux/irq_work.h>
#include "../../pks_compat.h"

enum fuzz_interrupt {
	FUZZ_THREAD,
	FUZZ_IRQ_WORK,
	FUZZ_TASKLET,
	FUZZ_HARD_TIMER,
	FUZZ_SOFT_TIMER,
};

static_assert(FUZZ_SOFT_TIMER + 1 == FUZZ_CONTEXTS);

static void fuzz_interrupt_begin(struct fuzz_context *ctx)
{
	int pkey;

	fuzz_count(FUZZ_INTERRUPTS);
	ctx->nr_scopes = 0;
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		fuzz_right_default(ctx, pkey);
		if (fuzz_lie == FUZZ_LIE_INTERRUPT)
			ctx->rights[pkey] = ctx->thread->contexts[0].rights[pkey];
	}
}

/* One interrupt may serve several: only where it does not may a key stay open. */
static void fuzz_interrupt(struct fuzz_context *ctx, bool alone)
{
	unsigned int steps;
	struct rnd_state rnd;

	fuzz_rnd_init(&rnd, ctx->seed, ctx->id, 0);
	fuzz_interrupt_begin(ctx);
	fuzz_look(ctx);
	for (steps = fuzz_pick(&rnd, 6); steps; steps--) {
		/* Its thread waits, and changes nothing. */
		if (alone && fuzz_one_in(&rnd, 4))
			fuzz_memory_look(ctx, &rnd);
		else if (fuzz_one_in(&rnd, 3))
			fuzz_probe_step(ctx, &rnd);
		else
			fuzz_scope_step(ctx, &rnd);
		fuzz_look(ctx);
	}
	if (!alone || fuzz_one_in(&rnd, 2))
		fuzz_leave_all(ctx);
	/* From now on it can be asked for again. */
	smp_store_release(&ctx->due, false);
}

static void fuzz_irq_work(struct irq_work *work)
{
	struct fuzz_thread *thread = container_of(work, struct fuzz_thread, irq_work);

	fuzz_interrupt(&thread->contexts[FUZZ_IRQ_WORK], true);
}

static void fuzz_tasklet_work(struct irq_work *work)
{
	struct fuzz_thread *thread = container_of(work, struct fuzz_thread, tasklet_work);

	tasklet_schedule(&thread->tasklet);
}

static void fuzz_tasklet(struct tasklet_struct *tasklet)
{
	struct fuzz_thread *thread = container_of(tasklet, struct fuzz_thread, tasklet);

	fuzz_interrupt(&thread->contexts[FUZZ_TASKLET], false);
}

static enum hrtimer_restart fuzz_hard_timer(struct hrtimer *timer)
{
	struct fuzz_thread *thread = container_of(timer, struct fuzz_thread, hard);

	fuzz_interrupt(&thread->contexts[FUZZ_HARD_TIMER], false);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart fuzz_soft_timer(struct hrtimer *timer)
{
	struct fuzz_thread *thread = container_of(timer, struct fuzz_thread, soft);

	fuzz_interrupt(&thread->contexts[FUZZ_SOFT_TIMER], false);
	return HRTIMER_NORESTART;
}

/*
 * Some come while the thread goes on, wherever it is then; the first comes at once. A
 * softirq comes after an interrupt, or on top of the thread.
 */
void fuzz_interrupt_step(struct fuzz_context *ctx, struct rnd_state *rnd)
{
	enum fuzz_interrupt which = 1 + fuzz_pick(rnd, FUZZ_CONTEXTS - 1);
	ktime_t when = ns_to_ktime(NSEC_PER_USEC * (1 + fuzz_pick(rnd, 1000)));
	struct fuzz_thread *thread = ctx->thread;
	struct fuzz_context *other = &thread->contexts[which];
	u32 seed = prandom_u32_state(rnd);

	/* Pairs with fuzz_interrupt(). */
	if (smp_load_acquire(&other->due))
		return;
	other->seed = seed;
	WRITE_ONCE(other->due, true);
	switch (which) {
	case FUZZ_IRQ_WORK:
		irq_work_queue(&thread->irq_work);
		irq_work_sync(&thread->irq_work);
		break;
	case FUZZ_TASKLET:
		if (fuzz_one_in(rnd, 2)) {
			irq_work_queue(&thread->tasklet_work);
			break;
		}
		local_bh_disable();
		tasklet_schedule(&thread->tasklet);
		local_bh_enable();
		break;
	case FUZZ_HARD_TIMER:
		hrtimer_start(&thread->hard, when, HRTIMER_MODE_REL_HARD);
		break;
	default:
		hrtimer_start(&thread->soft, when, HRTIMER_MODE_REL_SOFT);
	}
}

void fuzz_contexts_init(struct fuzz_thread *thread)
{
	static const char *const names[] = {
		"thread", "irq_work", "tasklet", "hrtimer", "soft hrtimer"
	};
	struct fuzz_context *ctx;
	unsigned int i, pkey;

	static_assert(ARRAY_SIZE(names) == FUZZ_CONTEXTS);
	for (i = 0; i < FUZZ_CONTEXTS; i++) {
		ctx = &thread->contexts[i];
		ctx->name = names[i];
		ctx->id = thread->nr * FUZZ_CONTEXTS + i;
		ctx->thread = thread;
		for (pkey = 0; pkey < PKS_NUM_KEYS; pkey++)
			fuzz_right_default(ctx, pkey);
	}
	thread->irq_work = IRQ_WORK_INIT_HARD(fuzz_irq_work);
	thread->tasklet_work = IRQ_WORK_INIT_HARD(fuzz_tasklet_work);
	tasklet_setup(&thread->tasklet, fuzz_tasklet);
	hrtimer_setup(&thread->hard, fuzz_hard_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	hrtimer_setup(&thread->soft, fuzz_soft_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
}

void fuzz_contexts_end(struct fuzz_thread *thread)
{
	hrtimer_cancel(&thread->hard);
	hrtimer_cancel(&thread->soft);
	irq_work_sync(&thread->irq_work);
	irq_work_sync(&thread->tasklet_work);
	tasklet_kill(&thread->tasklet);
}
