// SPDX-License-Identifier: GPL-2.0
/*
 * The rights of the running context: the slow side of the update protocol (its
 * fast side is inline in linux/pks.h), and the reset of a key for everyone.
 */
#include "pks_domain.h"
#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <trace/events/pks.h>

DEFINE_PER_CPU(u32, pks_pkrs) = PKS_PKRS_CLOSED;
EXPORT_SYMBOL_PKS(pks_pkrs);

u32 __pks_key_gen[PKS_NUM_KEYS] __read_mostly;
EXPORT_SYMBOL_PKS(__pks_key_gen);

/* What a context has that opened nothing. Changed by pks_reset() alone. */
u32 pks_default __read_mostly = PKS_PKRS_CLOSED;
/* Counts the resets; of each key, the last one that it was part of. */
u64 pks_epoch;
static u64 pks_key_epoch[PKS_NUM_KEYS];

/* Keys that are someone's, as bits: one of them without a number is being reset. */
static u32 pks_live;

/*
 * A reset. Its order is what makes it safe:
 *
 *  1. the key's number goes, so that an update not yet in its word will see it
 *     (see __pks_enter_gen()), and no scope begins with a word of before the reset
 *     and a number of after it;
 *  2. the default and the epochs change;
 *  3. each CPU puts the key's bits back in every word it has: that of what runs
 *     there, and what interrupts have saved; then notes the epoch;
 *  4. the key gets its new number, if it stays someone's.
 *
 * A thread that is not on a CPU has in its record the epoch that the CPU it left
 * had noted, not the global one: a thread switched out between 2 and 3 has not
 * been reset. It catches up when it is next switched in.
 */

/* @word after all resets later than @since. */
u32 pks_fold(u32 word, u64 since)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (pks_key_epoch[pkey] > since)
			word = pks_with_access(word, pkey,
					       pks_key_access(pks_default, pkey));
	}
	return word;
}

/* The same for what may be PKS_UNSAVED. */
u32 pks_fold_saved(u32 word, u64 since)
{
	return word == PKS_UNSAVED ? word : pks_fold(word, since);
}

static void pks_fold_this_cpu(void *unused)
{
	struct pks_cpu *pc = this_cpu_ptr(&pks_cpu);
	u32 word = this_cpu_read(pks_pkrs);
	int i;

	lockdep_assert_irqs_disabled();
	for (i = 0; i < PKS_IRQ_LEVELS; i++)
		pc->irq_saved[i] = pks_fold_saved(pc->irq_saved[i], pc->epoch);
	pc->softirq_saved = pks_fold_saved(pc->softirq_saved, pc->epoch);
	if (pc->thread)
		pc->thread->softirq_saved =
			pks_fold_saved(pc->thread->softirq_saved, pc->epoch);
	pks_switch_word(word, pks_fold(word, pc->epoch));
	pc->epoch = pks_epoch;
}

static void pks_set_live(int pkey, u32 gen)
{
	u32 live = pks_live & ~BIT(pkey);

	WRITE_ONCE(pks_live, gen ? live | BIT(pkey) : live);
}

/* Number a key that was free, and so is closed for everyone. */
void pks_number(int pkey, u32 gen)
{
	lockdep_assert_held(&pks_key_mutex);
	pks_set_live(pkey, gen);
	/* Pairs with pks_await_gen(): who sees the number sees the key alive. */
	smp_store_release(&__pks_key_gen[pkey], gen);
}

/*
 * Set what everybody has of @pkey to @access, and take away whatever more, or
 * less, anyone has now. On return no context has anything else, unless it asked
 * for it since, by the number @gen. Resets follow one another; no CPU may come up
 * in the middle, for it would miss the interrupt and keep the old default. Who
 * waits for the number must not keep this from running on.
 */
