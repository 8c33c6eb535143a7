// SPDX-License-Identifier: GPL-2.0
/*
 * What is to become of a violation: the key's fault handler says, or its policy. And
 * protection that is given up.
 */
#include "pks_internal.h"
#include <linux/moduleparam.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

/**
 * struct pks_handler - the fault handler of a key
 * @fn: see pks_set_fault_handler()
 * @data: handed to it
 * @owner: the module that set it
 */
struct pks_handler {
	pks_fault_handler_t	fn;
	void			*data;
	struct module		*owner;
};

static const char *const pks_policy_names[] = {
	[PKS_POLICY_DENY]	= "deny",
	[PKS_POLICY_REPORT]	= "report",
	[PKS_POLICY_PANIC]	= "panic",
};

/* What keys start with. Changed with pks_key_mutex held. */
static unsigned int pks_default_policy = PKS_POLICY_DENY;

static char *policy = "deny";
module_param(policy, charp, 0444);
MODULE_PARM_DESC(policy,
		 "What becomes of violations: deny (default), report (audit: carried out and reported), panic; keys and debugfs pks/policy can change it");

const char *pks_policy_name(unsigned int policy)
{
	return pks_policy_names[policy];
}

int pks_policy_parse(const char *name)
{
	return match_string(pks_policy_names, ARRAY_SIZE(pks_policy_names), name);
}

unsigned int pks_policy_default(void)
{
	return READ_ONCE(pks_default_policy);
}

/* Can the kernel do what @policy needs? */
static int pks_policy_possible(unsigned int policy)
{
	if (policy == PKS_POLICY_DENY)
		return 0;
	if (pks_fault_missing)
		return -EOPNOTSUPP;
	return policy == PKS_POLICY_REPORT && pks_step_missing ? -EOPNOTSUPP : 0;
}

static int pks_policy_change(struct pks_key *key, unsigned int policy)
{
	unsigned int was = key->policy;
	int err = pks_policy_possible(policy);

	lockdep_assert_held(&pks_key_mutex);
	if (err || policy == was)
		return err;
	if (policy == PKS_POLICY_REPORT)
		err = pks_step_get();
	if (err)
		return err;
	WRITE_ONCE(key->policy, policy);
	if (was == PKS_POLICY_REPORT)
		pks_step_put();
	return 0;
}

/* By root. Returns -EINVAL for a bad or free key, -EOPNOTSUPP. May sleep. */
int pks_policy_set(int pkey, unsigned int policy)
{
	int err = -EINVAL;

	mutex_lock(&pks_key_mutex);
	if (pks_key_taken(pkey))
		err = pks_policy_change(&pks_keys[pkey], policy);
	mutex_unlock(&pks_key_mutex);
	return err;
}

/* For keys that are allocated from now on. Returns -EOPNOTSUPP. May sleep. */
int pks_policy_set_default(unsigned int policy)
{
	int err;

	mutex_lock(&pks_key_mutex);
	err = pks_policy_possible(policy);
	if (!err)
		WRITE_ONCE(pks_default_policy, policy);
	mutex_unlock(&pks_key_mutex);
	return err;
}

/* pks_set_policy() says what this does; @owner is the module that called it. */
int __pks_set_policy(int pkey, enum pks_policy policy, struct module *owner)
{
	int err = -EINVAL;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	if ((unsigned int)policy > PKS_POLICY_PANIC)
		return -EINVAL;
	mutex_lock(&pks_key_mutex);
	if (pks_key_find_user(pkey, owner))
		err = pks_policy_change(&pks_keys[pkey], policy);
	mutex_unlock(&pks_key_mutex);
	return err;
}
EXPORT_SYMBOL_PKS(__pks_set_policy);

/* Take the handler of @key away; on return no CPU is in it. */
static void pks_handler_remove(struct pks_key *key)
{
	struct pks_handler *handler;

	handler = rcu_replace_pointer(key->handler, NULL,
				      lockdep_is_held(&pks_key_mutex));
	if (!handler)
		return;
	/* Handlers run with interrupts off: RCU waits for them. */
	synchronize_rcu();
	kfree(handler);
}

bool pks_key_has_handler(int pkey)
{
	return rcu_access_pointer(pks_keys[pkey].handler);
}

static int pks_handler_add(struct pks_key *key, pks_fault_handler_t fn,
			   void *data, struct module *owner)
{
	struct pks_handler *handler;

	if (pks_fault_missing)
		return -EOPNOTSUPP;
	if (rcu_access_pointer(key->handler))
		return -EBUSY;
	handler = kmalloc(sizeof(*handler), GFP_KERNEL);
	if (!handler)
		return -ENOMEM;
	*handler = (struct pks_handler){ fn, data, owner };
	rcu_assign_pointer(key->handler, handler);
	return 0;
}

