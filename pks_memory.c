// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of domains. A domain's own pages are in chunks, the whole of which has the
 * domain's key in the direct map, and are used there: so they have no other mapping,
 * unless they are in a virtually contiguous area. Free pages of a chunk are zero.
 */
#include "pks_domain.h"
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>

/* Nobody is killed for it, and nobody waits where there is nothing to be had. */
#define PKS_GFP_PROMPT		(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
/* What a domain's memory, which comes in chunks that are shared, can't be. */
#define PKS_GFP_REFUSED		(__GFP_DMA | __GFP_DMA32 | __GFP_THISNODE | __GFP_NOFAIL)

/* If not, a line names @caller. */
bool pks_gfp_ok(gfp_t gfp, unsigned long caller)
{
	if (likely(!(gfp & PKS_GFP_REFUSED)))
		return true;
	pr_warn_ratelimited("not allocated: a domain has no zones, no nodes and no NOFAIL (%pGg); called from %pS\n",
			    &gfp, (void *)caller);
	return false;
}

/* Pages that someone wants of a domain, and, once they are there, where and in which chunk. */
struct pks_want {
	unsigned int		order;
	void			*addr;
	struct pks_chunk	*chunk;
};

/* In an RCU read-side section, or while something of it is allocated. */
struct pks_chunk *pks_chunk_of(const void *addr)
{
	struct pks_area *area = pks_area_find(addr);

	if (!area || area->kind != PKS_AREA_CHUNK)
		return NULL;
	return container_of(area, struct pks_chunk, area);
}

static unsigned int pks_chunk_size(const struct pks_chunk *chunk)
{
	return 1U << chunk->order;
}

static bool pks_chunk_is_large(const struct pks_chunk *chunk)
{
	unsigned int level = PG_LEVEL_NONE;

	lookup_address(chunk->area.start, &level);
	return level == PG_LEVEL_2M;
}

/*
 * A page of a chunk that has no key any more, to the kernel. One that somebody still holds
 * stays his; one that can't be zeroed is nobody's.
 */
static bool pks_page_return(void *addr)
{
	struct page *page = virt_to_page(addr);

	if (pks_fill_nofault(addr, 0, PAGE_SIZE) || page_count(page) != 1)
		return false;
	__free_page(page);
	return true;
}

/* Those that were never handed out since they were zeroed are zero, and nobody's else. */
static unsigned int pks_chunk_return(struct pks_chunk *chunk)
{
	unsigned int at, kept = 0;

	for (at = 0; at < pks_chunk_size(chunk); at++)
		kept += !pks_page_return((void *)chunk->area.start + (at << PAGE_SHIFT));
	return kept;
}

/*
 * Its pages may not be tagged any more when anybody else gets them: should the key stay on
 * any of them, the chunk is lost, and the key stays this domain's.
 */
static void pks_chunk_release(struct pks_chunk *chunk)
{
	struct pks_dom *dom = chunk->area.dom;
	unsigned int splits = 0, kept = pks_chunk_size(chunk);
	int err = 0;

	pks_area_settle(&chunk->area, false);
	if (dom->pub.pkey) {
		/* Its entries are its own by now: nothing is left to be split. */
		err = pks_tag(chunk->area.start, chunk->area.end, 0, &splits);
		pks_tag_flush();
	}
	pks_area_del(&chunk->area);
	if (err)
		dom->keyed = true;
	else
		kept = pks_chunk_return(chunk);
	if (kept)
		pr_warn("domain %s: %u pages are lost: %s\n", dom->name, kept,
			err ? "they can't lose their key" :
			      "someone else holds them, or they can't be zeroed");
	kfree_rcu(chunk, area.rcu);
}

/* Pages that never were a domain's. */
static void pks_pages_free(unsigned long start, unsigned int order)
{
	unsigned long end = start + (PAGE_SIZE << order);

	for (; start < end; start += PAGE_SIZE)
		free_page(start);
}

/*
 * The first page of the allocation that page @at is part of, and its order with whatever
 * else is kept with it; false if that page is free. The allocation may be on its way.
 */
static bool pks_chunk_find(const struct pks_chunk *chunk, unsigned int at,
			   unsigned int *head, u8 *order)
{
	unsigned int try;

	for (try = 0; try <= chunk->order; try++) {
		*head = at & ~((1U << try) - 1);
		*order = READ_ONCE(chunk->orders[*head]);
		if (*order != PKS_NO_ORDER && (*order & ~PKS_ORDER_PART) >= try)
			return true;
	}
	return false;
}

/* Is all of that one allocation's: pages', or an object's? In an RCU read-side section. */
bool pks_chunk_has(const struct pks_chunk *chunk, const void *addr, size_t len)
{
	unsigned int at = pks_chunk_index(chunk, addr), head;
	const struct pks_slab *slab = READ_ONCE(chunk->slabs[at]);
	u8 order;

	if (slab)
		return pks_slab_has(slab, addr, len);
	if (!pks_chunk_find(chunk, at, &head, &order))
		return false;
	order &= ~PKS_ORDER_PART;
	return len <= chunk->area.start + ((head + (1UL << order)) << PAGE_SHIFT) -
		(unsigned long)addr;
}

