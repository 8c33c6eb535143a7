// SPDX-License-Identifier: GPL-2.0
/* Accesses that give an errno are not the policy's business, nor the log's. */
#include "pks_test.h"
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

KUNIT_ARRAY_PARAM(pks_place, pks_places, pks_place_name);

struct pks_nofault {
	u64	*page;
	u64	val;
	int	read;
	int	write;
};

static void pks_nofault_act(void *data)
{
	struct pks_nofault *nofault = data;
	u64 val = 0x99;

	nofault->read = pks_read_nofault(&nofault->val, nofault->page, sizeof(val));
	nofault->write = pks_write_nofault(nofault->page, &val, sizeof(val));
}

static void pks_nofault_expect_probed(struct kunit *test, int pkey,
				      unsigned int count)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, pks_violations(), count);
	for (i = 0; i < pks_violations(); i++) {
		KUNIT_EXPECT_EQ(test, pks_violation(i)->info.pkey, pkey);
		KUNIT_EXPECT_EQ(test, pks_violation(i)->info.outcome,
				PKS_FAULT_PROBED);
	}
	KUNIT_EXPECT_EQ(test, pks_console_count("BUG: PKS: "), 0);
}

static void pks_nofault_rights(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READONLY);
	struct pks_nofault nofault = { .page = part.page };
	u64 *alias = pks_alias(part.page);

	*alias = 0x11;
	pks_nofault_act(&nofault);
	KUNIT_EXPECT_EQ(test, nofault.read, -EFAULT);
	KUNIT_EXPECT_EQ(test, nofault.write, -EFAULT);
	KUNIT_EXPECT_EQ(test, nofault.val, 0);
	pks_nofault_expect_probed(test, part.pkey, 2);

	pks_part_open(&part);
	pks_nofault_act(&nofault);
	pks_part_close(&part);
	KUNIT_EXPECT_EQ(test, nofault.read, 0);
	KUNIT_EXPECT_EQ(test, nofault.val, 0x11);
	KUNIT_EXPECT_EQ(test, nofault.write, -EFAULT);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*alias), 0x11);
	pks_nofault_expect_probed(test, part.pkey, 3);

	part.access = PKS_READWRITE;
	pks_part_open(&part);
	pks_nofault_act(&nofault);
	pks_part_close(&part);
	KUNIT_EXPECT_EQ(test, nofault.read, 0);
	KUNIT_EXPECT_EQ(test, nofault.write, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*alias), 0x99);
	pks_nofault_expect_probed(test, part.pkey, 3);
}

static enum pks_fault_action pks_nofault_handler(const struct pks_fault_info *info,
						 struct pt_regs *regs, void *data)
{
	(*(unsigned int *)data)++;
	return PKS_FAULT_DENY;
}

/* Whatever the policy, and with a handler: the machine would panic. */
static void pks_nofault_policy(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	struct pks_nofault nofault = { .page = pks_test_page(test, pkey) };
	unsigned int handled = 0;

	KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(pkey, pks_nofault_handler,
						       &handled));
	pks_nofault_act(&nofault);
	KUNIT_EXPECT_EQ(test, nofault.read, -EFAULT);
	KUNIT_EXPECT_EQ(test, nofault.write, -EFAULT);
	pks_set_policy(pkey, PKS_POLICY_PANIC);
	pks_nofault_act(&nofault);
	pks_set_policy(pkey, PKS_POLICY_DENY);
	KUNIT_EXPECT_EQ(test, nofault.read, -EFAULT);
	KUNIT_EXPECT_EQ(test, nofault.write, -EFAULT);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(nofault.page)), 0);
	KUNIT_EXPECT_EQ(test, handled, 0);
	pks_nofault_expect_probed(test, pkey, 4);
	pks_expect_closed(test, "afterwards");
}

static void pks_nofault_anywhere(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_nofault nofault = { .page = pks_test_page(test, pkey) };
	struct pks_nofault plain = { .page = pks_test_page(test, 0) };

	pks_place_do(test, test->param_value, pks_nofault_act, &nofault);
	KUNIT_EXPECT_EQ(test, nofault.read, -EFAULT);
	KUNIT_EXPECT_EQ(test, nofault.write, -EFAULT);
	pks_nofault_expect_probed(test, pkey, 2);
	pks_place_do(test, test->param_value, pks_nofault_act, &plain);
	KUNIT_EXPECT_EQ(test, plain.read, 0);
	KUNIT_EXPECT_EQ(test, plain.write, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*plain.page), 0x99);
	pks_nofault_expect_probed(test, pkey, 2);
}

/* Two pages in a row: the first is open, the second closed or not there. */
static void pks_nofault_partial(struct kunit *test)
{
	u8 *page = (u8 *)pks_test_page(test, 0), bytes[32], copy[32] = { };
	int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i + 1;
	memcpy(page + PAGE_SIZE - 16, bytes, 16);
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_read_nofault(copy, page + PAGE_SIZE - 16,
							sizeof(copy)));
	KUNIT_EXPECT_EQ(test, 0, memcmp(copy, bytes, 16));
	KUNIT_EXPECT_EQ(test, 0, memchr_inv(copy + 16, 0, 16) ? 1 : 0);
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_write_nofault(page + PAGE_SIZE - 8, bytes,
							 16));
	KUNIT_EXPECT_EQ(test, 0, memcmp(page + PAGE_SIZE - 8, bytes, 8));
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_read_nofault(copy, page + PAGE_SIZE, 1));
	KUNIT_EXPECT_EQ(test, 0, pks_read_nofault(copy, page + PAGE_SIZE - 16, 16));
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
}

