// SPDX-License-Identifier: GPL-2.0
/*
 * Rights follow their thread. A task that leaves the default for the first time
 * gets a record; a preempt notifier then takes its word off the CPU when the
 * task is switched out and puts it back when it is switched in. The record
 * stays until the task dies.
 *
 * A new task has no notifier and finds the default on its CPU: nothing is
 * inherited. Every CPU runs the default between the sched_out of one task and
 * the sched_in of the next.
 */
#include "pks_internal.h"
#include <linux/irq_work.h>
#include <linux/rculist.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>
#include <linux/workqueue.h>

/*
 * Records for contexts where the allocator may not be called, or has nothing.
 * Refilled from a worker as soon as one is taken.
 */
#define PKS_RESERVE	64

static LLIST_HEAD(pks_reserve);
static unsigned int pks_reserved;

/* Protects the list for writers, and the reserve. Readers of the list use RCU. */
static DEFINE_RAW_SPINLOCK(pks_thread_lock);
static LIST_HEAD(pks_threads);
static LLIST_HEAD(pks_dead);

static void pks_thread_job(struct work_struct *work);
static DECLARE_WORK(pks_thread_work, pks_thread_job);

static void pks_thread_kicked(struct irq_work *work)
{
	schedule_work(&pks_thread_work);
}

static DEFINE_IRQ_WORK(pks_thread_irq_work, pks_thread_kicked);

/*
 * Have the worker look around. From any context, the scheduler's included. Not any
 * more while unloading, where faults still come after the worker has gone.
 */
void pks_thread_kick(void)
{
	if (READ_ONCE(pks_on))
		irq_work_queue(&pks_thread_irq_work);
}

/*
 * The word and the epoch are read together, see pks_thread_saved(); between resets, which
 * are rare, the epoch stays.
 */
static void pks_thread_save(struct pks_thread *t, u32 word)
{
	u64 epoch = this_cpu_read(pks_cpu.epoch);

	if (likely(t->epoch == epoch)) {
		WRITE_ONCE(t->word, word);
		return;
	}
	raw_write_seqcount_begin(&t->saved);
	WRITE_ONCE(t->word, word);
	WRITE_ONCE(t->epoch, epoch);
	raw_write_seqcount_end(&t->saved);
}

/*
 * With interrupts off, before the switch. An NMI that interrupts this gives the
 * word back as it found it.
 */
static void pks_sched_out(struct preempt_notifier *notifier,
			  struct task_struct *next)
{
	struct pks_thread *t = container_of(notifier, struct pks_thread, notifier);
	u32 word = this_cpu_read(pks_pkrs);

	pks_cpu_verify(word);
	pks_thread_save(t, word);
	this_cpu_write(pks_cpu.thread, NULL);
	pks_return_unwatch();
	pks_switch_word(word, READ_ONCE(pks_default) | PKS_SLOW);

	if (!pks_holds_more(word, READ_ONCE(pks_default)))
		WRITE_ONCE(t->since, 0);
	else if (!t->since)
		WRITE_ONCE(t->since, local_clock());

	if (unlikely(READ_ONCE(current->__state) == TASK_DEAD)) {
		/*
		 * The last time. The caller walks the notifier on, so it stays
		 * linked, to a task that no one will switch to again.
		 */
		t->pid = current->pid;
		memcpy(t->comm, current->comm, TASK_COMM_LEN);
		WRITE_ONCE(t->task, NULL);
		llist_add(&t->dead, &pks_dead);
		pks_thread_kick();
	}
}

static void pks_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct pks_thread *t = container_of(notifier, struct pks_thread, notifier);
	unsigned long flags;
	u64 epoch;
	u32 word;

	/* No reset may come between the look at the epoch and the MSR. */
	local_irq_save(flags);
	pks_cpu_verify(this_cpu_read(pks_pkrs));
	word = t->word;
	epoch = this_cpu_read(pks_cpu.epoch);
	if (unlikely(t->epoch != epoch)) {
		word = pks_fold(word, t->epoch);
		t->softirq_saved = pks_fold_saved(t->softirq_saved, t->epoch);
	}
	t->softirq_saved = pks_refreshed(t->softirq_saved);
	word |= READ_ONCE(pks_slow);
	this_cpu_write(pks_cpu.thread, t);
	pks_return_watch();
	pks_switch_word(this_cpu_read(pks_pkrs), word);
	local_irq_restore(flags);
}

