// SPDX-License-Identifier: GPL-2.0
/* Pages and areas of domains: tagged wherever they are mapped, and clean afterwards. */
#include "../pks_domain.h"
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pks_domain.h>
#include <linux/sched/task.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <asm/apicdef.h>

#define PKS_MEMORY_ORDERS	10

static void *pks_memory_page_of(const void *addr)
{
	return (void *)((unsigned long)addr & PAGE_MASK);
}

static void *pks_memory_pages(struct kunit *test, struct pks_domain *domain,
			      unsigned int order)
{
	void *pages = pks_domain_alloc_pages(domain, order, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	return pages;
}

static void pks_memory_orders(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *pages[PKS_MEMORY_ORDERS];
	unsigned int order, former;
	size_t size;

	for (order = 0; order < PKS_MEMORY_ORDERS; order++) {
		size = PAGE_SIZE << order;
		pages[order] = pks_memory_pages(test, domain, order);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)pages[order], size));
		KUNIT_EXPECT_TRUE(test, virt_addr_valid(pages[order]));
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, pages[order], 0, size));
		pks_expect_keyed(test, pages[order], size, domain->pkey);
		pks_expect_no_access(test, pages[order]);
		pks_expect_no_access(test, pages[order] + size - 8);
		former = pks_domain_enter(domain, PKS_READWRITE);
		pks_expect_write(test, pages[order] + size - 8, true);
		memset(pages[order], order + 1, size);
		pks_domain_leave(domain, former);
	}
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"),
			1023);
	for (order = 0; order < PKS_MEMORY_ORDERS; order++) {
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, pages[order], order + 1,
						     PAGE_SIZE << order));
		pks_domain_free_pages(domain, pages[order], order);
	}
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 0);
}

static void pks_memory_no_pages(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);

	KUNIT_EXPECT_NULL(test, pks_domain_alloc_pages(domain, 10, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, pks_domain_alloc_pages(domain, UINT_MAX, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, pks_domain_vmalloc(domain, 0));
	KUNIT_EXPECT_NULL(test, pks_domain_vmalloc(domain, SIZE_MAX));
	KUNIT_EXPECT_NULL(test, pks_domain_vmalloc(domain, SIZE_MAX - PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, pks_domain_vmalloc(domain, 1UL << 46));
	pks_domain_free_pages(domain, NULL, 0);
	pks_domain_vfree(domain, NULL);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "pages:"), 0);
}

/* Whatever else the caller asks for: pages come zeroed, and do not move. */
static void pks_memory_gfp(struct kunit *test)
{
	static const gfp_t flags[] = { GFP_NOWAIT, GFP_NOIO, GFP_USER, GFP_HIGHUSER_MOVABLE,
		GFP_KERNEL | __GFP_ZERO, GFP_KERNEL | __GFP_COMP, GFP_KERNEL_ACCOUNT,
		GFP_KERNEL | __GFP_RETRY_MAYFAIL };
	struct pks_domain *domain;
	void *pages;
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		domain = pks_test_domain(test, 0);
		pages = pks_domain_alloc_pages(domain, 3, flags[i]);
		if (!gfpflags_allow_blocking(flags[i])) {
			KUNIT_EXPECT_NULL(test, pages);
			continue;
		}
		KUNIT_ASSERT_NOT_NULL(test, pages);
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, pages, 0, 8 * PAGE_SIZE));
		pks_expect_keyed(test, pages, 8 * PAGE_SIZE, domain->pkey);
		KUNIT_EXPECT_FALSE(test, PageCompound(virt_to_page(pages)));
		pks_domain_free_pages(domain, pages, 3);
	}
}

static void pks_memory_vmalloc(struct kunit *test)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 100000, 3 * SZ_1M + 1 };
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *areas[ARRAY_SIZE(sizes)];
	size_t size;
	int i, former;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = PAGE_ALIGN(sizes[i]);
		areas[i] = pks_domain_vmalloc(domain, sizes[i]);
		KUNIT_ASSERT_NOT_NULL(test, areas[i]);
		KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(areas[i]));
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, areas[i], 0, size));
		pks_expect_keyed(test, areas[i], size, domain->pkey);
		KUNIT_EXPECT_EQ(test, pks_test_key_at(areas[i] + size), -ENOENT);
		pks_expect_no_access(test, areas[i]);
		pks_expect_no_access(test, areas[i] + size - 8);
		pks_expect_no_access(test, pks_test_linear(areas[i]));
		pks_expect_no_access(test, pks_test_linear(areas[i] + size - 8));
		former = pks_domain_enter(domain, PKS_READWRITE);
		memset(areas[i], i + 1, size);
		pks_domain_leave(domain, former);
	}
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, areas[i], i + 1,
						     PAGE_ALIGN(sizes[i])));
		pks_domain_vfree(domain, areas[i]);
		KUNIT_EXPECT_EQ(test, pks_test_key_at(areas[i]), -ENOENT);
	}
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 0);
}

#define PKS_MEMORY_CHUNKS	16

/*
 * A chunk of 2 MiB that is one page of the direct map stays one, while it is a
 * domain's and afterwards. Others may be in memory that was split before.
 */
static void pks_memory_large_pages_stay(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *chunks[PKS_MEMORY_CHUNKS];
	bool large[PKS_MEMORY_CHUNKS];
	unsigned int i, nr = 0;

	for (i = 0; i < PKS_MEMORY_CHUNKS; i++) {
		chunks[i] = pks_memory_pages(test, domain, 9);
		large[i] = pks_test_level(chunks[i]) == PG_LEVEL_2M;
		nr += large[i];
	}
	/* Which has all of the direct map in small pages. */
	if (!debug_pagealloc_enabled())
		KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "chunks:"), nr);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "one piece,"),
			PKS_MEMORY_CHUNKS - nr);
	for (i = 0; i < PKS_MEMORY_CHUNKS; i++)
		pks_domain_free_pages(domain, chunks[i], 9);
	pks_test_domain_end(test, domain);
	for (i = 0; i < PKS_MEMORY_CHUNKS; i++) {
		KUNIT_EXPECT_EQ(test, pks_test_level(chunks[i]) == PG_LEVEL_2M, large[i]);
		pks_expect_keyed(test, chunks[i], PMD_SIZE, 0);
	}
}

