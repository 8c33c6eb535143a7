// SPDX-License-Identifier: GPL-2.0
/* Fault handlers: what they see, what they may decide and do, and when they are not. */
#include "pks_test.h"
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

/*
 * A fault handler: it notes what it saw, does its act, and returns @action. @own is
 * a part of its own, @errno what pks_update_exception() told it.
 */
struct pks_handled {
	enum pks_fault_action	action;
	void			(*act)(struct pks_handled *h, struct pt_regs *regs);
	int			pkey;
	enum pks_access		access;
	struct pks_part		own;
	atomic_t		calls;
	struct pks_fault_info	info;
	struct pks_rights_now	rights;
	struct pt_regs		*regs;
	unsigned long		ip;
	bool			irqs_off;
	int			err;
	struct pks_try		try;
	bool			ready;
	bool			go_on;
	bool			left;
};

static enum pks_fault_action pks_handle(const struct pks_fault_info *info,
					struct pt_regs *regs, void *data)
{
	struct pks_handled *h = data;

	atomic_inc(&h->calls);
	h->info = *info;
	h->regs = regs;
	h->ip = regs->ip;
	h->irqs_off = irqs_disabled();
	pks_rights_get(&h->rights);
	if (h->act)
		h->act(h, regs);
	return h->action;
}

static void pks_handled_set(struct kunit *test, struct pks_handled *h)
{
	KUNIT_ASSERT_EQ(test, 0, pks_set_fault_handler(h->pkey, pks_handle, h));
}

/* One with a new key. */
static void pks_handled_init(struct kunit *test, struct pks_handled *h,
			     enum pks_fault_action action,
			     void (*act)(struct pks_handled *, struct pt_regs *))
{
	*h = (struct pks_handled){
		.action	= action,
		.act	= act,
		.pkey	= pks_test_key(test, 0),
		.access	= PKS_READWRITE,
	};
	pks_handled_set(test, h);
}

static unsigned int pks_handled_calls(struct pks_handled *h)
{
	return atomic_read(&h->calls);
}

static void pks_give(struct pks_handled *h, struct pt_regs *regs)
{
	h->err = pks_update_exception(regs, h->pkey, h->access);
}

/* What each decision comes to, under each policy. */
struct pks_handled_row {
	const char		*name;
	enum pks_fault_action	action;
	void			(*act)(struct pks_handled *h, struct pt_regs *regs);
	enum pks_policy		policy;
	enum pks_fault_outcome	outcome;
	bool			printed;
};

static const struct pks_handled_row pks_handled_rows[] = {
	{ "deny", PKS_FAULT_DENY, NULL, PKS_POLICY_DENY, PKS_FAULT_STOPPED, true },
	{ "deny, report", PKS_FAULT_DENY, NULL, PKS_POLICY_REPORT,
	  PKS_FAULT_STEPPED, true },
	{ "fixup", PKS_FAULT_FIXUP, NULL, PKS_POLICY_DENY, PKS_FAULT_SKIPPED },
	{ "fixup, report", PKS_FAULT_FIXUP, NULL, PKS_POLICY_REPORT,
	  PKS_FAULT_SKIPPED },
	{ "fixup, panic", PKS_FAULT_FIXUP, NULL, PKS_POLICY_PANIC,
	  PKS_FAULT_SKIPPED },
	{ "retry", PKS_FAULT_RETRY, pks_give, PKS_POLICY_DENY, PKS_FAULT_RETRIED },
	{ "retry, report", PKS_FAULT_RETRY, pks_give, PKS_POLICY_REPORT,
	  PKS_FAULT_RETRIED },
	{ "retry, panic", PKS_FAULT_RETRY, pks_give, PKS_POLICY_PANIC,
	  PKS_FAULT_RETRIED },
	{ "retry of nothing", PKS_FAULT_RETRY, NULL, PKS_POLICY_DENY,
	  PKS_FAULT_STOPPED, true },
	{ "retry of nothing, report", PKS_FAULT_RETRY, NULL, PKS_POLICY_REPORT,
	  PKS_FAULT_STEPPED, true },
	{ "no action", 77, NULL, PKS_POLICY_DENY, PKS_FAULT_STOPPED, true },
};

static void pks_handled_row_name(const struct pks_handled_row *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_handled_row, pks_handled_rows, pks_handled_row_name);