static struct preempt_ops pks_preempt_ops = {
	.sched_in = pks_sched_in,
	.sched_out = pks_sched_out,
};

static struct pks_thread *pks_reserve_get(void)
{
	struct llist_node *node;
	unsigned long flags;

	raw_spin_lock_irqsave(&pks_thread_lock, flags);
	node = llist_del_first(&pks_reserve);
	if (node)
		pks_reserved--;
	raw_spin_unlock_irqrestore(&pks_thread_lock, flags);
	pks_thread_kick();
	return node ? llist_entry(node, struct pks_thread, dead) : NULL;
}

static bool pks_reserve_put(struct pks_thread *t)
{
	unsigned long flags;
	bool room;

	raw_spin_lock_irqsave(&pks_thread_lock, flags);
	room = pks_reserved < PKS_RESERVE;
	if (room) {
		llist_add(&t->dead, &pks_reserve);
		pks_reserved++;
	}
	raw_spin_unlock_irqrestore(&pks_thread_lock, flags);
	return room;
}

static void pks_reserve_fill(void)
{
	struct pks_thread *t;

	while (READ_ONCE(pks_reserved) < PKS_RESERVE) {
		t = kmalloc(sizeof(*t), GFP_KERNEL | __GFP_NOWARN);
		if (!t)
			return;
		if (!pks_reserve_put(t))
			kfree(t);
	}
}

/*
 * On PREEMPT_RT the allocator takes sleeping locks, whatever the flags. In a fault
 * handler it may be what was interrupted.
 */
static struct pks_thread *pks_thread_get(void)
{
	struct pks_thread *t = NULL;

	if ((!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible()) &&
	    !this_cpu_read(pks_cpu.frame))
		t = kmalloc(sizeof(*t), GFP_NOWAIT | __GFP_NOWARN);
	return t ?: pks_reserve_get();
}

/*
 * May the running context have rights that a record keeps? Interrupt handlers
 * have the CPU's word to themselves while irq_isolation is on, and get here only if
 * it is off. On PREEMPT_RT softirqs are served by
 * threads, and their rights are the thread's.
 */
static bool pks_thread_may_hold(void)
{
	if (in_nmi() || in_hardirq())
		return false;
	if (in_serving_softirq())
		return IS_ENABLED(CONFIG_PREEMPT_RT) && READ_ONCE(pks_irq_isolated);
	return true;
}

/*
 * Give the running task a record if it has none. Returns -EPERM in a context that
 * can't have one, -ENOMEM if there is no memory for it. Any context.
 */
int pks_thread_attach(void)
{
	struct pks_thread *t;
	unsigned long flags;

	if (!pks_thread_may_hold())
		return -EPERM;
	/* On whichever CPU this reads, it is that of the running task. */
	if (this_cpu_read(pks_cpu.thread))
		return 0;
	t = pks_thread_get();
	if (!t)
		return -ENOMEM;

	*t = (struct pks_thread){
		.task = current,
		.word = READ_ONCE(pks_default),
		.epoch = READ_ONCE(pks_epoch),
		.softirq_saved = PKS_UNSAVED,
	};
	seqcount_init(&t->saved);
	preempt_notifier_init(&t->notifier, &pks_preempt_ops);

	raw_spin_lock_irqsave(&pks_thread_lock, flags);
	list_add_tail_rcu(&t->node, &pks_threads);
	preempt_notifier_register(&t->notifier);
	/* In a softirq on PREEMPT_RT: its thread had opened nothing. */
	if (in_serving_softirq())
		t->softirq_saved = READ_ONCE(pks_default) | READ_ONCE(pks_slow);
	this_cpu_write(pks_cpu.thread, t);
	pks_return_watch();
	raw_spin_unlock_irqrestore(&pks_thread_lock, flags);
	return 0;
}

static void pks_thread_free(struct pks_thread *t)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pks_thread_lock, flags);
	list_del_rcu(&t->node);
	raw_spin_unlock_irqrestore(&pks_thread_lock, flags);
	kfree_rcu(t, rcu);
}

