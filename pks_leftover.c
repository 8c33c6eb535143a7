// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that someone leaves open when what he was called for is over: a work item, a work
 * of a kthread worker, a system call, a timer, a tasklet, an action of an interrupt. What
 * called him goes on with something else, which may be anybody's: so they are closed, and
 * a line names who left them.
 *
 * An interrupt as a whole, a softirq action and a fault handler begin and end with a word
 * of their own anyway; for them pks_irq.c and pks_policy.c ask here for the line alone.
 *
 * Most of these ends are tracepoints. A thread of a process is looked at on its way back
 * to user space, for which the kernel has a notifier of the CPU: it is there while a thread
 * runs that has a record, and nobody else pays for it. Not watched are callbacks of RCU
 * and irq works, of whose ends nothing tells, and hrtimers, of which every tick is one:
 * they share the word of their softirq or interrupt. Nor are threads that never come to
 * user space and take their work from elsewhere (io_uring's, vhost's).
 */
#include "pks_internal.h"
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/sched/task_stack.h>
#include <linux/timer.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/user-return-notifier.h>
#include <linux/workqueue.h>

struct pks_end {
	const char		*tracepoint;
	void			*probe;
	const char		*what;
	const char		*missing;
	struct tracepoint	*tp;
};

/*
 * @word, which this CPU has, if a key is open in it beyond the default, or else
 * PKS_UNSAVED. With interrupts off. A reset may be on its way here:
 *
 * CPU 0					CPU 1
 * a function ends, with all as it was
 *					pks_reset(): a key's default is less than it was
 *					IPI to CPU 0, which waits for interrupts
 * finds the key open, and its default
 * closed
 *
 * so what is looked at is the word as the reset will leave it.
 */
static u32 pks_leftover(u32 word)
{
	if (likely(!pks_is_left(word)) ||
	    !pks_fold_is_open(&word, this_cpu_read(pks_cpu.epoch)))
		return PKS_UNSAVED;
	return word;
}

static void pks_leftover_say(u32 left, const char *what, const void *function)
{
	char rights[128];

	if (left == PKS_UNSAVED)
		return;
	pks_format_rights(rights, sizeof(rights), left);
	pr_warn_ratelimited("%s %ps left open:%s\n", what, function, rights);
}

/*
 * A function has ended with @word, which is not kept. Any context but NMI, with
 * interrupts off.
 */
void pks_leftover_of(u32 word, const char *what, const void *function)
{
	pks_leftover_say(pks_leftover(word), what, function);
}

/* An interrupt's or softirq's handler, of which no name is known. Likewise. */
void pks_leftover_of_irq(u32 word, const char *what)
{
	u32 left = pks_leftover(word);
	char rights[128];

	if (left == PKS_UNSAVED)
		return;
	pks_format_rights(rights, sizeof(rights), left);
	pr_warn_ratelimited("%s on CPU %u left open:%s\n", what, smp_processor_id(), rights);
}

/* All that the running thread has open. Returns what pks_leftover() says of that. */
static u32 pks_leftover_close(void)
{
	unsigned long flags;
	u32 word, left;

	local_irq_save(flags);
	word = this_cpu_read(pks_pkrs);
	left = pks_leftover(word);
	if (left != PKS_UNSAVED)
		pks_switch_word(word, pks_frame_word());
	local_irq_restore(flags);
	return left;
}

/*
 * Of a workqueue, or of a kthread worker. Most threads have no record, and so nothing open.
 * Those of workqueues in softirqs end with the softirq's action.
 */
static void pks_work_ends(void *data, void *work, void *function)
{
	const struct pks_end *end = data;

	if (likely(!this_cpu_read(pks_cpu.thread)) || !in_task())
		return;
	pks_leftover_say(pks_leftover_close(), end->what, function);
}

/*
 * Has a function that was called by an interrupt or a softirq left something open? Where
 * the interrupted context's word was not saved, what is open is that context's.
 */
static __always_inline bool pks_callback_left(void)
{
	return unlikely(pks_is_left(this_cpu_read(pks_pkrs))) && !in_task() &&
	       pks_context_kept();
}

static void pks_irq_action_ends(void *data, int irq, struct irqaction *action, int ret)
{
	const struct pks_end *end = data;

	if (pks_callback_left())
		pks_leftover_say(pks_leftover_close(), end->what, action->handler);
}

