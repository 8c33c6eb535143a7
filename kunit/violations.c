// SPDX-License-Identifier: GPL-2.0
/*
 * Violations: what pks decided of them, as its own trace event tells, and accesses
 * that know enough of themselves to compare.
 */
#include "pks_test.h"
#include <linux/atomic.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <asm/processor-flags.h>
#include <trace/events/pks.h>

static struct pks_violation pks_seen[PKS_VIOLATIONS];
static atomic_t pks_seen_nr = ATOMIC_INIT(0);
static atomic_t pks_seen_that[PKS_FAULT_PANICKED + 1];
static bool pks_violations_watched;

/* From any context, NMI included: each takes a place of its own. */
static void pks_violation_probe(void *data, const struct pks_fault_info *info,
				const char *domain)
{
	unsigned int nr = atomic_inc_return(&pks_seen_nr) - 1;

	if (info->outcome < ARRAY_SIZE(pks_seen_that))
		atomic_inc(&pks_seen_that[info->outcome]);
	if (nr >= PKS_VIOLATIONS)
		return;
	pks_seen[nr].info = *info;
	strscpy(pks_seen[nr].domain, domain, PKS_KEY_NAME_LEN);
}

void pks_violations_clear(void)
{
	int i;

	atomic_set(&pks_seen_nr, 0);
	for (i = 0; i < ARRAY_SIZE(pks_seen_that); i++)
		atomic_set(&pks_seen_that[i], 0);
}

unsigned int pks_violations(void)
{
	return atomic_read(&pks_seen_nr);
}

unsigned int pks_violations_that(enum pks_fault_outcome outcome)
{
	return atomic_read(&pks_seen_that[outcome]);
}

const struct pks_violation *pks_violation(unsigned int nr)
{
	return nr < min_t(unsigned int, pks_violations(), PKS_VIOLATIONS) ?
		&pks_seen[nr] : NULL;
}

static const char *pks_status_of(struct kunit *test, const char *what)
{
	const char *line = pks_line_with(test, pks_file_read(test, "status"),
					 what);

	KUNIT_ASSERT_NOT_NULL_MSG(test, line, "status has no line '%s'", what);
	return skip_spaces(line + strlen(what));
}

void pks_status_needed(struct kunit *test, const char *what)
{
	const char *state = pks_status_of(test, what);

	if (strncmp(state, "on", 2))
		kunit_skip(test, "%s %s", what, state);
}

bool pks_faults_hooked(struct kunit *test)
{
	return !strncmp(pks_status_of(test, "fault hook:"), "on", 2);
}

bool pks_faults_hooked_late(struct kunit *test)
{
	return strstarts(pks_status_of(test, "fault hook:"), "on, at bad_area");
}

void pks_audit_needed(struct kunit *test)
{
	pks_status_needed(test, "audit:");
}

int pks_audited_key(struct kunit *test)
{
	int pkey;

	pks_audit_needed(test);
	pkey = pks_test_key(test, 0);
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_REPORT));
	return pkey;
}

u64 *pks_alias(u64 *page)
{
	return page_address(vmalloc_to_page(page));
}

struct pks_faults_kept pks_faults_kept(struct kunit *test)
{
	struct pks_faults_kept n = { };
	int found;

	found = sscanf(pks_file_read(test, "faults"),
		       "violations: %lu; kept: %u; overwritten: %lu; not printed: %lu\n",
		       &n.violations, &n.kept, &n.overwritten, &n.not_printed);
	KUNIT_ASSERT_EQ(test, found, 4);
	KUNIT_EXPECT_EQ(test, n.violations, n.kept + n.overwritten);
	return n;
}

int pks_violations_init(struct kunit *test)
{
	int err = pks_fixture_init(test);

	pks_violations_watched = false;
	if (err)
		return err;
	pks_status_needed(test, "fault hook:");
	pks_violations_clear();
	err = register_trace_pks_fault(pks_violation_probe, NULL);
	pks_violations_watched = !err;
	return err;
}