/* pks_set_fault_handler() says what this does; @owner is the module that called it. */
int __pks_set_fault_handler(int pkey, pks_fault_handler_t fn, void *data,
			    struct module *owner)
{
	int err = 0;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	mutex_lock(&pks_key_mutex);
	if (!pks_key_find_user(pkey, owner))
		err = -EINVAL;
	else if (fn)
		err = pks_handler_add(&pks_keys[pkey], fn, data, owner);
	else
		pks_handler_remove(&pks_keys[pkey]);
	mutex_unlock(&pks_key_mutex);
	return err;
}
EXPORT_SYMBOL_PKS(__pks_set_fault_handler);

/* A key has got its first user. */
void pks_policy_begin(int pkey)
{
	struct pks_key *key = &pks_keys[pkey];

	memset(&key->counts, 0, sizeof(key->counts));
	/* What can't be had is said in status: then violations are denied. */
	pks_policy_change(key, pks_default_policy);
}

/* @owner, a user of the key, gives it back, or goes away. */
void pks_policy_leave(int pkey, struct module *owner)
{
	struct pks_handler *handler;

	handler = rcu_dereference_protected(pks_keys[pkey].handler,
					    lockdep_is_held(&pks_key_mutex));
	if (handler && handler->owner == owner)
		pks_handler_remove(&pks_keys[pkey]);
}

/* The key's last user gives it back: it is protected again. */
void pks_policy_end(int pkey)
{
	pks_policy_change(&pks_keys[pkey], PKS_POLICY_DENY);
	pks_keys[pkey].given_up = false;
}

/*
 * It has had interrupts on, and may be on another CPU now: a reset may have come, and
 * others have run. Nothing of what the frame has put aside is true any more.
 */
static void pks_handler_slept(pks_fault_handler_t fn)
{
	local_irq_disable();
	pks_frames_forget();
	pr_warn_ratelimited("fault handler %ps slept, or let interrupts in: not obeyed\n", fn);
}

/*
 * In the frame of the violation a handler is at the default, as if it were an interrupt;
 * pks_update_exception() finds there what the context has. What the handler leaves open
 * is not the business of who comes after it in the frame.
 */
static enum pks_fault_action
pks_handler_call(const struct pks_handler *handler, const struct pks_fault_info *info,
		 struct pks_frame *frame, struct pt_regs *regs)
{
	pks_fault_handler_t fn = handler->fn;
	enum pks_fault_action action;

	frame->regs = regs;
	action = fn(info, regs, handler->data);
	if (unlikely(!irqs_disabled())) {
		pks_handler_slept(fn);
		return PKS_FAULT_DENY;
	}
	frame->regs = NULL;
	if (unlikely(pks_is_left(this_cpu_read(pks_pkrs))))
		pks_leftover_of(this_cpu_read(pks_pkrs), "fault handler", fn);
	pks_switch_word(this_cpu_read(pks_pkrs), pks_frame_word());
	return action;
}

/* Handlers do not nest, and need not be made for NMIs. */
static enum pks_fault_action pks_handler_ask(const struct pks_fault_info *info,
					     struct pks_frame *frame,
					     struct pt_regs *regs)
{
	enum pks_fault_action action = PKS_FAULT_DENY;
	const struct pks_handler *handler;

	if (in_nmi() || pks_frame_of_handler())
		return action;
	/* Interrupts are off: pks_handler_remove() waits for that. */
	handler = rcu_dereference_check(pks_keys[info->pkey].handler, irqs_disabled());
	if (handler)
		action = pks_handler_call(handler, info, frame, regs);
	return action;
}

/* May the access be retried, or would it be the same violation for ever? */
static bool pks_retry_helps(const struct pks_fault_info *info,
			    const struct pks_frame *frame)
{
	int pkey = pks_key_of((void *)info->address);

	return pkey < 0 || pks_permits(frame->word, pkey, info->access);
}

static enum pks_fault_outcome pks_policy_apply(const struct pks_fault_info *info)
{
	switch (READ_ONCE(pks_keys[info->pkey].policy)) {
	case PKS_POLICY_REPORT:
		return PKS_FAULT_STEPPED;
	case PKS_POLICY_PANIC:
		return PKS_FAULT_PANICKED;
	default:
		return PKS_FAULT_STOPPED;
	}
}

/*
 * What is to become of a violation. Nothing is done yet. In the fault, with interrupts
 * off, in its @frame.
 */
