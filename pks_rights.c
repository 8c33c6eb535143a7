// SPDX-License-Identifier: GPL-2.0
/*
 * The rights of the running context: the slow side of the update protocol (its
 * fast side is inline in linux/pks.h), and the reset of a key for everyone.
 */
#include "pks_domain.h"
#include <linux/cpu.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <trace/events/pks.h>

/* By key: 0 while it is nobody's or being reset, else a number until then. */
u32 pks_key_gen[PKS_NUM_KEYS] __read_mostly;

#define PKS_GATE_SHUT	U32_MAX
#define PKS_BY_KEY(of)	{						\
	of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8), of(9), of(10),	\
	of(11), of(12), of(13), of(14), of(15)					\
}

#define PKS_CLOSED(pkey)	(~((PKS_NOACCESS ^ 3U) << 2 * (pkey)))
u32 __pks_closed[__PKS_GATES] __read_mostly = { [0 ... __PKS_GATES - 1] = PKS_GATE_SHUT };
EXPORT_SYMBOL_PKS(__pks_closed);
u32 __pks_keep[__PKS_GATES] __read_mostly = PKS_BY_KEY(PKS_CLOSED);
EXPORT_SYMBOL_PKS(__pks_keep);
/* AD of each key that may be closed in place, and BUSY; else 0. */
static u32 pks_closing[__PKS_GATES] __read_mostly;

#define PKS_MASK(pkey)	(3U << 2 * (pkey) | PKS_WORD_FLAGS)
#define PKS_OTHER(pkey)	(~(3U << 2 * (pkey)))
const u32 __pks_masks[__PKS_GATES] = PKS_BY_KEY(PKS_MASK);
EXPORT_SYMBOL_PKS(__pks_masks);
const u32 __pks_others[__PKS_GATES] = PKS_BY_KEY(PKS_OTHER);
EXPORT_SYMBOL_PKS(__pks_others);

/* What a context has that opened nothing. Changed by pks_reset() alone. */
u32 pks_default __read_mostly = PKS_PKRS_CLOSED;
/* The flag of a context that has changed nothing yet, but whose word is kept. */
u32 pks_slow __read_mostly = PKS_SLOW;
/* Counts the resets; of each key, the last one that it was part of. */
u64 pks_epoch;
static u64 pks_key_epoch[PKS_NUM_KEYS];

/*
 * A reset. Its order is what makes it safe:
 *
 *  1. the key's number goes, so that no update begins;
 *  2. the default and the epochs change;
 *  3. each CPU puts the key's bits back in every word it has: that of what runs
 *     there, and what interrupts have saved; then notes the epoch. All these words
 *     become SLOW: an update that began before and is not yet in its word is seen to
 *     be too late (see __pks_commit());
 *  4. the key gets its new number, if it stays someone's.
 *
 * A thread that is not on a CPU has in its record the epoch that the CPU it left
 * had noted, not the global one: a thread switched out between 2 and 3 has not
 * been reset. It catches up when it is next switched in.
 */

/* @word after all resets later than @since, which gave keys what they have in @usual. */
static u32 pks_fold_to(u32 word, u64 since, u32 usual)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		/* Of a reset that is not seen here yet, the IPI is still to come. */
		if (READ_ONCE(pks_key_epoch[pkey]) > since)
			word = pks_with_access(word, pkey, pks_key_access(usual, pkey));
	}
	return word | PKS_SLOW;
}

/* @word after all resets later than @since, of which there are some. */
u32 pks_fold(u32 word, u64 since)
{
	return pks_fold_to(word, since, READ_ONCE(pks_default));
}

/*
 * Fold @word, which had all resets up to @since. Is anything open in it then, beyond the
 * default? That is the one it was folded with, for others may come meanwhile.
 */