/* Not free any more, and not allocated yet: nobody can write to them. */
static void *pks_chunk_take(struct pks_chunk *chunk, unsigned int order)
{
	unsigned int nr = 1U << order;
	unsigned long at;

	if (pks_chunk_size(chunk) - chunk->used < nr)
		return NULL;
	at = bitmap_find_next_zero_area(chunk->map, pks_chunk_size(chunk), 0, nr,
					nr - 1);
	if (at >= pks_chunk_size(chunk))
		return NULL;
	bitmap_set(chunk->map, at, nr);
	chunk->used += nr;
	return (void *)(chunk->area.start + (at << PAGE_SHIFT));
}

/* Among those that have room for so much, perhaps. Under dom->lock. */
static void pks_chunk_list(struct pks_dom *dom, struct pks_chunk *chunk, int room)
{
	chunk->room = room;
	list_move(&chunk->area.node, &dom->chunks[room + 1]);
}

/* By how much is free, together or not. Likewise. */
static void pks_chunk_relist(struct pks_dom *dom, struct pks_chunk *chunk, int most)
{
	unsigned int nr = pks_chunk_size(chunk) - chunk->used;

	pks_chunk_list(dom, chunk, min(most, nr ? ilog2(nr) : -1));
}

/* From this chunk, if it has them. Under dom->lock. */
static bool pks_chunk_serve(struct pks_dom *dom, struct pks_chunk *chunk,
			    struct pks_want *want)
{
	want->addr = pks_chunk_take(chunk, want->order);
	if (!want->addr) {
		pks_chunk_list(dom, chunk, (int)want->order - 1);
		return false;
	}
	want->chunk = chunk;
	dom->used += 1UL << want->order;
	pks_chunk_relist(dom, chunk, chunk->room);
	return true;
}

/* How many chunks are looked into with interrupts off. */
#define PKS_CHUNK_TRIES		16

/* False if that many have been looked into, and there may be more. Under dom->lock. */
static bool pks_pages_try(struct pks_dom *dom, struct pks_want *want)
{
	unsigned int tries = PKS_CHUNK_TRIES, room;
	struct pks_chunk *chunk;

	for (room = want->order; room <= PKS_CHUNK_ORDER; room++) {
		while (!list_empty(&dom->chunks[room + 1])) {
			chunk = list_first_entry(&dom->chunks[room + 1], struct pks_chunk,
						 area.node);
			if (pks_chunk_serve(dom, chunk, want))
				return true;
			if (!--tries)
				return false;
		}
	}
	return true;
}

static bool pks_pages_take(struct pks_dom *dom, struct pks_want *want)
{
	unsigned long flags;
	bool tried;

	do {
		raw_spin_lock_irqsave(&dom->lock, flags);
		tried = pks_pages_try(dom, want);
		raw_spin_unlock_irqrestore(&dom->lock, flags);
	} while (!tried);
	return want->addr;
}

/* How many pieces of memory are looked at for one that costs no split. */
#define PKS_CANDIDATES		4

/*
 * Pages for a chunk. Where the direct map is of pages of 1 GiB, one is split for a domain's
 * first chunk, and then the others are to be had from there: the first candidate that is in
 * a page that has been split, or, where there is none, the first of all. 0 without memory.
 */
static unsigned long pks_chunk_pages(struct pks_dom *dom, unsigned int order, gfp_t gfp)
{
	unsigned long pages, huge[PKS_CANDIDATES];
	unsigned int nr = 0;

	for (;;) {
		pages = __get_free_pages(gfp, order);
		if (!pages || !dom->pub.pkey || order != PKS_CHUNK_ORDER || !pks_is_huge(pages))
			break;
		huge[nr++] = pages;
		if (nr == PKS_CANDIDATES)
			break;
	}
	if (nr && (!pages || nr == PKS_CANDIDATES)) {
		pages = huge[0];
		if (!pks_split_huge(pages))
			dom->splits++;
	}
	while (nr--) {
		if (huge[nr] != pages)
			free_pages(huge[nr], order);
	}
	return pages;
}

/*
 * A zeroed one of @order, all of it tagged. Its first pages are those of @want, before anyone
 * else can have them. Under dom->mutex.
 */
static int pks_chunk_new(struct pks_dom *dom, unsigned int order, gfp_t gfp,
			 struct pks_want *want)
{
	struct pks_chunk *chunk;
	unsigned long start, flags;
	int err = -ENOMEM;

