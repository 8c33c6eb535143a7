// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: who has which, and which addresses belong to them. Their memory is in
 * pks_memory.c and pks_cache.c.
 */
#include "pks_domain.h"
#include <linux/err.h>
#include <linux/maple_tree.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PKS_DOMAIN_ATTRS	(PKS_DOMAIN_READONLY | PKS_DOMAIN_OPTIONAL | \
				 PKS_DOMAIN_UNPROTECTED)

/* Protects the list. Taken before the mutex of a domain and before pks_key_mutex. */
DEFINE_MUTEX(pks_domain_mutex);
LIST_HEAD(pks_domains);

/* By address, all areas of all domains. Looked up under RCU. */
static struct maple_tree pks_areas = MTREE_INIT(pks_areas, MT_FLAGS_USE_RCU);

/* Returns -EBUSY if some of it is another area's, -ENOMEM. May sleep. */
int pks_area_add(struct pks_area *area, struct pks_dom *dom,
		 enum pks_area_kind kind, unsigned long start, unsigned long end)
{
	int err;

	area->dom = dom;
	area->kind = kind;
	area->start = start;
	area->end = end;
	area->settled = false;
	INIT_LIST_HEAD(&area->node);
	INIT_LIST_HEAD(&area->frames);
	err = mtree_insert_range(&pks_areas, start, end - 1, area,
				 GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	return err == -EEXIST ? -EBUSY : err;
}

/*
 * Its mappings have their key, or from now on need not: for an audit, which is before
 * or behind the writes to the page tables, not among them.
 */
void pks_area_settle(struct pks_area *area, bool settled)
{
	/* Behind the key's being there. */
	smp_mb();
	/* Before its being taken away. */
	smp_store_mb(area->settled, settled);
}

/* Whoever has looked it up may have it until RCU is through. May sleep. */
void pks_area_del(struct pks_area *area)
{
	unsigned int reclaim = memalloc_noreclaim_save();

	/*
	 * Needs memory, from the reserves if need be: nobody is killed for it. On 6.1 it
	 * does nothing without, and does not say so.
	 */
	do
		mtree_erase(&pks_areas, area->start);
	while (mtree_load(&pks_areas, area->start) == area);
	memalloc_noreclaim_restore(reclaim);
}

/* The area that @addr is in, NULL if it is in none. In an RCU read-side section. */
struct pks_area *pks_area_find(const void *addr)
{
	return mtree_load(&pks_areas, (unsigned long)addr);
}

/* The first area that has an address in [@start, @end). Likewise. */
struct pks_area *pks_area_next(unsigned long start, unsigned long end)
{
	return mt_find(&pks_areas, &start, end - 1);
}

/* Of a chunk, what has been allocated together belongs together, and nothing else. */
static bool pks_area_has(const struct pks_area *area, const void *addr, size_t len)
{
	if (area->kind != PKS_AREA_CHUNK)
		return true;
	return pks_chunk_has(container_of(area, struct pks_chunk, area), addr, len);
}

/**
 * pks_domain_contains - is memory a domain's, and no part of it anything else
 * @domain: the domain
 * @addr: its address
 * @len: how many bytes from there
 *
 * It is by address: memory that the domain has at another address is not found.
 *
 * Context: any but NMI.
 *
 * Return: true if every byte of it is in @domain: in one object, and not in what is
 * behind it; in pages that were allocated together; in areas or pages of the owner's,
 * which may touch.
 *
 * Semantics: own.
 */
bool pks_domain_contains(const struct pks_domain *domain, const void *addr,
			 size_t len)
{
	const struct pks_area *area;
	bool there = false;
	size_t rest;

	rcu_read_lock();
	for (;;) {
		area = pks_area_find(addr);
		if (!area || area->dom != pks_dom(domain))
			break;
		rest = area->end - (unsigned long)addr;
		there = pks_area_has(area, addr, min(len, rest)) && len <= rest;
		if (there || area->kind == PKS_AREA_CHUNK)
			break;
		addr += rest;
		len -= rest;
	}
	rcu_read_unlock();
	return there;
}
EXPORT_SYMBOL_PKS(pks_domain_contains);

static struct pks_dom *pks_dom_find(const char *name)
{
	struct pks_dom *dom;

	lockdep_assert_held(&pks_domain_mutex);
	list_for_each_entry(dom, &pks_domains, node) {
		if (!strcmp(dom->name, name))
			return dom;
	}
	return NULL;
}

/**
 * pks_domain_find - a domain by its name, for debugging
 * @name: the name
 *
 * Nothing keeps its owner from destroying it: the caller must know better.
 *
 * Context: process context, may sleep.
 *
 * Return: the domain, or NULL.
 *
 * Semantics: own.
 */
struct pks_domain *pks_domain_find(const char *name)
{
	struct pks_dom *dom;

