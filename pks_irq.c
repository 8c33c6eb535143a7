// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts run at the default. On the way into a hard interrupt, and around
 * each softirq action, what was interrupted has its word saved and the handler
 * starts from the default; on the way out the word comes back.
 *
 * The kernel's entry code can't be hooked, but irq_enter_rcu() and irq_exit_rcu()
 * can, and softirqs have tracepoints. The place where a word is saved follows
 * from the interrupt's level, which preempt_count() knows: nothing is counted
 * here, so nothing gets out of step with entries or exits that were not seen.
 *
 * Not covered, for nothing traceable brackets them: exceptions, and the interrupts
 * that the kernel handles without irq_enter_rcu(), of which x86 has the reschedule
 * IPI. NMIs are in pks_nmi.c.
 */
#include "pks_internal.h"
#include <linux/ftrace.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/tracepoint.h>
#include <trace/events/irq.h>

/* Are the words of what is interrupted saved? Changed by pks_irq_set_isolation(). */
bool pks_irq_isolated __read_mostly;
/* Why they can't be, or NULL. */
const char *pks_irq_missing = "not set up";

#if defined(CONFIG_DYNAMIC_FTRACE) && defined(CONFIG_TRACEPOINTS)

static DEFINE_MUTEX(pks_irq_mutex);
static struct tracepoint *pks_tp_softirq_entry, *pks_tp_softirq_exit;

static __always_inline void pks_isolate(u32 *saved)
{
	u32 word = this_cpu_read(pks_pkrs);

	*saved = word;
	pks_switch_word(word, READ_ONCE(pks_default) | READ_ONCE(pks_slow));
}

static __always_inline void pks_restore(u32 *saved)
{
	u32 word = *saved;

	if (word == PKS_UNSAVED)
		return;
	*saved = PKS_UNSAVED;
	pks_switch_word(this_cpu_read(pks_pkrs), word);
}

/* Before irq_enter_rcu() counts the interrupt, with interrupts off. */
static void notrace pks_irq_enter(void)
{
	unsigned int level = hardirq_count() / HARDIRQ_OFFSET;

	if (READ_ONCE(pks_irq_isolated))
		pks_isolate(this_cpu_ptr(&pks_cpu.irq_saved[level]));
}

/*
 * Before irq_exit_rcu() takes the interrupt off the count and runs softirqs, with
 * interrupts off.
 */
static void notrace pks_irq_exit(void)
{
	unsigned int level = hardirq_count() / HARDIRQ_OFFSET - 1;
	u32 word = this_cpu_read(pks_pkrs);

	if (unlikely(pks_is_left(word)) && READ_ONCE(pks_irq_isolated))
		pks_leftover_of_irq(word, "an interrupt handler");
	pks_restore(this_cpu_ptr(&pks_cpu.irq_saved[level % PKS_IRQ_LEVELS]));
}

static struct ftrace_ops pks_irq_enter_ops, pks_irq_exit_ops;

/*
 * Softirqs do not nest on a CPU. On PREEMPT_RT a thread serves them and can be
 * switched out meanwhile: the word is saved in its record, and where it has none
 * it has nothing to save.
 */
static __always_inline u32 *pks_softirq_saved(void)
{
	struct pks_thread *t;

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return this_cpu_ptr(&pks_cpu.softirq_saved);
	t = this_cpu_read(pks_cpu.thread);
	return t ? &t->softirq_saved : NULL;
}

static void pks_softirq_entry(void *data, unsigned int nr)
{
	unsigned long flags;
	u32 *saved;

	/* Without it nobody keeps the handler's word: it can't open anything. */
	if (!READ_ONCE(pks_irq_isolated))
		return;
	local_irq_save(flags);
	saved = pks_softirq_saved();
	if (saved)
		pks_isolate(saved);
	local_irq_restore(flags);
}

static void pks_softirq_exit(void *data, unsigned int nr)
{
	unsigned long flags;
	u32 *saved;

	local_irq_save(flags);
	saved = pks_softirq_saved();
	if (saved && *saved != PKS_UNSAVED) {
		if (unlikely(pks_is_left(this_cpu_read(pks_pkrs))))
			pks_leftover_of_irq(this_cpu_read(pks_pkrs), "a softirq handler");
		pks_restore(saved);
	}
	local_irq_restore(flags);
}

static int pks_irq_hook_softirqs(void)
{
	int err;

	pks_tp_softirq_entry = pks_tracepoint("softirq_entry");
	pks_tp_softirq_exit = pks_tracepoint("softirq_exit");
	if (!pks_tp_softirq_entry || !pks_tp_softirq_exit)
		return -ENOENT;

	err = tracepoint_probe_register(pks_tp_softirq_entry, pks_softirq_entry,
					NULL);
	if (err)
		return err;
	err = tracepoint_probe_register(pks_tp_softirq_exit, pks_softirq_exit,
					NULL);
	if (err)
		tracepoint_probe_unregister(pks_tp_softirq_entry,
					    pks_softirq_entry, NULL);
	return err;
}

static void pks_irq_unhook_softirqs(void)
{
	tracepoint_probe_unregister(pks_tp_softirq_exit, pks_softirq_exit, NULL);
	tracepoint_probe_unregister(pks_tp_softirq_entry, pks_softirq_entry,
				    NULL);
	tracepoint_synchronize_unregister();
}

static int pks_irq_hook_hardirqs(void)
{
	int err;

	err = pks_hook_direct(&pks_irq_enter_ops, "irq_enter_rcu", pks_irq_enter);
	if (err)
		return err;
	err = pks_hook_direct(&pks_irq_exit_ops, "irq_exit_rcu", pks_irq_exit);
	if (err)
		pks_unhook_direct(&pks_irq_enter_ops, pks_irq_enter);
	return err;
}

