// SPDX-License-Identifier: GPL-2.0
/*
 * Is every mapping of a domain's memory closed? All of the kernel's page tables are
 * compared with what belongs to domains.
 */
#include "pks_domain.h"
#include <linux/pfn.h>

struct pks_audit {
	pks_audit_fn		fn;
	void			*data;
	unsigned long		findings;
};

/*
 * The mapping was read before its frame's area was looked up, and either may be on its
 * way in or out. It counts if it is still there and the area is settled now: nothing
 * that was on its way then is both.
 */
static bool pks_audit_still(unsigned long address, int pkey,
			    const struct pks_area *area)
{
	if (pks_key_of((void *)address) != pkey)
		return false;
	/* Behind the entry: who was on the way out says so before he writes it. */
	smp_rmb();
	return !area || READ_ONCE(area->settled);
}

static void pks_audit_found(struct pks_audit *audit, unsigned long address,
			    unsigned long pfn, unsigned long size, int pkey,
			    const struct pks_area *area)
{
	const struct pks_audit_finding finding = {
		.addr	= address,
		.pfn	= pfn,
		.size	= size,
		.pkey	= pkey,
		.dom	= area ? area->dom : NULL,
	};

	if (!pks_audit_still(address, pkey, area))
		return;
	audit->findings++;
	audit->fn(&finding, audit->data);
}

/*
 * A page of any size. Frames are known by their addresses in the direct map; part of
 * a large page may be a domain's, and the rest not.
 */
static void pks_audit_page(unsigned long address, unsigned long size,
			   unsigned long pfn, int pkey, void *data)
{
	unsigned long at = (unsigned long)__va(PFN_PHYS(pfn)), end = at + size;
	struct pks_audit *audit = data;
	const struct pks_area *area;
	unsigned long from, to;

	rcu_read_lock();
	while (at < end) {
		area = pks_area_next(at, end);
		from = area ? max(area->start, at) : end;
		to = area ? min(area->end, end) : end;
		if (pkey && from > at)
			pks_audit_found(audit, address, pfn, from - at, pkey, NULL);
		address += from - at;
		pfn += (from - at) >> PAGE_SHIFT;
		if (area && area->dom->pub.pkey != pkey)
			pks_audit_found(audit, address, pfn, to - from, pkey, area);
		address += to - from;
		pfn += (to - from) >> PAGE_SHIFT;
		at = to;
	}
	rcu_read_unlock();
}

/*
 * Call @fn for each mapping of a domain's memory that lacks its key, or has another,
 * and for each mapping with a key that is not of a domain's memory. @fn may not
 * sleep. Returns how many there are. May sleep.
 */
unsigned long pks_audit(pks_audit_fn fn, void *data)
{
	struct pks_audit audit = { .fn = fn, .data = data };

	mutex_lock(&pks_domain_mutex);
	pks_walk(pks_audit_page, &audit);
	mutex_unlock(&pks_domain_mutex);
	return audit.findings;
}
EXPORT_SYMBOL_PKS(pks_audit);