	if (READ_ONCE(pks_hibernating))
		return -EBUSY;
	/* Each page is one, and may not be moved. */
	gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE | __GFP_COMP);
	gfp |= __GFP_ZERO | __GFP_NOWARN;
	gfp |= order > PAGE_ALLOC_COSTLY_ORDER ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL;
	start = pks_chunk_pages(dom, order, gfp);
	if (!start)
		return err;
	/* Each is someone's who may pass it on, and then has a reference of its own. */
	split_page(virt_to_page((void *)start), order);
	chunk = kzalloc(sizeof(*chunk), PKS_GFP_PROMPT);
	if (!chunk)
		goto err_pages;
	chunk->order = order;
	memset(chunk->orders, PKS_NO_ORDER, sizeof(chunk->orders));
	err = pks_area_add(&chunk->area, dom, PKS_AREA_CHUNK, start,
			   start + (PAGE_SIZE << order));
	if (err)
		goto err_chunk;
	if (dom->pub.pkey) {
		err = pks_tag(chunk->area.start, chunk->area.end,
			      dom->pub.pkey, &dom->splits);
		pks_tag_flush();
	}
	if (err)
		goto err_tag;
	pks_area_settle(&chunk->area, true);
	chunk->large = pks_chunk_is_large(chunk);
	raw_spin_lock_irqsave(&dom->lock, flags);
	dom->pages += pks_chunk_size(chunk);
	pks_chunk_list(dom, chunk, order);
	pks_chunk_serve(dom, chunk, want);
	raw_spin_unlock_irqrestore(&dom->lock, flags);
	return 0;

err_tag:
	pks_chunk_release(chunk);
	return err;
err_chunk:
	kfree(chunk);
err_pages:
	pks_pages_free(start, order);
	return err;
}

/* The largest that there is: the direct map is split the less for it. */
static void pks_chunk_add(struct pks_dom *dom, struct pks_want *want, gfp_t gfp)
{
	unsigned int order = PKS_CHUNK_ORDER;

	while (pks_chunk_new(dom, order, gfp, want) && order > want->order &&
	       !fatal_signal_pending(current))
		order = max(order - min(order, 3U), want->order);
}

/* A chunk for them, unless someone has given pages back meanwhile. May sleep. */
static void pks_pages_add(struct pks_dom *dom, struct pks_want *want, gfp_t gfp)
{
	unsigned int noio;

	/* Storage may be waiting for the mutex: no one may wait for storage with it. */
	noio = memalloc_noio_save();
	mutex_lock(&dom->mutex);
	if (!pks_pages_take(dom, want))
		pks_chunk_add(dom, want, gfp & ~__GFP_ZERO);
	mutex_unlock(&dom->mutex);
	memalloc_noio_restore(noio);
}

/* They are out of use for good, and can't be written, or are someone else's, too. */
static void pks_pages_lose(struct pks_dom *dom, struct pks_chunk *chunk, unsigned int order)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&dom->lock, flags);
	chunk->lost += 1U << order;
	dom->used -= 1UL << order;
	dom->lost += 1UL << order;
	raw_spin_unlock_irqrestore(&dom->lock, flags);
}

/*
 * Free pages are zero. Were they written to since: by a pointer that someone still had?
 * False if they can't be zeroed again.
 */
static bool pks_pages_check(struct pks_dom *dom, void *addr, unsigned int order)
{
	void *end = addr + (PAGE_SIZE << order), *page = addr;
	struct pks_window window;
	size_t left = 0;

	for (; page < end && !left; page += PAGE_SIZE) {
		pks_window_open(&window, dom->pub.pkey);
		left = pks_zero_nofault(page, PAGE_SIZE / sizeof(u64));
		pks_window_close(&window);
	}
	if (!left)
		return true;
	pr_warn_ratelimited("domain %s: 2^%u pages were written to after they had been freed\n",
			    dom->name, order);
	return pks_fill(dom, addr, 0, PAGE_SIZE << order);
}

/*
 * Zeroed pages, aligned to their size. A chunk can only be added where one may
 * sleep: its mapping has to be changed on all CPUs.
 */
void *pks_pages_get(struct pks_dom *dom, unsigned int order, u8 part, gfp_t gfp)
{
	struct pks_want want = { .order = order };

	for (;;) {
		if (!pks_pages_take(dom, &want) && gfpflags_allow_blocking(gfp))
			pks_pages_add(dom, &want, gfp);
		if (!want.addr)
			return NULL;
		if (pks_pages_check(dom, want.addr, order)) {
			WRITE_ONCE(want.chunk->orders[pks_chunk_index(want.chunk, want.addr)],
				   order | part);
			return want.addr;
		}
		pks_pages_lose(dom, want.chunk, order);
		want.addr = NULL;
	}
}

static void pks_pages_give(struct pks_dom *dom, struct pks_chunk *chunk,
			   unsigned int at, unsigned int order)
{
	unsigned long flags;
	bool empty;

	raw_spin_lock_irqsave(&dom->lock, flags);
	bitmap_clear(chunk->map, at, 1U << order);
	chunk->used -= 1U << order;
	dom->used -= 1UL << order;
	pks_chunk_relist(dom, chunk, chunk->order);
	empty = chunk->used == chunk->lost;
	raw_spin_unlock_irqrestore(&dom->lock, flags);
	if (empty)
		schedule_work(&dom->trim);
}

