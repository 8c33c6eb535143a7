// SPDX-License-Identifier: GPL-2.0
/* Policies: who sets them, how, and that the default is to deny. */
#include "pks_test.h"
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/word-at-a-time.h>

#define PKS_POLICY_FILE	"/sys/kernel/debug/pks/policy"

static void pks_policy_denies(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), write;
	u64 *page = pks_test_page(test, pkey);

	WRITE_ONCE(*pks_alias(page), 42);
	for (write = 0; write < 2; write++) {
		struct pks_try try = { .page = page, .write = write, .val = 43 };

		pks_violations_clear();
		pks_try(&try);
		KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		pks_expect_violation(test, pks_violation(0), &try, pkey,
				     PKS_NOACCESS, PKS_FAULT_STOPPED);
		pks_expect_untouched(test, &try);
		KUNIT_EXPECT_NE(test, try.val, 42);
	}
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(page)), 42);
}

static void pks_policy_file_counts(struct kunit *test)
{
	int pkey = pks_audited_key(test), i;
	u64 *page = pks_test_page(test, pkey), val;
	struct pks_policy_row row = pks_policy_row(test, pkey);

	KUNIT_EXPECT_STREQ(test, (char *)row.policy, "report");
	KUNIT_EXPECT_STREQ(test, (char *)row.handler, "-");
	KUNIT_EXPECT_STREQ(test, (char *)row.domain, "test");
	KUNIT_EXPECT_EQ(test, row.reads + row.writes + row.stopped, 0);

	for (i = 0; i < 3; i++)
		pks_try_read(page, &val);
	pks_set_policy(pkey, PKS_POLICY_DENY);
	for (i = 0; i < 5; i++)
		pks_try_write(page, i);
	for (i = 0; i < 2; i++)
		pks_read_nofault(&val, page, sizeof(val));
	row = pks_policy_row(test, pkey);
	KUNIT_EXPECT_STREQ(test, (char *)row.policy, "deny");
	KUNIT_EXPECT_EQ(test, row.reads, 5);
	KUNIT_EXPECT_EQ(test, row.writes, 5);
	KUNIT_EXPECT_EQ(test, row.stepped, 3);
	KUNIT_EXPECT_EQ(test, row.stopped, 5);
	KUNIT_EXPECT_EQ(test, row.probed, 2);
	KUNIT_EXPECT_EQ(test, row.retried + row.skipped, 0);

	/* The next owner starts from nothing. */
	pks_set_policy(pkey, PKS_POLICY_REPORT);
	pks_test_key_free(test, pkey);
	KUNIT_ASSERT_EQ(test, pks_test_key(test, 0), pkey);
	row = pks_policy_row(test, pkey);
	KUNIT_EXPECT_STREQ(test, (char *)row.policy, "deny");
	KUNIT_EXPECT_EQ(test, row.reads + row.writes + row.stopped + row.stepped +
			row.probed, 0);
}

static int pks_policy_echo(struct kunit *test, const char *text)
{
	char command[96];

	snprintf(command, sizeof(command), "echo '%s' >" PKS_POLICY_FILE, text);
	return pks_shell(test, command);
}

static void pks_policy_file_set(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	u64 *page = pks_test_page(test, pkey);
	char text[32];

	snprintf(text, sizeof(text), "%d deny", pkey);
	KUNIT_EXPECT_EQ(test, 0, pks_policy_echo(test, text));
	KUNIT_EXPECT_STREQ(test, (char *)pks_policy_row(test, pkey).policy, "deny");
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_try_write(page, 1));

	snprintf(text, sizeof(text), "%d report", pkey);
	KUNIT_EXPECT_EQ(test, 0, pks_policy_echo(test, text));
	KUNIT_EXPECT_STREQ(test, (char *)pks_policy_row(test, pkey).policy, "report");
	KUNIT_EXPECT_EQ(test, 0, pks_try_write(page, 1));

	snprintf(text, sizeof(text), "%d panic", pkey);
	KUNIT_EXPECT_EQ(test, 0, pks_policy_echo(test, text));
	KUNIT_EXPECT_STREQ(test, (char *)pks_policy_row(test, pkey).policy, "panic");
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "policy"), 0644);
}

/* What keys start with: not those that there are already. */
static void pks_policy_file_default(struct kunit *test)
{
	int before, pkey;
	const char *line;

	pks_audit_needed(test);
	before = pks_test_key(test, 0);
	KUNIT_EXPECT_EQ(test, 0, pks_policy_echo(test, "default report"));
	pkey = pks_test_key(test, 0);
	KUNIT_EXPECT_STREQ(test, (char *)pks_policy_row(test, pkey).policy, "report");
	KUNIT_EXPECT_STREQ(test, (char *)pks_policy_row(test, before).policy, "deny");
	KUNIT_EXPECT_EQ(test, 0, pks_try_write(pks_test_page(test, pkey), 1));
	line = pks_line_with(test, pks_file_read(test, "status"), "policy:");
	KUNIT_EXPECT_TRUE(test, line && strstr(line, "report (default of new keys)"));

	KUNIT_EXPECT_EQ(test, 0, pks_policy_echo(test, "default deny"));
	line = pks_line_with(test, pks_file_read(test, "status"), "policy:");
	KUNIT_EXPECT_TRUE(test, line && strstr(line, "deny (default of new keys)"));
}

