// SPDX-License-Identifier: GPL-2.0
/*
 * What a CPU has for the time of a function alone: who is told of a violation has nothing
 * of it, whatever he does; and an instruction between which and its debug exception
 * something else would come is not carried out.
 */
#include "pks_test.h"
#include <linux/err.h>
#include <linux/hw_breakpoint.h>
#include <linux/irqflags.h>
#include <linux/perf_event.h>
#include <linux/pks_domain.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <asm/asm.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <trace/events/pks.h>

/*
 * A tracer of violations that accesses memory of another key, and looks at that of the
 * first; once, or each time that it is called, in its own violations, too.
 */
struct pks_tracer {
	u64		*violated;
	u64		*other;
	unsigned int	times;
	unsigned int	calls;
	unsigned int	peeked;
	unsigned int	stopped;
	u32		msr;
};

static void pks_tracer_probe(void *data, const struct pks_fault_info *info,
			     const char *domain)
{
	struct pks_tracer *tracer = data;
	u64 val;

	/* Its look into the violated domain is a violation, too. */
	if (info->outcome == PKS_FAULT_PROBED)
		return;
	tracer->calls++;
	tracer->msr |= pks_test_rdmsr() ^ PKS_TEST_CLOSED;
	if (!pks_read_nofault(&val, tracer->violated, sizeof(val)))
		tracer->peeked++;
	if (tracer->times) {
		tracer->times--;
		tracer->stopped += pks_try_read(tracer->other, &val) != 0;
	}
}

static void pks_tracer_try(struct kunit *test, struct pks_tracer *tracer, struct pks_try *try)
{
	KUNIT_ASSERT_EQ(test, 0, register_trace_pks_fault(pks_tracer_probe, tracer));
	pks_try(try);
	unregister_trace_pks_fault(pks_tracer_probe, tracer);
	tracepoint_synchronize_unregister();
}

static void pks_frames_traced(struct kunit *test)
{
	int pkey = pks_audited_key(test), other = pks_audited_key(test);
	struct pks_tracer tracer = {
		.violated = pks_test_page(test, pkey),
		.other = pks_test_page(test, other),
		.times = 1,
	};
	struct pks_try try = { .page = tracer.violated, .write = true, .val = 5 };

	pks_tracer_try(test, &tracer, &try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(try.page)), 5);
	KUNIT_EXPECT_EQ(test, tracer.calls, 2);
	KUNIT_EXPECT_EQ(test, tracer.peeked, 0);
	KUNIT_EXPECT_EQ(test, tracer.stopped, 0);
	KUNIT_EXPECT_EQ(test, tracer.msr, 0);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 2);
	pks_expect_untouched(test, &try);
	pks_expect_closed(test, "afterwards");
}

/* One that would be called for its own violations for ever. */
static void pks_frames_traced_for_ever(struct kunit *test)
{
	int pkey = pks_audited_key(test), other = pks_audited_key(test);
	struct pks_tracer tracer = {
		.violated = pks_test_page(test, pkey),
		.other = pks_test_page(test, other),
		.times = UINT_MAX,
	};
	struct pks_try try = { .page = tracer.violated, .write = true, .val = 5 };

	pks_tracer_try(test, &tracer, &try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_GT(test, tracer.calls, 1);
	KUNIT_EXPECT_LT(test, tracer.calls, 8);
	KUNIT_EXPECT_EQ(test, tracer.peeked, 0);
	KUNIT_EXPECT_EQ(test, tracer.msr, 0);
	pks_expect_untouched(test, &try);
	pks_expect_closed(test, "afterwards");
}

/* In a scope, too, who is told of a violation has nothing of what is open there. */
static void pks_frames_traced_in_a_scope(struct kunit *test)
{
	int pkey = pks_audited_key(test), other = pks_test_key(test, 0), former;
	struct pks_tracer tracer = {
		.violated = pks_test_page(test, other),
		.other = pks_test_page(test, other),
	};
	struct pks_try try = { .page = pks_test_page(test, pkey) };

	former = pks_enter(other, PKS_READWRITE);
	pks_tracer_try(test, &tracer, &try);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), pks_test_pkrs(other, PKS_READWRITE));
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), pks_test_pkrs(other, PKS_READWRITE));
	pks_leave(other, former);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, tracer.calls, 1);
	KUNIT_EXPECT_EQ(test, tracer.peeked, 0);
	KUNIT_EXPECT_EQ(test, tracer.msr, 0);
	pks_expect_untouched(test, &try);
}

/*
 * One instruction violates two keys, and whoever is told of that a third: between the two,
 * the first one is open for the instruction, and for nobody else.
 */
static void pks_frames_traced_in_a_step(struct kunit *test)
{
	u64 *from = pks_test_page(test, pks_audited_key(test));
	u64 *to = pks_test_page(test, pks_audited_key(test));
	struct pks_tracer tracer = {
		.violated = from,
		.other = pks_test_page(test, pks_audited_key(test)),
		.times = 2,
	};
	void *src = from, *dst = to;

	WRITE_ONCE(*pks_alias(from), 7);
	KUNIT_ASSERT_EQ(test, 0, register_trace_pks_fault(pks_tracer_probe, &tracer));
	asm volatile("1:	movsq\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : "+D" (dst), "+S" (src) : : "memory");
	unregister_trace_pks_fault(pks_tracer_probe, &tracer);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, READ_ONCE(*pks_alias(to)), 7);
	KUNIT_EXPECT_EQ(test, tracer.calls, 4);
	KUNIT_EXPECT_EQ(test, tracer.peeked, 0);
	KUNIT_EXPECT_EQ(test, tracer.stopped, 0);
	KUNIT_EXPECT_EQ(test, tracer.msr, 0);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 4);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), PKS_TEST_CLOSED);
	pks_expect_closed(test, "afterwards");
}