/* A dead task's rights are gone; that it had any is a mistake of someone's. */
static void pks_thread_bury(struct pks_thread *t)
{
	char rights[128], name[TASK_COMM_LEN];
	u32 word = t->word;

	if (pks_fold_is_open(&word, t->epoch)) {
		pks_format_rights(rights, sizeof(rights), word);
		pr_warn("%s[%d] exited with rights open:%s\n",
			pks_printable(name, t->comm), t->pid, rights);
	}
	pks_thread_free(t);
}

static void pks_thread_job(struct work_struct *work)
{
	struct pks_thread *t, *next;

	llist_for_each_entry_safe(t, next, llist_del_all(&pks_dead), dead)
		pks_thread_bury(t);
	pks_reserve_fill();
	pks_tamper_report();
	pks_abandon_finish();
}

/*
 * The word of @t, which runs nowhere, as it is after all resets. Without the count:
 *
 * CPU 0				CPU 1
 * reads the word, with a key open
 *					@t is switched in, and folded: closed
 *					pks_sched_out(): the word, the epoch
 * reads the epoch, folds nothing
 */
static u32 pks_thread_saved(const struct pks_thread *t)
{
	unsigned int seq;
	u64 epoch;
	u32 word;

	do {
		seq = read_seqcount_begin(&t->saved);
		word = READ_ONCE(t->softirq_saved);
		if (word == PKS_UNSAVED)
			word = READ_ONCE(t->word);
		epoch = READ_ONCE(t->epoch);
	} while (read_seqcount_retry(&t->saved, seq));
	return pks_fold(word, epoch);
}

/*
 * The rights that @t has now, and the CPU it runs on in @cpu, or -1. From afar
 * and without a lock: what is true of a running task is over when it is read.
 */
u32 pks_thread_rights(const struct pks_thread *t, int *cpu)
{
	/* Its own, while it serves a softirq on PREEMPT_RT. */
	u32 word = READ_ONCE(t->softirq_saved);
	int i;

	for_each_online_cpu(i) {
		const struct pks_cpu *pc = per_cpu_ptr(&pks_cpu, i);

		if (READ_ONCE(pc->thread) != t)
			continue;
		*cpu = i;
		if (word == PKS_UNSAVED)
			word = READ_ONCE(pc->softirq_saved);
		if (word == PKS_UNSAVED)
			word = READ_ONCE(pc->irq_saved[0]);
		if (word == PKS_UNSAVED)
			word = READ_ONCE(per_cpu(pks_pkrs, i));
		return pks_rights_of(word);
	}
	*cpu = -1;
	return pks_rights_of(pks_thread_saved(t));
}

/*
 * Call @fn for the record of each living task, until it returns other than 0,
 * in an RCU read-side section: the task stays until that ends.
 */
int pks_thread_for_each(int (*fn)(struct pks_thread *t, void *data), void *data)
{
	struct pks_thread *t;
	int ret = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(t, &pks_threads, node) {
		if (READ_ONCE(t->task))
			ret = fn(t, data);
		if (ret)
			break;
	}
	rcu_read_unlock();
	return ret;
}

/*
 * All CPUs stand still, none of them in the middle of a walk over notifiers, for
 * those have preemption off.
 */
static int pks_thread_detach_all(void *unused)
{
	struct pks_thread *t;
	int cpu;

	list_for_each_entry(t, &pks_threads, node) {
		if (t->task)
			hlist_del(&t->notifier.link);
	}
	for_each_possible_cpu(cpu) {
		per_cpu(pks_cpu.thread, cpu) = NULL;
		pks_return_unwatch_cpu(cpu);
	}
	return 0;
}

int pks_thread_init(void)
{
	preempt_notifier_inc();
	pks_reserve_fill();
	if (pks_reserved < PKS_RESERVE) {
		pks_thread_exit();
		return -ENOMEM;
	}
	return 0;
}

/* No one calls into the module any more. Tasks may still have records. */
void pks_thread_exit(void)
{
	struct pks_thread *t, *next;

	stop_machine(pks_thread_detach_all, NULL, NULL);
	irq_work_sync(&pks_thread_irq_work);
	cancel_work_sync(&pks_thread_work);
	pks_thread_job(NULL);

	list_for_each_entry_safe(t, next, &pks_threads, node)
		pks_thread_free(t);
	llist_for_each_entry_safe(t, next, llist_del_all(&pks_reserve), dead)
		kfree(t);
	pks_reserved = 0;
	preempt_notifier_dec();
}