/* A part of a large page can be had at the price of a split. */
static void pks_memory_splits(struct kunit *test)
{
	void *large = pks_test_large(test), *page = large + 5 * PAGE_SIZE;
	struct pks_domain *domain = pks_test_domain(test, 0);

	memset(large, 0x5a, PAGE_SIZE << 9);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, page, 2), 0);
	KUNIT_EXPECT_EQ(test, pks_test_level(page), PG_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "splits:"), 1);
	pks_expect_keyed(test, page, 2 * PAGE_SIZE, domain->pkey);
	pks_expect_keyed(test, large, 5 * PAGE_SIZE, 0);
	pks_expect_keyed(test, page + 2 * PAGE_SIZE, 505 * PAGE_SIZE, 0);
	pks_expect_no_access(test, page);
	pks_expect_read(test, page - 8, true);
	pks_expect_read(test, page + 2 * PAGE_SIZE, true);
	/* Its neighbours need no other. */
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, large, 5), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "splits:"), 1);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, large, 5), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, page, 2), 0);
	pks_expect_keyed(test, large, PAGE_SIZE << 9, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(large, 0x5a, PAGE_SIZE << 9));
	free_pages((unsigned long)large, 9);
}

/* How many pages of 1 GiB the direct map has. */
static unsigned int pks_memory_huge_pages(void)
{
	unsigned long addr = PAGE_OFFSET, end = (unsigned long)high_memory;
	unsigned int level, nr = 0;

	for (; addr < end; addr += PUD_SIZE)
		nr += lookup_address(addr, &level) && level == PG_LEVEL_1G;
	return nr;
}

/* All domains have their memory from one of them, which is split. */
static void pks_memory_huge_pages_stay(struct kunit *test)
{
	unsigned int before = pks_memory_huge_pages(), i;
	struct pks_domain *domains[8];
	void *pages[8];

	if (!before)
		kunit_skip(test, "the direct map has no page of 1 GiB");
	for (i = 0; i < ARRAY_SIZE(domains); i++) {
		domains[i] = pks_test_domain(test, 0);
		pages[i] = pks_memory_pages(test, domains[i], 9);
		pks_expect_keyed(test, pages[i], PMD_SIZE, domains[i]->pkey);
	}
	KUNIT_EXPECT_GE(test, pks_memory_huge_pages() + 1, before);
	while (i--)
		pks_domain_free_pages(domains[i], pages[i], 9);
}

/* The frames of two domains are never in one large page. */
static void pks_memory_two_domains(struct kunit *test)
{
	struct pks_domain *one = pks_test_domain(test, 0);
	struct pks_domain *two = pks_test_domain(test, 0);
	u64 *first = pks_memory_pages(test, one, 0);
	u64 *second = pks_memory_pages(test, two, 0);
	int former = pks_domain_enter(one, PKS_READWRITE);

	pks_expect_write(test, first, true);
	pks_expect_no_access(test, second);
	pks_domain_leave(one, former);
	former = pks_domain_enter(two, PKS_READWRITE);
	pks_expect_no_access(test, first);
	pks_expect_write(test, second, true);
	pks_domain_leave(two, former);
	KUNIT_EXPECT_NE(test, (unsigned long)first >> 21, (unsigned long)second >> 21);
	pks_domain_free_pages(one, first, 0);
	pks_domain_free_pages(two, second, 0);
}

static void pks_memory_expect_protect(struct kunit *test, void *pages, unsigned long nr)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	size_t size = nr << PAGE_SHIFT;
	int former;

	memset(pages, 0x77, size);
	KUNIT_ASSERT_EQ(test, pks_domain_protect(domain, pages, nr), 0);
	pks_expect_keyed(test, pages, size, domain->pkey);
	pks_expect_no_access(test, pages);
	pks_expect_no_access(test, pks_test_linear(pages + size - PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, pages, 0x77, size));
	former = pks_domain_enter(domain, PKS_READWRITE);
	memset(pages, 0x78, size);
	pks_domain_leave(domain, former);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "owner's:"), nr);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, pages, nr), 0);
	pks_expect_keyed(test, pages, size, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(pages, 0x78, size));
	pks_expect_write(test, pages, true);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "owner's:"), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, pages, nr), -EINVAL);
	pks_test_domain_end(test, domain);
}

static void pks_memory_protect_linear(struct kunit *test)
{
	static const gfp_t flags[] = { GFP_KERNEL, GFP_KERNEL | __GFP_COMP };
	static const unsigned int orders[] = { 0, 3, 9 };
	void *pages;
	int i;

	for (i = 0; i < 2 * ARRAY_SIZE(orders); i++) {
		pages = (void *)__get_free_pages(flags[i & 1], orders[i / 2]);
		KUNIT_ASSERT_NOT_NULL(test, pages);
		pks_memory_expect_protect(test, pages, 1UL << orders[i / 2]);
		free_pages((unsigned long)pages, orders[i / 2]);
	}
}

static void pks_memory_protect_vmalloc(struct kunit *test)
{
	static const unsigned long sizes[] = { 1, 7, 300 };
	void *area;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		area = vmalloc(sizes[i] << PAGE_SHIFT);
		KUNIT_ASSERT_NOT_NULL(test, area);
		pks_memory_expect_protect(test, area, sizes[i]);
		vfree(area);
	}
}