void pks_reset(int pkey, enum pks_access access, u32 gen)
{
	lockdep_assert_held(&pks_key_mutex);
	cpus_read_lock();
	preempt_disable();
	pks_set_live(pkey, gen);
	/* Pairs with pks_await_gen(): who sees no number sees if it will come back. */
	smp_store_release(&__pks_key_gen[pkey], 0);
	pks_key_epoch[pkey] = pks_epoch + 1;
	WRITE_ONCE(pks_default, pks_with_access(pks_default, pkey, access));
	WRITE_ONCE(pks_epoch, pks_epoch + 1);
	on_each_cpu(pks_fold_this_cpu, NULL, 1);
	WRITE_ONCE(__pks_key_gen[pkey], gen);
	preempt_enable();
	cpus_read_unlock();
	trace_pks_key_reset(pkey, access);
}

static void pks_refresh_this_cpu(void *unused)
{
	struct pks_cpu *pc = this_cpu_ptr(&pks_cpu);
	int i;

	for (i = 0; i < PKS_IRQ_LEVELS; i++)
		pc->irq_saved[i] = pks_refreshed(pc->irq_saved[i]);
	pc->softirq_saved = pks_refreshed(pc->softirq_saved);
	if (pc->thread)
		pc->thread->softirq_saved =
			pks_refreshed(pc->thread->softirq_saved);
	this_cpu_write(pks_pkrs, pks_refreshed(this_cpu_read(pks_pkrs)));
}

/* After irq_isolation went off: no running context is READY any more. */
void pks_refresh_words(void)
{
	on_each_cpu(pks_refresh_this_cpu, NULL, 1);
}

static const char *pks_refusal(int err)
{
	switch (err) {
	case -ENOMEM:
		return "no memory for the thread's record";
	case -EPERM:
		return "this context can't hold rights";
	case -EAGAIN:
		return "the key is being reset";
	default:
		return "bad or unallocated key, or bad access";
	}
}

static int pks_refuse(int pkey, int err, unsigned long caller)
{
	if (caller)
		pr_warn_ratelimited("key %d: rights not changed: %s; called from %pS\n",
				    pkey, pks_refusal(err), (void *)caller);
	return err;
}

/*
 * The number of a key that seemed to have none. A preemptible thread waits for a
 * reset, which needs no more than an interrupt on this CPU, and is not preempted.
 * A handler might wait for what it interrupted; a thread with interrupts off, or
 * with a lock that a CPU with interrupts off spins for, keeps that reset waiting.
 */
int pks_await_gen(int pkey, u32 access)
{
	u32 gen;

	if (pkey <= 0 || pkey >= PKS_NUM_KEYS || access > PKS_READONLY)
		return -EINVAL;
	for (;;) {
		/* Pairs with pks_reset(): the number first, then pks_live. */
		gen = smp_load_acquire(&__pks_key_gen[pkey]);
		if (gen)
			return gen;
		if (!(READ_ONCE(pks_live) & BIT(pkey)))
			return -EINVAL;
		if (!preemptible())
			return -EAGAIN;
		cpu_relax();
	}
}

/*
 * With interrupts off an update needs no protocol. If @gen is not the number any
 * more, then the end of a scope gives the default, and nothing else is done.
 */
static bool pks_enter_irqsoff(int pkey, u32 access, u32 gen, bool leave,
			      u32 *former)
{
	u32 old = this_cpu_read(pks_pkrs);

	lockdep_assert_irqs_disabled();
	if (READ_ONCE(__pks_key_gen[pkey]) != gen) {
		if (!leave)
			return false;
		access = pks_key_access(READ_ONCE(pks_default), pkey);
	}
	*former = pks_key_access(old, pkey);
	pks_switch_word(old, pks_with_access(old, pkey, access) |
			pks_ready_flag());
	return true;
}

/* See to it that someone keeps this context's word: a record, if nobody does yet. */
static int pks_make_keepable(void)
{
	return this_cpu_read(pks_pkrs) & PKS_READY ? 0 : pks_thread_attach();
}

/*
 * The word can't be changed under a context that is not READY. Threads are
 * given a record first. Where interrupts are not isolated nobody is ever READY,
 * and each update comes here.
 */
