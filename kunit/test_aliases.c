// SPDX-License-Identifier: GPL-2.0
/* The audit: what is wrong is found, where it is, and nothing else. */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/pks_domain.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>

#define PKS_AUDIT_KEYS	((pteval_t)(PKS_NUM_KEYS - 1) << PKS_PTE_SHIFT)

static u64 *pks_aliases_page_of(struct kunit *test, struct pks_domain *domain)
{
	u64 *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

/* One more mapping of the page at @addr. */
static void *pks_aliases_map(struct kunit *test, const void *addr, int pkey)
{
	struct page *page = virt_to_page(addr);
	void *map = vmap(&page, 1, VM_MAP, PAGE_KERNEL_PKEY(pkey));

	KUNIT_ASSERT_NOT_NULL(test, map);
	return map;
}

/* There is this one finding. */
static void pks_aliases_expect(struct kunit *test, const void *addr, unsigned long size,
			       int pkey, bool keyed)
{
	struct pks_test_audit audit = { };

	KUNIT_EXPECT_EQ(test, pks_test_findings(&audit), 1);
	KUNIT_EXPECT_EQ(test, audit.last, (unsigned long)addr);
	KUNIT_EXPECT_EQ(test, audit.size, size);
	KUNIT_EXPECT_EQ(test, audit.pkey, pkey);
	KUNIT_EXPECT_EQ(test, audit.keyed, keyed);
}

static void pks_aliases_expect_clean(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
}

/* What a page-table entry says; its former value. The page is not used in between. */
static pteval_t pks_aliases_retag(const void *addr, int pkey)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)addr, &level);
	pteval_t old = READ_ONCE(pte->pte);

	WRITE_ONCE(pte->pte, (old & ~PKS_AUDIT_KEYS) | (pteval_t)pkey << PKS_PTE_SHIFT);
	return old;
}

static void pks_aliases_of(struct kunit *test, int attrs)
{
	struct pks_domain *domain = pks_test_domain(test, attrs);
	void *page = pks_aliases_page_of(test, domain);
	void *large = pks_domain_alloc_pages(domain, 9, GFP_KERNEL);
	void *area = pks_domain_vmalloc(domain, 7 * PAGE_SIZE);
	void *object = pks_domain_alloc(domain, 100, GFP_KERNEL);
	void *own = (void *)__get_free_pages(GFP_KERNEL, 2);
	void *mine = vmalloc(5 * PAGE_SIZE);

	KUNIT_ASSERT_TRUE(test, large && area && object && own && mine);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 4), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, mine, 5), 0);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 4), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, mine, 5), 0);
	pks_domain_free(domain, object);
	pks_domain_vfree(domain, area);
	pks_domain_free_pages(domain, large, 9);
	pks_aliases_expect_clean(test);
	pks_domain_free_pages(domain, page, 0);
	pks_test_domain_end(test, domain);
	pks_aliases_expect_clean(test);
	free_pages((unsigned long)own, 2);
	vfree(mine);
}

static void pks_aliases_clean(struct kunit *test)
{
	pks_aliases_expect_clean(test);
	pks_aliases_of(test, 0);
	pks_aliases_of(test, PKS_DOMAIN_READONLY);
	pks_aliases_of(test, PKS_DOMAIN_UNPROTECTED);
}

static void pks_aliases_second_mapping(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page = pks_aliases_page_of(test, domain);
	int pkey = pks_test_key(test, 0);
	u64 *map = pks_aliases_map(test, page, 0);

	/* It is what the finding says: a way in. */
	pks_expect_no_access(test, page);
	pks_expect_write(test, map, true);
	pks_aliases_expect(test, map, PAGE_SIZE, 0, false);
	vunmap(map);
	pks_aliases_expect_clean(test);
	map = pks_aliases_map(test, page, pkey);
	pks_aliases_expect(test, map, PAGE_SIZE, pkey, false);
	vunmap(map);
	map = pks_aliases_map(test, page, domain->pkey);
	pks_aliases_expect_clean(test);
	vunmap(map);
	pks_aliases_expect_clean(test);
	pks_domain_free_pages(domain, page, 0);
}

