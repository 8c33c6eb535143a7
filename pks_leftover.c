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
 * runs that has a record, and nobody else pays for it. Not watched, for nothing tells of
 * their ends, are: callbacks of RCU and irq works, which share the word of their softirq
 * or interrupt; and threads that never come to user space and take their work from
 * elsewhere (io_uring's, vhost's).
 */
#include "pks_internal.h"
#include <linux/hrtimer.h>
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

/* "1:rw(vault)" of what is open in @word beyond the default, into @text. */
static bool pks_leftover_text(u32 word, char *text, size_t size)
{
	if (!pks_holds_more(word, READ_ONCE(pks_default)))
		return false;
	pks_format_rights(text, size, word);
	return true;
}

/* A function has ended with @word, which is not kept. Any context but NMI. */
void pks_leftover_of(u32 word, const char *what, const void *function)
{
	char rights[128];

	if (pks_leftover_text(word, rights, sizeof(rights)))
		pr_warn_ratelimited("%s %ps left open:%s\n", what, function, rights);
}

/* An interrupt's or softirq's handler, of which no name is known. Likewise. */
void pks_leftover_of_irq(u32 word, const char *what)
{
	char rights[128];

	if (pks_leftover_text(word, rights, sizeof(rights)))
		pr_warn_ratelimited("%s on CPU %u left open:%s\n", what, smp_processor_id(),
				    rights);
}

/* All that the running thread has open. Returns the word that it had. */
static u32 pks_leftover_close(void)
{
	unsigned long flags;
	u32 word;

	local_irq_save(flags);
	word = this_cpu_read(pks_pkrs);
	if (pks_holds_more(word, READ_ONCE(pks_default)))
		pks_switch_word(word, pks_frame_word());
	local_irq_restore(flags);
	return word;
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
	pks_leftover_of(pks_leftover_close(), end->what, function);
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
		pks_leftover_of(pks_leftover_close(), end->what, action->handler);
}

/* The function whose address is at @at, in what may have been freed by it. */
static void *pks_callback_at(const void *at)
{
	void *function;

	return copy_from_kernel_nofault(&function, at, sizeof(function)) ? NULL : function;
}

static noinline void pks_timer_left(const struct pks_end *end, const void *function)
{
	u32 word = pks_leftover_close();

	pks_leftover_of(word, end->what, pks_callback_at(function));
}

static void pks_timer_ends(void *data, struct timer_list *timer)
{
	if (pks_callback_left())
		pks_timer_left(data, &timer->function);
}

static void pks_hrtimer_ends(void *data, struct hrtimer *timer)
{
	if (pks_callback_left())
		pks_timer_left(data, &ACCESS_PRIVATE(timer, function));
}

static void pks_tasklet_ends(void *data, struct tasklet_struct *tasklet, void *function)
{
	const struct pks_end *end = data;

	if (pks_callback_left())
		pks_leftover_of(pks_leftover_close(), end->what, function);
}

static struct pks_end pks_ends[] = {
	{ "workqueue_execute_end", pks_work_ends, "work item", "works" },
	{ "sched_kthread_work_execute_end", pks_work_ends, "kthread work", "kthread works" },
	{ "irq_handler_exit", pks_irq_action_ends, "interrupt handler", "interrupt handlers" },
	{ "timer_expire_exit", pks_timer_ends, "timer", "timers" },
	{ "hrtimer_expire_exit", pks_hrtimer_ends, "hrtimer", "hrtimers" },
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

	if (!this_cpu_read(pks_cpu.thread) ||
	    !pks_leftover_text(pks_leftover_close(), rights, sizeof(rights)))
		return;
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
