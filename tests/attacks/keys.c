// SPDX-License-Identifier: GPL-2.0
/* Keys that are not their owner's any more, and rights that are not a context's own. */
#include "../../pks_internal.h"
#include "attacks.h"
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#define PKEY_ROUNDS	20

/* A key, with a page mapped with it that has the secret. */
struct pkey_page {
	int		pkey;
	struct page	*page;
	u64		*map;
};

static void pkey_page_unmap(struct pkey_page *kp)
{
	if (kp->map)
		vunmap(kp->map);
	if (kp->page)
		__free_page(kp->page);
}

static int pkey_page_map(struct pkey_page *kp)
{
	int former;

	kp->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	kp->map = kp->page ? vmap(&kp->page, 1, VM_MAP, PAGE_KERNEL_PKEY(kp->pkey)) : NULL;
	if (!kp->map) {
		pkey_page_unmap(kp);
		return -ENOMEM;
	}
	former = pks_enter(kp->pkey, PKS_READWRITE);
	*kp->map = victim.secret;
	pks_leave(kp->pkey, former);
	return 0;
}

/* Without PKS there is no key, and the page is open to all. */
static int pkey_page_make(struct pkey_page *kp)
{
	int err;

	kp->map = NULL;
	kp->pkey = pks_key_alloc("attacked", PKS_FLAG_EXCLUSIVE);
	if (kp->pkey < 0 && kp->pkey != -EOPNOTSUPP)
		return kp->pkey;
	err = pkey_page_map(kp);
	if (err)
		pks_key_free(kp->pkey);
	return err;
}

/* A thread with a key open that is freed meanwhile. */
struct pkey_holder {
	struct pkey_page		kp;
	struct attack_thread	thread;
	int			other;
	bool			ready;
	bool			go;
	struct completion	wake;
	int			outcome;
};

static void pkey_hold(struct pkey_holder *holder, void (*until)(struct pkey_holder *))
{
	int former = pks_enter(holder->kp.pkey, PKS_READWRITE);

	WRITE_ONCE(holder->ready, true);
	until(holder);
	holder->outcome = stray_got(holder->kp.map);
	pks_leave(holder->kp.pkey, former);
}

static void pkey_spin(struct pkey_holder *holder)
{
	while (!READ_ONCE(holder->go))
		cpu_relax();
}

static void pkey_sleep(struct pkey_holder *holder)
{
	wait_for_completion(&holder->wake);
}

/* In the middle of updates of another key, most of the time. */
static void pkey_update(struct pkey_holder *holder)
{
	int former;

	while (!READ_ONCE(holder->go)) {
		former = pks_domain_enter(victim.other, PKS_READWRITE);
		pks_domain_leave(victim.other, former);
	}
}

static void pkey_hold_spinning(void *holder)
{
	pkey_hold(holder, pkey_spin);
}

static void pkey_hold_sleeping(void *holder)
{
	pkey_hold(holder, pkey_sleep);
}

static void pkey_hold_updating(void *holder)
{
	pkey_hold(holder, pkey_update);
}

static int pkey_begin(struct pkey_holder *holder, void (*fn)(void *))
{
	int err;

	init_completion(&holder->wake);
	err = attack_begin(&holder->thread, attack_other_cpu(), fn, holder);
	while (!err && !READ_ONCE(holder->ready))
		msleep(20);
	return err;
}

static void pkey_end(struct pkey_holder *holder)
{
	WRITE_ONCE(holder->go, true);
	complete(&holder->wake);
	attack_end(&holder->thread);
}

/* What a thread on another CPU still has of a key when that has been freed. */
static int pkey_revoke(void (*fn)(void *))
{
	struct pkey_holder holder = { };
	int err = pkey_page_make(&holder.kp);

	if (err)
		return err;
	err = pkey_begin(&holder, fn);
	pks_key_free(holder.kp.pkey);
	if (!err)
		pkey_end(&holder);
	pkey_page_unmap(&holder.kp);
	return err ?: holder.outcome;
}

static int revoked_running(void)
{
	return pkey_revoke(pkey_hold_spinning);
}

static int revoked_sleeping(void)
{
	return pkey_revoke(pkey_hold_sleeping);
}

static int revoked_updating(void)
{
	int i, outcome = ATTACK_STOPPED;

	for (i = 0; i < PKEY_ROUNDS && !outcome; i++)
		outcome = pkey_revoke(pkey_hold_updating);
	return outcome;
}

/* The former owner opens a key that is nobody's now. */
static int freed_key(void)
{
	struct pkey_page kp;
	int former, outcome = pkey_page_make(&kp);

	if (outcome)
		return outcome;
	pks_key_free(kp.pkey);
	former = pks_enter(kp.pkey, PKS_READWRITE);
	outcome = stray_got(kp.map);
	pks_leave(kp.pkey, former);
	pkey_page_unmap(&kp);
	return outcome;
}