static void pks_handled_expect_seen(struct kunit *test, struct pks_handled *h,
				    const struct pks_try *try)
{
	struct pks_violation seen = { .info = h->info, .domain = "test" };

	pks_expect_violation(test, &seen, try, h->pkey, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
	KUNIT_EXPECT_EQ(test, h->ip, try->ip);
	KUNIT_EXPECT_TRUE(test, h->irqs_off);
	KUNIT_EXPECT_EQ(test, h->rights.word, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, h->rights.msr, PKS_TEST_CLOSED);
}

static void pks_handlers_action(struct kunit *test)
{
	const struct pks_handled_row *row = test->param_value;
	bool through = row->outcome == PKS_FAULT_STEPPED ||
		       row->outcome == PKS_FAULT_RETRIED;
	unsigned int reports, unprinted;
	struct pks_try try = { };
	struct pks_handled h;

	if (row->policy == PKS_POLICY_REPORT)
		pks_audit_needed(test);
	pks_handled_init(test, &h, row->action, row->act);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(h.pkey, row->policy));
	unprinted = pks_faults_kept(test).not_printed;
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	pks_mk_noaccess(h.pkey);

	KUNIT_EXPECT_EQ(test, try.err, through ? 0 : -EFAULT);
	KUNIT_EXPECT_EQ(test, try.flags[0], try.flags[1]);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_handled_expect_seen(test, &h, &try);
	pks_expect_violation(test, pks_violation(0), &try, h.pkey, PKS_NOACCESS,
			     row->outcome);
	/* In the log, or not for the one reason that there had been too many. */
	reports = pks_console_count("BUG: PKS: ") +
		  pks_faults_kept(test).not_printed - unprinted;
	KUNIT_EXPECT_EQ(test, reports, row->printed);
}

/* The rights that it gives hold, on all CPUs, until they are taken back. */
static void pks_handlers_give_rights(struct kunit *test)
{
	struct pks_handled h;
	struct pks_try try = { .write = true, .val = 5 };
	unsigned int cpu;
	u32 open;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_give);
	open = pks_test_pkrs(h.pkey, PKS_READWRITE);
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, h.err, 0);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, try.rights[1].word, open);
	KUNIT_EXPECT_EQ(test, try.rights[1].msr, open);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*try.page), 5);
	for_each_online_cpu(cpu) {
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
		pks_try(&try);
		KUNIT_EXPECT_EQ(test, try.err, 0);
		KUNIT_EXPECT_EQ(test, try.cpu, cpu);
		KUNIT_EXPECT_EQ(test, try.rights[0].msr, open);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	pks_mk_noaccess(h.pkey);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 2);
	pks_mk_noaccess(h.pkey);
	KUNIT_EXPECT_EQ(test, pks_violations(), 2);
}

/* Of a thread that never had a right, and of that thread alone. */
static void pks_handlers_first_rights(struct kunit *test)
{
	struct pks_part part, others;
	struct pks_actor *actor, *other;
	struct pks_handled h;
	struct pks_try try;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_give);
	part = (struct pks_part){
		.pkey	= h.pkey,
		.access	= PKS_READWRITE,
		.page	= pks_test_page(test, h.pkey),
	};
	others = part;
	try = (struct pks_try){ .page = part.page };
	actor = pks_actor(test, "pks-given", pks_test_cpu(test));
	other = pks_actor(test, "pks-not-given", pks_test_cpu(test));
	pks_actor_do(test, actor, pks_try, &try);
	KUNIT_EXPECT_EQ(test, h.err, 0);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, h.info.pid, pks_actor_task(actor)->pid);

	/* Others, on the same CPU while it sleeps, and one that comes later. */
	KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(h.pkey, NULL, NULL));
	pks_actor_do(test, other, pks_part_look, &others);
	pks_expect_sight(test, &others.sight, h.pkey, PKS_TEST_CLOSED, "another");
	other = pks_actor(test, "pks-new", pks_test_cpu(test));
	pks_actor_do(test, other, pks_part_look, &others);
	pks_expect_sight(test, &others.sight, h.pkey, PKS_TEST_CLOSED, "a new one");

	pks_actor_do(test, actor, pks_part_look, &part);
	pks_expect_sight(test, &part.sight, h.pkey,
			 pks_test_pkrs(h.pkey, PKS_READWRITE), "who was given it");
	set_cpus_allowed_ptr(pks_actor_task(actor), cpumask_of(0));
	pks_actor_do(test, actor, pks_part_look, &part);
	pks_expect_sight(test, &part.sight, h.pkey,
			 pks_test_pkrs(h.pkey, PKS_READWRITE), "after a migration");
	/* A reset takes it away, as any. */
	pks_key_set_default(h.pkey, PKS_NOACCESS);
	pks_actor_do(test, actor, pks_part_look, &part);
	pks_expect_sight(test, &part.sight, h.pkey, PKS_TEST_CLOSED,
			 "after a reset");
}