/* The chunk, if there is such an allocation at @addr; from now on no one sees it. */
static struct pks_chunk *pks_pages_claim(struct pks_dom *dom, const void *addr,
					 unsigned int order, u8 part)
{
	struct pks_chunk *chunk = pks_chunk_of(addr);
	unsigned long flags;
	unsigned int at;
	bool there;

	if (!chunk || chunk->area.dom != dom || !PAGE_ALIGNED(addr) ||
	    order > PKS_CHUNK_ORDER)
		return NULL;
	at = pks_chunk_index(chunk, addr);
	raw_spin_lock_irqsave(&dom->lock, flags);
	there = chunk->orders[at] == (order | part);
	if (there)
		chunk->orders[at] = PKS_NO_ORDER;
	raw_spin_unlock_irqrestore(&dom->lock, flags);
	return there ? chunk : NULL;
}

/* Has nobody but the domain a reference to any of them? */
static bool pks_pages_are_ours(const void *addr, unsigned int order)
{
	const void *end = addr + (PAGE_SIZE << order);

	while (addr < end && page_count(virt_to_page(addr)) == 1)
		addr += PAGE_SIZE;
	return addr >= end;
}

/* If they are not there to be freed, a line names the caller. */
void pks_pages_put(struct pks_dom *dom, void *addr, unsigned int order, u8 part,
		   unsigned long caller)
{
	struct pks_chunk *chunk;

	rcu_read_lock();
	chunk = pks_pages_claim(dom, addr, order, part);
	rcu_read_unlock();
	if (!chunk) {
		pr_warn_ratelimited("domain %s: not freed: no 2^%u pages of it are there; called from %pS\n",
				    dom->name, order, (void *)caller);
		return;
	}
	if (pks_pages_are_ours(addr, order) && pks_await_writers(addr, PAGE_SIZE << order) &&
	    pks_fill(dom, addr, 0, PAGE_SIZE << order)) {
		pks_pages_give(dom, chunk, pks_chunk_index(chunk, addr), order);
		return;
	}
	pks_pages_lose(dom, chunk, order);
	pr_warn_ratelimited("domain %s: 2^%u pages are lost: someone else holds them, or they can't be zeroed; freed by %pS\n",
			    dom->name, order, (void *)caller);
}

/* Take one off the domain's lists that has nothing in use, and of which none is to be kept. */
static struct pks_chunk *pks_chunk_detach(struct pks_dom *dom, unsigned int *keep)
{
	struct pks_chunk *chunk, *found = NULL;
	unsigned long flags;
	int room;

	raw_spin_lock_irqsave(&dom->lock, flags);
	for (room = PKS_ROOMS - 1; room >= 0 && !found; room--) {
		list_for_each_entry(chunk, &dom->chunks[room], area.node) {
			if (chunk->used != chunk->lost || (!chunk->lost && *keep && (*keep)--))
				continue;
			found = chunk;
			break;
		}
	}
	if (found) {
		list_del_init(&found->area.node);
		dom->pages -= pks_chunk_size(found);
		dom->lost -= found->lost;
	}
	raw_spin_unlock_irqrestore(&dom->lock, flags);
	return found;
}

/* Give free chunks back, all but @keep of them. Under dom->mutex. */
void pks_memory_trim(struct pks_dom *dom, unsigned int keep)
{
	unsigned int left = keep;
	struct pks_chunk *chunk;

	lockdep_assert_held(&dom->mutex);
	while ((chunk = pks_chunk_detach(dom, &left))) {
		pks_chunk_release(chunk);
		left = keep;
	}
}

static void pks_memory_work(struct work_struct *work)
{
	struct pks_dom *dom = container_of(work, struct pks_dom, trim);
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&dom->mutex);
	pks_memory_trim(dom, 1);
	mutex_unlock(&dom->mutex);
	memalloc_noio_restore(noio);
}

void pks_memory_init(struct pks_dom *dom)
{
	unsigned int room;

	mutex_init(&dom->mutex);
	raw_spin_lock_init(&dom->lock);
	for (room = 0; room < PKS_ROOMS; room++)
		INIT_LIST_HEAD(&dom->chunks[room]);
	INIT_LIST_HEAD(&dom->areas);
	INIT_WORK(&dom->trim, pks_memory_work);
}

/**
 * pks_domain_alloc_pages - pages of a domain
 * @domain: the domain
 * @order: 2^order pages, physically contiguous and aligned to their size; at most 9,
 *	which is 2 MiB
 * @gfp: as for alloc_pages(); pages are zeroed in any case, and never movable. Refused are
 *	__GFP_DMA, __GFP_DMA32, __GFP_THISNODE and __GFP_NOFAIL: a domain has no zones and
 *	no nodes, and an end. Where alloc_pages() would have a process killed for it, there
 *	is no memory
 *
 * Context: any but NMI where @gfp says so (GFP_ATOMIC, GFP_NOWAIT): then they come
 * out of what the domain has, or not at all.
 *
 * Each page has a reference count of its own, which is 1.
 *
 * Return: their address, in the direct map; NULL without memory, for an order above 9,
 * while the machine is about to hibernate, for a @gfp that is refused (a rate-limited line
 * names the caller), and for who has been killed.
 *
 * Semantics: __get_free_pages().
 */