void pks_violations_exit(struct kunit *test)
{
	if (pks_violations_watched) {
		unregister_trace_pks_fault(pks_violation_probe, NULL);
		tracepoint_synchronize_unregister();
	}
	pks_violations_watched = false;
	pks_nmis_end(test);
	pks_fixture_exit(test);
}

struct pks_policy_row pks_policy_row(struct kunit *test, int pkey)
{
	struct pks_policy_row row = { };
	const char *line;
	char start[8];
	int found = 0, key = 0;

	snprintf(start, sizeof(start), "\n%3d  ", pkey);
	line = strstr(pks_file_read(test, "policy"), start);
	if (line)
		found = sscanf(line, "%d %7s %7s %u %u %u %u %u %u %u %31s", &key,
			       row.policy, row.handler, &row.reads, &row.writes,
			       &row.stopped, &row.stepped, &row.retried,
			       &row.skipped, &row.probed, row.domain);
	KUNIT_ASSERT_EQ_MSG(test, found, 11, "policy has no row of key %d", pkey);
	return row;
}

static void pks_forget(void *addr)
{
	asm volatile("invlpg (%0)" : : "r" (addr) : "memory");
}

void pks_pte_set(pte_t *pte, void *addr, pteval_t val)
{
	WRITE_ONCE(*pte, __pte(val));
	on_each_cpu(pks_forget, addr, 1);
}

void pks_rights_get(struct pks_rights_now *now)
{
	unsigned long flags;

	local_irq_save(flags);
	now->word = pks_current_pkrs();
	now->msr = pks_test_rdmsr();
	local_irq_restore(flags);
}

void pks_expect_closed(struct kunit *test, const char *when)
{
	struct pks_rights_now now;
	unsigned long flags;

	pks_rights_get(&now);
	local_save_flags(flags);
	KUNIT_EXPECT_EQ_MSG(test, now.word, PKS_TEST_CLOSED, "%s: the word", when);
	KUNIT_EXPECT_EQ_MSG(test, now.msr, PKS_TEST_CLOSED, "%s: the MSR", when);
	KUNIT_EXPECT_EQ_MSG(test, flags & (X86_EFLAGS_TF | X86_EFLAGS_IF),
			    X86_EFLAGS_IF, "%s: flags", when);
	lockdep_assert_irqs_enabled();
}

/* Nothing between the two PUSHFs but the access changes flags. */
#define PKS_TRY_ASM(access)					\
	"	lea	1f(%%rip), %[ip]\n"			\
	"	pushf\n"					\
	"	pop	%[before]\n"				\
	"1:	" access "\n"					\
	"	mov	$0, %[err]\n"				\
	"2:	pushf\n"					\
	"	pop	%[after]\n"				\
	_ASM_EXTABLE(1b, 2b)

noinline void pks_violate_read(struct pks_try *try)
{
	try->err = -EFAULT;
	try->val = 0;
	asm volatile(PKS_TRY_ASM("mov (%[page]), %[val]")
		     : [ip] "=&r" (try->ip), [before] "=&r" (try->flags[0]),
		       [after] "=&r" (try->flags[1]), [err] "+&r" (try->err),
		       [val] "+&r" (try->val)
		     : [page] "r" (try->page)
		     : "memory");
}

noinline void pks_violate_write(struct pks_try *try)
{
	try->err = -EFAULT;
	asm volatile(PKS_TRY_ASM("mov %[val], (%[page])")
		     : [ip] "=&r" (try->ip), [before] "=&r" (try->flags[0]),
		       [after] "=&r" (try->flags[1]), [err] "+&r" (try->err)
		     : [page] "r" (try->page), [val] "r" (try->val)
		     : "memory");
}

void pks_try(void *data)
{
	struct pks_try *try = data;

	try->cpu = raw_smp_processor_id();
	try->pid = current->pid;
	memcpy(try->comm, current->comm, TASK_COMM_LEN);
	pks_rights_get(&try->rights[0]);
	if (try->write)
		pks_violate_write(try);
	else
		pks_violate_read(try);
	pks_rights_get(&try->rights[1]);
}

