// SPDX-License-Identifier: GPL-2.0
/*
 * Hibernation, which would read all memory through the direct map. It is asked for as
 * user space does, and never comes about: the last to be told of it refuses.
 */
#include "pks_test.h"
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pks_domain.h>
#include <linux/suspend.h>

/* What is tried when nobody else had anything against it. */
static struct pks_machine {
	struct pks_domain	*domain;
	void			*own;		/* a page of the case */
	unsigned int		reached;
	void			*page;
	void			*area;
	int			protect;
	int			unprotect;
} pks_machine;

static int pks_machine_event(struct notifier_block *nb, unsigned long event, void *unused)
{
	struct pks_machine *machine = &pks_machine;

	if (event != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	machine->reached++;
	if (machine->domain) {
		machine->page = pks_domain_alloc_pages(machine->domain, 0, GFP_KERNEL);
		machine->area = pks_domain_vmalloc(machine->domain, PAGE_SIZE);
		machine->protect = pks_domain_protect(machine->domain, machine->own, 1);
		machine->unprotect = pks_domain_unprotect(machine->domain, machine->own, 1);
	}
	return notifier_from_errno(-EBUSY);
}

/* Behind that of pks. */
static struct notifier_block pks_machine_nb = {
	.notifier_call	= pks_machine_event,
	.priority	= INT_MIN,
};

/* Returns how often it came as far as to the last who is told. */
static unsigned int pks_machine_hibernate(struct kunit *test)
{
	pks_machine.reached = 0;
	KUNIT_EXPECT_NE(test, pks_shell(test, "echo disk >/sys/power/state"), 0);
	return pks_machine.reached;
}

/* Cases are skipped if the machine does not hibernate, whatever pks says to it. */
static int pks_machine_init(struct kunit *test)
{
	int err = pks_domain_fixture_init(test);

	pks_machine = (struct pks_machine){ };
	if (!err)
		err = register_pm_notifier(&pks_machine_nb);
	if (!err && !pks_machine_hibernate(test))
		kunit_skip(test, "the kernel does not hibernate");
	return err;
}

static void pks_machine_exit(struct kunit *test)
{
	unregister_pm_notifier(&pks_machine_nb);
	pks_domain_fixture_exit(test);
}

static void pks_machine_expect_refused(struct kunit *test, bool refused)
{
	pks_console_clear();
	KUNIT_EXPECT_EQ(test, pks_machine_hibernate(test), refused ? 0 : 1);
	KUNIT_EXPECT_EQ(test, refused,
			pks_console_count("pages are in domains, as in test-0 of pks_kunit"));
	KUNIT_EXPECT_EQ(test, pks_console_count("hibernation refused"), refused);
}

/* While a domain has memory, of its own or its owner's. */
static void pks_machine_refuses(struct kunit *test)
{
	void *own = (void *)__get_free_page(GFP_KERNEL | __GFP_ZERO), *page;
	struct pks_domain *domain = pks_test_domain(test, 0);

	KUNIT_ASSERT_NOT_NULL(test, own);
	pks_machine_expect_refused(test, false);
	KUNIT_EXPECT_EQ(test, 0, pks_domain_protect(domain, own, 1));
	pks_machine_expect_refused(test, true);
	KUNIT_EXPECT_EQ(test, 0, pks_domain_unprotect(domain, own, 1));
	pks_machine_expect_refused(test, false);

	page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_machine_expect_refused(test, true);
	pks_expect_no_access(test, page);
	KUNIT_EXPECT_EQ(test, 0, pks_memset(domain, page, 1, PAGE_SIZE));
	pks_domain_free_pages(domain, page, 0);
	pks_test_domain_end(test, domain);
	pks_machine_expect_refused(test, false);
	free_page((unsigned long)own);
}

/* Nothing of it is closed to anyone. */
static void pks_machine_unprotected(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	void *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);

	KUNIT_EXPECT_NOT_NULL(test, page);
	pks_machine_expect_refused(test, false);
	pks_domain_free_pages(domain, page, 0);
}

/* From its beginning to its end, which comes soon here, no domain gets any memory. */
static void pks_machine_no_memory(struct kunit *test)
{
	struct pks_machine *machine = &pks_machine;
	void *own = (void *)__get_free_page(GFP_KERNEL | __GFP_ZERO), *page;

	KUNIT_ASSERT_NOT_NULL(test, own);
	machine->own = own;
	machine->domain = pks_test_domain(test, 0);
	pks_machine_expect_refused(test, false);
	KUNIT_EXPECT_NULL(test, machine->page);
	KUNIT_EXPECT_NULL(test, machine->area);
	KUNIT_EXPECT_EQ(test, machine->protect, -EBUSY);
	KUNIT_EXPECT_EQ(test, machine->unprotect, -EINVAL);
	KUNIT_EXPECT_EQ(test, pks_test_key_at(own), 0);

	page = pks_domain_alloc_pages(machine->domain, 0, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, page);
	pks_domain_free_pages(machine->domain, page, 0);
	KUNIT_EXPECT_EQ(test, 0, pks_domain_protect(machine->domain, own, 1));
	KUNIT_EXPECT_EQ(test, 0, pks_domain_unprotect(machine->domain, own, 1));
	free_page((unsigned long)own);
}

static struct kunit_case pks_machine_cases[] = {
	KUNIT_CASE(pks_machine_refuses),
	KUNIT_CASE(pks_machine_unprotected),
	KUNIT_CASE(pks_machine_no_memory),
	{}
};

struct kunit_suite pks_machine_suite = {
	.name		= "pks_machine",
	.init		= pks_machine_init,
	.exit		= pks_machine_exit,
	.test_cases	= pks_machine_cases,
};