static void pks_policy_file_garbage(struct kunit *test)
{
	static const char *const garbage[] = {
		"", " ", "1", "report", "default", "1 ", "1 maybe", "1 Report",
		"1 report more", "1,report", "0 report", "16 report", "-1 report",
		"2 report", "x report", "1x report", "0x1 report", "report 1",
		"default maybe", "Default report", "99999999999999999999 report",
	};
	int pkey, i;

	/* Key 1 is a key, key 2 is free. */
	pkey = pks_test_key(test, 0);
	KUNIT_ASSERT_EQ(test, pkey, 1);
	for (i = 0; i < ARRAY_SIZE(garbage); i++) {
		KUNIT_EXPECT_NE_MSG(test, 0, pks_policy_echo(test, garbage[i]),
				    "'%s' was taken", garbage[i]);
		KUNIT_EXPECT_STREQ_MSG(test, (char *)pks_policy_row(test, pkey).policy,
				       "deny", "by '%s'", garbage[i]);
	}
	KUNIT_EXPECT_NOT_NULL(test, pks_line_with(test, pks_file_read(test, "status"),
						  "deny (default of new keys)"));
}

/* Who looks with page faults off whether he may read is told no: that is no panic. */
static void pks_policy_panic_probed(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	u64 *page = pks_test_page(test, pkey), val = 0;

	WRITE_ONCE(*pks_alias(page), 42);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_PANIC));
	pks_violations_clear();
	KUNIT_EXPECT_EQ(test, copy_from_kernel_nofault(&val, page, sizeof(val)), -EFAULT);
	KUNIT_EXPECT_NE(test, val, 42);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), 1);
	pks_expect_closed(test, "afterwards");
}

/* An ordinary page with a string that ends where a page with a key begins. */
struct pks_policy_string {
	char	*start;
	struct page *pages[2];
};

static void pks_policy_string_init(struct kunit *test, struct pks_policy_string *s, int pkey)
{
	unsigned int level;
	char *second;
	pte_t *pte;

	s->pages[0] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	s->pages[1] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, s->pages[0]);
	KUNIT_ASSERT_NOT_NULL(test, s->pages[1]);
	s->start = vmap(s->pages, 2, VM_MAP, PAGE_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->start);
	memset(s->start, 'x', 2 * PAGE_SIZE);
	second = s->start + PAGE_SIZE;
	pte = lookup_address((unsigned long)second, &level);
	KUNIT_ASSERT_NOT_NULL(test, pte);
	pks_pte_set(pte, second, pte_val(*pte) | _PAGE_PKEY(pkey));
}

static void pks_policy_string_end(struct pks_policy_string *s)
{
	vunmap(s->start);
	__free_page(s->pages[0]);
	__free_page(s->pages[1]);
}

/* Reads a word at a time, and knows what may come behind. */
static void pks_policy_overread(struct kunit *test)
{
	static const enum pks_policy policies[] = { PKS_POLICY_DENY, PKS_POLICY_PANIC };
	int pkey = pks_test_key(test, 0), i, bytes;
	struct pks_policy_string string;
	unsigned long word;

	pks_policy_string_init(test, &string, pkey);
	pks_violations_clear();
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, policies[i]));
		for (bytes = 1; bytes < 8; bytes++) {
			word = load_unaligned_zeropad(string.start + PAGE_SIZE - bytes);
			KUNIT_EXPECT_EQ(test, word, 0x7878787878787878UL >> (64 - 8 * bytes));
		}
	}
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
	pks_expect_closed(test, "afterwards");
	pks_policy_string_end(&string);
}

/* Of which the first byte is behind the end already is as much a violation as any. */
static void pks_policy_overread_inside(struct kunit *test)
{
	int pkey = pks_audited_key(test), at;
	struct pks_policy_string string;

	pks_policy_string_init(test, &string, pkey);
	for (at = 0; at < 9; at++) {
		pks_violations_clear();
		KUNIT_EXPECT_EQ(test, load_unaligned_zeropad(string.start + PAGE_SIZE + at),
				0x7878787878787878UL);
		KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 1);
	}
	pks_expect_closed(test, "afterwards");
	pks_policy_string_end(&string);
}

static void pks_policy_errnos(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), i;
	static const int keys[] = { INT_MIN, -1, 0, 2, PKS_NUM_KEYS, INT_MAX };

	KUNIT_ASSERT_EQ(test, pkey, 1);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    pks_set_policy(keys[i], PKS_POLICY_DENY),
				    "key %d", keys[i]);
	KUNIT_EXPECT_EQ(test, -EINVAL, pks_set_policy(pkey, PKS_POLICY_PANIC + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, pks_set_policy(pkey, -1));
	/* The kernel itself has no key. */
	KUNIT_EXPECT_EQ(test, -EINVAL, __pks_set_policy(pkey, PKS_POLICY_DENY, NULL));
	KUNIT_EXPECT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_PANIC));
	KUNIT_EXPECT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_DENY));
	pks_test_key_free(test, pkey);
	KUNIT_EXPECT_EQ(test, -EINVAL, pks_set_policy(pkey, PKS_POLICY_DENY));
}

static struct kunit_case pks_policy_cases[] = {
	KUNIT_CASE(pks_policy_denies),
	KUNIT_CASE(pks_policy_file_counts),
	KUNIT_CASE(pks_policy_file_set),
	KUNIT_CASE(pks_policy_file_default),
	KUNIT_CASE(pks_policy_file_garbage),
	KUNIT_CASE(pks_policy_panic_probed),
	KUNIT_CASE(pks_policy_overread),
	KUNIT_CASE(pks_policy_overread_inside),
	KUNIT_CASE(pks_policy_errnos),
	{}
};

struct kunit_suite pks_policy_suite = {
	.name		= "pks_policy",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_policy_cases,
};
