// SPDX-License-Identifier: GPL-2.0
/* A machine without PKS: users of the interface run on, unprotected. */
#include "pks_test.h"
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define PKS_ABSENT_DIR	"/sys/kernel/debug/pks/"

static int pks_absent_init(struct kunit *test)
{
	if (pks_available())
		kunit_skip(test, "PKS is available on this machine");
	return pks_console_watch();
}

static void pks_absent_exit(struct kunit *test)
{
	if (!pks_available())
		pks_console_unwatch();
}

static void pks_absent_no_keys(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, pks_available());
	KUNIT_EXPECT_EQ(test, pks_key_alloc("test", 0), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, pks_key_alloc(NULL, -1), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, pks_key_set_default(1, PKS_READONLY), -EOPNOTSUPP);
}

static void pks_absent_rest_is_harmless(struct kunit *test)
{
	static const int keys[] = { -EOPNOTSUPP, 0, 1, 15, 16 };
	int i, former;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		pks_mk_readwrite(keys[i]);
		pks_mk_readonly(keys[i]);
		pks_mk_noaccess(keys[i]);
		former = pks_enter(keys[i], PKS_READWRITE);
		KUNIT_EXPECT_EQ(test, former, 0);
		pks_leave(keys[i], former);
		pks_key_free(keys[i]);
	}
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), 0);
	KUNIT_EXPECT_EQ(test, pks_console_count("key"), 0);
}

static void pks_absent_ordinary_pages(struct kunit *test)
{
	static const int keys[] = { -EOPNOTSUPP, 0, 1, 15, 16 };
	struct page *page = alloc_page(GFP_KERNEL);
	u64 *map;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		KUNIT_EXPECT_EQ(test, pgprot_val(PAGE_KERNEL_PKEY(keys[i])),
				pgprot_val(PAGE_KERNEL));
		map = vmap(&page, 1, VM_MAP, PAGE_KERNEL_PKEY(keys[i]));
		if (map)
			WRITE_ONCE(*map, 42);
		KUNIT_EXPECT_NOT_NULL(test, map);
		vunmap(map);
	}
	__free_page(page);
}

/* There is nothing to see, and nothing to change. */
static void pks_absent_files(struct kunit *test)
{
	static const char *const tables[] = { "keys", "cpus", "threads", "policy", "domains" };
	const char *text;
	int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		text = pks_file_read(test, tables[i]);
		/* The header row is all. */
		KUNIT_EXPECT_PTR_EQ_MSG(test, strchr(text, '\n') + 1,
					strchr(text, '\0'), "%s: %s", tables[i], text);
	}
	KUNIT_EXPECT_STREQ(test, pks_file_read(test, "faults"),
			   (const char *)"violations: 0\n");
	KUNIT_EXPECT_NOT_NULL(test, strstr(pks_file_read(test, "audit"), "findings: 0"));
	KUNIT_EXPECT_NE(test, 0, pks_shell(test, "echo default report >" PKS_ABSENT_DIR
					   "policy"));
	KUNIT_EXPECT_NE(test, 0, pks_shell(test, "echo 1 >" PKS_ABSENT_DIR "irq_isolation"));
}

static struct kunit_case pks_absent_cases[] = {
	KUNIT_CASE(pks_absent_no_keys),
	KUNIT_CASE(pks_absent_rest_is_harmless),
	KUNIT_CASE(pks_absent_ordinary_pages),
	KUNIT_CASE(pks_absent_files),
	{}
};

struct kunit_suite pks_absent_suite = {
	.name		= "pks_absent",
	.init		= pks_absent_init,
	.exit		= pks_absent_exit,
	.test_cases	= pks_absent_cases,
};