/* Not enough for the access: given, and yet denied. */
static void pks_handlers_give_too_little(struct kunit *test)
{
	struct pks_try try = { .write = true };
	struct pks_handled h;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_give);
	h.access = PKS_READONLY;
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, h.err, 0);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, try.rights[1].msr,
			pks_test_pkrs(h.pkey, PKS_READONLY));
	pks_expect_violation(test, pks_violation(0), &try, h.pkey, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
	try.write = false;
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_mk_noaccess(h.pkey);
}

/* More for the thread in a scope: the scope's end takes it back. */
static void pks_handlers_give_in_a_scope(struct kunit *test)
{
	struct pks_try try = { .write = true, .val = 1 };
	struct pks_handled h;
	int former;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_give);
	try.page = pks_test_page(test, h.pkey);
	former = pks_enter(h.pkey, PKS_READONLY);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, h.info.held, PKS_READONLY);
	pks_leave(h.pkey, former);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), PKS_TEST_CLOSED);
}

/* Fails in every way that it can, and then works. */
static void pks_update_badly(struct pks_handled *h, struct pt_regs *regs)
{
	struct pt_regs other = *regs;
	int bad = 0;

	bad += pks_update_exception(&other, h->pkey, PKS_READWRITE) != -EINVAL;
	bad += pks_update_exception(NULL, h->pkey, PKS_READWRITE) != -EINVAL;
	bad += pks_update_exception(regs, 0, PKS_READWRITE) != -EINVAL;
	bad += pks_update_exception(regs, -1, PKS_READWRITE) != -EINVAL;
	bad += pks_update_exception(regs, PKS_NUM_KEYS, PKS_READWRITE) != -EINVAL;
	bad += pks_update_exception(regs, PKS_NUM_KEYS - 1, PKS_READWRITE) !=
		-EINVAL;
	bad += pks_update_exception(regs, h->pkey, 3) != -EINVAL;
	bad += pks_update_exception(regs, h->pkey, -1) != -EINVAL;
	h->err = bad;
}

static void pks_handlers_update_errnos(struct kunit *test)
{
	struct pks_try try = { };
	struct pks_handled h;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_update_badly);
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, h.err, 0);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	pks_expect_untouched(test, &try);

	/* Outside, with the registers of then and with others. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pks_update_exception(h.regs, h.pkey, PKS_READWRITE));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pks_update_exception(NULL, h.pkey, PKS_READWRITE));
	local_irq_disable();
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pks_update_exception(h.regs, h.pkey, PKS_READWRITE));
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

/* Keys for the handler itself, which it does not close. */
static void pks_open_own(struct pks_handled *h, struct pt_regs *regs)
{
	pks_part_open(&h->own);
	pks_part_look(&h->own);
	pks_enter(h->pkey, PKS_READWRITE);
	pks_try(&h->try);
}

/* The thread has a third key open: that it keeps, and gets nothing more. */
static void pks_handlers_own_rights(struct kunit *test)
{
	struct pks_part thread = pks_test_part(test, PKS_READWRITE);
	struct pks_try try = { };
	struct pks_handled h;
	u32 open;

	pks_handled_init(test, &h, PKS_FAULT_FIXUP, pks_open_own);
	h.own = pks_test_part(test, PKS_READONLY);
	try.page = pks_test_page(test, h.pkey);
	h.try = (struct pks_try){ .page = thread.page };
	pks_part_open(&thread);
	open = pks_test_pkrs(thread.pkey, PKS_READWRITE);
	pks_try(&try);

	KUNIT_EXPECT_EQ(test, h.rights.word, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, h.rights.msr, PKS_TEST_CLOSED);
	KUNIT_EXPECT_GE(test, h.own.former, 0);
	pks_expect_sight(test, &h.own.sight, h.own.pkey,
			 pks_test_pkrs(h.own.pkey, PKS_READONLY), "the handler");
	KUNIT_EXPECT_EQ(test, h.try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, try.rights[0].word, open);
	pks_expect_untouched(test, &try);
	pks_part_look(&thread);
	pks_expect_sight(test, &thread.sight, thread.pkey, open, "the thread");
	pks_part_close(&thread);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

static void pks_close_own(struct pks_handled *h, struct pt_regs *regs)
{
	pks_part_open(&h->own);
	pks_part_close(&h->own);
	pks_part_look(&h->own);
	pks_give(h, regs);
}

/* What it closes is closed for it, and what it gives is not its own. */
static void pks_handlers_close(struct kunit *test)
{
	struct pks_try try = { };
	struct pks_handled h;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_close_own);
	h.own = pks_test_part(test, PKS_READWRITE);
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	pks_expect_sight(test, &h.own.sight, h.own.pkey, PKS_TEST_CLOSED,
			 "the handler");
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, try.rights[1].word,
			pks_test_pkrs(h.pkey, PKS_READWRITE));
	pks_mk_noaccess(h.pkey);
}