static void pks_memory_protect_part(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *area = vmalloc(4 * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, area + PAGE_SIZE, 2), 0);
	pks_expect_keyed(test, area, PAGE_SIZE, 0);
	pks_expect_keyed(test, area + PAGE_SIZE, 2 * PAGE_SIZE, domain->pkey);
	pks_expect_keyed(test, area + 3 * PAGE_SIZE, PAGE_SIZE, 0);
	/* Only all of it can be taken out. */
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area + PAGE_SIZE, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area + 2 * PAGE_SIZE, 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area + PAGE_SIZE, 0), -EINVAL);
	pks_expect_keyed(test, area + PAGE_SIZE, 2 * PAGE_SIZE, domain->pkey);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area + PAGE_SIZE, 2), 0);
	vfree(area);
}

static void pks_memory_protect_twice(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	void *area = vmalloc(4 * PAGE_SIZE), *frame;

	KUNIT_ASSERT_NOT_NULL(test, area);
	frame = pks_test_linear(area + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, area, 2), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, area, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(other, area, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(other, area + PAGE_SIZE, 2), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(other, frame, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(other, area, 2), -EINVAL);
	/* The frame first, and then an area that has it in the middle. */
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area, 2), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(other, frame, 1), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, area, 4), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_test_key_at(frame), other->pkey);
	pks_expect_keyed(test, area, PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, pks_test_key_at(area + PAGE_SIZE), 0);
	pks_expect_keyed(test, area + 2 * PAGE_SIZE, 2 * PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(other, frame, 1), 0);
	vfree(area);
}

static void pks_memory_protect_a_domains(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	void *own = pks_memory_pages(test, domain, 0);
	void *again = pks_domain_vmalloc(domain, PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, again);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(other, own, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(other, again, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, again, 1), -EINVAL);
	pks_expect_keyed(test, again, PAGE_SIZE, domain->pkey);
	pks_domain_vfree(domain, again);
	pks_domain_free_pages(domain, own, 0);
}

static u64 pks_memory_variable;

static void pks_memory_protect_nothing(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *slab = kmalloc(PAGE_SIZE, GFP_KERNEL), *area = vmalloc(PAGE_SIZE);
	void *page = (void *)__get_free_page(GFP_KERNEL);
	void *const bad[] = { NULL, (void *)PAGE_SIZE, (void *)(1UL << 46), (void *)-PAGE_SIZE,
		slab, page + 8, page + PAGE_SIZE - 1, area + 8, page_address(ZERO_PAGE(0)),
		(void *)PAGE_ALIGN_DOWN((unsigned long)&pks_memory_variable),
		pks_memory_page_of(&init_task),
		(void *)PAGE_ALIGN_DOWN((unsigned long)current),
		(void *)PAGE_OFFSET + (totalram_pages() << (PAGE_SHIFT + 4)) };
	int i;

	KUNIT_ASSERT_TRUE(test, slab && page && area);
	KUNIT_ASSERT_TRUE(test, PAGE_ALIGNED(slab));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, pks_domain_protect(domain, bad[i], 1), -EINVAL,
				    "no. %d", i);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, page, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, page, ULONG_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, page, 1UL << 52), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, area, 2), -EINVAL);
	pks_expect_keyed(test, page, PAGE_SIZE, 0);
	pks_expect_keyed(test, area, PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	free_page((unsigned long)page);
	vfree(area);
	kfree(slab);
}

/* A thread's stack is used by the kernel at any time. */
static void pks_memory_protect_stack(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_actor *actor = pks_actor(test, "pks-stack", -1);
	void *stack = pks_actor_task(actor)->stack;

	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, stack, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_test_key_at(stack), 0);
	pks_domain_unprotect(domain, stack, 1);
}

/* What else is not an owner's ordinary memory. */
static void pks_memory_refused(struct kunit *test, void *addr, const char *what)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	int key = pks_test_key_at(addr);

	KUNIT_EXPECT_EQ_MSG(test, pks_domain_protect(domain, addr, 1), -EINVAL, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, pks_test_key_at(addr), key, "%s", what);
	pks_test_domain_end(test, domain);
}

static void pks_memory_protect_device(struct kunit *test)
{
	/* The local APIC's page, whatever becomes of it: nobody reads or writes it here. */
	void __iomem *device = ioremap(APIC_DEFAULT_PHYS_BASE, PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)device);
	pks_memory_refused(test, (void __force *)device, "a device");
	iounmap(device);
}

static void pks_memory_protect_file(struct kunit *test)
{
	struct file *file = shmem_file_setup("pks", PAGE_SIZE, PKS_NO_VMA_FLAGS);
	struct page *page;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	page = shmem_read_mapping_page(file->f_mapping, 0);
	if (!IS_ERR(page)) {
		pks_memory_refused(test, page_address(page), "a page of a file");
		put_page(page);
	}
	fput(file);
	KUNIT_EXPECT_FALSE(test, IS_ERR(page));
}

static void pks_memory_protect_others(struct kunit *test)
{
	void *user = vmalloc_user(PAGE_SIZE), *table;
	unsigned int level;

	KUNIT_ASSERT_NOT_NULL(test, user);
	pks_memory_refused(test, user, "what processes may map");
	pks_memory_refused(test, pks_memory_page_of(&init_task),
			   "the kernel's data");
	pks_memory_refused(test, pks_memory_page_of(schedule),
			   "the kernel's code");
	pks_memory_refused(test, pks_memory_page_of(pks_memory_refused),
			   "a module's code");
	pks_memory_refused(test, __va(__pa(pks_memory_page_of(&init_task))),
			   "the kernel's data, in the direct map");
	table = lookup_address((unsigned long)user, &level);
	table = (void *)((unsigned long)table & PAGE_MASK);
	if (PageTable(virt_to_page(table)))
		pks_memory_refused(test, table, "a page table");
	vfree(user);
}

