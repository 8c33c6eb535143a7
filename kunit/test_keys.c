// SPDX-License-Identifier: GPL-2.0
/* Keys: taken, shared, given back; and what bad input gets. */
#include "pks_test.h"
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>

static void pks_keys_lowest_first(struct kunit *test)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++)
		KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey);
}

static void pks_keys_exhausted(struct kunit *test)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++)
		pks_test_key(test, 0);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("one too many", 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("one too many", PKS_FLAG_SHARED),
			-ENOSPC);
}

static void pks_keys_reused(struct kunit *test)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++)
		pks_test_key(test, 0);
	pks_test_key_free(test, 11);
	pks_test_key_free(test, 5);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), 5);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), 11);
}

static void pks_keys_shared_only_when_none_is_left(struct kunit *test)
{
	int pkey;

	KUNIT_EXPECT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 1);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 2);
	for (pkey = 3; pkey < PKS_NUM_KEYS; pkey++)
		pks_test_key(test, 0);

	/* The least shared, the lowest of those. */
	KUNIT_EXPECT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 1);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 2);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 1);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("alone", 0), -ENOSPC);
}

static void pks_keys_shared_are_counted(struct kunit *test)
{
	int i;

	for (i = 1; i < PKS_NUM_KEYS; i++)
		pks_test_key(test, i == 1 ? PKS_FLAG_SHARED : 0);
	KUNIT_ASSERT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 1);

	pks_test_key_free(test, 1);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("still taken", 0), -ENOSPC);
	pks_test_key_free(test, 1);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), 1);
}

/* Who asked for another default does not get a key with this one. */
static void pks_keys_shared_with_the_same_default(struct kunit *test)
{
	int i;

	for (i = 1; i < PKS_NUM_KEYS; i++)
		pks_test_key(test, PKS_FLAG_SHARED);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("readable", PKS_FLAG_SHARED |
					    PKS_FLAG_DEFAULT_READONLY), -ENOSPC);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, PKS_FLAG_SHARED), 1);
}

static void pks_keys_bad_arguments(struct kunit *test)
{
	char name[PKS_KEY_NAME_LEN + 1];
	int pkey;

	memset(name, 'x', sizeof(name));
	name[PKS_KEY_NAME_LEN] = '\0';
	KUNIT_EXPECT_EQ(test, pks_key_alloc(NULL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("two\nlines", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("\x1b[2J", 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_alloc(name, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("flags", 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_alloc("flags", -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_set_default(0, PKS_READONLY), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_set_default(1, PKS_READONLY), -EINVAL);

	name[PKS_KEY_NAME_LEN - 1] = '\0';
	pkey = pks_key_alloc(name, 0);
	KUNIT_EXPECT_EQ(test, pkey, 1);
	KUNIT_EXPECT_EQ(test, pks_key_set_default(pkey, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_key_set_default(pkey, -1), -EINVAL);
	pks_key_free(pkey);
}

static void pks_keys_bad_free(struct kunit *test)
{
	static const int keys[] = { -EOPNOTSUPP, -1, 0, 2, 15, 16, INT_MAX };
	int pkey = pks_test_key(test, 0), i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		pks_console_clear();
		pks_key_free(keys[i]);
		KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 1);
		KUNIT_EXPECT_EQ(test, pks_console_count("pks_keys_bad_free"), 1);
	}
	/* The one key that there is was not touched. */
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey + 1);
}

static void pks_keys_double_free(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);

	pks_test_key_free(test, pkey);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 0);
	pks_key_free(pkey);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 1);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey);
}

static void pks_keys_free_by_another(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);

	__pks_key_free(pkey, NULL);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 1);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey + 1);
}

static void pks_keys_bad_rights(struct kunit *test)
{
	static const int keys[] = { -EOPNOTSUPP, -1, 0, 2, 15, 16, INT_MAX };
	u32 before = pks_current_pkrs();
	unsigned int lines;
	int i;

	pks_test_key(test, 0);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		pks_mk_readwrite(keys[i]);
		pks_mk_readonly(keys[i]);
		pks_mk_noaccess(keys[i]);
		KUNIT_EXPECT_EQ(test, pks_enter(keys[i], PKS_READWRITE), -EINVAL);
		KUNIT_EXPECT_EQ(test, pks_current_pkrs(), before);
	}
	/* Some of the lines, for they are rate-limited; each names this function. */
	lines = pks_console_count("rights not changed");
	KUNIT_EXPECT_GE(test, lines, 1);
	KUNIT_EXPECT_LT(test, lines, 4 * ARRAY_SIZE(keys));
	KUNIT_EXPECT_EQ(test, pks_console_count("pks_keys_bad_rights"), lines);
}

static void pks_keys_bad_access(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	u32 before = pks_current_pkrs();

	KUNIT_EXPECT_EQ(test, pks_enter(pkey, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_enter(pkey, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_enter(pkey, -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), before);
}

static unsigned int pks_keys_pte_key(u64 *page)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)page, &level);

	return pte ? (pte_val(*pte) >> PKS_PTE_SHIFT) & 0xf : ~0;
}

