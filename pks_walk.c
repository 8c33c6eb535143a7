// SPDX-License-Identifier: GPL-2.0
/* The kernel's page tables, read without a lock. */
#include "pks_internal.h"
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/pgtable.h>

/*
 * The tables may be changed or freed while they are walked. So each entry is read
 * once, and where it was may be gone by then.
 */
static bool pks_read_entry(const void *entry, unsigned long *val)
{
	__get_kernel_nofault(val, entry, unsigned long, gone);
	return true;
gone:
	return false;
}

/*
 * The entry that maps @address in the tables that this CPU uses, whatever the size
 * of its page; 0 if there is none, or none any more. Any context.
 */
static unsigned long pks_leaf(unsigned long address)
{
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	unsigned long val;

	if (!pks_read_entry(pgd_offset_pgd(__va(read_cr3_pa()), address), &val))
		return 0;
	pgd = __pgd(val);
	if (!pgd_present(pgd) ||
	    !pks_read_entry(p4d_offset(&pgd, address), &val))
		return 0;
	p4d = __p4d(val);
	if (!p4d_present(p4d) ||
	    !pks_read_entry(pud_offset(&p4d, address), &val))
		return 0;
	pud = __pud(val);
	if (!pud_present(pud) || pud_leaf(pud))
		return val;
	if (!pks_read_entry(pmd_offset(&pud, address), &val))
		return 0;
	pmd = __pmd(val);
	if (!pmd_present(pmd) || pmd_leaf(pmd))
		return val;
	return pks_read_entry(pte_offset_kernel(&pmd, address), &val) ? val : 0;
}

/*
 * The key of the page at @address, or -ENOENT if nothing is mapped there. By the
 * time it is used the answer may be over. Any context.
 */
int pks_key_of(const void *address)
{
	unsigned long leaf = pks_leaf((unsigned long)address);

	if (!(leaf & _PAGE_PRESENT))
		return -ENOENT;
	return (leaf >> PKS_PTE_SHIFT) & (PKS_NUM_KEYS - 1);
}
