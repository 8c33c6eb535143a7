// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that someone leaves open when what he was called for is over: a work item, a work
 * of a kthread worker, a system call. The same thread goes on with something else, which
 * may be anybody's: so they are closed, and a line names who left them.
 *
 * Interrupt and softirq handlers, and fault handlers, begin and end with a word of their
 * own anyway; for them pks_irq.c and pks_policy.c ask here for the line alone.
 *
 * The ends of works are tracepoints. A thread of a process is looked at on its way back to
 * user space, for which the kernel has a notifier of the CPU: it is there while a thread
 * runs that has a record, and nobody else pays for it. Threads that never come to user
 * space and take their work from elsewhere (io_uring's, vhost's) are not watched.
 */
#include "pks_internal.h"
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/sched/task_stack.h>
#include <linux/tracepoint.h>
#include <linux/user-return-notifier.h>
#include <linux/workqueue.h>

/* Which ends are not seen, or NULL. */
const char *pks_leftover_missing;

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
	if (likely(!this_cpu_read(pks_cpu.thread)) || !in_task())
		return;
	pks_leftover_of(pks_leftover_close(), data, function);
}

static struct {
	const char		*name;
	void			*what;
	struct tracepoint	*tp;
} pks_work_tps[] = {
	{ "workqueue_execute_end", "work item" },
	{ "sched_kthread_work_execute_end", "kthread work" },
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

/* What can't be had is said in pks_leftover_missing. May sleep. */
void pks_leftover_init(void)
{
	unsigned int i;

	pks_leftover_missing = IS_ENABLED(CONFIG_USER_RETURN_NOTIFIER) ? NULL : "system calls";
	for (i = 0; i < ARRAY_SIZE(pks_work_tps); i++) {
		pks_work_tps[i].tp = pks_tracepoint(pks_work_tps[i].name);
		if (pks_work_tps[i].tp &&
		    !tracepoint_probe_register(pks_work_tps[i].tp, pks_work_ends,
					       pks_work_tps[i].what))
			continue;
		pks_work_tps[i].tp = NULL;
		pks_leftover_missing = pks_leftover_missing ? "works, system calls" : "works";
	}
}

void pks_leftover_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pks_work_tps); i++) {
		if (pks_work_tps[i].tp)
			tracepoint_probe_unregister(pks_work_tps[i].tp, pks_work_ends,
						    pks_work_tps[i].what);
	}
	tracepoint_synchronize_unregister();
}
