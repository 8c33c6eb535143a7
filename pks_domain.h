/* SPDX-License-Identifier: GPL-2.0 */
/* What the files about domains share. */
#ifndef PKS_DOMAIN_INTERNAL_H
#define PKS_DOMAIN_INTERNAL_H

#include "pks_internal.h"
#include <linux/bitmap.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/pks_domain.h>
#include <linux/workqueue.h>

/* Memory comes in chunks of 2 MiB, or smaller where these can't be had. */
#define PKS_CHUNK_ORDER		9
#define PKS_CHUNK_PAGES		BIT(PKS_CHUNK_ORDER)
/* Orders of what may be had of a chunk, and none. */
#define PKS_ROOMS		(PKS_CHUNK_ORDER + 2)
/* Size classes of small objects: 32 bytes to 2 KiB. */
#define PKS_OBJECT_MIN_SHIFT	5
#define PKS_OBJECT_MAX_SHIFT	11
#define PKS_OBJECT_MAX		BIT(PKS_OBJECT_MAX_SHIFT)
#define PKS_SIZES		(PKS_OBJECT_MAX_SHIFT - PKS_OBJECT_MIN_SHIFT + 1)

/* Since it was created; of each CPU. */
struct pks_domain_stats {
	u64			scopes;
	u64			writes;
	u64			bytes;
};

/**
 * struct pks_dom - what is behind a struct pks_domain
 * @pub: what its users have
 * @node: in the list of all domains
 * @owner: the module; NULL once it has gone
 * @name: for people
 * @owner_name: likewise
 * @attrs: what it was created with
 * @mutex: protects what comes and goes in sleeping contexts: chunks, areas, caches
 * @lock: protects the use of pages of chunks
 * @chunks: memory of its own, by &pks_chunk.room, the full ones first; protected by @lock
 * @areas: virtually contiguous areas, and pages of the owner's
 * @caches: of small objects
 * @sizes: those for pks_domain_alloc()
 * @pages: how many its chunks have
 * @used: how many of them are handed out
 * @lost: how many of them are not, and will not be any more
 * @keyed: is some memory left that can't lose its key? Then the key is nobody's again
 * @foreign: how many pages of the owner's are in it
 * @splits: large pages of the direct map that were split for it
 * @later: how many objects wait for a grace period, to be freed then
 * @trim: gives free chunks back
 * @stats: see there
 * @dir: in debugfs
 * @rcu: for those who look addresses up
 */
struct pks_dom {
	struct pks_domain	pub;
	struct list_head	node;
	struct module		*owner;
	char			name[PKS_KEY_NAME_LEN];
	char			owner_name[MODULE_NAME_LEN];
	int			attrs;
	struct mutex		mutex;		/* see above */
	raw_spinlock_t		lock;		/* see above */
	struct list_head	chunks[PKS_ROOMS];
	struct list_head	areas;
	struct list_head	caches;
	struct pks_cache	*sizes[PKS_SIZES];
	unsigned long		pages;
	unsigned long		used;
	unsigned long		lost;
	bool			keyed;
	unsigned long		foreign;
	unsigned int		splits;
	atomic_t		later;
	struct work_struct	trim;
	struct pks_domain_stats __percpu *stats;
	struct dentry		*dir;
	struct rcu_head		rcu;
};

enum pks_area_kind {
	PKS_AREA_CHUNK,		/* in the direct map, the domain's own */
	PKS_AREA_VMALLOC,	/* the domain's pages, mapped once more */
	PKS_AREA_PROTECTED,	/* pages of the owner's, where he has them */
	PKS_AREA_FRAMES,	/* their place in the direct map, if that is elsewhere */
};

/**
 * struct pks_area - kernel addresses that belong to a domain
 * @dom: the domain
 * @kind: see &enum pks_area_kind
 * @start: first address
 * @end: the address after the last
 * @settled: has it its key, and will for now? Not while it is on its way in or out
 * @node: in the list of the domain's areas or chunks
 * @frames: of PKS_AREA_PROTECTED, the PKS_AREA_FRAMES that go with it
 * @pages: of PKS_AREA_VMALLOC
 * @rcu: for those who look addresses up
 */
struct pks_area {
	struct pks_dom		*dom;
	enum pks_area_kind	kind;
	unsigned long		start;
	unsigned long		end;
	bool			settled;
	struct list_head	node;
	struct list_head	frames;
	struct page		**pages;
	struct rcu_head		rcu;
};

/**
 * struct pks_chunk - physically contiguous memory of a domain
 * @area: where it is in the direct map
 * @order: its size
 * @large: does the direct map have it as one large page?
 * @used: pages that are handed out, or lost; the others are zero
 * @lost: pages that will not be handed out any more
 * @room: no larger order can be had of it; -1: none
 * @map: which
 * @orders: of the first page of each allocation, its order; otherwise, and while it
 *	is being freed, PKS_NO_ORDER
 * @slabs: of each page, the slab that it is part of
 */