static void pks_irq_unhook_hardirqs(void)
{
	pks_unhook_direct(&pks_irq_exit_ops, pks_irq_exit);
	pks_unhook_direct(&pks_irq_enter_ops, pks_irq_enter);
}

/* How long a handler may take to come. */
#define PKS_IRQ_TIMEOUT		HZ

/*
 * Answers from handlers: was what they interrupted put in its place? Not on a stack: a
 * handler may come when nobody waits for it any more.
 */
static struct pks_irq_proof {
	struct irq_work		work;
	struct hrtimer		timer;
	struct completion	interrupted;
	struct completion	served;
	bool			hardirq;
	bool			softirq;
} pks_irq_proof;

static enum hrtimer_restart pks_prove_softirq(struct hrtimer *timer)
{
	struct pks_irq_proof *proof =
		container_of(timer, struct pks_irq_proof, timer);
	struct pks_thread *t = this_cpu_read(pks_cpu.thread);

	proof->softirq = IS_ENABLED(CONFIG_PREEMPT_RT) ?
		!t || t->softirq_saved != PKS_UNSAVED :
		this_cpu_read(pks_cpu.softirq_saved) != PKS_UNSAVED;
	complete(&proof->served);
	return HRTIMER_NORESTART;
}

static void pks_prove_hardirq(struct irq_work *work)
{
	struct pks_irq_proof *proof =
		container_of(work, struct pks_irq_proof, work);

	proof->hardirq = this_cpu_read(pks_cpu.irq_saved[0]) != PKS_UNSAVED &&
			 pks_context_kept();
	complete(&proof->interrupted);
}

/* Hooks are relied on only after they were seen to work. */
static const char *pks_irq_prove(void)
{
	struct pks_irq_proof *proof = &pks_irq_proof;

	proof->work = IRQ_WORK_INIT_HARD(pks_prove_hardirq);
	init_completion(&proof->interrupted);
	irq_work_queue(&proof->work);
	if (!wait_for_completion_timeout(&proof->interrupted, PKS_IRQ_TIMEOUT))
		return "an interrupt that was raised did not come";
	irq_work_sync(&proof->work);
	if (!proof->hardirq)
		return "the hook on irq_enter_rcu() does not work";

	init_completion(&proof->served);
	hrtimer_setup(&proof->timer, pks_prove_softirq, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	hrtimer_start(&proof->timer, ns_to_ktime(1000), HRTIMER_MODE_REL_SOFT);
	wait_for_completion_timeout(&proof->served, PKS_IRQ_TIMEOUT);
	hrtimer_cancel(&proof->timer);
	return proof->softirq ? NULL : "the softirq tracepoints do not work";
}

/*
 * Words are saved only while all hooks are in place, and each word saved is given
 * back before one of them goes: no handler that began with its interrupted word
 * saved is without its hook on the way out.
 */
static void pks_irq_isolate(void)
{
	pks_nmi_isolate(true);
	WRITE_ONCE(pks_irq_isolated, true);
	pks_slow_set(PKS_SLOW_UNISOLATED, false);
}

static void pks_irq_restore(void)
{
	/* In this order: no handler is fast in the word of what it has interrupted. */
	pks_slow_set(PKS_SLOW_UNISOLATED, true);
	WRITE_ONCE(pks_irq_isolated, false);
	/* Handlers are RCU read-side sections: all that had saved are through. */
	synchronize_rcu();
	pks_nmi_isolate(false);
}

/*
 * Switch the isolation of interrupts. Without it a handler runs with the rights
 * of what it interrupted, and can't open keys. Returns -EOPNOTSUPP where the
 * hooks can't be had. May sleep.
 */
int pks_irq_set_isolation(bool on)
{
	if (pks_irq_missing)
		return on ? -EOPNOTSUPP : 0;
	mutex_lock(&pks_irq_mutex);
	if (on && !pks_irq_isolated)
		pks_irq_isolate();
	else if (!on && pks_irq_isolated)
		pks_irq_restore();
	mutex_unlock(&pks_irq_mutex);
	return 0;
}

/* What can't be had is said in pks_irq_missing; the module goes on without. */
void pks_irq_setup(void)
{
	pks_irq_missing = "irq_enter_rcu() and irq_exit_rcu() can't have direct calls";
	if (pks_irq_hook_hardirqs())
		return;
	pks_irq_missing = "the softirq tracepoints can't be had";
	if (pks_irq_hook_softirqs()) {
		pks_irq_unhook_hardirqs();
		return;
	}
	pks_nmi_setup();
	pks_irq_isolate();
	pks_irq_missing = pks_irq_prove();
	pks_irq_restore();
	if (pks_irq_missing) {
		pks_nmi_teardown();
		pks_irq_unhook_softirqs();
		pks_irq_unhook_hardirqs();
	}
}

void pks_irq_teardown(void)
{
	if (pks_irq_missing)
		return;
	pks_irq_set_isolation(false);
	pks_nmi_teardown();
	pks_irq_unhook_softirqs();
	pks_irq_unhook_hardirqs();
	pks_irq_missing = "unloading";
}

#else

int pks_irq_set_isolation(bool on)
{
	return on ? -EOPNOTSUPP : 0;
}

void pks_irq_setup(void)
{
	pks_irq_missing = "the kernel has no CONFIG_DYNAMIC_FTRACE";
}

void pks_irq_teardown(void) { }

#endif