/* Of what the owner has brought along, and of a frame of an area. */
static void pks_aliases_second_mapping_of_parts(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *area = pks_domain_vmalloc(domain, 3 * PAGE_SIZE);
	void *own = vmalloc(3 * PAGE_SIZE), *map;

	KUNIT_ASSERT_TRUE(test, own && area);
	map = pks_aliases_map(test, pks_test_linear(own + PAGE_SIZE), 0);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 3), 0);
	pks_aliases_expect(test, map, PAGE_SIZE, 0, false);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 3), 0);
	pks_aliases_expect_clean(test);
	vunmap(map);
	map = pks_aliases_map(test, pks_test_linear(area + 2 * PAGE_SIZE), 0);
	pks_aliases_expect(test, map, PAGE_SIZE, 0, false);
	vunmap(map);
	pks_domain_vfree(domain, area);
	vfree(own);
}

/* What an unprotected domain has may have no key either. */
static void pks_aliases_of_unprotected(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	u64 *page = pks_aliases_page_of(test, domain);
	int pkey = pks_test_key(test, 0);
	void *map = pks_aliases_map(test, page, pkey);

	pks_aliases_expect(test, map, PAGE_SIZE, pkey, false);
	vunmap(map);
	pks_aliases_expect_clean(test);
	pks_domain_free_pages(domain, page, 0);
}

static void pks_aliases_entry_without_key(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *page = pks_domain_alloc_pages(domain, 9, GFP_KERNEL);
	void *area = pks_domain_vmalloc(domain, 3 * PAGE_SIZE);
	int other = pks_test_key(test, 0);

	KUNIT_ASSERT_TRUE(test, page && area);
	pks_aliases_retag(page, 0);
	pks_aliases_expect(test, page, page_level_size(pks_test_level(page)), 0, false);
	pks_aliases_retag(page, other);
	pks_aliases_expect(test, page, page_level_size(pks_test_level(page)), other, false);
	pks_aliases_retag(page, domain->pkey);
	pks_aliases_expect_clean(test);
	pks_aliases_retag(area + PAGE_SIZE, 0);
	pks_aliases_expect(test, area + PAGE_SIZE, PAGE_SIZE, 0, false);
	pks_aliases_retag(area + PAGE_SIZE, domain->pkey);
	pks_aliases_expect_clean(test);
	pks_domain_vfree(domain, area);
	pks_domain_free_pages(domain, page, 9);
}

/* Both doors of a page that the owner has brought along. */
static void pks_aliases_entries_of_protected(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *own = vmalloc(2 * PAGE_SIZE), *linear;

	KUNIT_ASSERT_NOT_NULL(test, own);
	linear = pks_test_linear(own + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 2), 0);
	pks_aliases_retag(linear, 0);
	pks_aliases_expect(test, linear, PAGE_SIZE, 0, false);
	pks_aliases_retag(linear, domain->pkey);
	pks_aliases_retag(own, 0);
	pks_aliases_expect(test, own, PAGE_SIZE, 0, false);
	pks_aliases_retag(linear, 0);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 2);
	pks_aliases_retag(own, domain->pkey);
	pks_aliases_retag(linear, domain->pkey);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 2), 0);
	vfree(own);
}

