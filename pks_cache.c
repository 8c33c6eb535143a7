// SPDX-License-Identifier: GPL-2.0
/*
 * Small objects of domains. A cache has slabs, a slab some pages of the domain cut
 * into objects of one size, with a guard after each. What is known of an object is
 * kept elsewhere, so that neither the object nor its free neighbours have anything
 * to spoil; free objects are zero.
 */
#include "pks_domain.h"
#include <linux/log2.h>
#include <linux/ratelimit.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PKS_GUARD	16
#define PKS_GUARD_BYTE	0xc5
#define PKS_MIN_ALIGN	16
/* Slabs are made so large that as many objects fit, if that is not too much. */
#define PKS_SLAB_OBJECTS	8
#define PKS_SLAB_MAX_ORDER	3

/**
 * struct pks_cache - objects of one size
 * @node: in the list of the domain's caches
 * @dom: the domain
 * @name: for people
 * @size: of an object
 * @stride: with its guard and alignment
 * @order: pages of a slab
 * @per_slab: objects of a slab
 * @lock: protects all that follows
 * @slabs: those with free objects
 * @full: those without
 * @nr_slabs: all of them
 * @objects: allocated
 * @damaged: how many guards were found overwritten
 * @rcu: for those who look objects up
 */
struct pks_cache {
	struct list_head	node;
	struct pks_dom		*dom;
	char			name[PKS_KEY_NAME_LEN];
	unsigned int		size;
	unsigned int		stride;
	unsigned int		order;
	unsigned int		per_slab;
	raw_spinlock_t		lock;
	struct list_head	slabs;
	struct list_head	full;
	unsigned int		nr_slabs;
	unsigned long		objects;
	unsigned long		damaged;
	struct rcu_head		rcu;
};

/**
 * struct pks_object - what is known of an object
 * @rcu: for its freeing after a grace period
 * @slab: where it is
 * @next: the next one that is free, if it is free
 * @used: is it allocated, and not being freed?
 */
struct pks_object {
	struct rcu_head		rcu;
	struct pks_slab		*slab;
	struct pks_object	*next;
	bool			used;
};

/**
 * struct pks_slab - pages cut into objects
 * @node: in one of the cache's lists
 * @cache: the cache
 * @base: the first object
 * @used: how many are allocated
 * @free: the first that is not
 * @rcu: for those who look objects up
 * @objects: what is known of them
 */
struct pks_slab {
	struct list_head	node;
	struct pks_cache	*cache;
	void			*base;
	unsigned int		used;
	struct pks_object	*free;
	struct rcu_head		rcu;
	struct pks_object	objects[];
};

static void *pks_object_addr(const struct pks_slab *slab,
			     const struct pks_object *object)
{
	return slab->base + (object - slab->objects) * slab->cache->stride;
}

static void pks_slab_set_pages(struct pks_slab *slab, struct pks_slab *to)
{
	struct pks_chunk *chunk = pks_chunk_of(slab->base);
	unsigned int at = pks_chunk_index(chunk, slab->base), i;

	for (i = 0; i < 1U << slab->cache->order; i++)
		WRITE_ONCE(chunk->slabs[at + i], to);
}

/* All objects are free, in the order of their addresses. False if it can't be written. */
static bool pks_slab_init(struct pks_slab *slab)
{
	const struct pks_cache *cache = slab->cache;
	struct pks_window window;
	unsigned int i = cache->per_slab;
	size_t left = 0;

	pks_window_open(&window, cache->dom->pub.pkey);
	while (i--) {
		slab->objects[i].slab = slab;
		slab->objects[i].next = slab->free;
		slab->free = &slab->objects[i];
		left += pks_fill_nofault(slab->base + i * cache->stride + cache->size,
					 PKS_GUARD_BYTE, PKS_GUARD);
	}
	pks_window_close(&window);
	return !left;
}

static struct pks_slab *pks_slab_new(struct pks_cache *cache, gfp_t gfp)
{
	struct pks_slab *slab;