/* It may take the key out of the mapping, or the mapping away. */
static pte_t *pks_handlers_pte;

static void pks_change_pte(u64 *page, pteval_t val)
{
	WRITE_ONCE(*pks_handlers_pte, __pte(val));
	asm volatile("invlpg (%0)" : : "r" (page) : "memory");
}

static void pks_untag(struct pks_handled *h, struct pt_regs *regs)
{
	pks_change_pte((u64 *)h->info.address,
		       pte_val(*pks_handlers_pte) & ~_PAGE_PKEY(h->pkey));
}

static void pks_unmap(struct pks_handled *h, struct pt_regs *regs)
{
	pks_change_pte((u64 *)h->info.address, 0);
}

static void pks_handlers_change_mapping(struct kunit *test)
{
	struct pks_try try = { };
	struct pks_handled h;
	unsigned int level;
	pteval_t val;

	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_untag);
	try.page = pks_test_page(test, h.pkey);
	pks_handlers_pte = lookup_address((unsigned long)try.page, &level);
	KUNIT_ASSERT_TRUE(test, pks_handlers_pte && level == PG_LEVEL_4K);
	val = pte_val(*pks_handlers_pte);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	pks_expect_violation(test, pks_violation(0), &try, h.pkey, PKS_NOACCESS,
			     PKS_FAULT_RETRIED);

	/* The retry finds nothing there: no violation, but a bad access. */
	pks_pte_set(pks_handlers_pte, try.page, val);
	h.act = pks_unmap;
	pks_violations_clear();
	pks_try(&try);
	pks_pte_set(pks_handlers_pte, try.page, val);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, h.pkey, PKS_NOACCESS,
			     PKS_FAULT_RETRIED);
}

static void pks_violate_inside(struct pks_handled *h, struct pt_regs *regs)
{
	pks_try(&h->try);
}

/* Violations in a handler get none, be it of the same key or of another. */
static void pks_handlers_inside(struct kunit *test)
{
	struct pks_handled outer, inner;
	struct pks_try try = { };
	int same;

	pks_handled_init(test, &outer, PKS_FAULT_FIXUP, pks_violate_inside);
	pks_handled_init(test, &inner, PKS_FAULT_RETRY, pks_give);
	try.page = pks_test_page(test, outer.pkey);
	for (same = 0; same < 2; same++) {
		outer.try = (struct pks_try){
			.page = same ? try.page + 1 :
				       pks_test_page(test, inner.pkey),
		};
		pks_violations_clear();
		pks_try(&try);
		KUNIT_EXPECT_EQ(test, pks_handled_calls(&outer), same + 1);
		KUNIT_EXPECT_EQ(test, pks_handled_calls(&inner), 0);
		KUNIT_EXPECT_EQ(test, outer.try.err, -EFAULT);
		KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
		KUNIT_ASSERT_EQ(test, pks_violations(), 2);
		pks_expect_violation(test, pks_violation(0), &outer.try,
				     same ? outer.pkey : inner.pkey,
				     PKS_NOACCESS, PKS_FAULT_STOPPED);
		pks_expect_violation(test, pks_violation(1), &try, outer.pkey,
				     PKS_NOACCESS, PKS_FAULT_SKIPPED);
		pks_expect_untouched(test, &outer.try);
		pks_expect_untouched(test, &try);
	}
}

