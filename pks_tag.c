// SPDX-License-Identifier: GPL-2.0
/*
 * Keys in the kernel's page tables. An entry whose page is all ours gets the key
 * in place, whatever its size; a larger one is first split by the kernel itself.
 */
#include "pks_domain.h"
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/static_call.h>
#include <trace/events/pks.h>
#include <asm/cpufeature.h>
#include <asm/invpcid.h>
#include <asm/pgtable.h>
#include <asm/set_memory.h>

#define PKS_PTE_MASK	((pteval_t)(PKS_NUM_KEYS - 1) << PKS_PTE_SHIFT)

/* The CPU may set bits in it at any time. */
static void pks_set_entry(pte_t *pte, int pkey)
{
	pteval_t old = READ_ONCE(pte->pte), new;

	do
		new = (old & ~PKS_PTE_MASK) | (pteval_t)pkey << PKS_PTE_SHIFT;
	while (!try_cmpxchg(&pte->pte, &old, new));
}

DEFINE_STATIC_CALL_NULL(pks_set_4k, set_memory_4k);
DEFINE_STATIC_CALL_NULL(pks_set_ro, set_memory_ro);
DEFINE_STATIC_CALL_NULL(pks_set_rw, set_memory_rw);
/* Can the kernel be asked to split large pages? */
static bool pks_splits __ro_after_init;

/*
 * Have the large page at @addr split so that [@addr, @end) has entries of its own, of 4
 * KiB each. Nothing else changes: neither rights nor the type of memory. The page for the
 * table comes from the reserves if need be: nobody is killed for it, and nobody waits.
 */
static int pks_split(unsigned long addr, unsigned long end)
{
	unsigned int reclaim;
	int err;

	if (!pks_splits)
		return -EOPNOTSUPP;
	reclaim = memalloc_noreclaim_save();
	err = static_call(pks_set_4k)(addr, (end - addr) >> PAGE_SHIFT);
	memalloc_noreclaim_restore(reclaim);
	return err;
}

/* Is that part of a page of 1 GiB? */
bool pks_is_huge(unsigned long addr)
{
	unsigned int level = PG_LEVEL_NONE;

	return lookup_address(addr, &level) && level == PG_LEVEL_1G;
}

/*
 * Have a page of 1 GiB split into such of 2 MiB, of which one is at @addr. That is nobody's,
 * and so may be read-only for a moment: the kernel splits no further than what is changed.
 */
int pks_split_huge(unsigned long addr)
{
	unsigned int reclaim;
	int err;

	if (!pks_splits)
		return -EOPNOTSUPP;
	reclaim = memalloc_noreclaim_save();
	err = static_call(pks_set_ro)(addr, PTRS_PER_PMD);
	/* Back in any case: it may have been changed in part. */
	err = static_call(pks_set_rw)(addr, PTRS_PER_PMD) ?: err;
	memalloc_noreclaim_restore(reclaim);
	return err;
}

/* What can't be had is no reason not to go on: whole large pages are not split. */
void pks_tag_init(void)
{
	pks_splits = pks_find(pks_set_4k, "set_memory_4k") &&
		     pks_find(pks_set_ro, "set_memory_ro") &&
		     pks_find(pks_set_rw, "set_memory_rw");
}

/*
 * Small entries follow one another up to the end of their table. Returns how far those go
 * that are there; @addr, if not even the first is. A key is taken also from entries that
 * are not there: their owner may put them back.
 */
static unsigned long pks_set_entries(pte_t *pte, unsigned long addr,
				     unsigned long end, int pkey)
{
	end = min(end, (addr | ~PMD_MASK) + 1);
	for (; addr < end && (!pkey || pte_present(*pte)); addr += PAGE_SIZE, pte++) {
		if (!pte_none(*pte))
			pks_set_entry(pte, pkey);
	}
	return addr;
}

/*
 * What one entry, or one table of small ones, has of [@addr, @end): where the rest begins
 * in @next. -EAGAIN if a large page has to be split first.
 */
static int pks_tag_entry(unsigned long addr, unsigned long end, int pkey,
			 unsigned long *next)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);
	unsigned long base, size;

	/* Of what is not there kernels differ in what they say of its size. */
	level = pte ? level : PG_LEVEL_2M;
	base = addr & page_level_mask(level);
	size = page_level_size(level);
	*next = min(end, base + size);
	if (!pte)
		return pkey ? -EFAULT : 0;
	if (level == PG_LEVEL_4K) {
		*next = pks_set_entries(pte, addr, end, pkey);
		return *next == addr ? -EFAULT : 0;
	}
	if (pkey && !pte_present(*pte))
		return -EFAULT;
	if (base != addr || base + size > end)
		return -EAGAIN;
	pks_set_entry(pte, pkey);
	return 0;
}