	/* There the allocator takes sleeping locks, whatever the flags. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible())
		return NULL;
	slab = kzalloc(struct_size(slab, objects, cache->per_slab),
		       (gfp & ~__GFP_ZERO) | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!slab)
		return NULL;
	slab->cache = cache;
	slab->base = pks_pages_get(cache->dom, cache->order, PKS_ORDER_PART, gfp);
	if (!slab->base) {
		kfree(slab);
		return NULL;
	}
	if (!pks_slab_init(slab)) {
		pks_pages_put(cache->dom, slab->base, cache->order, PKS_ORDER_PART, _THIS_IP_);
		kfree(slab);
		return NULL;
	}
	pks_slab_set_pages(slab, slab);
	return slab;
}

/* Nobody has an object of it, and no list has it. */
static void pks_slab_free(struct pks_slab *slab)
{
	pks_slab_set_pages(slab, NULL);
	pks_pages_put(slab->cache->dom, slab->base, slab->cache->order,
		      PKS_ORDER_PART, _THIS_IP_);
	/* Who frees what is not there may be looking at it. */
	kfree_rcu(slab, rcu);
}

static struct pks_object *pks_slab_take(struct pks_slab *slab)
{
	struct pks_object *object = slab->free;

	slab->free = object->next;
	slab->used++;
	return object;
}

/* Not free any more, and not allocated yet: nobody can write to it. */
static struct pks_object *pks_cache_take(struct pks_cache *cache)
{
	struct pks_slab *slab;
	unsigned long flags;
	struct pks_object *object = NULL;