static struct tracepoint *pks_page_faults;

static void pks_page_faults_match(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "page_fault_kernel"))
		pks_page_faults = tp;
}

static void pks_page_fault_probe(void *data, unsigned long address, struct pt_regs *regs,
				 unsigned long error_code)
{
	struct pks_tracer *tracer = data;
	u64 val;

	if (address != (unsigned long)tracer->violated || !tracer->times)
		return;
	tracer->times--;
	tracer->calls++;
	tracer->stopped += pks_try_read(tracer->other, &val) != 0;
}

/* A write finds no source, and a tracer of page faults violates another key meanwhile. */
static void pks_frames_traced_in_a_window(struct kunit *test)
{
	struct pks_domain *domain;
	u64 *page;
	struct pks_tracer tracer = {
		.violated = ERR_PTR(-MAX_ERRNO & ~7),
		.other = pks_test_page(test, pks_audited_key(test)),
		.times = 1,
	};

	for_each_kernel_tracepoint(pks_page_faults_match, NULL);
	if (!pks_page_faults)
		kunit_skip(test, "page faults have no tracepoint");
	domain = pks_domain_create("window", 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, 0, tracepoint_probe_register(pks_page_faults, pks_page_fault_probe,
							   &tracer));
	KUNIT_EXPECT_EQ(test, pks_write(domain, page, tracer.violated, 8), -EFAULT);
	tracepoint_probe_unregister(pks_page_faults, pks_page_fault_probe, &tracer);
	tracepoint_synchronize_unregister();
	KUNIT_EXPECT_EQ(test, tracer.calls, 1);
	KUNIT_EXPECT_EQ(test, tracer.stopped, 0);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 1);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), PKS_TEST_CLOSED);
	pks_expect_closed(test, "afterwards");
	pks_domain_free_pages(domain, page, 0);
	pks_domain_destroy(domain);
}

/* The last report says why. */
static void pks_frames_expect_refused(struct kunit *test, const struct pks_try *try,
				      const char *why)
{
	KUNIT_EXPECT_EQ(test, try->err, -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), 1);
	pks_expect_untouched(test, try);
	if (pks_has_debugfs()) {
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(pks_file_read(test, "faults"), why),
					  "no report says '%s'", why);
	}
	pks_expect_closed(test, "afterwards");
}

static unsigned int pks_watch_hits;

static void pks_watch_hit(struct perf_event *event, struct perf_sample_data *sample,
			  struct pt_regs *regs)
{
	pks_watch_hits++;
}

/* The watchpoint's handler would run with the key open. */
static void pks_frames_watched(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	struct pks_try try = { .page = pks_test_page(test, pkey), .write = true };
	struct perf_event * __percpu *watch;
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)try.page;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
	pks_watch_hits = 0;
	watch = register_wide_hw_breakpoint(&attr, pks_watch_hit, NULL);
	if (IS_ERR_VALUE((unsigned long __force)watch))
		kunit_skip(test, "no watchpoint can be set");
	pks_try(&try);
	unregister_wide_hw_breakpoint(watch);
	KUNIT_EXPECT_EQ(test, pks_watch_hits, 0);
	pks_frames_expect_refused(test, &try, "watchpoints are set on this CPU");

	try.err = 1;
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, try.err, 0);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STEPPED), 1);
}

/* A load of SS, behind which comes no debug exception before the next instruction. */
static void pks_frames_load_ss(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	struct pks_try try = { .page = pks_test_page(test, pkey), .err = -EFAULT };
	unsigned long flags;

	WRITE_ONCE(*pks_alias(try.page), __KERNEL_DS);
	pks_rights_get(&try.rights[0]);
	local_irq_save(flags);
	asm volatile("	pushfq\n"
		     "	pop %[before]\n"
		     "1:	mov %[mem], %%ss\n"
		     "	xor %[err], %[err]\n"
		     "2:	pushfq\n"
		     "	pop %[after]\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [err] "+&r" (try.err), [before] "=&r" (try.flags[0]),
		       [after] "=&r" (try.flags[1])
		     : [mem] "m" (*(u16 *)try.page)
		     : "memory", "cc");
	local_irq_restore(flags);
	pks_rights_get(&try.rights[1]);
	try.flags[0] &= X86_EFLAGS_IF | X86_EFLAGS_TF;
	try.flags[1] &= X86_EFLAGS_IF | X86_EFLAGS_TF;
	pks_frames_expect_refused(test, &try, "such an instruction can't be");
}

/* NMIs would have the key. */
static void pks_frames_not_isolated(struct kunit *test)
{
	int pkey = pks_audited_key(test);
	struct pks_try try = { .page = pks_test_page(test, pkey) };

	pks_isolation_needed(test);
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, false), 0);
	pks_try(&try);
	KUNIT_EXPECT_EQ(test, pks_isolation_set(test, true), 0);
	pks_frames_expect_refused(test, &try, "NMIs would have the key");
}

static struct kunit_case pks_frames_cases[] = {
	KUNIT_CASE(pks_frames_traced),
	KUNIT_CASE(pks_frames_traced_for_ever),
	KUNIT_CASE(pks_frames_traced_in_a_scope),
	KUNIT_CASE(pks_frames_traced_in_a_step),
	KUNIT_CASE(pks_frames_traced_in_a_window),
	KUNIT_CASE(pks_frames_watched),
	KUNIT_CASE(pks_frames_load_ss),
	KUNIT_CASE(pks_frames_not_isolated),
	{}
};

struct kunit_suite pks_frames_suite = {
	.name		= "pks_frames",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_frames_cases,
};