/* The function of @timer, which may have freed it. */
static void *pks_timer_function(const struct timer_list *timer)
{
	void *function;

	return copy_from_kernel_nofault(&function, &timer->function, sizeof(function)) ?
		NULL : function;
}

static void pks_timer_ends(void *data, struct timer_list *timer)
{
	const struct pks_end *end = data;
	u32 left;

	if (!pks_callback_left())
		return;
	left = pks_leftover_close();
	pks_leftover_say(left, end->what, pks_timer_function(timer));
}

static void pks_tasklet_ends(void *data, struct tasklet_struct *tasklet, void *function)
{
	const struct pks_end *end = data;

	if (pks_callback_left())
		pks_leftover_say(pks_leftover_close(), end->what, function);
}

static struct pks_end pks_ends[] = {
	{ "workqueue_execute_end", pks_work_ends, "work item", "works" },
	{ "sched_kthread_work_execute_end", pks_work_ends, "kthread work", "kthread works" },
	{ "irq_handler_exit", pks_irq_action_ends, "interrupt handler", "interrupt handlers" },
	{ "timer_expire_exit", pks_timer_ends, "timer", "timers" },
	{ "tasklet_exit", pks_tasklet_ends, "tasklet", "tasklets" },
};

#ifdef CONFIG_USER_RETURN_NOTIFIER

struct pks_return {
	struct user_return_notifier	notifier;
	bool				on;
};

static DEFINE_PER_CPU(struct pks_return, pks_return);

/* With interrupts off, on the way to user space. */
static void pks_returns(struct user_return_notifier *notifier)
{
	char rights[128], name[TASK_COMM_LEN];
	u32 left;

	if (!this_cpu_read(pks_cpu.thread))
		return;
	left = pks_leftover_close();
	if (left == PKS_UNSAVED)
		return;
	pks_format_rights(rights, sizeof(rights), left);
	pr_warn_ratelimited("%s[%d], system call %ld, left open:%s\n",
			    pks_printable(name, current->comm), current->pid,
			    (long)task_pt_regs(current)->orig_ax, rights);
}

/* The running thread has a record from here on. With preemption off. */
void pks_return_watch(void)
{
	struct pks_return *ret = this_cpu_ptr(&pks_return);

	if (ret->on || (current->flags & PF_KTHREAD))
		return;
	ret->on = true;
	ret->notifier.on_user_return = pks_returns;
	user_return_notifier_register(&ret->notifier);
}

/* It leaves this CPU. Likewise. */
void pks_return_unwatch(void)
{
	struct pks_return *ret = this_cpu_ptr(&pks_return);

	if (!ret->on)
		return;
	user_return_notifier_unregister(&ret->notifier);
	ret->on = false;
}

/* The same for any CPU, while all of them stand still. */
void pks_return_unwatch_cpu(int cpu)
{
	struct pks_return *ret = per_cpu_ptr(&pks_return, cpu);

	if (ret->on)
		hlist_del(&ret->notifier.link);
	ret->on = false;
}

#else

void pks_return_watch(void) { }
void pks_return_unwatch(void) { }
void pks_return_unwatch_cpu(int cpu) { }

#endif

/* Which ends are not seen, into @text: "" if all are. */
void pks_leftover_missing(char *text, size_t size)
{
	const char *between = "";
	unsigned int i, at = 0;

	*text = 0;
	for (i = 0; i < ARRAY_SIZE(pks_ends); i++) {
		if (pks_ends[i].tp)
			continue;
		at += scnprintf(text + at, size - at, "%s%s", between, pks_ends[i].missing);
		between = ", ";
	}
	if (!IS_ENABLED(CONFIG_USER_RETURN_NOTIFIER))
		scnprintf(text + at, size - at, "%ssystem calls", between);
}

/* What can't be had, pks_leftover_missing() says. May sleep. */
void pks_leftover_init(void)
{
	struct pks_end *end;

	for (end = pks_ends; end < pks_ends + ARRAY_SIZE(pks_ends); end++) {
		end->tp = pks_tracepoint(end->tracepoint);
		if (end->tp && tracepoint_probe_register(end->tp, end->probe, end))
			end->tp = NULL;
	}
}

void pks_leftover_exit(void)
{
	struct pks_end *end;

	for (end = pks_ends; end < pks_ends + ARRAY_SIZE(pks_ends); end++) {
		if (end->tp)
			tracepoint_probe_unregister(end->tp, end->probe, end);
	}
	tracepoint_synchronize_unregister();
}
