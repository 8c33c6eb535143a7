// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's page tables, read without a lock. They may be changed or freed while
 * they are walked: each entry is read once, and where it was may be gone by then.
 */
#include "pks_internal.h"
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <asm/pgtable.h>

#define PKS_TABLE_BITS		(PAGE_SHIFT - 3)
#define PKS_TABLE_ENTRIES	BIT(PKS_TABLE_BITS)
/* The largest level that can map a page: 1 GiB. */
#define PKS_LARGEST_LEAF	3

static unsigned int pks_top_level(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

static unsigned int pks_level_shift(unsigned int level)
{
	return PAGE_SHIFT + (level - 1) * PKS_TABLE_BITS;
}

static bool pks_read_entry(const unsigned long *table, unsigned int i,
			   unsigned long *entry)
{
	__get_kernel_nofault(entry, table + i, unsigned long, gone);
	return *entry & _PAGE_PRESENT;
gone:
	return false;
}

static bool pks_is_leaf(unsigned long entry, unsigned int level)
{
	return level == 1 || (level <= PKS_LARGEST_LEAF && entry & _PAGE_PSE);
}

static const unsigned long *pks_next_table(unsigned long entry)
{
	return __va(entry & PTE_PFN_MASK);
}

static int pks_entry_key(unsigned long entry)
{
	return (entry >> PKS_PTE_SHIFT) & (PKS_NUM_KEYS - 1);
}

/*
 * The key of the page at @address, whatever its size, or -ENOENT if nothing is
 * mapped there. By the time it is used the answer may be over. Any context.
 */
int pks_key_of(const void *address)
{
	const unsigned long *table = __va(read_cr3_pa());
	unsigned int level = pks_top_level();
	unsigned long entry;

	for (;; level--) {
		unsigned int i = ((unsigned long)address >> pks_level_shift(level)) &
				 (PKS_TABLE_ENTRIES - 1);

		if (!pks_read_entry(table, i, &entry))
			return -ENOENT;
		if (pks_is_leaf(entry, level))
			return pks_entry_key(entry);
		table = pks_next_table(entry);
	}
}

struct pks_walk {
	pks_walk_fn	fn;
	void		*data;
};

/*
 * A table that stands in several entries one after another is walked once: KASAN
 * fills its shadow of what is not there with these.
 */
static void pks_walk_table(const struct pks_walk *walk, const unsigned long *table,
			   unsigned int level, unsigned int first,
			   unsigned long address)
{
	unsigned long entry, last = 0, size = 1UL << pks_level_shift(level);
	unsigned int i;

	for (i = first; i < PKS_TABLE_ENTRIES; i++, address += size) {
		if (!pks_read_entry(table, i, &entry))
			continue;
		if (pks_is_leaf(entry, level))
			walk->fn(address, size,
				 (entry & PTE_PFN_MASK & ~(size - 1)) >> PAGE_SHIFT,
				 pks_entry_key(entry), walk->data);
		else if (entry != last)
			pks_walk_table(walk, pks_next_table(entry), level - 1, 0,
				       address);
		last = entry;
	}
	cond_resched();
}

/* Call @fn for each page, of any size, that the kernel has mapped. May sleep. */
void pks_walk(pks_walk_fn fn, void *data)
{
	const struct pks_walk walk = { fn, data };
	unsigned int level = pks_top_level(), half = PKS_TABLE_ENTRIES / 2;

	pks_walk_table(&walk, __va(read_cr3_pa()), level, half,
		       ~0UL << (pks_level_shift(level) + PKS_TABLE_BITS - 1));
}