bool pks_fold_is_open(u32 *word, u64 since)
{
	/* Pairs with pks_reset(): who sees its default, sees its epoch. */
	u32 usual = smp_load_acquire(&pks_default);

	*word = pks_fold_to(*word, since, usual);
	return pks_holds_more(*word, usual);
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

/*
 * Give a key its number, which is the last that is done to it, or take it away, which
 * is the first. With a default of all access there is nothing to open.
 */
static void pks_set_number(int pkey, u32 gen)
{
	u32 access = pks_key_access(pks_default, pkey);
	const unsigned int gate = pkey - 1;

	WRITE_ONCE(__pks_closed[gate], PKS_GATE_SHUT);
	/* Pairs with pks_await_gen(): who sees the number, or none, sees the key's life. */
	smp_store_release(&pks_key_gen[pkey], gen);
	WRITE_ONCE(pks_closing[gate], gen ? 1U << 2 * pkey | PKS_BUSY : 0);
	if (gen && access != PKS_READWRITE) {
		/* Pairs with the look at it in __pks_enter(): an open gate is seen last. */
		smp_store_release(&__pks_closed[gate], access << 2 * pkey);
	}
}

/*
 * A key that was free, and has nothing but its default anywhere, becomes someone's.
 * Who waits for the number must not keep this from running on.
 */
void pks_key_begin(int pkey, u32 gen)
{
	lockdep_assert_held(&pks_key_mutex);
	preempt_disable();
	WRITE_ONCE(pks_keys[pkey].life, pks_keys[pkey].life + 1);
	pks_set_number(pkey, gen);
	preempt_enable();
}

/* It is nobody's from now on, and may be in use for a little longer. */
void pks_key_end(int pkey)
{
	lockdep_assert_held(&pks_key_mutex);
	WRITE_ONCE(pks_keys[pkey].life, pks_keys[pkey].life + 1);
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
	pks_set_number(pkey, 0);
	/* Who is switched in meanwhile may see it or not, and is folded by 3 again. */
	WRITE_ONCE(pks_key_epoch[pkey], pks_epoch + 1);
	/* Pairs with pks_fold_is_open(). */
	smp_store_release(&pks_default, pks_with_access(pks_default, pkey, access));
	/* From now on no scope ends at the former default but one that is folded. */
	WRITE_ONCE(__pks_keep[pkey - 1], pks_with_access(U32_MAX, pkey, access));
	WRITE_ONCE(pks_epoch, pks_epoch + 1);
	on_each_cpu(pks_fold_this_cpu, NULL, 1);
	pks_set_number(pkey, gen);
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

/* From now on, for this reason, updates are slow or are not. May sleep. */
void pks_slow_set(unsigned int why, bool slow)
{
	static unsigned int reasons = PKS_SLOW_UNISOLATED;
	static DEFINE_MUTEX(mutex);

	mutex_lock(&mutex);
	reasons = slow ? reasons | why : reasons & ~why;
	WRITE_ONCE(pks_slow, reasons ? PKS_SLOW : 0);
	if (slow)
		on_each_cpu(pks_refresh_this_cpu, NULL, 1);
	mutex_unlock(&mutex);
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
 * The number of a key that seemed to have none; 0 if the key has been abandoned. A
 * preemptible thread waits for a reset, which needs no more than an interrupt on this
 * CPU, and is not preempted. A handler might wait for what it interrupted; a thread
 * with interrupts off, or with a lock that a CPU with interrupts off spins for, keeps
 * that reset waiting.
 */
int pks_await_gen(int pkey, u32 access)
{
	u32 gen;

	if (!pks_is_key(pkey) || access > PKS_READONLY)
		return -EINVAL;
	for (;;) {
		/* Pairs with pks_set_number(): the number first, then why there is none. */
		gen = smp_load_acquire(&pks_key_gen[pkey]);
		if (pks_key_abandoned(pkey))
			return 0;
		if (gen)
			return gen;
		if (!pks_is_lived(READ_ONCE(pks_keys[pkey].life)))
			return -EINVAL;
		if (!preemptible())
			return -EAGAIN;
		cpu_relax();
	}
}

/*
 * Is there someone who saves the word of this context when another takes the CPU, or
 * for whom it was saved?
 */
bool pks_context_kept(void)
{
	struct pks_thread *t = this_cpu_read(pks_cpu.thread);
	unsigned int level;

	if (in_nmi())
		return false;
	if (in_hardirq()) {
		level = hardirq_count() / HARDIRQ_OFFSET - 1;
		return this_cpu_read(pks_cpu.irq_saved[level]) != PKS_UNSAVED;
	}
	if (!in_serving_softirq())
		return t;
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return this_cpu_read(pks_cpu.softirq_saved) != PKS_UNSAVED;
	return t && t->softirq_saved != PKS_UNSAVED;
}

/* See to it that someone does: a record, for a thread that has none yet. */
static int pks_make_kept(void)
{
	if (in_nmi())
		return -EPERM;
	if (pks_context_kept())
		return 0;
	return pks_thread_attach();
}

/*
 * The key's bits as they are wanted, and no flags but what everybody has; unless this
 * context is in an update that is interrupted, which needs its own.
 */
static void pks_settle(u32 old, int pkey, u32 access, bool raced)
{
	u32 flags = old & PKS_BUSY && !raced ? old & PKS_WORD_FLAGS : 0;

	lockdep_assert_irqs_disabled();
	pks_switch_word(old, (pks_with_access(old, pkey, access) & ~PKS_WORD_FLAGS) |
			flags | READ_ONCE(pks_slow));
}

/* The MSR is not what the fast path has found in the word. */
void notrace __pks_resync(void)
{
	unsigned long flags;

	local_irq_save(flags);
	pks_write_msr(pks_rights_of(this_cpu_read(pks_pkrs)));
	local_irq_restore(flags);
}
EXPORT_SYMBOL_PKS(__pks_resync);

static int pks_former(u32 gen, u32 had, u32 access)
{
	return gen << __PKS_FORMER_GEN_SHIFT | access << __PKS_FORMER_INNER_SHIFT | had;
}

/* With interrupts off an update needs no protocol. Nothing, if @gen has gone. */
static bool pks_enter_irqsoff(int pkey, u32 access, u32 gen, u32 *had)
{
	u32 old = this_cpu_read(pks_pkrs);

	if (READ_ONCE(pks_key_gen[pkey]) != gen)
		return false;
	*had = pks_key_access(old, pkey);
	pks_settle(old, pkey, access, false);
	return true;
}

/*
 * Has the context got this without an update? In a scope in a scope, mostly. Who sees
 * the number of before a reset, and after that no flag, is before that reset.
 */
static __always_inline bool pks_has(int pkey, u32 access)
{
	return (this_cpu_read(pks_pkrs) & __pks_mask(pkey - 1)) == access << 2 * pkey;
}

static noinline int pks_enter_checked(int pkey, u32 access, unsigned long caller)
{
	unsigned long flags;
	int gen, err;
	u32 had = 0;
	bool done;

	do {
		gen = pks_await_gen(pkey, access);
		if (!gen)
			return 0;
		err = gen < 0 ? gen : pks_make_kept();
		if (err)
			return pks_refuse(pkey, err, caller);
		local_irq_save(flags);
		done = pks_enter_irqsoff(pkey, access, gen, &had);
		local_irq_restore(flags);
	} while (!done);
	if (had != access)
		trace_pks_rights(pkey, had, access);
	return pks_former(gen, had, access);
}

/*
 * A key was reset, or something else came by, while the fast path put this one's bits
 * into the word: take them out again. With interrupts off: a default that is read
 * before a reset has changed it can't be written after that reset has seen this CPU.
 */
static void notrace pks_back_out(int pkey)
{
	unsigned long flags;

	local_irq_save(flags);
	pks_settle(this_cpu_read(pks_pkrs), pkey,
		   pks_key_access(READ_ONCE(pks_default), pkey), true);
	local_irq_restore(flags);
}

/*
 * An update that the fast path is not for, or that it could not bring to an end.
 * @caller is for complaints.
 */
int notrace __pks_enter_slow(int pkey, u32 access, bool raced, unsigned long caller)
{
	u32 gen;

	if (pks_is_key(pkey) && access <= PKS_READONLY) {
		/* First of all, and not traced until then: more may be open than is due. */
		if (raced)
			pks_back_out(pkey);
		gen = READ_ONCE(pks_key_gen[pkey]);
		if (gen && pks_has(pkey, access))
			return pks_former(gen, access, access);
	}
	if (!READ_ONCE(pks_on))
		return 0;
	return pks_enter_checked(pkey, access, caller);
}
EXPORT_SYMBOL_PKS(__pks_enter_slow);

/* Has the key still the number that a scope began with? */
static bool pks_is_current(int pkey, int former)
{
	int gen = former >> __PKS_FORMER_GEN_SHIFT;

	return gen > 0 && READ_ONCE(pks_key_gen[pkey]) == gen;
}

/* What a scope had, while it went on. */
static u32 pks_former_inner(int former)
{
	return former >> __PKS_FORMER_INNER_SHIFT & __PKS_FORMER_ACCESS;
}

/* What pks_enter() returns, unless there was an error, or no PKS. */
static bool pks_former_ok(int former)
{
	return former == __PKS_FORMER_DEFAULT ||
		(former >> __PKS_FORMER_GEN_SHIFT > 0 &&
		 pks_former_inner(former) <= PKS_READONLY &&
		 (former & (__PKS_FORMER_DEFAULT | __PKS_FORMER_ACCESS)) <= PKS_READONLY);
}

/*
 * What the end of a scope leaves to its context; and, if that is not what the context had
 * before, why, in @misuse. A scope that ends is the innermost one, which has what it
 * began with.
 */
static u32 pks_leave_access(int pkey, int former, u32 had, const char **misuse)
{
	u32 access = pks_key_access(READ_ONCE(pks_default), pkey);

	if (former == __PKS_FORMER_DEFAULT)
		return access;
	if (!pks_is_current(pkey, former)) {
		/* Without a number it was freed, or is being reset. */
		if (!pks_is_lived(READ_ONCE(pks_keys[pkey].life)))
			*misuse = "its key was freed in it";
		return access;
	}
	if (had == pks_former_inner(former))
		return former & __PKS_FORMER_ACCESS;
	if (had != access || (former & __PKS_FORMER_ACCESS) != access)
		*misuse = "it has ended before, or one around it has";
	return access;
}

static void pks_leave_misused(int pkey, const char *misuse, unsigned long caller)
{
	pr_warn_ratelimited("key %d: a scope that was ended is none: %s; called from %pS\n",
			    pkey, misuse, (void *)caller);
}

static noinline void pks_leave_checked(int pkey, int former, bool raced, unsigned long caller)
{
	const char *misuse = NULL;
	u32 access, old, had;
	unsigned long flags;

	if (!raced && (!READ_ONCE(pks_on) || pks_make_kept()))
		return;
	local_irq_save(flags);
	old = this_cpu_read(pks_pkrs);
	had = pks_key_access(old, pkey);
	access = pks_leave_access(pkey, former, had, &misuse);
	if (had != access || (old & PKS_WORD_FLAGS))
		pks_settle(old, pkey, access, raced);
	local_irq_restore(flags);
	if (misuse)
		pks_leave_misused(pkey, misuse, caller);
	if (had != access)
		trace_pks_rights(pkey, had, access);
}

/*
 * The end of a scope that the fast path is not for, or that it could not bring to an
 * end. With what is no scope's, nothing is changed: an error, or none, without a word.
 */
void __pks_leave_slow(int pkey, int former, bool raced)
{
	if (!pks_is_key(pkey) || former <= 0)
		return;
	if (!pks_former_ok(former))
		pks_leave_misused(pkey, "no scope has begun like that", _RET_IP_);
	else if (!pks_is_current(pkey, former) ||
		 !pks_has(pkey, former & __PKS_FORMER_ACCESS) ||
		 pks_former_inner(former) != (former & __PKS_FORMER_ACCESS))
		pks_leave_checked(pkey, former, raced, _RET_IP_);
}
EXPORT_SYMBOL_PKS(__pks_leave_slow);

/* These three are not traced or probed: a tracer would run with the key open. */

/**
 * pks_mk_noaccess - close a key for the running context
 * @pkey: a key from pks_key_alloc()
 *
 * Where pks_enter() would return an error, one rate-limited line says which and names
 * the caller, and rights stay as they were. Without PKS nothing happens.
 *
 * Context: that of pks_enter().
 *
 * Semantics: Intel's PKS series V3, by name and effect.
 */
void notrace pks_mk_noaccess(int pkey)
{
	const unsigned int gate = pkey - 1;
	bool raced = false;
	u32 closing;

	if (likely(gate < __PKS_GATES &&
		   !(this_cpu_read(pks_pkrs) & __pks_mask(gate)))) {
		closing = READ_ONCE(pks_closing[gate]);
		if (likely(closing)) {
			barrier();
			this_cpu_or(pks_pkrs, closing);
			if (__pks_commit())
				return;
			raced = true;
		}
	}
	__pks_enter_slow(pkey, PKS_NOACCESS, raced, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_mk_noaccess);
NOKPROBE_SYMBOL(pks_mk_noaccess);

/**
 * pks_mk_readonly - let the running context read, and not write, a key's pages
 * @pkey: a key from pks_key_alloc()
 *
 * Otherwise like pks_mk_noaccess(). On a CPU whose CR0.WP is clear, writes get
 * through (SDM: WD binds supervisor writes only while CR0.WP is set).
 *
 * Context: that of pks_enter().
 *
 * Semantics: Intel's PKS series V3, by name and effect.
 */
void notrace pks_mk_readonly(int pkey)
{
	__pks_enter(pkey, PKS_READONLY, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_mk_readonly);
NOKPROBE_SYMBOL(pks_mk_readonly);

/**
 * pks_mk_readwrite - let the running context read and write a key's pages
 * @pkey: a key from pks_key_alloc()
 *
 * Otherwise like pks_mk_noaccess(). What is opened here stays open until the
 * same context closes it: pks_enter() and pks_leave() nest, these do not.
 *
 * Context: that of pks_enter().
 *
 * Semantics: Intel's PKS series V3, by name and effect.
 */
void notrace pks_mk_readwrite(int pkey)
{
	__pks_enter(pkey, PKS_READWRITE, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_mk_readwrite);
NOKPROBE_SYMBOL(pks_mk_readwrite);

/**
 * pks_current_pkrs - rights of the running context
 *
 * Context: any.
 *
 * Return: them in the format of MSR_IA32_PKRS, two bits a key, AD and WD (SDM,
 * "Protection Keys"); 0, all access, without PKS.
 *
 * Semantics: get_current_pkrs() of Intel's KVM patches on top of the PKS series.
 */
u32 pks_current_pkrs(void)
{
	return READ_ONCE(pks_on) ? pks_rights_of(this_cpu_read(pks_pkrs)) : 0;
}
EXPORT_SYMBOL_PKS(pks_current_pkrs);

/*
 * Open a key on this CPU, with interrupts off, so that no context has to keep the right.
 * Not in an NMI. What is done meanwhile are accesses that have an entry in the exception
 * table; should anything oops all the same, pks_frames_close() ends the window.
 */
void notrace pks_window_open(struct pks_window *window, int pkey)
{
	u32 word;

	local_irq_save(window->flags);
	word = this_cpu_read(pks_pkrs);
	pks_frame_begin(&window->frame, pkey ? pks_with_access(word, pkey, PKS_READWRITE) : word);
}
NOKPROBE_SYMBOL(pks_window_open);

void notrace pks_window_close(struct pks_window *window)
{
	pks_frame_end(&window->frame);
	local_irq_restore(window->flags);
}
NOKPROBE_SYMBOL(pks_window_close);

/* At the end: after its export, sparse takes it for an ordinary variable. */
DEFINE_PER_CPU(u32, pks_pkrs) = PKS_PKRS_CLOSED | PKS_SLOW;
EXPORT_SYMBOL_PKS(pks_pkrs);