static void pks_aliases_key_without_domain(struct kunit *test)
{
	int pkey = pks_key_alloc("test", 0);
	struct page *page = alloc_page(GFP_KERNEL);
	void *map;

	KUNIT_ASSERT_GT(test, pkey, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	map = pks_aliases_map(test, page_address(page), pkey);
	pks_aliases_expect(test, map, PAGE_SIZE, pkey, true);
	/* An orphan: the key is nobody's any more, the mapping is still there. */
	pks_key_free(pkey);
	pks_aliases_expect(test, map, PAGE_SIZE, pkey, true);
	vunmap(map);
	pks_aliases_expect_clean(test);
	__free_page(page);
}

/* Part of a large page is a domain's; before and behind it nobody should have a key. */
static void pks_aliases_part_of_large(struct kunit *test)
{
	void *large = pks_test_large(test);
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	struct pks_test_audit audit = { };
	int pkey = pks_test_key(test, 0);

	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, large + 10 * PAGE_SIZE, 3), 0);
	KUNIT_EXPECT_EQ(test, pks_test_level(large), PG_LEVEL_2M);
	pks_aliases_expect_clean(test);
	pks_aliases_retag(large, pkey);
	/* Before it, it, behind it. */
	KUNIT_EXPECT_EQ(test, pks_test_findings(&audit), 3);
	KUNIT_EXPECT_EQ(test, audit.last, (unsigned long)large + 13 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, audit.size, 499 * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, audit.keyed);
	pks_aliases_retag(large, 0);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, large + 10 * PAGE_SIZE, 3), 0);
	free_pages((unsigned long)large, 9);
}

/* An abandoned domain is open to all, and tagged until it ends. */
static void pks_aliases_abandoned(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page = pks_aliases_page_of(test, domain);
	u64 value = 5;

	pks_expect_no_access(test, page);
	pks_abandon(domain->pkey);
	KUNIT_EXPECT_EQ(test, pks_try_write(page, 1), 0);
	msleep(100);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_NOT_NULL(test, pks_line_with(test, pks_file_read(test, "domains"),
						  "abandoned"));
	KUNIT_EXPECT_EQ(test, pks_write(domain, page, &value, sizeof(value)), 0);
	KUNIT_EXPECT_EQ(test, *page, 5);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), -EBUSY);
	pks_domain_free_pages(domain, page, 0);
	pks_test_domain_end(test, domain);
	pks_aliases_expect_clean(test);
	KUNIT_EXPECT_EQ(test, pks_test_key_at(page), 0);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
	/* The next owner of the key has a closed one. */
	domain = pks_test_domain(test, 0);
	page = pks_aliases_page_of(test, domain);
	pks_expect_no_access(test, page);
	pks_domain_free_pages(domain, page, 0);
}

static void pks_aliases_file(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page = pks_aliases_page_of(test, domain);
	void *map = pks_aliases_map(test, page, 0);
	u64 *keyed = pks_test_page(test, pks_test_key(test, 0));
	const char *text = pks_file_read(test, "audit"), *line;
	char start[32];

	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\nfindings: 2\n"));
	snprintf(start, sizeof(start), "0x%016lx  %7lu", (unsigned long)map,
		 PAGE_SIZE >> 10);
	line = pks_line_with(test, text, start);
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_NOT_NULL(test, strstr(line, "lacks key 1 of domain test-0"));
	snprintf(start, sizeof(start), "0x%016lx", (unsigned long)keyed);
	line = pks_line_with(test, text, start);
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_NOT_NULL(test, strstr(line, "  2  has a key, and is no domain's"));
	vunmap(map);
	KUNIT_EXPECT_NOT_NULL(test, strstr(pks_file_read(test, "audit"),
					   "findings: 1\n"));
	pks_domain_free_pages(domain, page, 0);
}

static struct kunit_case pks_aliases_cases[] = {
	KUNIT_CASE(pks_aliases_clean),
	KUNIT_CASE(pks_aliases_second_mapping),
	KUNIT_CASE(pks_aliases_second_mapping_of_parts),
	KUNIT_CASE(pks_aliases_of_unprotected),
	KUNIT_CASE(pks_aliases_entry_without_key),
	KUNIT_CASE(pks_aliases_entries_of_protected),
	KUNIT_CASE(pks_aliases_key_without_domain),
	KUNIT_CASE(pks_aliases_part_of_large),
	KUNIT_CASE(pks_aliases_abandoned),
	KUNIT_CASE(pks_aliases_file),
	{}
};

struct kunit_suite pks_aliases_suite = {
	.name		= "pks_aliases",
	.init		= pks_domain_fixture_init,
	.exit		= pks_domain_fixture_exit,
	.test_cases	= pks_aliases_cases,
};
