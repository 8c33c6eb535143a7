// SPDX-License-Identifier: GPL-2.0
/* Other addresses of protected frames, and other keys in the page tables. */
#include "attacks.h"
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>
#include <asm/set_memory.h>

#define ATTACK_PTE_KEYS	((pteval_t)(PKS_NUM_KEYS - 1) << PKS_PTE_SHIFT)

/* The frames of what is mapped elsewhere, where the direct map has them. */
static int alias_direct(void)
{
	int area = stray_reach(page_address(vmalloc_to_page(victim.area)), victim.area);
	int own = stray_reach(page_address(vmalloc_to_page(victim.own)), victim.own);

	return area | own;
}

static int alias_memremap(void)
{
	phys_addr_t frame = page_to_phys(vmalloc_to_page(victim.area));
	void *map = memremap(frame, PAGE_SIZE, MEMREMAP_WB);
	int outcome;

	if (!map)
		return -ENOMEM;
	outcome = stray_reach(map, victim.area);
	memunmap(map);
	return outcome;
}

static void *alias_second;

static int second_mapping(void)
{
	struct page *page = vmalloc_to_page(victim.area);

	alias_second = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	return alias_second ? stray_reach(alias_second, victim.area) : -ENOMEM;
}

static void second_mapping_undo(void)
{
	vunmap(alias_second);
}

/* The entry that was changed, of which address, and what it was. */
static struct {
	pte_t		*pte;
	pteval_t	was;
	void		*addr;
} alias_tagged;

static void alias_invlpg(void *addr)
{
	asm volatile("invlpg (%0)" : : "r" (addr) : "memory");
}

static void alias_set(pteval_t entry)
{
	WRITE_ONCE(alias_tagged.pte->pte, entry);
	on_each_cpu(alias_invlpg, alias_tagged.addr, 1);
}

/* Give the page at @addr another key, in an entry of @level. */
static int alias_retag(void *addr, int pkey, unsigned int level)
{
	unsigned int found;

	alias_tagged.addr = addr;
	alias_tagged.pte = lookup_address((unsigned long)addr, &found);
	if (!alias_tagged.pte || found != level)
		return -ENOENT;
	alias_tagged.was = alias_tagged.pte->pte;
	alias_set((alias_tagged.was & ~ATTACK_PTE_KEYS) |
		    (pteval_t)pkey << PKS_PTE_SHIFT);
	return 0;
}

static void retag_undo(void)
{
	alias_set(alias_tagged.was);
}

static int retag_small(void)
{
	return alias_retag(victim.area, 0, PG_LEVEL_4K) ?:
		stray_reach(victim.area, victim.area);
}

static int retag_large(void)
{
	return alias_retag(victim.page, 0, PG_LEVEL_2M) ?:
		stray_reach(victim.page, victim.page);
}

/* Not all open, but with a key that the attacker has. */
static int retag_own_key(void)
{
	int former, outcome = alias_retag(victim.area, victim.other->pkey, PG_LEVEL_4K);

	if (outcome)
		return outcome;
	former = pks_domain_enter(victim.other, PKS_READWRITE);
	outcome = stray_got(victim.area);
	pks_domain_leave(victim.other, former);
	return outcome;
}

/* The kernel splits the large page for whoever wants part of it cached otherwise. */
static int split_large(void)
{
	unsigned long addr = (unsigned long)victim.page;
	int err = set_memory_wc(addr, 1) ?: set_memory_wb(addr, 1);
	unsigned int level;

	if (err)
		return err;
	lookup_address(addr, &level);
	if (level != PG_LEVEL_4K)
		return -ENOENT;
	return stray_plain();
}

/* After that one. */
static int split_entry(void)
{
	return alias_retag(victim.page, 0, PG_LEVEL_4K) ?:
		stray_reach(victim.page, victim.page);
}

/* endbr64; mov $42, %eax; ret */
static const u8 execute_code[] = {
	0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 42, 0, 0, 0, 0xc3,
};

/* vmap() gives no executable mappings, so its entry is changed. */
static int execute_at(u8 *map)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)map, &level);

	WRITE_ONCE(pte->pte, pte->pte & ~_PAGE_NX);
	on_each_cpu(alias_invlpg, map, 1);
	return ((int (*)(void))map)() == 42;
}

/* Code on a page of the domain, called where its mapping is closed like all others. */
static int execute(void)
{
	void *text = pks_domain_alloc_pages(victim.domain, 0, GFP_KERNEL);
	int outcome = -ENOMEM;
	struct page *page;
	void *map;

	if (!text)
		return outcome;
	page = virt_to_page(text);
	map = vmap(&page, 1, VM_MAP, PAGE_KERNEL_PKEY(victim.domain->pkey));
	if (map) {
		outcome = pks_write(victim.domain, text, execute_code, sizeof(execute_code)) ?:
			execute_at(map);
		vunmap(map);
	}
	pks_domain_free_pages(victim.domain, text, 0);
	return outcome;
}

const struct attack attack_mappings[] = {
	{ "alias_direct", alias_direct },
	{ "alias_memremap", alias_memremap },
	{ "second_mapping", second_mapping, second_mapping_undo },
	{ "retag_small", retag_small, retag_undo },
	{ "retag_large", retag_large, retag_undo },
	{ "retag_own_key", retag_own_key, retag_undo },
	{ "split_large", split_large },
	{ "split_entry", split_entry, retag_undo },
	{ "execute", execute },
	{}
};