/* Each page is one: who passes it on has a reference, and gives it back. */
static void pks_memory_references(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *pages = pks_domain_alloc_pages(domain, 2, GFP_KERNEL);
	u8 *area = pks_domain_vmalloc(domain, 3 * PAGE_SIZE);
	struct page *page;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_NOT_NULL(test, area);
	for (i = 0; i < 7; i++) {
		page = i < 4 ? virt_to_page(pages + i * PAGE_SIZE) :
			       vmalloc_to_page(area + (i - 4) * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, page_count(page), 1);
		get_page(page);
		put_page(page);
		KUNIT_EXPECT_EQ(test, page_count(page), 1);
		KUNIT_EXPECT_EQ(test, pks_test_key_at(page_address(page)), domain->pkey);
	}
	pks_domain_vfree(domain, area);
	pks_domain_free_pages(domain, pages, 2);
	pks_test_domain_end(test, domain);
}

/* Somebody still holds one when it is freed: nobody else gets it, until he lets it go. */
static void pks_memory_held(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *keep = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	void *held = pks_domain_alloc_pages(domain, 1, GFP_KERNEL), *other;
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, keep);
	KUNIT_ASSERT_NOT_NULL(test, held);
	page = virt_to_page(held + PAGE_SIZE);
	get_page(page);
	pks_console_clear();
	pks_domain_free_pages(domain, held, 1);
	KUNIT_EXPECT_TRUE(test, pks_console_wait("pages are lost: someone else holds them"));
	other = pks_domain_alloc_pages(domain, 1, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, other, held);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "lost:"), 2);
	pks_domain_free_pages(domain, other, 1);
	pks_domain_free_pages(domain, keep, 0);
	pks_test_domain_end(test, domain);
	/* The domain has ended, the page has not, and is nobody's but ours. */
	KUNIT_EXPECT_EQ(test, page_count(page), 2);
	KUNIT_EXPECT_EQ(test, pks_test_key_at(page_address(page)), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, PAGE_SIZE));
	put_page(page);
	__free_page(page);
}

/* Flags that a domain can't honour. */
static void pks_memory_gfp_refused(struct kunit *test)
{
	static const gfp_t flags[] = { GFP_DMA, GFP_DMA32, __GFP_THISNODE, __GFP_NOFAIL };
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_console_clear();
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		KUNIT_EXPECT_NULL(test, pks_domain_alloc_pages(domain, 0, GFP_KERNEL | flags[i]));
		KUNIT_EXPECT_NULL(test, pks_domain_alloc(domain, 8, GFP_KERNEL | flags[i]));
	}
	KUNIT_EXPECT_TRUE(test, pks_console_wait("a domain has no zones"));
	pks_domain_free_pages(domain, page, 0);
}

/* A pointer that someone still has, in a scope: the next owner sees nothing of it. */
static void pks_memory_written_when_free(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *keep = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	u8 *pages = pks_domain_alloc_pages(domain, 1, GFP_KERNEL), *again;
	int former;

	KUNIT_ASSERT_NOT_NULL(test, keep);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	pks_domain_free_pages(domain, pages, 1);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, pages, 1, 1), -EFAULT);
	former = pks_domain_enter(domain, PKS_READWRITE);
	pages[2 * PAGE_SIZE - 1] = 1;
	pks_domain_leave(domain, former);
	pks_console_clear();
	again = pks_domain_alloc_pages(domain, 1, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, again, pages);
	KUNIT_EXPECT_TRUE(test, pks_console_wait("were written to after they had been freed"));
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, again, 0, 2 * PAGE_SIZE));
	/* One allocation is not the other. */
	KUNIT_EXPECT_EQ(test, pks_memset(domain, again, 1, 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, again, 1, 2 * PAGE_SIZE + 1), -EFAULT);
	pks_domain_free_pages(domain, again, 1);
	pks_domain_free_pages(domain, keep, 0);
}

/* Pages that are not there when they leave: their owner may have done that. */
static void pks_memory_unprotect_holes(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *area = vmalloc(8 * PAGE_SIZE);
	unsigned int level;
	pteval_t was[8];
	pte_t *pte[8];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, pks_domain_protect(domain, area, 8), 0);
	for (i = 0; i < 8; i++) {
		pte[i] = lookup_address((unsigned long)area + i * PAGE_SIZE, &level);
		was[i] = pte_val(*pte[i]) & ~((pteval_t)0xf << 59);
		if (i % 3 == 0)
			pks_pte_set(pte[i], area + i * PAGE_SIZE,
				    pte_val(*pte[i]) & ~(pteval_t)_PAGE_PRESENT);
	}
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, area, 8), 0);
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, (u64)pte_val(*pte[i]) >> 59 & 0xf, 0);
		pks_pte_set(pte[i], area + i * PAGE_SIZE, was[i]);
		KUNIT_EXPECT_EQ(test, pks_test_key_at(pks_alias((u64 *)(area + i * PAGE_SIZE))), 0);
	}
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	vfree(area);
}

/* Another CPU reads a page all the time, and so has it in its TLB. */
struct pks_memory_reader {
	u64		*page;
	bool		ready;
	bool		closed;
	bool		stop;
	unsigned int	late;
	unsigned int	stopped;
};

static void pks_memory_read(void *data)
{
	struct pks_memory_reader *reader = data;
	unsigned int reads = 0;
	bool closed;
	u64 value;

	while (!READ_ONCE(reader->stop) && !reader->stopped) {
		closed = READ_ONCE(reader->closed);
		/* Whatever began after it was closed has to be stopped. */
		if (pks_try_read(reader->page, &value))
			reader->stopped++;
		else
			reader->late += closed;
		if (++reads == 1000)
			WRITE_ONCE(reader->ready, true);
		cpu_relax();
	}
}

static void pks_memory_flushed(struct kunit *test, struct pks_domain *domain,
			       void *pages, u64 *alias)
{
	struct pks_actor *actor = pks_actor(test, "pks-tlb", pks_other_cpu(test));
	struct pks_memory_reader reader = { .page = alias };

	*alias = 1;
	pks_actor_begin(actor, pks_memory_read, &reader);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&reader.ready));
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, pages, 3), 0);
	WRITE_ONCE(reader.closed, true);
	msleep(20);
	WRITE_ONCE(reader.stop, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	KUNIT_EXPECT_EQ(test, reader.late, 0);
	KUNIT_EXPECT_EQ(test, reader.stopped, 1);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, pages, 3), 0);
	pks_actor_quit(actor);
}