int __pks_enter_slow(int pkey, u32 access, u32 gen, unsigned long caller)
{
	unsigned long flags;
	u32 former = 0;
	int ret, err;
	bool done;

	if (!READ_ONCE(pks_on) || pks_key_abandoned(pkey))
		return 0;
	do {
		ret = gen ?: pks_await_gen(pkey, access);
		err = ret < 0 ? ret : pks_make_keepable();
		if (err)
			return pks_refuse(pkey, err, caller);
		local_irq_save(flags);
		done = pks_enter_irqsoff(pkey, access, ret, !caller, &former);
		local_irq_restore(flags);
		gen = 0;
	} while (!done);
	if (tracepoint_enabled(pks_rights))
		__pks_trace_rights(pkey, former, access);
	return former | ret << __PKS_FORMER_GEN_SHIFT;
}
EXPORT_SYMBOL_PKS(__pks_enter_slow);

/*
 * The key was reset while its bits were put into the word: take them out again,
 * and if it is not the end of a scope, ask anew. @busy is for whom this context
 * interrupted. With interrupts off: a default that is read before a reset has
 * changed it can't be written after that reset has seen this CPU.
 */
int __pks_enter_raced(int pkey, u32 access, u32 busy, unsigned long caller)
{
	unsigned long flags;
	u32 old, new;

	local_irq_save(flags);
	old = this_cpu_read(pks_pkrs);
	new = pks_with_access(old, pkey,
			      pks_key_access(READ_ONCE(pks_default), pkey));
	/* This context's own BUSY is in the old word, so the MSR is written. */
	pks_switch_word(old, (new & ~PKS_BUSY) | busy);
	local_irq_restore(flags);
	return caller ? __pks_enter_slow(pkey, access, 0, caller) : 0;
}
EXPORT_SYMBOL_PKS(__pks_enter_raced);

/**
 * pks_mk_noaccess - close a key for the running context
 * @pkey: a key from pks_key_alloc()
 *
 * A bad or unallocated key gives one rate-limited line that names the caller,
 * and rights stay as they were. Without PKS nothing happens.
 *
 * Context: that of pks_enter().
 *
 * Semantics: Intel's PKS series V3, by name and effect.
 */
void pks_mk_noaccess(int pkey)
{
	__pks_enter(pkey, PKS_NOACCESS, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_mk_noaccess);

/**
 * pks_mk_readonly - let the running context read, and not write, a key's pages
 * @pkey: a key from pks_key_alloc()
 *
 * Otherwise like pks_mk_noaccess(). On a CPU whose CR0.WP is clear, writes get
 * through (SDM: WD binds supervisor writes only while CR0.WP is set).
 */
void pks_mk_readonly(int pkey)
{
	__pks_enter(pkey, PKS_READONLY, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_mk_readonly);

/**
 * pks_mk_readwrite - let the running context read and write a key's pages
 * @pkey: a key from pks_key_alloc()
 *
 * Otherwise like pks_mk_noaccess(). What is opened here stays open until the
 * same context closes it: pks_enter() and pks_leave() nest, these do not.
 */
void pks_mk_readwrite(int pkey)
{
	__pks_enter(pkey, PKS_READWRITE, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_mk_readwrite);

/**
 * pks_current_pkrs - rights of the running context
 *
 * Context: any.
 *
 * Return: them in the format of MSR_IA32_PKRS, two bits a key, AD and WD (SDM,
 * "Protection Keys"); 0, all access, without PKS.
 */
u32 pks_current_pkrs(void)
{
	return READ_ONCE(pks_on) ? pks_rights_of(this_cpu_read(pks_pkrs)) : 0;
}
EXPORT_SYMBOL_PKS(pks_current_pkrs);

/*
 * Open a key on this CPU, for a few instructions of ours that do not fault: with
 * interrupts off, so that no context has to keep the right. Not in an NMI.
 */
void pks_window_open(struct pks_window *window, int pkey)
{
	local_irq_save(window->flags);
	window->word = this_cpu_read(pks_pkrs);
	if (pkey)
		pks_switch_word(window->word,
				pks_with_access(window->word, pkey, PKS_READWRITE));
}

void pks_window_close(struct pks_window *window)
{
	pks_switch_word(this_cpu_read(pks_pkrs), window->word);
	local_irq_restore(window->flags);
}