struct pks_chunk {
	struct pks_area		area;
	unsigned int		order;
	bool			large;
	unsigned int		used;
	unsigned int		lost;
	int			room;
	DECLARE_BITMAP(map, PKS_CHUNK_PAGES);
	u8			orders[PKS_CHUNK_PAGES];
	struct pks_slab		*slabs[PKS_CHUNK_PAGES];
};

#define PKS_NO_ORDER	U8_MAX
/* With the order: they are an area's or a slab's, and go back with it alone. */
#define PKS_ORDER_PART	BIT(7)

/* A key that is open on this CPU for a few instructions, with interrupts off. */
struct pks_window {
	unsigned long		flags;
	struct pks_frame	frame;
};

/* Which of the chunk's pages has @addr. */
static inline unsigned int pks_chunk_index(const struct pks_chunk *chunk,
					   const void *addr)
{
	return ((unsigned long)addr - chunk->area.start) >> PAGE_SHIFT;
}

static inline struct pks_dom *pks_dom(const struct pks_domain *domain)
{
	return container_of(domain, struct pks_dom, pub);
}

/* pks_rights.c */
void pks_window_open(struct pks_window *window, int pkey);
void pks_window_close(struct pks_window *window);

/* pks_domain.c */
extern struct mutex pks_domain_mutex;
extern struct list_head pks_domains;
int pks_area_add(struct pks_area *area, struct pks_dom *dom,
		 enum pks_area_kind kind, unsigned long start, unsigned long end);
void pks_area_settle(struct pks_area *area, bool settled);
void pks_area_del(struct pks_area *area);
struct pks_area *pks_area_find(const void *addr);
struct pks_area *pks_area_next(unsigned long start, unsigned long end);
unsigned long pks_domain_tagged(struct pks_dom **dom);
bool pks_domain_unused(struct pks_dom *dom, bool tell);
void pks_domains_exit(void);

/* pks_tag.c */
int pks_tag(unsigned long start, unsigned long end, int pkey, unsigned int *splits);
void pks_tag_flush(void);
bool pks_is_huge(unsigned long addr);
int pks_split_huge(unsigned long addr);
void pks_tag_init(void);

/* pks_memory.c */
bool pks_gfp_ok(gfp_t gfp, unsigned long caller);
void *pks_pages_get(struct pks_dom *dom, unsigned int order, u8 part, gfp_t gfp);
bool pks_chunk_has(const struct pks_chunk *chunk, const void *addr, size_t len);
void pks_pages_put(struct pks_dom *dom, void *addr, unsigned int order, u8 part,
		   unsigned long caller);
void pks_memory_init(struct pks_dom *dom);
void pks_memory_trim(struct pks_dom *dom, unsigned int keep);
void pks_memory_drop(struct pks_dom *dom);
struct pks_chunk *pks_chunk_of(const void *addr);

/* pks_cache.c */
bool pks_slab_has(const struct pks_slab *slab, const void *addr, size_t len);
int pks_caches_init(struct pks_dom *dom);
void pks_caches_shrink(struct pks_dom *dom);
void pks_caches_exit(struct pks_dom *dom);
void pks_caches_wait(struct pks_dom *dom);
struct pks_cache *pks_cache_busy(struct pks_dom *dom, unsigned long *objects);
struct seq_file;
void pks_caches_show(struct seq_file *m, struct pks_dom *dom);

/* pks_assign.c */
bool pks_await_writers(const void *start, size_t len);
bool pks_fill(struct pks_dom *dom, void *dst, int byte, size_t len);

/* pks_audit.c */
struct pks_audit_finding {
	unsigned long		addr;
	unsigned long		pfn;
	unsigned long		size;
	int			pkey;
	const struct pks_dom	*dom;	/* of the frame; NULL: of none */
};

typedef void (*pks_audit_fn)(const struct pks_audit_finding *finding, void *data);
unsigned long pks_audit(pks_audit_fn fn, void *data);

/*
 * /proc/kcore takes such an area for a hole. Any other it reads through the direct
 * map, without an exception-table entry and with a lock held (until 6.4), or over and
 * over again until that succeeds.
 */
#define PKS_VM_HIDDEN	VM_IOREMAP

/* pks_machine.c */
extern bool pks_hibernating;
void pks_vmalloc_hide(const void *addr);
void pks_vmalloc_show(const void *addr);
bool pks_vmalloc_is_plain(const void *addr, unsigned long size);
int pks_machine_init(void);
void pks_machine_exit(void);

/* pks_debugfs.c and pks_debugfs_domain.c */
#ifdef CONFIG_DEBUG_FS
int pks_debugfs_text(char *to, size_t size, const char __user *text, size_t len);
void pks_debugfs_domains_init(struct dentry *parent);
void pks_debugfs_domain_add(struct pks_dom *dom);
void pks_debugfs_domain_del(struct pks_dom *dom);
#else
static inline void pks_debugfs_domain_add(struct pks_dom *dom) { }
static inline void pks_debugfs_domain_del(struct pks_dom *dom) { }
#endif

#endif /* PKS_DOMAIN_INTERNAL_H */