static void pks_memory_tlb(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *area = vmalloc(3 * PAGE_SIZE);
	void *pages = alloc_pages_exact(3 * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, area && pages);
	pks_memory_flushed(test, domain, pages, pages);
	/* And once more: it is in the TLB as open now. */
	pks_memory_flushed(test, domain, pages, pages + 2 * PAGE_SIZE);
	pks_memory_flushed(test, domain, area, area);
	pks_memory_flushed(test, domain, area, area + 2 * PAGE_SIZE);
	pks_memory_flushed(test, domain, area, pks_test_linear(area + PAGE_SIZE));
	free_pages_exact(pages, 3 * PAGE_SIZE);
	vfree(area);
}

/* Of a page that becomes a domain's: a reader of its place in the direct map. */
static void pks_memory_tlb_chunk(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_actor *actor = pks_actor(test, "pks-tlb", pks_other_cpu(test));
	u64 *page = pks_memory_pages(test, domain, 0);
	struct pks_memory_reader reader = { .page = page };
	int former;

	/* Where it was the last time it most likely will be again. */
	pks_domain_free_pages(domain, page, 0);
	pks_test_domain_end(test, domain);
	if (debug_pagealloc_enabled())
		kunit_skip(test, "what is free can't be read with DEBUG_PAGEALLOC");
	pks_actor_begin(actor, pks_memory_read, &reader);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&reader.ready));
	domain = pks_test_domain(test, 0);
	page = pks_memory_pages(test, domain, 0);
	WRITE_ONCE(reader.closed, true);
	msleep(20);
	WRITE_ONCE(reader.stop, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	if (reader.page == page) {
		KUNIT_EXPECT_EQ(test, reader.late, 0);
		KUNIT_EXPECT_EQ(test, reader.stopped, 1);
	}
	former = pks_domain_enter(domain, PKS_READWRITE);
	pks_expect_write(test, page, true);
	pks_domain_leave(domain, former);
	pks_domain_free_pages(domain, page, 0);
	if (reader.page != page)
		kunit_skip(test, "the chunk is another one");
}

/* What is freed is zero at once, in the domain. */
static void pks_memory_scrubbed(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *keep = pks_memory_pages(test, domain, 0);
	void *pages = pks_memory_pages(test, domain, 4);
	void *area = pks_domain_vmalloc(domain, 3 * PAGE_SIZE), *frame;

	KUNIT_ASSERT_NOT_NULL(test, area);
	frame = pks_test_linear(area + 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, pages, 0xee, 16 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, area, 0xee, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, frame, 0xee, PAGE_SIZE));
	pks_domain_free_pages(domain, pages, 4);
	pks_domain_vfree(domain, area);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, pages, 0, 16 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, frame, 0, PAGE_SIZE));
	/* And still the domain's. */
	pks_expect_keyed(test, pages, 16 * PAGE_SIZE, domain->pkey);
	pks_domain_free_pages(domain, keep, 0);
}

/*
 * Frames that have been a domain's: the kernel gets them back without a key, with
 * nothing in them. A reference keeps the first from being anybody else's.
 */
static void pks_memory_comes_back(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *page = pks_memory_pages(test, domain, 9);

	KUNIT_EXPECT_EQ(test, pks_memset(domain, page, 0xdd, PMD_SIZE), 0);
	get_page(virt_to_page(page));
	pks_domain_free_pages(domain, page, 9);
	pks_test_domain_end(test, domain);
	/* Ours, and that of the domain, which has not given the page back. */
	KUNIT_EXPECT_EQ(test, page_ref_count(virt_to_page(page)), 2);
	pks_expect_keyed(test, page, PMD_SIZE, 0);
	KUNIT_EXPECT_FALSE(test, memchr_inv(page, 0, PAGE_SIZE));
	pks_expect_write(test, page, true);
	put_page(virt_to_page(page));
	__free_page(virt_to_page(page));
}

/* A domain keeps one free chunk and no more. */
static void pks_memory_chunks_go_back(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	unsigned int kept = 0;
	void *pages[6];
	int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = pks_memory_pages(test, domain, 9);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "pages:"),
			6 * 512);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pks_domain_free_pages(domain, pages[i], 9);
	for (i = 0; i < 100; i++) {
		if (pks_domain_number(test, domain, "memory", "pages:") == 512)
			break;
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "pages:"), 512);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		int pkey = pks_test_key_at(pages[i]);

		kept += pkey == domain->pkey;
		KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, pages[i], 1));
		pks_expect_keyed(test, pages[i], PMD_SIZE, pkey ? domain->pkey : 0);
	}
	KUNIT_EXPECT_EQ(test, kept, 1);
}

/* One line each, and nothing else. */
static void pks_memory_not_freed(struct kunit *test, struct pks_domain *domain,
				 void *addr, unsigned int order, const char *what)
{
	unsigned long used = pks_domain_number(test, domain, "memory", "of which");

	pks_console_clear();
	pks_domain_free_pages(domain, addr, order);
	KUNIT_EXPECT_EQ_MSG(test, pks_console_count("not freed"), 1, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, pks_console_count("pks_memory_not_freed"), 1, "%s",
			    what);
	KUNIT_EXPECT_EQ_MSG(test, pks_domain_number(test, domain, "memory", "of which"),
			    used, "%s", what);
}

static void pks_memory_bad_frees(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	void *pages = pks_memory_pages(test, domain, 2);
	void *own = (void *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, own);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, pages, 0x42, 4 * PAGE_SIZE), 0);
	pks_memory_not_freed(test, domain, pages, 1, "a smaller order");
	pks_memory_not_freed(test, domain, pages, 3, "a larger order");
	pks_memory_not_freed(test, domain, pages + PAGE_SIZE, 0, "the middle");
	pks_memory_not_freed(test, domain, pages + 8, 2, "an unaligned address");
	pks_memory_not_freed(test, other, pages, 2, "another domain's");
	pks_memory_not_freed(test, domain, own, 0, "nobody's");
	pks_memory_not_freed(test, domain, pages + 4 * PAGE_SIZE, 255, "a free page");
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, pages, 0x42, 4 * PAGE_SIZE));
	pks_domain_free_pages(domain, pages, 2);
	pks_memory_not_freed(test, domain, pages, 2, "a second time");
	free_page((unsigned long)own);
}