enum pks_fault_outcome pks_decide(const struct pks_fault_info *info,
				  struct pks_frame *frame, struct pt_regs *regs)
{
	if (regs->ip == (unsigned long)pks_copy_nofault_access)
		return PKS_FAULT_PROBED;
	if (!info->pkey)
		return PKS_FAULT_STOPPED;
	switch (pks_handler_ask(info, frame, regs)) {
	case PKS_FAULT_RETRY:
		if (pks_retry_helps(info, frame))
			return PKS_FAULT_RETRIED;
		break;
	case PKS_FAULT_FIXUP:
		return PKS_FAULT_SKIPPED;
	default:
		break;
	}
	/* It may have given the key up. */
	return pks_key_abandoned(info->pkey) ? PKS_FAULT_RETRIED : pks_policy_apply(info);
}

/**
 * pks_update_exception - give rights to the context whose violation is handled
 * @regs: what the fault handler was given
 * @pkey: a key from pks_key_alloc(), the violated one or another
 * @access: what the context may do from now on
 *
 * The handler's own rights are its own; these are those of the context that it was
 * called in. They hold when the handler has returned, follow the thread like any
 * that it has asked for itself, and end with a reset.
 *
 * Context: a fault handler; see pks_set_fault_handler().
 *
 * Return: 0, also for a key that has been abandoned; or, with nothing changed, -EINVAL
 * outside of a fault handler, for other registers or for a bad or unallocated key or
 * access; -ENOMEM if no record is left for the thread (the allocator is not asked: it
 * may be what was interrupted); -EPERM if the context can't hold rights (an interrupt,
 * with irq_isolation off); -EAGAIN if the key is being reset right now; -EOPNOTSUPP
 * without PKS.
 *
 * Semantics: Intel's PKS series V4 and later, for the faulting thread; unlike
 * there, the handler itself gets nothing.
 */
int pks_update_exception(struct pt_regs *regs, int pkey, enum pks_access access)
{
	struct pks_frame *frame;
	int gen, err = 0;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	if (!irqs_disabled())
		return -EINVAL;
	frame = pks_frame_top();
	if (!frame || !regs || frame->regs != regs)
		return -EINVAL;
	gen = pks_await_gen(pkey, access);
	if (gen <= 0)
		return gen;
	if (!pks_context_kept())
		err = pks_thread_attach();
	if (err)
		return err;
	frame->word = pks_with_access(frame->word, pkey, access);
	/* What comes back at the end of a step, if that is under way. */
	frame->step.word = pks_with_access(frame->step.word, pkey, access);
	return 0;
}
EXPORT_SYMBOL_PKS(pks_update_exception);

/**
 * pks_abandon - give up the protection of a key, for everyone
 * @pkey: a key from pks_key_alloc()
 *
 * For drivers that must go on, whatever touches their memory. From now on no access
 * to the key's pages is stopped or reported; a little later every context has read
 * and write access, and nobody can close the key any more: pks_enter() and its
 * like succeed and do nothing. It is said loudly, once, and lasts until the key
 * is freed.
 *
 * A bad or unallocated key gives one rate-limited line that names the caller, and
 * nothing changes. Without PKS nothing happens.
 *
 * Context: any.
 *
 * Semantics: Intel's PKS series V7.
 */
void pks_abandon(int pkey)
{
	unsigned int life;

	if (!READ_ONCE(pks_on) || pks_key_abandoned(pkey))
		return;
	/* Should it be freed meanwhile, this says nothing of its next life. */
	life = pks_is_key(pkey) ? READ_ONCE(pks_keys[pkey].life) : 0;
	if (!pks_is_lived(life)) {
		pr_warn_ratelimited("key %d: not abandoned: bad or unallocated key; called from %pS\n",
				    pkey, (void *)_RET_IP_);
		return;
	}
	WRITE_ONCE(pks_keys[pkey].abandoned_by, _RET_IP_);
	/* Pairs with pks_abandon_finish(): who sees it sees by whom. */
	smp_store_release(&pks_keys[pkey].abandoned, life);
	pks_thread_kick();
}
EXPORT_SYMBOL_PKS(pks_abandon);

/* By the worker: what pks_abandon() can't do in any context. */
void pks_abandon_finish(void)
{
	struct pks_key *key;
	int pkey;

	mutex_lock(&pks_key_mutex);
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		key = &pks_keys[pkey];
		if (!pks_key_abandoned(pkey) || key->given_up)
			continue;
		smp_rmb();	/* pairs with pks_abandon() */
		key->given_up = true;
		pr_alert("key %d (%s): protection abandoned system-wide by %pS\n",
			 pkey, pks_key_name(pkey), (void *)READ_ONCE(key->abandoned_by));
		pks_reset(pkey, PKS_READWRITE, 0);
	}
	mutex_unlock(&pks_key_mutex);
}

/* What the parameter says. Returns -EINVAL if that is no policy. */
int pks_policy_init(void)
{
	int parsed = pks_policy_parse(policy);

	if (parsed < 0) {
		pr_err("policy=%s: there are deny, report and panic\n", policy);
		return -EINVAL;
	}
	pks_default_policy = parsed;
	return 0;
}