/* Carried out inside of one. */
static void pks_handlers_step_inside(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_handled h;
	struct pks_try try = { .write = true, .val = 7 };

	pks_audit_needed(test);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_REPORT));
	pks_handled_init(test, &h, PKS_FAULT_DENY, pks_violate_inside);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(h.pkey, PKS_POLICY_REPORT));
	h.try = (struct pks_try){
		.page = pks_test_page(test, pkey), .write = true, .val = 3,
	};
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, h.try.err, 0);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	pks_expect_untouched(test, &h.try);
	pks_expect_untouched(test, &try);
	KUNIT_ASSERT_EQ(test, pks_violations(), 2);
	pks_expect_violation(test, pks_violation(0), &h.try, pkey, PKS_NOACCESS,
			     PKS_FAULT_STEPPED);
	pks_expect_violation(test, pks_violation(1), &try, h.pkey, PKS_NOACCESS,
			     PKS_FAULT_STEPPED);
}

/*
 * An instruction that touches two keys is being stepped over when the handler of the
 * second steps over a violation of its own.
 */
static void pks_handlers_step_in_a_step(struct kunit *test)
{
	int from, pkey;
	struct pks_handled h;
	u64 *source, *target, *dst;
	unsigned long flags;

	pks_audit_needed(test);
	from = pks_test_key(test, 0);
	pkey = pks_test_key(test, 0);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(from, PKS_POLICY_REPORT));
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_REPORT));
	pks_handled_init(test, &h, PKS_FAULT_DENY, pks_violate_inside);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(h.pkey, PKS_POLICY_REPORT));
	source = pks_test_page(test, from);
	target = pks_test_page(test, h.pkey);
	dst = target;
	h.try = (struct pks_try){ .page = pks_test_page(test, pkey) };
	asm volatile("movsq" : "+D" (dst), "+S" (source) : : "memory");
	local_save_flags(flags);
	local_irq_enable();

	KUNIT_EXPECT_EQ(test, flags & (X86_EFLAGS_TF | X86_EFLAGS_IF), X86_EFLAGS_IF);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, h.try.err, 0);
	pks_expect_untouched(test, &h.try);
	KUNIT_EXPECT_EQ(test, pks_violations(), 3);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 3);
	pks_mk_noaccess(from);
}

/* What the handler of the second key decides while the instruction is stepped over. */
struct pks_handled_in_step {
	const char		*name;
	enum pks_fault_action	action;
	void			(*act)(struct pks_handled *h, struct pt_regs *regs);
	int			err;
	enum pks_access		after;	/* to the second key */
};

static const struct pks_handled_in_step pks_handled_in_steps[] = {
	{ "deny", PKS_FAULT_DENY, NULL, -EFAULT, PKS_NOACCESS },
	{ "fixup", PKS_FAULT_FIXUP, NULL, -EFAULT, PKS_NOACCESS },
	{ "retry", PKS_FAULT_RETRY, pks_give, 0, PKS_READWRITE },
	{ "retry of nothing", PKS_FAULT_RETRY, NULL, -EFAULT, PKS_NOACCESS },
	{ "rights, and deny", PKS_FAULT_DENY, pks_give, -EFAULT, PKS_READWRITE },
};

static void pks_handled_in_step_name(const struct pks_handled_in_step *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_handled_in_step, pks_handled_in_steps, pks_handled_in_step_name);

static void pks_handlers_in_a_step(struct kunit *test)
{
	const struct pks_handled_in_step *row = test->param_value;
	struct pks_rights_now now;
	struct pks_handled h;
	u64 *source, *dst;
	unsigned long flags;
	int from, err = -EFAULT;

	pks_audit_needed(test);
	from = pks_test_key(test, 0);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(from, PKS_POLICY_REPORT));
	pks_handled_init(test, &h, row->action, row->act);
	source = pks_test_page(test, from);
	dst = pks_test_page(test, h.pkey);
	asm volatile("1:	movsq\n"
		     "	mov	$0, %[err]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (err), "+D" (dst), "+S" (source)
		     : : "memory");
	local_save_flags(flags);
	pks_rights_get(&now);
	local_irq_enable();
	pks_mk_noaccess(h.pkey);

	KUNIT_EXPECT_EQ(test, err, row->err);
	KUNIT_EXPECT_EQ(test, flags & (X86_EFLAGS_TF | X86_EFLAGS_IF), X86_EFLAGS_IF);
	KUNIT_EXPECT_EQ(test, now.word, pks_test_pkrs(h.pkey, row->after));
	KUNIT_EXPECT_EQ(test, now.msr, now.word);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	KUNIT_EXPECT_EQ(test, pks_violations(), 2);
	KUNIT_EXPECT_EQ(test, h.rights.word, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, h.rights.msr, PKS_TEST_CLOSED);
	pks_mk_noaccess(from);
}

KUNIT_ARRAY_PARAM(pks_place, pks_places, pks_place_name);

