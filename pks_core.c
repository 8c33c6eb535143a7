// SPDX-License-Identifier: GPL-2.0
/*
 * The module as a whole: what is set up in which order, and the key allocator.
 */
#include "pks_domain.h"
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <trace/events/pks.h>

#define PKS_FLAGS	(PKS_FLAG_SHARED | PKS_FLAG_DEFAULT_READONLY)

/* Can keys be had? Set last at load, cleared first at unload. */
bool pks_on __read_mostly;
/* If not, why. */
const char *pks_missing;

static bool irq_isolation = true;
module_param(irq_isolation, bool, 0444);
MODULE_PARM_DESC(irq_isolation,
		 "Interrupt handlers run at the default rights (default: on where the kernel can; see debugfs pks/irq_isolation)");

static bool enforce = true;
module_param(enforce, bool, 0444);
MODULE_PARM_DESC(enforce,
		 "0: as on a machine without PKS, nothing is protected (default: 1)");

/* Protects the keys and makes resets follow one another. */
DEFINE_MUTEX(pks_key_mutex);
struct pks_key pks_keys[PKS_NUM_KEYS];

/**
 * pks_available - can keys be had on this machine
 *
 * It does not change while the module is loaded: what there is has been found out when
 * loading it ended. If it is false, debugfs pks/status says why.
 *
 * Context: any.
 *
 * Return: true if the CPU has PKS, the kernel has what the module needs, and PKS
 * is on.
 *
 * Semantics: Intel's PKS series V7 and later.
 */
bool pks_available(void)
{
	return READ_ONCE(pks_on);
}
EXPORT_SYMBOL_PKS(pks_available);

/* A number that no key has had, as far as a scope can last. */
static u32 pks_key_next_gen(void)
{
	static u32 gen;

	lockdep_assert_held(&pks_key_mutex);
	gen = gen < __PKS_GEN_MAX ? gen + 1 : 1;
	return gen;
}

static enum pks_access pks_default_access(int flags)
{
	return flags & PKS_FLAG_DEFAULT_READONLY ? PKS_READONLY : PKS_NOACCESS;
}

/* Tables and reports have these around names, and behind them. */
static bool pks_encloses(char c)
{
	return c == '"' || c == '(' || c == ')';
}

/*
 * Can a key, a domain or a cache be called that? It will stand in tables and in lines of
 * the log, with others before and behind it: so no line ends in it, no blank is where
 * it begins or ends, or where two columns would seem to meet, and what is around it is
 * not in it.
 */
bool pks_name_ok(const char *name)
{
	size_t len = name ? strnlen(name, PKS_KEY_NAME_LEN) : 0, i;

	if (!len || len == PKS_KEY_NAME_LEN || *name == ' ' || name[len - 1] == ' ')
		return false;
	for (i = 0; i < len; i++) {
		if (!pks_is_printable(name[i]) || pks_encloses(name[i]) ||
		    (name[i] == ' ' && name[i + 1] == ' '))
			return false;
	}
	return true;
}

const char *pks_owner_name(const struct module *owner)
{
	return owner ? owner->name : "vmlinux";
}

/* Is @pkey a key, and does anyone have it? */
bool pks_key_taken(int pkey)
{
	lockdep_assert_held(&pks_key_mutex);
	return pks_is_key(pkey) && pks_keys[pkey].nr_users;
}

/* What its first user called it. */
const char *pks_key_name(int pkey)
{
	lockdep_assert_held(&pks_key_mutex);
	return list_first_entry(&pks_keys[pkey].users, struct pks_user, node)->name;
}

/* Its first user, NULL if it has none. In an RCU read-side section, any context. */
struct pks_user *pks_key_user(int pkey)
{
	return list_first_or_null_rcu(&pks_keys[pkey].users, struct pks_user,
				      node);
}

static int pks_key_find_free(void)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (!pks_key_taken(pkey))
			return pkey;
	}
	return -ENOSPC;
}

/* Of the keys whose users all asked for the same sharing, the least shared. */
static int pks_key_find_shared(int flags)
{
	int pkey, best = -ENOSPC;

	if (!(flags & PKS_FLAG_SHARED))
		return -ENOSPC;
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (pks_keys[pkey].flags != flags)
			continue;
		if (best < 0 || pks_keys[pkey].nr_users < pks_keys[best].nr_users)
			best = pkey;
	}
	return best;
}

static void pks_key_add_user(int pkey, struct pks_user *user, int flags)
{
	struct pks_key *key = &pks_keys[pkey];

	list_add_tail_rcu(&user->node, &key->users);
	trace_pks_key_alloc(pkey, user->name, user->owner_name, flags);
	if (key->nr_users++)
		return;
	key->flags = flags;
	pks_policy_begin(pkey);
	/* It was closed when it was freed. */
	if (pks_default_access(flags) != PKS_NOACCESS)
		pks_reset(pkey, pks_default_access(flags), 0);
	pks_key_begin(pkey, pks_key_next_gen());
}