/*
 * A key goes from one owner to the next, with the same number. What the former one
 * opens it by: a scope of old, if @scope, or the mere number.
 */
static int pkey_next_owner(bool scope)
{
	struct pkey_page kp, next;
	int outer, inner, outcome = pkey_page_make(&kp);

	if (outcome)
		return outcome;
	outer = pks_enter(kp.pkey, PKS_READWRITE);
	inner = pks_enter(kp.pkey, PKS_READONLY);
	pkey_page_unmap(&kp);
	pks_key_free(kp.pkey);
	outcome = pkey_page_make(&next);
	if (outcome)
		goto close;
	if (scope)
		pks_leave(kp.pkey, inner);
	else
		pks_mk_readwrite(kp.pkey);
	outcome = next.pkey == kp.pkey ? stray_got(next.map) : -ENOENT;
	pks_mk_noaccess(next.pkey);
	pkey_page_unmap(&next);
	pks_key_free(next.pkey);
close:
	pks_leave(kp.pkey, outer);
	return outcome;
}

static int stale_scope(void)
{
	return pkey_next_owner(true);
}

static int stale_number(void)
{
	return pkey_next_owner(false);
}

static struct pkey_page pkey_left;

/* A page that the former owner has left tagged, when the key is another's. */
static int stale_page(void)
{
	int pkey, former, outcome = pkey_page_make(&pkey_left);

	if (outcome)
		return outcome;
	pks_key_free(pkey_left.pkey);
	pkey = pks_key_alloc("attacker", PKS_FLAG_EXCLUSIVE);
	former = pks_enter(pkey, PKS_READONLY);
	outcome = stray_got(pkey_left.map);
	pks_leave(pkey, former);
	pks_key_free(pkey);
	return outcome;
}

static void stale_page_undo(void)
{
	pkey_page_unmap(&pkey_left);
}

/* A thread that once had something open of its own, and now sleeps. */
static void pkey_thief(void *data)
{
	struct pkey_holder *thief = data;
	int former = pks_domain_enter(victim.other, PKS_READWRITE);

	pks_domain_leave(victim.other, former);
	WRITE_ONCE(thief->ready, true);
	pkey_sleep(thief);
	thief->outcome = stray_got(victim.object);
	pks_mk_noaccess(victim.domain->pkey);
}

/* The word in its record, for which one only has to know where that is. */
static void pkey_tamper_record(struct task_struct *task)
{
	struct hlist_node *first = READ_ONCE(task->preempt_notifiers.first);
	struct preempt_notifier *notifier;
	struct pks_thread *t;

	if (!first)
		return;
	notifier = hlist_entry(first, struct preempt_notifier, link);
	t = container_of(notifier, struct pks_thread, notifier);
	WRITE_ONCE(t->word, pks_with_access(t->word, victim.domain->pkey, PKS_READWRITE));
}

static int saved_word(void)
{
	struct pkey_holder thief = { };
	int err = pkey_begin(&thief, pkey_thief);

	if (err)
		return err;
	/* Its word is in the record while it is not running. */
	while (READ_ONCE(thief.thread.task->__state) == TASK_RUNNING)
		msleep(20);
	msleep(20);
	pkey_tamper_record(thief.thread.task);
	pkey_end(&thief);
	return thief.outcome;
}

static bool pkey_interrupted;

static void pkey_interrupt(struct irq_work *work)
{
	WRITE_ONCE(pkey_interrupted, true);
}

static struct irq_work pkey_irq_work = IRQ_WORK_INIT_HARD(pkey_interrupt);

/* The word of this CPU, and an interrupt that has the MSR follow it. */
static int cpu_word(void)
{
	int outcome;
	u32 word;

	preempt_disable();
	word = this_cpu_read(pks_pkrs);
	if (victim_protected())
		this_cpu_write(pks_pkrs, pks_with_access(word, victim.domain->pkey,
							 PKS_READWRITE));
	WRITE_ONCE(pkey_interrupted, false);
	irq_work_queue(&pkey_irq_work);
	while (!READ_ONCE(pkey_interrupted))
		cpu_relax();
	outcome = stray_got(victim.object);
	pks_mk_noaccess(victim.domain->pkey);
	preempt_enable();
	irq_work_sync(&pkey_irq_work);
	return outcome;
}

const struct attack attack_keys[] = {
	{ "revoked_running", revoked_running },
	{ "revoked_sleeping", revoked_sleeping },
	{ "revoked_updating", revoked_updating },
	{ "freed_key", freed_key },
	{ "stale_scope", stale_scope },
	{ "stale_number", stale_number },
	{ "stale_page", stale_page, stale_page_undo },
	{ "saved_word", saved_word },
	{ "cpu_word", cpu_word },
	{}
};