/* Twice: the second is no violation any more. Not to be left to a thread. */
struct pks_twice {
	struct pks_try	first;
	struct pks_try	second;
	int		pkey;
};

static void pks_try_twice(void *data)
{
	struct pks_twice *twice = data;

	pks_try(&twice->first);
	pks_try(&twice->second);
	if (in_task())
		pks_mk_noaccess(twice->pkey);
}

/* Rights for whatever context it was, which are gone with it. */
static void pks_handlers_anywhere(struct kunit *test)
{
	const struct pks_place *place = test->param_value;
	bool nmi = !strcmp(place->context, "NMI");
	struct pks_handled h;
	struct pks_twice twice;
	u64 *page;

	if (strcmp(place->context, "process"))
		pks_isolation_needed(test);
	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_give);
	page = pks_test_page(test, h.pkey);
	twice = (struct pks_twice){
		.first.page	= page,
		.second.page	= page + 1,
		.pkey		= h.pkey,
	};
	pks_place_do(test, place, pks_try_twice, &twice);

	/* In NMIs there are no handlers. */
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), !nmi);
	KUNIT_EXPECT_EQ(test, pks_violations(), nmi ? 2 : 1);
	KUNIT_EXPECT_EQ(test, twice.first.err, nmi ? -EFAULT : 0);
	KUNIT_EXPECT_EQ(test, twice.second.err, nmi ? -EFAULT : 0);
	pks_expect_violation(test, pks_violation(0), &twice.first, h.pkey,
			     PKS_NOACCESS,
			     nmi ? PKS_FAULT_STOPPED : PKS_FAULT_RETRIED);
	KUNIT_EXPECT_EQ(test, h.err, 0);
	if (!nmi)
		pks_handled_expect_seen(test, &h, &twice.first);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), PKS_TEST_CLOSED);
}

/* With irq_isolation off interrupts can't hold rights, so they can't be given any. */
static void pks_handlers_not_isolated(struct kunit *test)
{
	const struct pks_place *place = test->param_value;
	bool irq = !strcmp(place->context, "interrupt");
	struct pks_handled h;
	struct pks_try try = { };

	if (!irq && strcmp(place->name, "process"))
		kunit_skip(test, "only interrupts and threads differ");
	pks_isolation_needed(test);
	/* Skipped now or not at all: the isolation must come back. */
	if (!strcmp(place->name, "IPI"))
		pks_other_cpu(test);
	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_give);
	try.page = pks_test_page(test, h.pkey);
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, false), 0);
	pks_place_do(test, place, pks_try, &try);
	pks_mk_noaccess(h.pkey);
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, true), 0);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	KUNIT_EXPECT_EQ(test, h.err, irq ? -EPERM : 0);
	KUNIT_EXPECT_EQ(test, try.err, irq ? -EFAULT : 0);
	KUNIT_EXPECT_EQ(test, try.rights[1].msr,
			irq ? PKS_TEST_CLOSED :
			      pks_test_pkrs(h.pkey, PKS_READWRITE));
}

static void pks_sleep_and_open(struct pks_handled *h, struct pt_regs *regs)
{
	h->err = pks_enter(h->pkey, PKS_READWRITE);
	msleep(20);
}

/* Who sleeps, which he may not, is not obeyed, and leaves nothing open. */
static void pks_handlers_sleep(struct kunit *test)
{
	struct pks_try try = { };
	struct pks_handled h;
	u64 val;

	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "the kernel complains of it, too");
	pks_handled_init(test, &h, PKS_FAULT_RETRY, pks_sleep_and_open);
	try.page = pks_test_page(test, h.pkey);
	pks_console_clear();
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_console_wait("slept, or let interrupts in"));
	KUNIT_EXPECT_EQ(test, pks_try_read(try.page, &val), -EFAULT);
	pks_expect_closed(test, "afterwards");
}

static void pks_handlers_errnos(struct kunit *test)
{
	static const int keys[] = { INT_MIN, -1, 0, PKS_NUM_KEYS - 1, PKS_NUM_KEYS,
				    INT_MAX };
	struct pks_try try = { };
	struct pks_handled h;
	int i;

	pks_handled_init(test, &h, PKS_FAULT_FIXUP, NULL);
	try.page = pks_test_page(test, h.pkey);
	KUNIT_EXPECT_EQ(test, -EBUSY, pks_set_fault_handler(h.pkey, pks_handle, NULL));
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    pks_set_fault_handler(keys[i], pks_handle, &h),
				    "key %d", keys[i]);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    pks_set_fault_handler(keys[i], NULL, NULL),
				    "key %d", keys[i]);
	}
	/* The kernel itself has no key. */
	KUNIT_EXPECT_EQ(test, -EINVAL,
			__pks_set_fault_handler(h.pkey, NULL, NULL, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			__pks_set_fault_handler(h.pkey, pks_handle, &h, NULL));
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);

	/* Taken away, twice; and back again. */
	KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(h.pkey, NULL, NULL));
	KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(h.pkey, NULL, NULL));
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	pks_handled_set(test, &h);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 2);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_SKIPPED), 2);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), 1);
}