/* Over the border into a closed page: its first byte is what is recorded. */
static void pks_nofault_crossing(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), i;
	u8 bytes[32], copy[32] = { };
	struct page *pages[2];
	unsigned int level;
	u8 *map = NULL;
	pte_t *pte;

	for (i = 0; i < 2; i++)
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (pages[0] && pages[1])
		map = vmap(pages, 2, VM_MAP, PAGE_KERNEL);
	pte = map ? lookup_address((unsigned long)map + PAGE_SIZE, &level) : NULL;
	if (pte && level == PG_LEVEL_4K) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = i + 1;
		memcpy(map + PAGE_SIZE - 16, bytes, 32);
		pks_pte_set(pte, map + PAGE_SIZE, pte_val(*pte) | _PAGE_PKEY(pkey));
		KUNIT_EXPECT_EQ(test, -EFAULT,
				pks_read_nofault(copy, map + PAGE_SIZE - 16, 32));
		KUNIT_EXPECT_EQ(test, 0, memcmp(copy, bytes, 16));
		KUNIT_EXPECT_EQ(test, copy[16], 0);
		pks_nofault_expect_probed(test, pkey, 1);
		KUNIT_EXPECT_EQ(test, pks_violation(0)->info.address,
				(unsigned long)map + PAGE_SIZE);
	}
	vunmap(map);
	for (i = 0; i < 2; i++) {
		if (pages[i])
			__free_page(pages[i]);
	}
	KUNIT_EXPECT_NOT_NULL(test, pte);
}

static void pks_nofault_addresses(struct kunit *test)
{
	void *last = (void *)~0UL;
	u64 val = 5;
	u64 *page = pks_test_page(test, pks_test_key(test, 0));
	const void *user[] = { NULL, (void *)1, (void *)0x1000,
			       (void *)(TASK_SIZE_MAX - PAGE_SIZE),
			       (void *)(TASK_SIZE_MAX - 1) };
	int i;

	for (i = 0; i < ARRAY_SIZE(user); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -ERANGE, pks_read_nofault(&val, user[i], 8),
				    "address %d", i);
		KUNIT_EXPECT_EQ_MSG(test, -ERANGE,
				    pks_write_nofault((void *)user[i], &val, 8),
				    "address %d", i);
	}
	KUNIT_EXPECT_EQ(test, -ERANGE, pks_read_nofault(&val, last, 8));
	KUNIT_EXPECT_EQ(test, -ERANGE, pks_write_nofault(last, &val, 8));
	KUNIT_EXPECT_EQ(test, -ERANGE, pks_read_nofault(&val, page, SIZE_MAX));

	/* In no one's half of the address space: refused one way or the other. */
	KUNIT_EXPECT_NE(test, 0, pks_read_nofault(&val, (void *)(1UL << 62), 8));
	KUNIT_EXPECT_NE(test, 0, pks_write_nofault((void *)(1UL << 62), &val, 8));
	KUNIT_EXPECT_NE(test, 0, pks_read_nofault(&val, (void *)(1UL << 63), 8));
	KUNIT_EXPECT_EQ(test, val, 5);

	/* Nothing of a closed page is no access. */
	KUNIT_EXPECT_EQ(test, 0, pks_read_nofault(&val, page, 0));
	KUNIT_EXPECT_EQ(test, 0, pks_write_nofault(page, &val, 0));
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
}

/* The caller's own side of it is the caller's: text can't be written. */
static void pks_nofault_readonly_memory(struct kunit *test)
{
	static const u64 constant = 0x5ec4e7;
	u64 val = 0;

	KUNIT_EXPECT_EQ(test, 0, pks_read_nofault(&val, &constant, 8));
	KUNIT_EXPECT_EQ(test, val, 0x5ec4e7);
	val = 1;
	KUNIT_EXPECT_EQ(test, -EFAULT, pks_write_nofault((void *)&constant, &val, 8));
	KUNIT_EXPECT_EQ(test, READ_ONCE(constant), 0x5ec4e7);
	KUNIT_EXPECT_EQ(test, pks_violations(), 0);
}

static struct kunit_case pks_nofault_cases[] = {
	KUNIT_CASE(pks_nofault_rights),
	KUNIT_CASE(pks_nofault_policy),
	KUNIT_CASE_PARAM(pks_nofault_anywhere, pks_place_gen_params),
	KUNIT_CASE(pks_nofault_partial),
	KUNIT_CASE(pks_nofault_crossing),
	KUNIT_CASE(pks_nofault_addresses),
	KUNIT_CASE(pks_nofault_readonly_memory),
	{}
};

struct kunit_suite pks_nofault_suite = {
	.name		= "pks_nofault",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_nofault_cases,
};