static struct pks_user *pks_user_new(const char *name, struct module *owner)
{
	struct pks_user *user = kzalloc(sizeof(*user), GFP_KERNEL);

	if (!user)
		return NULL;
	user->owner = owner;
	strscpy(user->name, name, sizeof(user->name));
	strscpy(user->owner_name, pks_owner_name(owner),
		sizeof(user->owner_name));
	return user;
}

/* pks_key_alloc() says what this does; @owner is the module that called it. */
int __pks_key_alloc(const char *name, int flags, struct module *owner)
{
	struct pks_user *user;
	int pkey;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	if (!pks_name_ok(name) || flags & ~PKS_FLAGS)
		return -EINVAL;
	user = pks_user_new(name, owner);
	if (!user)
		return -ENOMEM;

	mutex_lock(&pks_key_mutex);
	pkey = pks_key_find_free();
	if (pkey < 0)
		pkey = pks_key_find_shared(flags);
	if (pkey > 0)
		pks_key_add_user(pkey, user, flags);
	else
		kfree(user);
	mutex_unlock(&pks_key_mutex);
	return pkey;
}
EXPORT_SYMBOL_PKS(__pks_key_alloc);

/* The latest allocation of @pkey by @owner, NULL if it has none. */
struct pks_user *pks_key_find_user(int pkey, struct module *owner)
{
	struct pks_user *user;

	if (!pks_key_taken(pkey))
		return NULL;
	list_for_each_entry_reverse(user, &pks_keys[pkey].users, node) {
		if (user->owner == owner)
			return user;
	}
	return NULL;
}

static void pks_key_drop_user(int pkey, struct pks_user *user)
{
	struct pks_key *key = &pks_keys[pkey];

	trace_pks_key_free(pkey, user->name, user->owner_name, key->flags);
	pks_policy_leave(pkey, user->owner);
	if (key->nr_users == 1) {
		pks_key_end(pkey);
		pks_policy_end(pkey);
		pks_reset(pkey, PKS_NOACCESS, 0);
		key->flags = 0;
	}
	list_del_rcu(&user->node);
	key->nr_users--;
	kfree_rcu(user, rcu);
}

/* pks_key_free() says what this does; @owner is the module that called it. */
void __pks_key_free(int pkey, struct module *owner)
{
	struct pks_user *user;

	if (!READ_ONCE(pks_on))
		return;
	mutex_lock(&pks_key_mutex);
	user = pks_key_find_user(pkey, owner);
	/* A domain's key goes with the domain. */
	if (user && pks_keys[pkey].dom)
		user = NULL;
	if (user)
		pks_key_drop_user(pkey, user);
	mutex_unlock(&pks_key_mutex);
	if (!user)
		pr_warn_ratelimited("key %d: not freed: the caller has not got it; called from %pS\n",
				    pkey, (void *)_RET_IP_);
}
EXPORT_SYMBOL_PKS(__pks_key_free);

/**
 * pks_key_set_default - change what every context has of a key
 * @pkey: a key from pks_key_alloc()
 * @access: what a context may do that did not ask for anything
 *
 * Sets it for all contexts on the machine, running, sleeping and interrupted,
 * those that hold other rights now among them: scopes in progress lose theirs,
 * and end at the new default. On return no context has anything else, unless it
 * asked for it since the call began.
 *
 * Context: process context, may sleep (it interrupts all CPUs).
 *
 * Return: 0; -EINVAL for a bad or unallocated key or access; -EPERM for a key that
 * has been abandoned; -EOPNOTSUPP without PKS.
 *
 * Semantics: own; in Intel's PKS series V7 and later the default was fixed at compile
 * time.
 */
int pks_key_set_default(int pkey, enum pks_access access)
{
	int err = -EINVAL;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	if ((u32)access > PKS_READONLY)
		return -EINVAL;
	mutex_lock(&pks_key_mutex);
	if (pks_key_abandoned(pkey)) {
		err = -EPERM;
	} else if (pks_key_taken(pkey)) {
		pks_reset(pkey, access, pks_key_next_gen());
		err = 0;
	}
	mutex_unlock(&pks_key_mutex);
	return err;
}
EXPORT_SYMBOL_PKS(pks_key_set_default);

/*
 * The rights in @word that are not the default, to keys that are allocated, as
 * " 3:rw(vault)". Any context.
 */