static void pks_handlers_freed_with_the_key(struct kunit *test)
{
	struct pks_try try = { };
	struct pks_handled h;

	pks_handled_init(test, &h, PKS_FAULT_FIXUP, NULL);
	try.page = pks_test_page(test, h.pkey);
	KUNIT_EXPECT_STREQ(test, "yes",
			   (char *)pks_policy_row(test, h.pkey).handler);
	pks_test_key_free(test, h.pkey);
	KUNIT_EXPECT_EQ(test, -EINVAL, pks_set_fault_handler(h.pkey, pks_handle, &h));
	KUNIT_ASSERT_EQ(test, h.pkey, pks_test_key(test, 0));
	KUNIT_EXPECT_STREQ(test, "-",
			   (char *)pks_policy_row(test, h.pkey).handler);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 0);
	pks_expect_violation(test, pks_violation(0), &try, h.pkey, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
	pks_handled_set(test, &h);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
}

/* Of several users of a key, one has the handler; it goes with that one's use. */
static void pks_handlers_shared_key(struct kunit *test)
{
	struct pks_try try = { };
	struct pks_handled h = { .action = PKS_FAULT_FIXUP };
	int keys[PKS_NUM_KEYS], i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = pks_test_key(test, PKS_FLAG_SHARED);
	h.pkey = keys[PKS_NUM_KEYS - 1];
	pks_handled_set(test, &h);
	KUNIT_EXPECT_EQ(test, -EBUSY, pks_set_fault_handler(h.pkey, pks_handle, &h));
	try.page = pks_test_page(test, h.pkey);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_handled_calls(&h), 1);
	KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(h.pkey, NULL, NULL));
}

/* Stays until it is told to go on. */
static void pks_handler_waits(struct pks_handled *h, struct pt_regs *regs)
{
	WRITE_ONCE(h->ready, true);
	pks_spin_until(&h->go_on);
	/* Pairs with pks_remove_act(). */
	smp_store_release(&h->left, true);
}

struct pks_remover {
	struct pks_handled	*h;
	bool			free;
	bool			begun;
	bool			left;	/* had the handler, when it was removed? */
	bool			done;
};

static void pks_remove_act(void *data)
{
	struct pks_remover *remover = data;

	WRITE_ONCE(remover->begun, true);
	if (remover->free)
		pks_key_free(remover->h->pkey);
	else
		pks_set_fault_handler(remover->h->pkey, NULL, NULL);
	/* Pairs with pks_handler_waits(). */
	remover->left = smp_load_acquire(&remover->h->left);
	WRITE_ONCE(remover->done, true);
}

/* Who takes it away, or frees its key, waits for it. */
static void pks_handlers_removed_while_running(struct kunit *test, bool free)
{
	struct pks_remover remover = { .free = free };
	struct pks_actor *victim, *actor;
	struct pks_try try = { };
	struct pks_handled h = {
		.action	= PKS_FAULT_FIXUP,
		.act	= pks_handler_waits,
	};
	unsigned int cpu = pks_other_cpu(test);

	h.pkey = free ? pks_key_alloc("test", 0) : pks_test_key(test, 0);
	KUNIT_ASSERT_GT(test, h.pkey, 0);
	pks_handled_set(test, &h);
	remover.h = &h;
	try.page = pks_test_page(test, h.pkey);
	victim = pks_actor(test, "pks-handled", cpu);
	actor = pks_actor(test, "pks-remover", 0);
	pks_actor_begin(victim, pks_try, &try);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&h.ready));
	pks_actor_begin(actor, pks_remove_act, &remover);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&remover.begun));
	msleep(50);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(remover.done));
	WRITE_ONCE(h.go_on, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(victim));
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	KUNIT_EXPECT_TRUE(test, remover.left);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_SKIPPED), 1);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void pks_handlers_removed(struct kunit *test)
{
	pks_handlers_removed_while_running(test, false);
}