/* Pages that are of an area or of a slab are not to be freed as such. */
static void pks_memory_bad_frees_of_parts(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *area = pks_domain_vmalloc(domain, 2 * PAGE_SIZE);
	void *object = pks_domain_alloc(domain, 64, GFP_KERNEL);
	int order;

	/* The line is rate-limited. */
	msleep(5100);
	KUNIT_ASSERT_TRUE(test, area && object && PAGE_ALIGNED(object));
	KUNIT_EXPECT_EQ(test, pks_memset(domain, object, 0x42, 64), 0);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, area, 0x42, 2 * PAGE_SIZE), 0);
	pks_memory_not_freed(test, domain, area, 0, "an area");
	pks_memory_not_freed(test, domain, pks_test_linear(area), 0, "a page of an area");
	for (order = 0; order < 3; order++)
		pks_memory_not_freed(test, domain, object, order, "a slab");
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, object, 0x42, 64));
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0x42, 2 * PAGE_SIZE));
	pks_domain_free(domain, object);
	pks_domain_vfree(domain, area);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "slabs"), 0);
}

static void pks_memory_bad_vfrees(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	void *area = pks_domain_vmalloc(domain, 2 * PAGE_SIZE);
	void *page = pks_memory_pages(test, domain, 0), *own = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_TRUE(test, area && own);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 1), 0);
	pks_console_clear();
	pks_domain_vfree(domain, area + PAGE_SIZE);
	pks_domain_vfree(other, area);
	pks_domain_vfree(domain, page);
	pks_domain_vfree(domain, own);
	pks_domain_vfree(domain, pks_test_linear(area));
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed: no area of it starts there"),
			5);
	KUNIT_EXPECT_EQ(test, pks_console_count("pks_memory_bad_vfrees"), 5);
	pks_expect_keyed(test, area, 2 * PAGE_SIZE, domain->pkey);
	pks_expect_keyed(test, own, PAGE_SIZE, domain->pkey);
	pks_domain_vfree(domain, area);
	pks_domain_vfree(domain, area);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed: no area of it starts there"),
			6);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 1), 0);
	pks_domain_free_pages(domain, page, 0);
	vfree(own);
}

struct pks_memory_atomic {
	struct pks_domain	*domain;
	void			*one;
	void			*two;
	void			*large;
	int			written;
	bool			zero;
};

static void pks_memory_atomic_act(void *data)
{
	struct pks_memory_atomic *job = data;
	int former;

	job->one = pks_domain_alloc_pages(job->domain, 0, GFP_ATOMIC);
	job->two = pks_domain_alloc_pages(job->domain, 2, GFP_NOWAIT);
	job->large = pks_domain_alloc_pages(job->domain, 9, GFP_ATOMIC);
	if (!job->one || !job->two)
		return;
	former = pks_domain_enter(job->domain, PKS_READONLY);
	job->zero = !memchr_inv(job->two, 0, 4 * PAGE_SIZE);
	pks_domain_leave(job->domain, former);
	job->written = pks_memset(job->domain, job->two, 0x33, 4 * PAGE_SIZE);
	pks_domain_free_pages(job->domain, job->two, 2);
	pks_domain_free_pages(job->domain, job->one, 0);
}

static void pks_memory_atomic(struct kunit *test)
{
	struct pks_memory_atomic job = { .domain = pks_test_domain(test, 0) };
	void *keep;
	int i;

	/* Otherwise a handler has no rights of its own to look with. */
	pks_isolation_needed(test);
	/* It has nothing yet, and may not get anything. */
	pks_test_ways[0].run(test, pks_memory_atomic_act, &job);
	KUNIT_EXPECT_TRUE(test, !job.one && !job.two && !job.large);
	keep = pks_memory_pages(test, job.domain, 0);
	for (i = 0; i < PKS_TEST_WAYS; i++) {
		job = (struct pks_memory_atomic){ .domain = job.domain, .written = -1 };
		pks_test_ways[i].run(test, pks_memory_atomic_act, &job);
		KUNIT_EXPECT_TRUE_MSG(test, job.one && job.two, "%s",
				      pks_test_ways[i].name);
		KUNIT_EXPECT_NULL(test, job.large);
		KUNIT_EXPECT_EQ_MSG(test, job.written, 0, "%s", pks_test_ways[i].name);
		KUNIT_EXPECT_TRUE_MSG(test, job.zero, "%s", pks_test_ways[i].name);
		KUNIT_EXPECT_EQ(test, pks_domain_number(test, job.domain, "memory",
							"of which"),
				1);
	}
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 0);
	pks_domain_free_pages(job.domain, keep, 0);
}

#define PKS_MEMORY_THREADS	6
#define PKS_MEMORY_ROUNDS	1500
#define PKS_MEMORY_HELD		8

struct pks_memory_user {
	struct pks_domain	*domain;
	unsigned int		nr;
	unsigned int		bad;
	u64			*pages[PKS_MEMORY_HELD];
	unsigned int		orders[PKS_MEMORY_HELD];
};

static u64 pks_memory_mark(const struct pks_memory_user *user, unsigned int i)
{
	return (u64)user->nr << 32 | i << 16 | 0x77;
}