void *pks_domain_alloc_pages(struct pks_domain *domain, unsigned int order,
			     gfp_t gfp)
{
	if (order > PKS_CHUNK_ORDER || !pks_gfp_ok(gfp, _RET_IP_))
		return NULL;
	return pks_pages_get(pks_dom(domain), order, 0, gfp);
}
EXPORT_SYMBOL_PKS(pks_domain_alloc_pages);

/**
 * pks_domain_free_pages - give pages back to a domain
 * @domain: the domain
 * @addr: what pks_domain_alloc_pages() returned; NULL is allowed
 * @order: as it was given
 *
 * They are zeroed. What is not there to be freed gives one rate-limited line that
 * names the caller, and nothing changes. If someone else has a reference to any of them
 * (get_page()), nobody else gets them any more, which is said, too.
 *
 * Context: any but NMI.
 *
 * Semantics: free_pages().
 */
void pks_domain_free_pages(struct pks_domain *domain, void *addr,
			   unsigned int order)
{
	if (addr)
		pks_pages_put(pks_dom(domain), addr, order, 0, _RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_domain_free_pages);

static void pks_vmalloc_drop_pages(struct pks_dom *dom, struct page **pages,
				   unsigned long nr)
{
	while (nr--)
		pks_pages_put(dom, page_address(pages[nr]), 0, PKS_ORDER_PART, _THIS_IP_);
	kvfree(pages);
}

static struct page **pks_vmalloc_get_pages(struct pks_dom *dom, unsigned long nr)
{
	struct page **pages = kvmalloc_array(nr, sizeof(*pages), PKS_GFP_PROMPT);
	unsigned long i;
	void *addr;

	for (i = 0; pages && i < nr; i++) {
		addr = NULL;
		if (!fatal_signal_pending(current))
			addr = pks_pages_get(dom, 0, PKS_ORDER_PART, GFP_KERNEL);
		if (!addr) {
			pks_vmalloc_drop_pages(dom, pages, i);
			return NULL;
		}
		pages[i] = virt_to_page(addr);
	}
	return pages;
}

/* What page tables it takes comes from the reserves if need be: nobody is killed for it. */
static void *pks_vmap(struct page **pages, unsigned long nr, int pkey)
{
	unsigned int reclaim = memalloc_noreclaim_save();
	void *addr = vmap(pages, nr, pkey ? VM_MAP | PKS_VM_HIDDEN : VM_MAP,
			  PAGE_KERNEL_PKEY(pkey));

	memalloc_noreclaim_restore(reclaim);
	return addr;
}

/**
 * pks_domain_vmalloc - virtually contiguous memory of a domain
 * @domain: the domain
 * @size: bytes; rounded up to whole pages
 *
 * Context: process context, may sleep.
 *
 * Return: its address, zeroed; NULL without memory (nobody is killed for it), for a @size
 * of 0 or of more than the machine has, while the machine is about to hibernate, and for
 * who has been killed.
 *
 * Semantics: vzalloc().
 */
void *pks_domain_vmalloc(struct pks_domain *domain, size_t size)
{
	unsigned long nr = PAGE_ALIGN(size) >> PAGE_SHIFT;
	struct pks_dom *dom = pks_dom(domain);
	struct page **pages;
	struct pks_area *area;
	void *addr = NULL;

	if (!nr || nr > totalram_pages())
		return NULL;
	area = kzalloc(sizeof(*area), GFP_KERNEL);
	pages = area ? pks_vmalloc_get_pages(dom, nr) : NULL;
	if (pages)
		addr = pks_vmap(pages, nr, domain->pkey);
	if (addr && !pks_area_add(area, dom, PKS_AREA_VMALLOC, (unsigned long)addr,
				  (unsigned long)addr + (nr << PAGE_SHIFT))) {
		area->pages = pages;
		mutex_lock(&dom->mutex);
		list_add_tail(&area->node, &dom->areas);
		mutex_unlock(&dom->mutex);
		return addr;
	}
	vunmap(addr);
	if (pages)
		pks_vmalloc_drop_pages(dom, pages, nr);
	kfree(area);
	return NULL;
}
EXPORT_SYMBOL_PKS(pks_domain_vmalloc);

/* Take an area of that kind that starts at @addr off the domain's list. */
static struct pks_area *pks_area_claim(struct pks_dom *dom, const void *addr,
				       enum pks_area_kind kind, unsigned long nr)
{
	struct pks_area *area;

	mutex_lock(&dom->mutex);
	list_for_each_entry(area, &dom->areas, node) {
		if (area->start != (unsigned long)addr || area->kind != kind ||
		    (nr && area->end - area->start != nr << PAGE_SHIFT))
			continue;
		list_del(&area->node);
		mutex_unlock(&dom->mutex);
		return area;
	}
	mutex_unlock(&dom->mutex);
	return NULL;
}

static void pks_vmalloc_free(struct pks_area *area)
{
	unsigned long nr = (area->end - area->start) >> PAGE_SHIFT;

	pks_area_del(area);
	pks_await_writers((void *)area->start, area->end - area->start);
	vunmap((void *)area->start);
	pks_vmalloc_drop_pages(area->dom, area->pages, nr);
	kfree_rcu(area, rcu);
}

/**
 * pks_domain_vfree - give virtually contiguous memory back
 * @domain: the domain
 * @addr: what pks_domain_vmalloc() returned; NULL is allowed
 *
 * Its pages are zeroed. What is not there to be freed gives one rate-limited line
 * that names the caller, and nothing changes.
 *
 * Context: process context, may sleep.
 *
 * Semantics: vfree().
 */
void pks_domain_vfree(struct pks_domain *domain, void *addr)
{
	struct pks_dom *dom = pks_dom(domain);
	struct pks_area *area;

	if (!addr)
		return;
	area = pks_area_claim(dom, addr, PKS_AREA_VMALLOC, 0);
	if (area)
		pks_vmalloc_free(area);
	else
		pr_warn_ratelimited("domain %s: not freed: no area of it starts there; called from %pS\n",
				    dom->name, (void *)_RET_IP_);
}
EXPORT_SYMBOL_PKS(pks_domain_vfree);

/*
 * May the key be on this page for as long as its owner likes? Nobody else may have it: no
 * allocator, page table, page cache or process. Its reference count alone does not tell:
 * of pages that were allocated together only the first has one.
 */
static bool pks_page_fits(struct page *page)
{
	struct folio *folio = page_folio(page);

	return !PageReserved(page) && !PageSlab(&folio->page) && !page_has_type(page) &&
		!page_has_type(&folio->page) && !is_zone_device_page(page) &&
		!folio_test_lru(folio) && !folio->mapping && !folio_mapped(folio) &&
		!folio_test_hugetlb(folio) && !PageHWPoison(page);
}

/* One of several that have been allocated, or that are free, together, is their first. */
static bool pks_page_is_free(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned int order;
	struct page *head;

	if (page_count(page))
		return false;
	for (order = 1; order <= PKS_ORDER_MAX; order++) {
		head = pfn_to_page(pfn & ~((1UL << order) - 1));
		if (PageBuddy(head))
			return page_private(head) >= order;
	}
	return false;
}

/*
 * Looked up once for each 2 MiB, the least that memory comes in and page structs
 * follow one another in.
 */
static bool pks_linear_fits(unsigned long start, unsigned long end)
{
	struct page *page = NULL;
	unsigned long addr;

	for (addr = start; addr < end; addr += PAGE_SIZE, page++) {
		if (addr == start || IS_ALIGNED(addr, PMD_SIZE)) {
			if (!virt_addr_valid((void *)addr))
				return false;
			page = virt_to_page((void *)addr);
			if (pks_page_is_free(page))
				return false;
		}
		if (!pks_page_fits(page))
			return false;
	}
	return true;
}

static bool pks_vmalloc_fits(unsigned long start, unsigned long end)
{
	unsigned long addr;
	struct page *page;

	if (!pks_vmalloc_is_plain((void *)start, end - start))
		return false;
	for (addr = start; addr < end; addr += PAGE_SIZE) {
		page = vmalloc_to_page((void *)addr);
		if (!page || !pfn_valid(page_to_pfn(page)) || !pks_page_fits(page))
			return false;
	}
	return true;
}

/*
 * May a thread's stack be there? Stacks that vmalloc() has are areas of their own, of
 * which no larger range is part.
 */
static bool pks_may_have_stack(unsigned long start, unsigned long end, bool linear)
{
	if (IS_ENABLED(CONFIG_VMAP_STACK))
		return !linear && end - start <= THREAD_SIZE;
	return linear;
}

/* Is part of [@start, @end) a thread's stack? */
static bool pks_has_stack(unsigned long start, unsigned long end)
{
	struct task_struct *process, *task;
	unsigned long stack;
	bool found = false;

	rcu_read_lock();
	for_each_process_thread(process, task) {
		stack = (unsigned long)READ_ONCE(task->stack);
		if (stack && stack < end && stack + THREAD_SIZE > start)
			found = true;
	}
	rcu_read_unlock();
	return found;
}

static bool pks_pages_fit(const void *addr, unsigned long nr_pages, bool linear)
{
	unsigned long start = (unsigned long)addr;
	unsigned long end = start + (nr_pages << PAGE_SHIFT);

	if (!(linear ? pks_linear_fits(start, end) : pks_vmalloc_fits(start, end)))
		return false;
	return !pks_may_have_stack(start, end, linear) || !pks_has_stack(start, end);
}

/* Where the direct map has the page that vmalloc() has at @addr. */
static unsigned long pks_linear(unsigned long addr)
{
	return (unsigned long)page_address(vmalloc_to_page((void *)addr));
}

/* The direct map's pages of a vmalloc() area: runs of them are one area. */
static int pks_frames_add(struct pks_area *area)
{
	unsigned long addr = area->start, start, end;
	struct pks_area *frames;
	int err;

	while (addr < area->end) {
		start = pks_linear(addr);
		end = start;
		do {
			addr += PAGE_SIZE;
			end += PAGE_SIZE;
		} while (addr < area->end && pks_linear(addr) == end);
		frames = kzalloc(sizeof(*frames), GFP_KERNEL);
		if (!frames)
			return -ENOMEM;
		err = pks_area_add(frames, area->dom, PKS_AREA_FRAMES, start, end);
		if (err) {
			kfree(frames);
			return err;
		}
		list_add_tail(&frames->node, &area->frames);
	}
	return 0;
}

/*
 * Tag, or with 0 untag, an area of the owner's at each place where it is mapped. What can't
 * lose its key keeps nobody else from it.
 */
static int pks_protect_tag(struct pks_area *area, int pkey)
{
	struct pks_dom *dom = area->dom;
	struct pks_area *frames;
	int err = 0, ret = 0;

	if (!dom->pub.pkey)
		return 0;
	list_for_each_entry(frames, &area->frames, node) {
		err = pks_tag(frames->start, frames->end, pkey, &dom->splits);
		ret = ret ?: err;
		if (pkey && ret)
			break;
	}
	if (!(pkey && ret))
		ret = pks_tag(area->start, area->end, pkey, &dom->splits) ?: ret;
	pks_tag_flush();
	return ret;
}

/* With its frames, of which there are none if it is in the direct map itself. */
static void pks_protect_settle(struct pks_area *area, bool settled)
{
	struct pks_area *frames;

	list_for_each_entry(frames, &area->frames, node)
		pks_area_settle(frames, settled);
	pks_area_settle(area, settled);
}

/* Nothing of it has the key any more. */
static void pks_protect_forget(struct pks_area *area)
{
	struct pks_area *frames, *next;

	list_for_each_entry_safe(frames, next, &area->frames, node) {
		pks_area_del(frames);
		kfree_rcu(frames, rcu);
	}
	pks_area_del(area);
	pks_await_writers((void *)area->start, area->end - area->start);
	if (is_vmalloc_addr((void *)area->start))
		pks_vmalloc_show((void *)area->start);
	kfree_rcu(area, rcu);
}

/*
 * Take the key from all of it. Where that can't be, it stays the domain's, whatever its
 * owner does with it, and the domain can't end.
 */
static int pks_protect_end(struct pks_area *area)
{
	struct pks_dom *dom = area->dom;
	int err;

	pks_protect_settle(area, false);
	err = pks_protect_tag(area, 0);
	if (!err) {
		pks_protect_forget(area);
		return 0;
	}
	pr_warn("domain %s: pages of its owner can't lose their key (%d), and stay its\n",
		dom->name, err);
	mutex_lock(&dom->mutex);
	list_add_tail(&area->node, &dom->areas);
	mutex_unlock(&dom->mutex);
	return err;
}

/* It could not end, and nobody will try again. */
static void pks_protect_abandon(struct pks_area *area)
{
	list_del(&area->node);
	pks_protect_forget(area);
}

/* Count pages of the owner's, before they come or after they have gone. */
static int pks_foreign_add(struct pks_dom *dom, long nr_pages)
{
	int err = 0;

	mutex_lock(&dom->mutex);
	if (nr_pages > 0 && READ_ONCE(pks_hibernating))
		err = -EBUSY;
	else
		dom->foreign += nr_pages;
	mutex_unlock(&dom->mutex);
	return err;
}

/* Those that @area says, which have been counted; and are not any more, without. */
static int pks_protect_begin(struct pks_area *area, bool linear, unsigned long nr_pages)
{
	struct pks_dom *dom = area->dom;
	int err = 0;

	if (!linear) {
		kmemleak_no_scan((void *)area->start);
		if (dom->pub.pkey)
			pks_vmalloc_hide((void *)area->start);
		err = pks_frames_add(area);
	}
	err = err ?: pks_protect_tag(area, dom->pub.pkey);
	if (err) {
		if (!pks_protect_end(area))
			pks_foreign_add(dom, -(long)nr_pages);
		return err;
	}
	pks_protect_settle(area, true);
	mutex_lock(&dom->mutex);
	list_add_tail(&area->node, &dom->areas);
	mutex_unlock(&dom->mutex);
	return 0;
}

/* In the direct map: not in the mapping of the kernel's image, which is there, too. */
static bool pks_is_linear(const void *addr)
{
	return virt_addr_valid(addr) && __va(__pa(addr)) == addr;
}

/* Is any of it a domain's? */
static bool pks_is_taken(const void *addr, unsigned long nr_pages)
{
	unsigned long start = (unsigned long)addr;
	bool taken;

	rcu_read_lock();
	taken = pks_area_next(start, start + (nr_pages << PAGE_SHIFT));
	rcu_read_unlock();
	return taken;
}

/**
 * pks_domain_protect - take pages that one has into a domain
 * @domain: the domain
 * @addr: their address, in the direct map or of vmalloc(); page-aligned
 * @nr_pages: how many
 *
 * They have the key at that address and at their place in the direct map, and keep
 * what is in them. They stay the caller's, who frees them after
 * pks_domain_unprotect(). Other mappings that he has made are his to look after
 * (debugfs pks/audit lists them). What is not his own ordinary memory can't be taken in:
 * slab memory, stacks, page tables, what the kernel or its modules are in, variables of
 * CPUs, the page cache, what a process has mapped or may map, devices, and what is free.
 * kmemleak does not look into the vmalloc() area that starts at @addr any
 * more.
 *
 * Context: process context, may sleep.
 *
 * Return: 0; or, with nothing taken in, -EINVAL for addresses that are not such pages;
 * -EBUSY if a page is in a domain already or is not cached as memory usually is, or
 * the machine is about to hibernate; -EFAULT if a page is not mapped; -EOPNOTSUPP if
 * a large page of the kernel's can't be split; -ENOMEM.
 *
 * Semantics: own; set_memory_pkey() of the kpkeys series for arm64 does it for the
 * direct map.
 */
int pks_domain_protect(struct pks_domain *domain, void *addr,
		       unsigned long nr_pages)
{
	bool linear = pks_is_linear(addr);
	struct pks_dom *dom = pks_dom(domain);
	struct pks_area *area;
	int err;

	if (!PAGE_ALIGNED(addr) || !nr_pages || nr_pages > totalram_pages() ||
	    (!linear && !is_vmalloc_addr(addr)))
		return -EINVAL;
	if (pks_is_taken(addr, nr_pages))
		return -EBUSY;
	if (!pks_pages_fit(addr, nr_pages, linear))
		return -EINVAL;
	area = kzalloc(sizeof(*area), GFP_KERNEL);
	if (!area)
		return -ENOMEM;
	err = pks_foreign_add(dom, nr_pages);
	if (err)
		goto err_area;
	err = pks_area_add(area, dom, PKS_AREA_PROTECTED, (unsigned long)addr,
			   (unsigned long)addr + (nr_pages << PAGE_SHIFT));
	if (err)
		goto err_count;
	/* Takes the area with it if it fails. */
	return pks_protect_begin(area, linear, nr_pages);

err_count:
	pks_foreign_add(dom, -(long)nr_pages);
err_area:
	kfree(area);
	return err;
}
EXPORT_SYMBOL_PKS(pks_domain_protect);

/**
 * pks_domain_unprotect - take one's pages out of a domain again
 * @domain: the domain
 * @addr: as given to pks_domain_protect()
 * @nr_pages: likewise
 *
 * On return they have no key anywhere, and what was in them.
 *
 * Context: process context, may sleep.
 *
 * Return: 0; -EINVAL if they were not taken in like that; -ENOMEM or -EOPNOTSUPP if a large
 * page of the kernel's can't be split for it: then they are still in the domain, though
 * some have no key, and must not be freed. That can be tried again.
 *
 * Semantics: own.
 */
int pks_domain_unprotect(struct pks_domain *domain, void *addr,
			 unsigned long nr_pages)
{
	struct pks_dom *dom = pks_dom(domain);
	struct pks_area *area = NULL;
	int err;

	if (nr_pages)
		area = pks_area_claim(dom, addr, PKS_AREA_PROTECTED, nr_pages);
	if (!area)
		return -EINVAL;
	err = pks_protect_end(area);
	if (!err)
		pks_foreign_add(dom, -(long)nr_pages);
	return err;
}
EXPORT_SYMBOL_PKS(pks_domain_unprotect);

/* Whoever had any of it has gone. */
static void pks_chunk_drop(struct pks_dom *dom, struct pks_chunk *chunk)
{
	pks_fill(dom, (void *)chunk->area.start, 0, PAGE_SIZE << chunk->order);
	dom->used -= chunk->used - chunk->lost;
	chunk->used = chunk->lost;
}

/*
 * The module is being unloaded and the domain's owner has gone: nothing may stay
 * tagged. What was allocated is lost with who had it, and goes back too.
 */
void pks_memory_drop(struct pks_dom *dom)
{
	struct pks_area *area, *next;
	struct pks_chunk *chunk;
	unsigned int room;

	list_for_each_entry_safe(area, next, &dom->areas, node) {
		list_del(&area->node);
		if (area->kind == PKS_AREA_VMALLOC)
			pks_vmalloc_free(area);
		else if (pks_protect_end(area))
			pks_protect_abandon(area);
	}
	mutex_lock(&dom->mutex);
	for (room = 0; room < PKS_ROOMS; room++) {
		list_for_each_entry(chunk, &dom->chunks[room], area.node)
			pks_chunk_drop(dom, chunk);
	}
	pks_memory_trim(dom, 0);
	mutex_unlock(&dom->mutex);
	cancel_work_sync(&dom->trim);
}