/* The same, with what has to be split. */
static int pks_tag_part(unsigned long addr, unsigned long end, int pkey,
			unsigned long *next, unsigned int *splits)
{
	int err = pks_tag_entry(addr, end, pkey, next), levels = PG_LEVEL_NUM;

	while (err == -EAGAIN && levels--) {
		if (!virt_addr_valid((void *)addr))
			return -EOPNOTSUPP;
		err = pks_split(addr, *next);
		if (err)
			return err;
		(*splits)++;
		err = pks_tag_entry(addr, end, pkey, next);
	}
	return err == -EAGAIN ? -EOPNOTSUPP : err;
}

/*
 * One mapping of theirs: see pks_tag(). To give a key ends with the first page that can't
 * have it; to take it away goes on behind what can't lose it.
 */
static int pks_tag_mapping(unsigned long start, unsigned long end, int pkey,
			   unsigned int *splits)
{
	unsigned long addr, next;
	int err = 0, ret = 0;

	for (addr = start; addr < end && !(pkey && ret); addr = next) {
		err = pks_tag_part(addr, end, pkey, &next, splits);
		ret = ret ?: err;
	}
	return ret;
}

/* Is anything mapped at @addr? Up to @last it is, or is not, by the same entry. */
static bool pks_is_mapped(unsigned long addr, unsigned long *last)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	*last = addr | ~page_level_mask(level);
	return pte && pte_present(*pte);
}

/*
 * Where the image's mapping has that, or would, if it were not outside of it. Where the
 * image is further up in its mapping than in memory, phys_base is below zero.
 */
static unsigned long pks_image_address(unsigned long phys)
{
	return __START_KERNEL_map +
		clamp((long)(phys - phys_base), 0L, (long)KERNEL_IMAGE_SIZE);
}

/*
 * Init memory of the kernel's image is freed after boot, and stays mapped where the
 * image is, unless there is page-table isolation: there what the direct map has in
 * [@start, @end) is tagged, too.
 */
static int pks_tag_image(unsigned long start, unsigned long end, int pkey,
			 unsigned int *splits)
{
	unsigned long addr = pks_image_address(__pa(start));
	unsigned long stop = pks_image_address(__pa(end - 1) + 1), last;
	bool mapped;
	int err = 0;

	for (; addr < stop && !(pkey && err); addr = last + 1) {
		mapped = pks_is_mapped(addr, &last);
		last = min(last, stop - 1);
		if (mapped || !pkey)
			err = pks_tag_mapping(addr, last + 1, pkey, splits) ?: err;
	}
	return err;
}

/*
 * Give the pages of [@start, @end), in the direct map or of vmalloc(), the key @pkey,
 * or none with 0; with those in the direct map, wherever else the kernel itself has
 * them mapped. Counts in @splits. For the other CPUs it is done when pks_tag_flush()
 * has returned. Returns -EFAULT where nothing is mapped, -EOPNOTSUPP if a large page
 * can't be split, -ENOMEM. A key is given up to the first such page; it is taken from all
 * pages but these, and from what is not mapped just now. May sleep.
 */
int pks_tag(unsigned long start, unsigned long end, int pkey, unsigned int *splits)
{
	int err = pks_tag_mapping(start, end, pkey, splits);

	trace_pks_tag(start, end, pkey);
	if (!(pkey && err) && virt_addr_valid((void *)start))
		err = pks_tag_image(start, end, pkey, splits) ?: err;
	return err;
}

/* All of them, global ones and those of other address spaces too. */
static void pks_flush_this_cpu(void *unused)
{
	if (boot_cpu_has(X86_FEATURE_INVPCID)) {
		invpcid_flush_all();
		return;
	}
	pks_cr4_update(0, X86_CR4_PGE);
	pks_cr4_update(X86_CR4_PGE, 0);
}

/* On return every CPU goes by what pks_tag() has written. Once for a batch. */
void pks_tag_flush(void)
{
	on_each_cpu(pks_flush_this_cpu, NULL, 1);
}