/* Nobody else has written to what this one has. */
static void pks_memory_give(struct pks_memory_user *user, unsigned int i)
{
	u64 *page = user->pages[i], *last = (void *)page + (PAGE_SIZE << user->orders[i]) - 8;
	u64 first_value, last_value;
	int former;

	if (!page)
		return;
	former = pks_domain_enter(user->domain, PKS_READONLY);
	user->bad += pks_try_read(page, &first_value) ||
		     pks_try_read(last, &last_value) ||
		     first_value != pks_memory_mark(user, i) || last_value != first_value;
	pks_domain_leave(user->domain, former);
	pks_domain_free_pages(user->domain, page, user->orders[i]);
	user->pages[i] = NULL;
}

/* It is zero. */
static void pks_memory_take(struct pks_memory_user *user, unsigned int i,
			    unsigned int order)
{
	u64 *page = pks_domain_alloc_pages(user->domain, order, GFP_KERNEL);
	u64 *last = (void *)page + (PAGE_SIZE << order) - 8;

	if (!page) {
		user->bad++;
		return;
	}
	user->bad += !pks_test_all(user->domain, page, 0, PAGE_SIZE << order);
	user->bad += pks_assign(user->domain, page, pks_memory_mark(user, i)) ||
		     pks_assign(user->domain, last, pks_memory_mark(user, i));
	user->pages[i] = page;
	user->orders[i] = order;
}

static void pks_memory_use(void *data)
{
	struct pks_memory_user *user = data;
	unsigned int round, i;

	for (round = 0; round < PKS_MEMORY_ROUNDS; round++) {
		i = round % PKS_MEMORY_HELD;
		pks_memory_give(user, i);
		pks_memory_take(user, i, (round / 3 + user->nr) % 5);
	}
	for (i = 0; i < PKS_MEMORY_HELD; i++)
		pks_memory_give(user, i);
}

static void pks_memory_threads(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_memory_user *users;
	struct pks_actor *actors[PKS_MEMORY_THREADS];
	int i;

	users = kunit_kcalloc(test, PKS_MEMORY_THREADS, sizeof(*users), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, users);
	for (i = 0; i < PKS_MEMORY_THREADS; i++) {
		users[i].domain = domain;
		users[i].nr = i + 1;
		actors[i] = pks_actor(test, "pks-memory", i % num_online_cpus());
		pks_actor_begin(actors[i], pks_memory_use, &users[i]);
	}
	for (i = 0; i < PKS_MEMORY_THREADS; i++) {
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, users[i].bad, 0);
	}
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 0);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
}

/* Two give back the same pages at the same time: it happens once. */
struct pks_memory_race {
	struct pks_domain	*domain;
	void			*pages;
	atomic_t		*gate;
};

static void pks_memory_race_act(void *data)
{
	struct pks_memory_race *race = data;

	atomic_dec(race->gate);
	while (atomic_read(race->gate) > 0)
		cpu_relax();
	pks_domain_free_pages(race->domain, race->pages, 0);
}

static void pks_memory_freed_by_two(struct kunit *test)
{
	unsigned int cpu = pks_other_cpu(test), i;
	struct pks_actor *actor = pks_actor(test, "pks-race", cpu);
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *keep = pks_memory_pages(test, domain, 0);
	struct pks_memory_race race = { .domain = domain };
	atomic_t gate;

	race.gate = &gate;
	for (i = 0; i < 300; i++) {
		atomic_set(&gate, 2);
		race.pages = pks_memory_pages(test, domain, 0);
		pks_actor_begin(actor, pks_memory_race_act, &race);
		pks_memory_race_act(&race);
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actor));
	}
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 1);
	pks_domain_free_pages(domain, keep, 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 0);
}

/* Nobody is told of memory that is only on its way in or out. */
static void pks_memory_audited(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_actor *actor = pks_actor(test, "pks-memory", pks_other_cpu(test));
	struct pks_memory_user *user;
	struct pks_test_audit audit;
	unsigned long end = jiffies + 5 * HZ;

	user = kunit_kzalloc(test, sizeof(*user), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, user);
	user->domain = domain;
	user->nr = 1;
	pks_actor_begin(actor, pks_memory_use, user);
	while (time_before(jiffies, end)) {
		void *page = (void *)__get_free_page(GFP_KERNEL);

		KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, page, 1), 0);
		KUNIT_EXPECT_EQ(test, pks_test_findings(&audit), 0);
		KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, page, 1), 0);
		free_page((unsigned long)page);
	}
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	KUNIT_EXPECT_EQ(test, user->bad, 0);
}

/*
 * One allocation after another fails, until none of them does any more. What is
 * tried either succeeds or leaves nothing behind.
 */
#define PKS_MEMORY_FAILURES	400

struct pks_memory_try {
	const char	*name;
	/* Returns whether it was possible; takes it back if it was. */
	bool		(*act)(struct pks_domain *domain, void *pages);
};

static bool pks_memory_try_pages(struct pks_domain *domain, void *pages)
{
	void *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);

	pks_domain_free_pages(domain, page, 0);
	return page;
}

static bool pks_memory_try_large(struct pks_domain *domain, void *pages)
{
	void *page = pks_domain_alloc_pages(domain, 9, GFP_KERNEL);

	pks_domain_free_pages(domain, page, 9);
	return page;
}

static bool pks_memory_try_vmalloc(struct pks_domain *domain, void *pages)
{
	void *area = pks_domain_vmalloc(domain, 5 * PAGE_SIZE);

	pks_domain_vfree(domain, area);
	return area;
}

static bool pks_memory_try_protect(struct pks_domain *domain, void *pages)
{
	unsigned long nr = is_vmalloc_addr(pages) ? 8 : 2;

	if (pks_domain_protect(domain, pages, nr))
		return false;
	return !pks_domain_unprotect(domain, pages, nr);
}

static const struct pks_memory_try pks_memory_tries[] = {
	{ "pages", pks_memory_try_pages },
	{ "2 MiB", pks_memory_try_large },
	{ "vmalloc", pks_memory_try_vmalloc },
};