void pks_format_rights(char *buf, size_t size, u32 word)
{
	static const char *const access_names[] = { "rw", "-", "r" };
	struct pks_user *user;
	size_t len = 0;
	int pkey;

	*buf = '\0';
	rcu_read_lock();
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		u32 access = pks_key_access(word, pkey);

		user = pks_key_user(pkey);
		if (access == pks_key_access(READ_ONCE(pks_default), pkey) || !user)
			continue;
		len += scnprintf(buf + len, size - len, " %d:%s(%s)", pkey,
				 access_names[access], user->name);
	}
	rcu_read_unlock();
}

/*
 * A module that goes without freeing its keys: they stay taken, for nobody knows
 * what is still tagged with them.
 */
static void pks_key_orphan(int pkey, struct module *owner)
{
	struct pks_user *user;

	list_for_each_entry(user, &pks_keys[pkey].users, node) {
		if (user->owner != owner)
			continue;
		user->owner = NULL;
		pr_warn("key %d (%s): its owner %s left without freeing it; it stays taken\n",
			pkey, user->name, user->owner_name);
	}
}

static int pks_module_event(struct notifier_block *nb, unsigned long event,
			    void *data)
{
	int pkey;

	/* Its init section goes when it has come, the rest when it goes. */
	if (event == MODULE_STATE_LIVE || event == MODULE_STATE_GOING)
		pks_report_forget(data, event == MODULE_STATE_LIVE);
	if (event != MODULE_STATE_GOING)
		return NOTIFY_DONE;
	mutex_lock(&pks_key_mutex);
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		pks_policy_leave(pkey, data);
		pks_key_orphan(pkey, data);
	}
	mutex_unlock(&pks_key_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block pks_module_nb = {
	.notifier_call = pks_module_event,
};

static void pks_keys_init(void)
{
	int pkey;

	for (pkey = 0; pkey < PKS_NUM_KEYS; pkey++)
		INIT_LIST_HEAD(&pks_keys[pkey].users);
}

static void pks_keys_exit(void)
{
	struct pks_user *user, *next;
	int pkey;

	mutex_lock(&pks_key_mutex);
	for (pkey = 0; pkey < PKS_NUM_KEYS; pkey++) {
		pks_policy_end(pkey);
		list_for_each_entry_safe(user, next, &pks_keys[pkey].users, node)
			kfree(user);
	}
	mutex_unlock(&pks_key_mutex);
}

static int __init pks_start(void)
{
	int err;

	err = pks_policy_init();
	if (err)
		return err;
	err = pks_report_init();
	if (err)
		return err;
	err = pks_thread_init();
	if (err)
		goto err_report;
	err = pks_die_init();
	if (err)
		goto err_thread;
	pks_fault_setup();
	err = pks_cpu_init();
	if (err)
		goto err_fault;
	err = register_module_notifier(&pks_module_nb);
	if (err)
		goto err_cpu;
	pks_fault_check();
	pks_leftover_init();
	pks_irq_setup();
	pks_irq_set_isolation(irq_isolation);
	return 0;

err_cpu:
	pks_cpu_exit();
err_fault:
	pks_fault_teardown();
	pks_die_exit();
err_thread:
	pks_thread_exit();
err_report:
	pks_report_exit();
	return err;
}

static void pks_stop(void)
{
	if (!pks_on)
		return;
	WRITE_ONCE(pks_on, false);
	pks_irq_teardown();
	unregister_module_notifier(&pks_module_nb);
	pks_leftover_exit();
	pks_thread_exit();
	pks_cpu_exit();
	/* Pages of keys that were never freed may fault until here. */
	pks_fault_teardown();
	pks_keys_exit();
	pks_step_exit();
	pks_die_exit();
	pks_report_exit();
}

/* Who has no debugfs reads here what is absent. */
static void pks_announce(void)
{
	if (pks_irq_missing)
		pr_info("on; interrupts are not isolated: %s\n", pks_irq_missing);
	else
		pr_info("on; interrupts %s\n", pks_irq_isolated ?
			"run at the default rights" : "are not isolated");
	if (pks_fault_missing)
		pr_info("violations are the kernel's to handle, which WARNs of the first: %s\n",
			pks_fault_missing);
}

static int __init pks_init(void)
{
	int err;

	pks_keys_init();
	pks_missing = enforce ? pks_cpu_probe() : "switched off (enforce=0)";
	if (pks_missing) {
		pr_info("not available: %s\n", pks_missing);
	} else {
		err = pks_start();
		if (err)
			return err;
		WRITE_ONCE(pks_on, true);
		pks_announce();
	}
	pks_tag_init();
	err = pks_machine_init();
	if (err) {
		pks_stop();
		return err;
	}
	pks_debugfs_init();
	return 0;
}

static void __exit pks_exit(void)
{
	pks_machine_exit();
	pks_domains_exit();
	pks_debugfs_exit();
	pks_stop();
}

module_init(pks_init);
module_exit(pks_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Protection keys for supervisor pages (PKS) on unpatched kernels");
MODULE_VERSION(PKS_VERSION);