static void pks_keys_pte(struct kunit *test)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		pks_test_key(test, 0);
		KUNIT_EXPECT_EQ(test, pks_keys_pte_key(pks_test_page(test, pkey)),
				pkey);
	}
}

static void pks_keys_page_of_no_key(struct kunit *test)
{
	static const int keys[] = { -EOPNOTSUPP, -1, 0, 16, INT_MAX };
	int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		KUNIT_EXPECT_EQ(test, _PAGE_PKEY(keys[i]), 0);
		KUNIT_EXPECT_EQ(test, pgprot_val(PAGE_KERNEL_PKEY(keys[i])),
				pgprot_val(PAGE_KERNEL));
	}
}

/* The first case there is: no key but one has ever been anyone's. */
static void pks_keys_leave_nobodys(struct kunit *test)
{
	int own = pks_test_key(test, 0), former, pkey;

	/* The first scope of a thread is never in place. */
	pks_leave(own, pks_enter(own, PKS_READWRITE));
	former = pks_enter(own, PKS_READWRITE);
	pks_leave(own, former);
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		pks_leave(pkey, former);
		KUNIT_EXPECT_EQ_MSG(test, pks_current_pkrs(), PKS_TEST_CLOSED,
				    "after leaving key %d", pkey);
		KUNIT_EXPECT_EQ_MSG(test, pks_test_rdmsr(), PKS_TEST_CLOSED,
				    "after leaving key %d", pkey);
	}
}

/*
 * A module that can be unloaded, in which nobody has anything, known by a filesystem of
 * its own; or the case ends here.
 */
static struct module *pks_keys_load(struct kunit *test)
{
	struct file_system_type *type;

	if (pks_shell(test, "modprobe ext4"))
		kunit_skip(test, "there is no module ext4 to load");
	type = get_fs_type("ext4");
	KUNIT_ASSERT_NOT_NULL(test, type);
	if (!type->owner)
		kunit_skip(test, "ext4 is no module");
	module_put(type->owner);
	return type->owner;
}

static enum pks_fault_action pks_keys_handler(const struct pks_fault_info *info,
					      struct pt_regs *regs, void *called)
{
	*(bool *)called = true;
	return PKS_FAULT_FIXUP;
}

/* It stays taken; that is said, and of no other. */
static void pks_keys_expect_orphan(struct kunit *test, int pkey)
{
	const char *line = pks_line_with(test, pks_file_read(test, "keys"), "orphan");

	KUNIT_EXPECT_EQ(test, 1, pks_console_count("left without freeing it"));
	KUNIT_EXPECT_EQ(test, 1, pks_console_count("(orphan): its owner ext4 left"));
	KUNIT_EXPECT_TRUE(test, line && strstr(line, "orphan (ext4, gone)"));
	KUNIT_EXPECT_STREQ(test, (const char *)pks_policy_row(test, pkey).handler,
			   (const char *)"-");
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey + 2);
}

/* Its key stays closed, too; its fault handler, which went with it, is not called. */
static void pks_keys_owner_leaves(struct kunit *test)
{
	struct module *owner;
	bool called = false;
	int pkey;
	u64 *page;

	pks_status_needed(test, "fault hook:");
	owner = pks_keys_load(test);
	pkey = __pks_key_alloc("orphan", 0, owner);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey + 1);
	page = pks_test_page(test, pkey);
	KUNIT_EXPECT_EQ(test, 0, __pks_set_fault_handler(pkey, pks_keys_handler, &called,
							 owner));
	pks_expect_read(test, page, false);
	KUNIT_EXPECT_TRUE(test, called);

	called = false;
	KUNIT_EXPECT_EQ(test, 0, pks_shell(test, "modprobe -r ext4"));
	pks_keys_expect_orphan(test, pkey);
	pks_expect_read(test, page, false);
	KUNIT_EXPECT_FALSE(test, called);
	/* Nobody but this case can do that. */
	__pks_key_free(pkey, NULL);
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey);
}

static struct kunit_case pks_keys_cases[] = {
	KUNIT_CASE(pks_keys_leave_nobodys),
	KUNIT_CASE(pks_keys_lowest_first),
	KUNIT_CASE(pks_keys_exhausted),
	KUNIT_CASE(pks_keys_reused),
	KUNIT_CASE(pks_keys_shared_only_when_none_is_left),
	KUNIT_CASE(pks_keys_shared_are_counted),
	KUNIT_CASE(pks_keys_shared_with_the_same_default),
	KUNIT_CASE(pks_keys_bad_arguments),
	KUNIT_CASE(pks_keys_bad_free),
	KUNIT_CASE(pks_keys_double_free),
	KUNIT_CASE(pks_keys_free_by_another),
	KUNIT_CASE(pks_keys_bad_rights),
	KUNIT_CASE(pks_keys_bad_access),
	KUNIT_CASE(pks_keys_pte),
	KUNIT_CASE(pks_keys_page_of_no_key),
	KUNIT_CASE(pks_keys_owner_leaves),
	{}
};

struct kunit_suite pks_keys_suite = {
	.name		= "pks_keys",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_keys_cases,
};