	raw_spin_lock_irqsave(&cache->lock, flags);
	slab = list_first_entry_or_null(&cache->slabs, struct pks_slab, node);
	if (slab) {
		object = pks_slab_take(slab);
		cache->objects++;
		if (slab->used == cache->per_slab)
			list_move(&slab->node, &cache->full);
	}
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	return object;
}

/*
 * Free objects are zero. Was it written to since: by a pointer that someone still had?
 * False if it can't be zeroed again, and is lost.
 */
static bool pks_object_check(struct pks_cache *cache, void *addr)
{
	size_t words = cache->size / sizeof(u64), rest = cache->size % sizeof(u64);
	struct pks_window window;
	u64 last = 0;
	size_t left;

	pks_window_open(&window, cache->dom->pub.pkey);
	left = pks_zero_nofault(addr, words);
	left += pks_copy_nofault(&last, addr + words * sizeof(u64), rest);
	pks_window_close(&window);
	if (!left && !last)
		return true;
	pr_warn_ratelimited("domain %s: an object of %s was written to after it had been freed\n",
			    cache->dom->name, cache->name);
	return pks_fill(cache->dom, addr, 0, cache->size);
}

static int pks_cache_grow(struct pks_cache *cache, gfp_t gfp)
{
	struct pks_slab *slab = pks_slab_new(cache, gfp);
	unsigned long flags;

	if (!slab)
		return -ENOMEM;
	raw_spin_lock_irqsave(&cache->lock, flags);
	list_add(&slab->node, &cache->slabs);
	cache->nr_slabs++;
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	return 0;
}

static void *pks_object_alloc(struct pks_cache *cache, gfp_t gfp, unsigned long caller)
{
	struct pks_object *object;
	void *addr;

	if (!pks_gfp_ok(gfp, caller))
		return NULL;
	for (;;) {
		object = pks_cache_take(cache);
		if (!object) {
			if (pks_cache_grow(cache, gfp))
				return NULL;
			continue;
		}
		addr = pks_object_addr(object->slab, object);
		if (pks_object_check(cache, addr)) {
			WRITE_ONCE(object->used, true);
			return addr;
		}
	}
}

/**
 * pks_cache_alloc - an object of a cache
 * @cache: the cache
 * @gfp: as for kmalloc(); objects are zeroed in any case. Refused are __GFP_DMA,
 *	__GFP_DMA32, __GFP_THISNODE and __GFP_NOFAIL: a domain has no zones and no nodes,
 *	and an end. Where kmalloc() would have a process killed for it, there is no memory
 *
 * Context: any but NMI where @gfp says so (GFP_ATOMIC, GFP_NOWAIT): then it comes
 * out of what the domain has, or not at all. On PREEMPT_RT, where the caller can't be
 * preempted, it is one that is free already: no slab is made there, for kmalloc() can't be
 * called.
 *
 * Return: its address, or NULL. For what is refused a rate-limited line names the
 * caller.
 *
 * Semantics: kmem_cache_zalloc().
 */
void *pks_cache_alloc(struct pks_cache *cache, gfp_t gfp)
{
	return pks_object_alloc(cache, gfp, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_cache_alloc);

/* The object that begins at @addr, NULL if none does. In an RCU read-side section. */
static struct pks_object *pks_object_at(const struct pks_dom *dom, const void *addr)
{
	const struct pks_chunk *chunk = pks_chunk_of(addr);
	struct pks_slab *slab;
	unsigned long offset;

	if (!chunk || chunk->area.dom != dom)
		return NULL;
	slab = READ_ONCE(chunk->slabs[pks_chunk_index(chunk, addr)]);
	if (!slab)
		return NULL;
	offset = addr - slab->base;
	if (offset % slab->cache->stride ||
	    offset / slab->cache->stride >= slab->cache->per_slab)
		return NULL;
	return &slab->objects[offset / slab->cache->stride];
}

/* Is all of that in one object, which is allocated? In an RCU read-side section. */
bool pks_slab_has(const struct pks_slab *slab, const void *addr, size_t len)
{
	const struct pks_cache *cache = slab->cache;
	unsigned long offset = addr - slab->base, nr = offset / cache->stride;

	offset -= nr * cache->stride;
	return nr < cache->per_slab && READ_ONCE(slab->objects[nr].used) &&
		offset <= cache->size && len <= cache->size - offset;
}

/* Was it allocated? From now on it is not, as far as anyone else can tell. */
static bool pks_object_take(struct pks_object *object)
{
	struct pks_cache *cache = object->slab->cache;
	unsigned long flags;
	bool there;

	raw_spin_lock_irqsave(&cache->lock, flags);
	there = object->used;
	object->used = false;
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	return there;
}

/* It, if it is allocated, and from now on its freeing is the caller's business. */
static struct pks_object *pks_object_claim(const struct pks_dom *dom,
					   const struct pks_cache *cache,
					   const void *addr)
{
	struct pks_object *object;

	rcu_read_lock();
	object = pks_object_at(dom, addr);
	if (!object || (cache && object->slab->cache != cache) ||
	    !pks_object_take(object))
		object = NULL;
	rcu_read_unlock();
	return object;
}

/*
 * Zero it. Was what follows it overwritten (@damaged)? Then that is as before, too. False
 * if it can't be read and written: its owner may have made it read-only.
 */
static bool pks_object_scrub(const struct pks_slab *slab, void *addr, bool *damaged)
{
	const struct pks_cache *cache = slab->cache;
	struct pks_window window;
	u8 guard[PKS_GUARD];
	size_t left;

	pks_window_open(&window, cache->dom->pub.pkey);
	left = pks_fill_nofault(addr, 0, cache->size) +
	       pks_copy_nofault(guard, addr + cache->size, PKS_GUARD);
	*damaged = !left && memchr_inv(guard, PKS_GUARD_BYTE, PKS_GUARD);
	if (*damaged)
		left = pks_fill_nofault(addr + cache->size, PKS_GUARD_BYTE, PKS_GUARD);
	pks_window_close(&window);
	return !left;
}

static void pks_object_free(struct pks_object *object, unsigned long caller)
{
	struct pks_slab *slab = object->slab;
	struct pks_cache *cache = slab->cache;
	bool damaged, spare;
	unsigned long flags;

	if (!pks_await_writers(pks_object_addr(slab, object), cache->size) ||
	    !pks_object_scrub(slab, pks_object_addr(slab, object), &damaged)) {
		pr_warn_ratelimited("domain %s: an object of %s can't be zeroed, and is lost; freed by %pS\n",
				    cache->dom->name, cache->name, (void *)caller);
		return;
	}
	raw_spin_lock_irqsave(&cache->lock, flags);
	object->next = slab->free;
	slab->free = object;
	if (slab->used-- == cache->per_slab)
		list_move(&slab->node, &cache->slabs);
	cache->objects--;
	cache->damaged += damaged;
	spare = !slab->used && !list_is_singular(&cache->slabs);
	if (spare) {
		list_del(&slab->node);
		cache->nr_slabs--;
	}
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	if (spare)
		pks_slab_free(slab);
	if (damaged)
		pr_warn_ratelimited("domain %s: an object of %s was written to beyond its end; freed by %pS\n",
				    cache->dom->name, cache->name, (void *)caller);
}

/* The domain may go as soon as it is not counted any more. */
static void pks_object_free_later(struct rcu_head *rcu)
{
	struct pks_object *object = container_of(rcu, struct pks_object, rcu);
	struct pks_dom *dom = object->slab->cache->dom;

	pks_object_free(object, _THIS_IP_);
	/* Pairs with pks_caches_wait(). */
	smp_mb__before_atomic();
	atomic_dec(&dom->later);
}

/*
 * For objects that wait for a grace period. Where there are none, nothing is waited
 * for: rcu_barrier() takes as long as whatever else waits for one.
 */
void pks_caches_wait(struct pks_dom *dom)
{
	if (atomic_read(&dom->later))
		rcu_barrier();
	/* Pairs with pks_object_free_later(). */
	smp_mb();
}

static void pks_object_call_rcu(struct pks_dom *dom, struct pks_object *object)
{
	atomic_inc(&dom->later);
	call_rcu(&object->rcu, pks_object_free_later);
}

static void pks_complain(const struct pks_dom *dom, unsigned long caller)
{
	pr_warn_ratelimited("domain %s: not freed: no object of it is there; called from %pS\n",
			    dom->name, (void *)caller);
}

static void pks_free(struct pks_dom *dom, const struct pks_cache *cache,
		     void *addr, bool later, unsigned long caller)
{
	struct pks_object *object;

	if (!addr)
		return;
	object = pks_object_claim(dom, cache, addr);
	if (!object)
		pks_complain(dom, caller);
	else if (later)
		pks_object_call_rcu(dom, object);
	else
		pks_object_free(object, caller);
}

/**
 * pks_cache_free - give an object back
 * @cache: the cache that it is of
 * @object: what pks_cache_alloc() returned; NULL is allowed
 *
 * It is zeroed. What is not there to be freed (a second free, an object of another
 * cache, an address in the middle of one) gives one rate-limited line that names
 * the caller, and nothing changes. If it was written to beyond its end, that is said.
 *
 * Context: any but NMI.
 *
 * Semantics: kmem_cache_free().
 */
void pks_cache_free(struct pks_cache *cache, void *object)
{
	pks_free(cache->dom, cache, object, false, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_cache_free);

/**
 * pks_cache_free_rcu - give an object back when no reader has it any more
 * @cache: the cache that it is of
 * @object: what pks_cache_alloc() returned; NULL is allowed
 *
 * pks_cache_free() after an RCU grace period. It needs no memory, and no room in
 * the object.
 *
 * Context: any but NMI.
 *
 * Semantics: kfree_rcu().
 */
void pks_cache_free_rcu(struct pks_cache *cache, void *object)
{
	pks_free(cache->dom, cache, object, true, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_cache_free_rcu);

/**
 * pks_domain_alloc - a small object of a domain
 * @domain: the domain
 * @size: bytes, 1 to 2048; more than that are pages
 * @gfp: that of pks_cache_alloc()
 *
 * At least aligned to 16 bytes, and followed by as many that belong to nobody.
 *
 * Context: that of pks_cache_alloc().
 *
 * Return: its address; NULL without memory, and for any other @size or a @gfp that is
 * refused.
 *
 * Semantics: kzalloc().
 */
void *pks_domain_alloc(struct pks_domain *domain, size_t size, gfp_t gfp)
{
	unsigned int shift;

	if (!size || size > PKS_OBJECT_MAX)
		return NULL;
	shift = max_t(unsigned int, order_base_2(size), PKS_OBJECT_MIN_SHIFT);
	return pks_object_alloc(pks_dom(domain)->sizes[shift - PKS_OBJECT_MIN_SHIFT],
				gfp, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_domain_alloc);

/**
 * pks_domain_free - give a small object back
 * @domain: the domain
 * @object: what pks_domain_alloc() returned; NULL is allowed
 *
 * As pks_cache_free(). Objects of caches may be given to it, too.
 *
 * Context: any but NMI.
 *
 * Semantics: kfree().
 */
void pks_domain_free(struct pks_domain *domain, void *object)
{
	pks_free(pks_dom(domain), NULL, object, false, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_domain_free);

/**
 * pks_domain_free_rcu - give a small object back when no reader has it any more
 * @domain: the domain
 * @object: what pks_domain_alloc() returned; NULL is allowed
 *
 * As pks_cache_free_rcu().
 *
 * Context: any but NMI.
 *
 * Semantics: kfree_rcu().
 */
void pks_domain_free_rcu(struct pks_domain *domain, void *object)
{
	pks_free(pks_dom(domain), NULL, object, true, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_domain_free_rcu);

static unsigned int pks_cache_order(unsigned int stride)
{
	return min_t(unsigned int, get_order(stride * PKS_SLAB_OBJECTS),
		     PKS_SLAB_MAX_ORDER);
}

static struct pks_cache *pks_cache_new(struct pks_dom *dom, const char *name,
				       size_t size, size_t align)
{
	struct pks_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	if (!cache)
		return NULL;
	cache->dom = dom;
	strscpy(cache->name, name, sizeof(cache->name));
	cache->size = size;
	cache->stride = ALIGN(size + PKS_GUARD, max_t(size_t, align, PKS_MIN_ALIGN));
	cache->order = pks_cache_order(cache->stride);
	cache->per_slab = (PAGE_SIZE << cache->order) / cache->stride;
	raw_spin_lock_init(&cache->lock);
	INIT_LIST_HEAD(&cache->slabs);
	INIT_LIST_HEAD(&cache->full);
	return cache;
}

/**
 * pks_cache_create - a cache of objects of one size
 * @domain: the domain
 * @name: what people will read in debugfs, by the rule of pks_key_alloc(); copied
 * @size: of an object, 1 to 2048 bytes
 * @align: a power of 2, at most PAGE_SIZE
 *
 * PKS_CACHE() does it for a type. What a struct pks_cache has in it is pks.ko's
 * business.
 *
 * Context: process context, may sleep.
 *
 * Return: the cache, or an ERR_PTR(): -EINVAL for a bad size, alignment or name;
 * -ENOMEM.
 *
 * Semantics: kmem_cache_create().
 */
struct pks_cache *pks_cache_create(struct pks_domain *domain, const char *name,
				   size_t size, size_t align)
{
	struct pks_dom *dom = pks_dom(domain);
	struct pks_cache *cache;

	if (!pks_name_ok(name) || !size || size > PKS_OBJECT_MAX ||
	    !is_power_of_2(align) || align > PAGE_SIZE)
		return ERR_PTR(-EINVAL);
	cache = pks_cache_new(dom, name, size, align);
	if (!cache)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&dom->mutex);
	list_add_tail(&cache->node, &dom->caches);
	mutex_unlock(&dom->mutex);
	return cache;
}
EXPORT_SYMBOL_PKS(pks_cache_create);

/* Give back the slabs that nobody has an object of. May sleep. */
static void pks_cache_shrink(struct pks_cache *cache)
{
	struct pks_slab *slab, *next;
	unsigned long flags;
	LIST_HEAD(empty);

	raw_spin_lock_irqsave(&cache->lock, flags);
	list_for_each_entry_safe(slab, next, &cache->slabs, node) {
		if (slab->used)
			continue;
		list_move(&slab->node, &empty);
		cache->nr_slabs--;
	}
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	list_for_each_entry_safe(slab, next, &empty, node)
		pks_slab_free(slab);
}

/**
 * pks_cache_destroy - end a cache
 * @cache: from pks_cache_create(); an ERR_PTR() or NULL is allowed
 *
 * Waits for what was freed by pks_cache_free_rcu().
 *
 * Context: process context, may sleep.
 *
 * Return: 0; -EBUSY if it still has objects, which the log says: then nothing has
 * changed.
 *
 * Semantics: kmem_cache_destroy(), which does not say whether it has.
 */
int pks_cache_destroy(struct pks_cache *cache)
{
	struct pks_dom *dom;

	if (IS_ERR_OR_NULL(cache))
		return 0;
	dom = cache->dom;
	pks_caches_wait(dom);
	if (READ_ONCE(cache->objects)) {
		pr_warn("domain %s: cache %s still has %lu objects\n", dom->name,
			cache->name, READ_ONCE(cache->objects));
		return -EBUSY;
	}
	mutex_lock(&dom->mutex);
	list_del(&cache->node);
	pks_cache_shrink(cache);
	mutex_unlock(&dom->mutex);
	kfree_rcu(cache, rcu);
	return 0;
}
EXPORT_SYMBOL_PKS(pks_cache_destroy);

/* The caches for pks_domain_alloc(). */
int pks_caches_init(struct pks_dom *dom)
{
	char name[PKS_KEY_NAME_LEN];
	struct pks_cache *cache;
	unsigned int i;

	for (i = 0; i < PKS_SIZES; i++) {
		size_t size = BIT(PKS_OBJECT_MIN_SHIFT + i);

		snprintf(name, sizeof(name), "size-%zu", size);
		cache = pks_cache_new(dom, name, size, PKS_MIN_ALIGN);
		if (!cache) {
			pks_caches_exit(dom);
			return -ENOMEM;
		}
		list_add_tail(&cache->node, &dom->caches);
		dom->sizes[i] = cache;
	}
	return 0;
}

void pks_caches_shrink(struct pks_dom *dom)
{
	struct pks_cache *cache;

	list_for_each_entry(cache, &dom->caches, node)
		pks_cache_shrink(cache);
}

static void pks_slabs_drop(struct list_head *slabs)
{
	struct pks_slab *slab, *next;

	list_for_each_entry_safe(slab, next, slabs, node)
		pks_slab_free(slab);
}

/* All of them, with whatever is still allocated. */
void pks_caches_exit(struct pks_dom *dom)
{
	struct pks_cache *cache, *next;

	list_for_each_entry_safe(cache, next, &dom->caches, node) {
		list_del(&cache->node);
		pks_slabs_drop(&cache->slabs);
		pks_slabs_drop(&cache->full);
		kfree_rcu(cache, rcu);
	}
}

static bool pks_cache_is_size(const struct pks_cache *cache)
{
	unsigned int i;

	for (i = 0; i < PKS_SIZES; i++) {
		if (cache->dom->sizes[i] == cache)
			return true;
	}
	return false;
}

/* One that is in use, NULL if none is. In @objects, how many there are in all. */
struct pks_cache *pks_cache_busy(struct pks_dom *dom, unsigned long *objects)
{
	struct pks_cache *cache, *busy = NULL;

	list_for_each_entry(cache, &dom->caches, node) {
		*objects += READ_ONCE(cache->objects);
		if (READ_ONCE(cache->objects) || !pks_cache_is_size(cache))
			busy = cache;
	}
	return busy;
}

/* For debugfs. Under the domain's mutex. */
void pks_caches_show(struct seq_file *m, struct pks_dom *dom)
{
	struct pks_cache *cache;

	seq_puts(m, "\ncache                            size  slabs  objects    of  damaged\n");
	list_for_each_entry(cache, &dom->caches, node) {
		if (!cache->nr_slabs && pks_cache_is_size(cache))
			continue;
		seq_printf(m, "%-31s  %4u  %5u  %7lu  %4u  %7lu\n", cache->name,
			   cache->size, cache->nr_slabs, cache->objects,
			   cache->nr_slabs * cache->per_slab, cache->damaged);
	}
}