/* From nothing, and back to nothing. */
static bool pks_memory_fail_once(struct kunit *test, unsigned int nth,
				 bool (*act)(struct pks_domain *domain, void *pages),
				 void *pages, unsigned int *impossible)
{
	struct pks_domain *domain = pks_domain_create("starved", 0);
	bool failed, possible;
	int err;

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pks_inject(nth);
	possible = act(domain, pages);
	failed = pks_injected();
	KUNIT_EXPECT_TRUE(test, possible || failed);
	*impossible += !possible;
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "owner's:"), 0);
	pks_inject(nth);
	err = pks_domain_destroy(domain);
	failed |= pks_injected();
	KUNIT_EXPECT_EQ(test, err, 0);
	if (err)
		KUNIT_ASSERT_EQ(test, pks_domain_destroy(domain), 0);
	return failed;
}

static void pks_memory_fail(struct kunit *test, const char *name,
			    bool (*act)(struct pks_domain *domain, void *pages),
			    void *pages)
{
	unsigned int nth = 0, impossible = 0;
	bool failed;

	do
		failed = pks_memory_fail_once(test, ++nth, act, pages, &impossible);
	while (failed && nth < PKS_MEMORY_FAILURES);
	kunit_info(test, "%s: %u failures, %u of them fatal", name, nth - 1, impossible);
	KUNIT_EXPECT_FALSE_MSG(test, failed, "%s", name);
	KUNIT_EXPECT_GT_MSG(test, nth, 2, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, pks_test_findings(NULL), 0, "%s", name);
}

static void pks_memory_without_memory(struct kunit *test)
{
	long lost = LONG_MAX;
	int round, i;

	pks_inject_init(test);
	/*
	 * A chunk, 512 pages, would be lost in each of the rounds. In one or another, CPUs
	 * fill what they keep for themselves and does not count as free.
	 */
	for (round = 0; round < 5 && lost > 400; round++) {
		lost = global_zone_page_state(NR_FREE_PAGES);
		for (i = 0; i < ARRAY_SIZE(pks_memory_tries); i++)
			pks_memory_fail(test, pks_memory_tries[i].name,
					pks_memory_tries[i].act, NULL);
		lost -= global_zone_page_state(NR_FREE_PAGES);
	}
	KUNIT_EXPECT_LT(test, lost, 400);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 0);
}

static void pks_memory_protect_without_memory(struct kunit *test)
{
	void *area = vzalloc(8 * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, area);
	pks_inject_init(test);
	pks_memory_fail(test, "protect an area", pks_memory_try_protect, area);
	pks_expect_keyed(test, area, 8 * PAGE_SIZE, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(area, 0, 8 * PAGE_SIZE));
	vfree(area);
}

#define PKS_MEMORY_LARGE	20

/* Of a large page that no one has split yet, for each of the failures. */
static void pks_memory_split_without_memory(struct kunit *test)
{
	void *larges[PKS_MEMORY_LARGE];
	unsigned int i, nr = 0, impossible = 0;
	bool failed = true;

	pks_inject_init(test);
	while (failed && nr < PKS_MEMORY_LARGE) {
		larges[nr] = pks_test_large(test);
		failed = pks_memory_fail_once(test, nr + 1, pks_memory_try_protect,
					      larges[nr] + 16 * PAGE_SIZE, &impossible);
		nr++;
	}
	kunit_info(test, "%u failures, %u of them fatal", nr - 1, impossible);
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	for (i = 0; i < nr; i++) {
		pks_expect_keyed(test, larges[i], PMD_SIZE, 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(larges[i], 0, PMD_SIZE));
		free_pages((unsigned long)larges[i], 9);
	}
}

static struct kunit_case pks_memory_cases[] = {
	KUNIT_CASE(pks_memory_orders),
	KUNIT_CASE(pks_memory_no_pages),
	KUNIT_CASE(pks_memory_gfp),
	KUNIT_CASE(pks_memory_vmalloc),
	KUNIT_CASE(pks_memory_large_pages_stay),
	KUNIT_CASE(pks_memory_splits),
	KUNIT_CASE(pks_memory_huge_pages_stay),
	KUNIT_CASE(pks_memory_two_domains),
	KUNIT_CASE(pks_memory_protect_linear),
	KUNIT_CASE(pks_memory_protect_vmalloc),
	KUNIT_CASE(pks_memory_protect_part),
	KUNIT_CASE(pks_memory_protect_twice),
	KUNIT_CASE(pks_memory_protect_a_domains),
	KUNIT_CASE(pks_memory_protect_nothing),
	KUNIT_CASE(pks_memory_protect_stack),
	KUNIT_CASE(pks_memory_protect_device),
	KUNIT_CASE(pks_memory_protect_file),
	KUNIT_CASE(pks_memory_protect_others),
	KUNIT_CASE(pks_memory_references),
	KUNIT_CASE(pks_memory_held),
	KUNIT_CASE(pks_memory_gfp_refused),
	KUNIT_CASE(pks_memory_written_when_free),
	KUNIT_CASE(pks_memory_unprotect_holes),
	KUNIT_CASE(pks_memory_tlb),
	KUNIT_CASE(pks_memory_tlb_chunk),
	KUNIT_CASE(pks_memory_scrubbed),
	KUNIT_CASE(pks_memory_comes_back),
	KUNIT_CASE(pks_memory_chunks_go_back),
	KUNIT_CASE(pks_memory_bad_frees),
	KUNIT_CASE(pks_memory_bad_frees_of_parts),
	KUNIT_CASE(pks_memory_bad_vfrees),
	KUNIT_CASE(pks_memory_atomic),
	KUNIT_CASE(pks_memory_threads),
	KUNIT_CASE(pks_memory_freed_by_two),
	KUNIT_CASE(pks_memory_audited),
	KUNIT_CASE(pks_memory_without_memory),
	KUNIT_CASE(pks_memory_protect_without_memory),
	KUNIT_CASE(pks_memory_split_without_memory),
	{}
};

struct kunit_suite pks_memory_suite = {
	.name		= "pks_memory",
	.init		= pks_domain_fixture_init,
	.exit		= pks_domain_fixture_exit,
	.test_cases	= pks_memory_cases,
};