void pks_expect_untouched(struct kunit *test, const struct pks_try *try)
{
	KUNIT_EXPECT_EQ(test, try->flags[0], try->flags[1]);
	KUNIT_EXPECT_EQ(test, try->rights[0].word, try->rights[0].msr);
	KUNIT_EXPECT_EQ(test, try->rights[1].word, try->rights[0].word);
	KUNIT_EXPECT_EQ(test, try->rights[1].msr, try->rights[0].word);
}

void pks_expect_violation(struct kunit *test, const struct pks_violation *seen,
			  const struct pks_try *try, int pkey,
			  enum pks_access held, enum pks_fault_outcome outcome)
{
	const struct pks_fault_info *info = &seen->info;
	static const u8 reserved[sizeof(info->reserved)];

	KUNIT_ASSERT_NOT_NULL(test, seen);
	KUNIT_EXPECT_EQ(test, info->pkey, pkey);
	KUNIT_EXPECT_EQ(test, info->access,
			try->write ? PKS_READWRITE : PKS_READONLY);
	KUNIT_EXPECT_EQ(test, info->held, held);
	KUNIT_EXPECT_EQ(test, info->outcome, outcome);
	KUNIT_EXPECT_EQ(test, 0, memcmp(info->reserved, reserved,
					sizeof(reserved)));
	KUNIT_EXPECT_EQ(test, info->error_code, try->write ? PKS_TEST_PF_WRITE :
							     PKS_TEST_PF_READ);
	KUNIT_EXPECT_EQ(test, info->pkrs, try->rights[0].word);
	KUNIT_EXPECT_EQ(test, info->address, (unsigned long)try->page);
	KUNIT_EXPECT_EQ(test, info->ip, try->ip);
	KUNIT_EXPECT_EQ(test, info->cpu, try->cpu);
	KUNIT_EXPECT_EQ(test, info->pid, try->pid);
	KUNIT_EXPECT_STREQ(test, (const char *)info->comm,
			   (const char *)try->comm);
	KUNIT_EXPECT_STREQ(test, (const char *)seen->domain,
			   pkey ? "test" : "");
}

/* By the tracepoint that the kernel passes on its way to where pks looks. */
static void pks_tear_probe(void *data, unsigned long address,
			   struct pt_regs *regs, unsigned long error_code)
{
	struct pks_tear *tear = data;

	if (address >> PAGE_SHIFT != (unsigned long)tear->page >> PAGE_SHIFT)
		return;
	WRITE_ONCE(*tear->pte, __pte(tear->val));
	pks_forget(tear->page);
}

static void pks_find_tear(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "page_fault_kernel"))
		*(struct tracepoint **)found = tp;
}

void pks_tear_init(struct kunit *test, struct pks_tear *tear, u64 *page)
{
	unsigned int level;

	tear->page = page;
	tear->pte = lookup_address((unsigned long)page, &level);
	KUNIT_ASSERT_NOT_NULL(test, tear->pte);
	KUNIT_ASSERT_EQ(test, level, PG_LEVEL_4K);
}

void pks_tear_try(struct kunit *test, struct pks_tear *tear, pteval_t val,
		  struct pks_try *try)
{
	pteval_t before = pte_val(*tear->pte);
	struct tracepoint *tp = NULL;

	for_each_kernel_tracepoint(pks_find_tear, &tp);
	KUNIT_ASSERT_NOT_NULL(test, tp);
	tear->val = val;
	KUNIT_ASSERT_EQ(test, 0, tracepoint_probe_register(tp, pks_tear_probe,
							   tear));
	pks_try(try);
	tracepoint_probe_unregister(tp, pks_tear_probe, tear);
	tracepoint_synchronize_unregister();
	pks_pte_set(tear->pte, tear->page, before);
}