	mutex_lock(&pks_domain_mutex);
	dom = pks_dom_find(name);
	mutex_unlock(&pks_domain_mutex);
	return dom ? &dom->pub : NULL;
}
EXPORT_SYMBOL_PKS(pks_domain_find);

/* Its name is that of a directory, too. */
static bool pks_domain_name_ok(const char *name)
{
	return pks_name_ok(name) && *name != '.' && !strchr(name, '/');
}

/* A key for @dom, if it is to have one. Returns 0 or an error of pks_key_alloc(). */
static int pks_domain_take_key(struct pks_dom *dom)
{
	int pkey;

	if (dom->attrs & PKS_DOMAIN_UNPROTECTED)
		return 0;
	pkey = __pks_key_alloc(dom->name, dom->attrs & PKS_DOMAIN_READONLY ?
			       PKS_FLAG_DEFAULT_READONLY : 0, dom->owner);
	if (pkey == -EOPNOTSUPP && dom->attrs & PKS_DOMAIN_OPTIONAL)
		return 0;
	if (pkey < 0)
		return pkey;
	dom->pub.pkey = pkey;
	mutex_lock(&pks_key_mutex);
	pks_keys[pkey].dom = dom;
	mutex_unlock(&pks_key_mutex);
	return 0;
}

static void pks_domain_drop_key(struct pks_dom *dom)
{
	int pkey = dom->pub.pkey;

	if (!pkey)
		return;
	mutex_lock(&pks_key_mutex);
	pks_keys[pkey].dom = NULL;
	mutex_unlock(&pks_key_mutex);
	if (dom->keyed)
		pr_warn("domain %s: key %d is nobody's any more: some memory can't lose it\n",
			dom->name, pkey);
	else
		__pks_key_free(pkey, dom->owner);
}

/* Who has looked up an address of it may be looking at it. */
static void pks_dom_free(struct pks_dom *dom)
{
	free_percpu(dom->stats);
	kfree_rcu(dom, rcu);
}

static struct pks_dom *pks_dom_new(const char *name, int attrs,
				   struct module *owner)
{
	struct pks_dom *dom = kzalloc(sizeof(*dom), GFP_KERNEL);

	if (!dom)
		return NULL;
	dom->stats = alloc_percpu(struct pks_domain_stats);
	if (!dom->stats) {
		kfree(dom);
		return NULL;
	}
	dom->owner = owner;
	dom->attrs = attrs;
	strscpy(dom->name, name, sizeof(dom->name));
	strscpy(dom->owner_name, pks_owner_name(owner),
		sizeof(dom->owner_name));
	INIT_LIST_HEAD(&dom->caches);
	pks_memory_init(dom);
	return dom;
}

static int pks_domain_add(struct pks_dom *dom)
{
	int err;

	lockdep_assert_held(&pks_domain_mutex);
	if (pks_dom_find(dom->name))
		return -EEXIST;
	err = pks_domain_take_key(dom);
	if (err)
		return err;
	err = pks_caches_init(dom);
	if (err) {
		pks_domain_drop_key(dom);
		return err;
	}
	list_add_tail(&dom->node, &pks_domains);
	pks_debugfs_domain_add(dom);
	return 0;
}

/* pks_domain_create() says what this does; @owner is the module that called it. */
struct pks_domain *__pks_domain_create(const char *name, int attrs,
				       struct module *owner)
{
	struct pks_dom *dom;
	int err;

