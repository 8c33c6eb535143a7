// SPDX-License-Identifier: GPL-2.0
/* The keys and pages of a case. */
#include "pks_test.h"
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define PKS_TEST_PAGES	32

struct pks_fixture {
	unsigned int	keys[PKS_NUM_KEYS];
	void		*maps[PKS_TEST_PAGES];
	struct page	*pages[PKS_TEST_PAGES];
	unsigned int	nr_pages;
};

int pks_fixture_init(struct kunit *test)
{
	struct pks_fixture *fix;
	int err;

	if (!pks_available())
		kunit_skip(test, "PKS is not available on this machine");
	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	err = pks_fault_watch();
	if (err)
		return err;
	err = pks_console_watch();
	if (err)
		pks_fault_unwatch();
	return err;
}

int pks_debugfs_fixture_init(struct kunit *test)
{
	pks_debugfs_needed(test);
	return pks_fixture_init(test);
}

void pks_fixture_exit(struct kunit *test)
{
	struct pks_fixture *fix = test->priv;
	int pkey;

	if (!fix)
		return;
	pks_actors_quit();
	while (fix->nr_pages--) {
		vunmap(fix->maps[fix->nr_pages]);
		__free_page(fix->pages[fix->nr_pages]);
	}
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		while (fix->keys[pkey])
			pks_test_key_free(test, pkey);
	}
	pks_console_unwatch();
	pks_fault_unwatch();
}

int pks_test_key(struct kunit *test, int flags)
{
	struct pks_fixture *fix = test->priv;
	int pkey = pks_key_alloc("test", flags);

	KUNIT_ASSERT_GT(test, pkey, 0);
	KUNIT_ASSERT_LT(test, pkey, PKS_NUM_KEYS);
	fix->keys[pkey]++;
	return pkey;
}

void pks_test_key_free(struct kunit *test, int pkey)
{
	struct pks_fixture *fix = test->priv;

	fix->keys[pkey]--;
	pks_key_free(pkey);
}

u64 *pks_test_page(struct kunit *test, int pkey)
{
	struct pks_fixture *fix = test->priv;
	struct page *page;
	void *map;

	KUNIT_ASSERT_LT(test, fix->nr_pages, PKS_TEST_PAGES);
	page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, page);
	map = vmap(&page, 1, VM_MAP, PAGE_KERNEL_PKEY(pkey));
	if (!map)
		__free_page(page);
	KUNIT_ASSERT_NOT_NULL(test, map);
	fix->pages[fix->nr_pages] = page;
	fix->maps[fix->nr_pages++] = map;
	return map;
}