static void pks_handlers_key_freed(struct kunit *test)
{
	pks_handlers_removed_while_running(test, true);
}

/* Set and taken away, over and over, while all CPUs fault. */
struct pks_handler_storm {
	int		pkey;
	bool		alive;	/* between being set and having been taken away */
	atomic_t	calls;
	atomic_t	dead;
	bool		stop;
};

struct pks_storm_part {
	struct pks_handler_storm	*storm;
	u64				*page;
	unsigned int			tries;
	unsigned int			through;
};

static enum pks_fault_action pks_storm_handle(const struct pks_fault_info *info,
					      struct pt_regs *regs, void *data)
{
	struct pks_handler_storm *storm = data;

	atomic_inc(&storm->calls);
	if (!READ_ONCE(storm->alive) || info->pkey != storm->pkey)
		atomic_inc(&storm->dead);
	return PKS_FAULT_FIXUP;
}

static void pks_storm_act(void *data)
{
	struct pks_storm_part *part = data;
	u64 val;

	while (!READ_ONCE(part->storm->stop)) {
		part->through += !pks_try_read(part->page, &val);
		part->tries++;
		if (!(part->tries % 64))
			cond_resched();
	}
}

#define PKS_STORM_PARTS		6
#define PKS_STORM_ROUNDS	100

static void pks_handlers_come_and_go(struct kunit *test)
{
	struct pks_handler_storm storm = { .pkey = pks_test_key(test, 0) };
	struct pks_storm_part parts[PKS_STORM_PARTS];
	struct pks_actor *actors[PKS_STORM_PARTS];
	unsigned int tries = 0;
	int i;

	for (i = 0; i < PKS_STORM_PARTS; i++) {
		parts[i] = (struct pks_storm_part){
			&storm, pks_test_page(test, storm.pkey),
		};
		actors[i] = pks_actor(test, "pks-storm", -1);
		pks_actor_begin(actors[i], pks_storm_act, &parts[i]);
	}
	for (i = 0; i < PKS_STORM_ROUNDS; i++) {
		WRITE_ONCE(storm.alive, true);
		KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(storm.pkey,
							       pks_storm_handle,
							       &storm));
		usleep_range(100, 1000);
		KUNIT_EXPECT_EQ(test, 0, pks_set_fault_handler(storm.pkey, NULL,
							       NULL));
		WRITE_ONCE(storm.alive, false);
	}
	WRITE_ONCE(storm.stop, true);
	for (i = 0; i < PKS_STORM_PARTS; i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, parts[i].through, 0);
		tries += parts[i].tries;
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&storm.dead), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&storm.calls), 0);
	KUNIT_EXPECT_EQ(test, pks_violations(), tries);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_SKIPPED),
			atomic_read(&storm.calls));
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED),
			tries - atomic_read(&storm.calls));
}

static struct kunit_case pks_handlers_cases[] = {
	KUNIT_CASE_PARAM(pks_handlers_action, pks_handled_row_gen_params),
	KUNIT_CASE(pks_handlers_give_rights),
	KUNIT_CASE(pks_handlers_first_rights),
	KUNIT_CASE(pks_handlers_give_too_little),
	KUNIT_CASE(pks_handlers_give_in_a_scope),
	KUNIT_CASE(pks_handlers_update_errnos),
	KUNIT_CASE(pks_handlers_own_rights),
	KUNIT_CASE(pks_handlers_close),
	KUNIT_CASE(pks_handlers_change_mapping),
	KUNIT_CASE(pks_handlers_inside),
	KUNIT_CASE(pks_handlers_step_inside),
	KUNIT_CASE(pks_handlers_step_in_a_step),
	KUNIT_CASE_PARAM(pks_handlers_in_a_step, pks_handled_in_step_gen_params),
	KUNIT_CASE_PARAM(pks_handlers_anywhere, pks_place_gen_params),
	KUNIT_CASE_PARAM(pks_handlers_not_isolated, pks_place_gen_params),
	KUNIT_CASE(pks_handlers_sleep),
	KUNIT_CASE(pks_handlers_errnos),
	KUNIT_CASE(pks_handlers_freed_with_the_key),
	KUNIT_CASE(pks_handlers_shared_key),
	KUNIT_CASE(pks_handlers_removed),
	KUNIT_CASE(pks_handlers_key_freed),
	KUNIT_CASE(pks_handlers_come_and_go),
	{}
};

struct kunit_suite pks_handlers_suite = {
	.name		= "pks_handlers",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_handlers_cases,
};