	if (!pks_domain_name_ok(name) || attrs & ~PKS_DOMAIN_ATTRS)
		return ERR_PTR(-EINVAL);
	dom = pks_dom_new(name, attrs, owner);
	if (!dom)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&pks_domain_mutex);
	err = pks_domain_add(dom);
	mutex_unlock(&pks_domain_mutex);
	if (!err)
		return &dom->pub;
	pks_dom_free(dom);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_PKS(__pks_domain_create);

/* A thread that may do more with a domain's memory than others may. */
struct pks_holder {
	int			pkey;
	u32			base;
	pid_t			pid;
	char			comm[TASK_COMM_LEN];
};

static int pks_holds_key(struct pks_thread *t, void *data)
{
	struct pks_holder *holder = data;
	struct task_struct *task = READ_ONCE(t->task);
	u32 rights;
	int cpu;

	rights = pks_with_access(holder->base, holder->pkey,
				 pks_key_access(pks_thread_rights(t, &cpu),
						holder->pkey));
	if (!task || !pks_holds_more(rights, holder->base))
		return 0;
	holder->pid = task_pid_nr(task);
	pks_printable(holder->comm, task->comm);
	return 1;
}

static bool pks_domain_held(struct pks_dom *dom, struct pks_holder *holder)
{
	holder->pkey = dom->pub.pkey;
	holder->base = READ_ONCE(pks_default);
	return holder->pkey && pks_thread_for_each(pks_holds_key, holder);
}

/* Does anyone still use it? With @tell, say who. Under the domain's mutex. */
bool pks_domain_unused(struct pks_dom *dom, bool tell)
{
	unsigned long objects = 0;
	struct pks_cache *busy = pks_cache_busy(dom, &objects);
	struct pks_holder holder;
	bool held = pks_domain_held(dom, &holder);

	if (!dom->used && !busy && list_empty(&dom->areas) && !held)
		return true;
	if (!tell)
		return false;
	pr_warn("domain %s of %s is in use: %lu pages, %lu objects, %zu areas%s%s\n",
		dom->name, dom->owner_name, dom->used, objects,
		list_count_nodes(&dom->areas), held ? ", open in " : "",
		held ? holder.comm : "");
	return false;
}

/**
 * pks_domain_destroy - end a domain
 * @domain: the domain; an ERR_PTR() or NULL is allowed
 *
 * All memory has been given back, the caches made with pks_cache_create() have
 * been destroyed, and no thread has the domain open. Waits for what was freed by
 * pks_domain_free_rcu().
 *
 * Context: process context, may sleep.
 *
 * Return: 0; -EBUSY if it is still in use, by whom is in the log: then nothing has
 * changed.
 *
 * Semantics: own.
 */
int pks_domain_destroy(struct pks_domain *domain)
{
	struct pks_dom *dom;
	bool unused;

	if (IS_ERR_OR_NULL(domain))
		return 0;
	dom = pks_dom(domain);
	pks_caches_wait(dom);
	mutex_lock(&pks_domain_mutex);
	mutex_lock(&dom->mutex);
	pks_caches_shrink(dom);
	unused = pks_domain_unused(dom, true);
	if (unused) {
		pks_caches_exit(dom);
		pks_memory_trim(dom, 0);
	}
	mutex_unlock(&dom->mutex);
	if (unused) {
		list_del(&dom->node);
		pks_debugfs_domain_del(dom);
	}
	mutex_unlock(&pks_domain_mutex);
	if (!unused)
		return -EBUSY;
	cancel_work_sync(&dom->trim);
	pks_domain_drop_key(dom);
	pks_dom_free(dom);
	return 0;
}
EXPORT_SYMBOL_PKS(pks_domain_destroy);

/* For pks_domain_enter(). */
void __pks_domain_count_scope(struct pks_domain *domain)
{
	this_cpu_inc(pks_dom(domain)->stats->scopes);
}
EXPORT_SYMBOL_PKS(__pks_domain_count_scope);

/* How many pages are tagged, and of one domain that has some, its name. */
unsigned long pks_domain_tagged(struct pks_dom **some)
{
	struct pks_dom *dom;
	unsigned long pages = 0;

	lockdep_assert_held(&pks_domain_mutex);
	list_for_each_entry(dom, &pks_domains, node) {
		/* Who is getting memory is through, or finds that there is none. */
		mutex_lock(&dom->mutex);
		if (dom->pub.pkey && dom->pages + dom->foreign) {
			pages += dom->pages + dom->foreign;
			*some = dom;
		}
		mutex_unlock(&dom->mutex);
	}
	return pages;
}

/* At unload, domains that their owners have left behind. */
void pks_domains_exit(void)
{
	struct pks_dom *dom, *next;

	rcu_barrier();
	mutex_lock(&pks_domain_mutex);
	list_for_each_entry_safe(dom, next, &pks_domains, node) {
		pr_warn("domain %s: its owner %s has left it behind; its memory goes back\n",
			dom->name, dom->owner_name);
		list_del(&dom->node);
		pks_debugfs_domain_del(dom);
		pks_caches_exit(dom);
		pks_memory_drop(dom);
		pks_dom_free(dom);
	}
	mutex_unlock(&pks_domain_mutex);
	/* Each was a domain's, and those have gone. */
	WARN_ON_ONCE(!mtree_empty(&pks_areas));
	mtree_destroy(&pks_areas);
}
