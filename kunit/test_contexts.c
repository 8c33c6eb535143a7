// SPDX-License-Identifier: GPL-2.0
/*
 * Violations in every context, on all CPUs at once, and of memory that goes away
 * meanwhile: what is recorded of them is what was done.
 */
#include "pks_test.h"
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

KUNIT_ARRAY_PARAM(pks_place, pks_places, pks_place_name);

/* The newest report names the context, the task and the CPU. */
static void pks_contexts_expect_report(struct kunit *test,
				       const struct pks_try *try,
				       const char *context)
{
	const char *line = pks_line_with(test, pks_file_read(test, "faults"),
					 " at 0x");
	char expected[96];

	snprintf(expected, sizeof(expected), "%s at 0x%lx by %s/%d (%s) on CPU %d:",
		 try->write ? "Write" : "Read", (unsigned long)try->page, try->comm,
		 try->pid, context, try->cpu);
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_STREQ(test, line, (const char *)expected);
}

static void pks_contexts_denied(struct kunit *test)
{
	const struct pks_place *place = test->param_value;
	int pkey = pks_test_key(test, 0), write;
	u64 *page = pks_test_page(test, pkey);

	for (write = 0; write < 2; write++) {
		struct pks_try try = { .page = page + 5, .write = write };

		pks_violations_clear();
		pks_place_do(test, place, pks_try, &try);
		KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		pks_expect_violation(test, pks_violation(0), &try, pkey,
				     PKS_NOACCESS, PKS_FAULT_STOPPED);
		pks_expect_untouched(test, &try);
		pks_contexts_expect_report(test, &try, place->context);
	}
}

/* Interrupts come from the default: what they interrupt has a key open. */
static void pks_contexts_over_a_scope(struct kunit *test)
{
	const struct pks_place *place = test->param_value;
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	struct pks_try try = { .page = part.page };
	bool process = !strcmp(place->context, "process");

	pks_isolation_needed(test);
	pks_part_open(&part);
	pks_place_do(test, place, pks_try, &try);
	pks_part_look(&part);
	pks_part_close(&part);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READWRITE), "the thread");
	/* Other threads are not the one with the scope. */
	if (process && try.pid == current->pid) {
		KUNIT_EXPECT_EQ(test, try.err, 0);
		KUNIT_EXPECT_EQ(test, pks_violations(), 0);
		return;
	}
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, part.pkey, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
	KUNIT_EXPECT_EQ(test, try.rights[0].word, PKS_TEST_CLOSED);
}

/* In a process that is about to execute a program. */
static void pks_contexts_user_process(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_try try = { .page = pks_test_page(test, pkey) };
	struct pks_shell shell = {
		.command = "exit 3", .act = pks_try, .data = &try,
	};
	int status = pks_shell_run(test, &shell, UMH_WAIT_PROC);

	if (status < 0)
		kunit_skip(test, "/bin/sh can't be run");
	KUNIT_EXPECT_EQ(test, status, 3);
	KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, pkey, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
	pks_contexts_expect_report(test, &try, "process");
}

/* All CPUs at the same moment. */
struct pks_burst {
	atomic_t	waiting;
	bool		go;
};

struct pks_burst_part {
	struct pks_burst	*burst;
	u64			*page;
	unsigned int		cpu;
	unsigned int		through;
};

#define PKS_BURST_FAULTS	40

static void pks_burst_act(void *data)
{
	struct pks_burst_part *part = data;
	u64 val;
	int i;

	atomic_dec(&part->burst->waiting);
	pks_spin_until(&part->burst->go);
	for (i = 0; i < PKS_BURST_FAULTS; i += 2) {
		part->through += !pks_try_read(part->page, &val);
		part->through += !pks_try_write(part->page, i);
	}
}

static unsigned int pks_burst_recorded(unsigned int cpu)
{
	const struct pks_violation *seen;
	unsigned int i, count = 0;

	for (i = 0; (seen = pks_violation(i)); i++)
		count += seen->info.cpu == cpu;
	return count;
}

static void pks_contexts_burst(struct kunit *test)
{
	struct pks_burst burst = { .waiting = ATOMIC_INIT(0) };
	struct pks_burst_part parts[8];
	struct pks_actor *actors[8];
	struct pks_faults_kept before, after;
	unsigned int cpu, i, nr = 0, total;
	int pkey = pks_test_key(test, 0);

	before = pks_faults_kept(test);
	for_each_online_cpu(cpu) {
		if (nr == ARRAY_SIZE(parts))
			break;
		parts[nr] = (struct pks_burst_part){
			&burst, pks_test_page(test, pkey), cpu,
		};
		actors[nr++] = pks_actor(test, "pks-burst", cpu);
	}
	atomic_set(&burst.waiting, nr);
	for (i = 0; i < nr; i++)
		pks_actor_begin(actors[i], pks_burst_act, &parts[i]);
	while (atomic_read(&burst.waiting))
		cond_resched();
	WRITE_ONCE(burst.go, true);
	total = nr * PKS_BURST_FAULTS;
	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, parts[i].through, 0);
		KUNIT_EXPECT_EQ(test, pks_burst_recorded(parts[i].cpu),
				PKS_BURST_FAULTS);
	}
	KUNIT_EXPECT_EQ(test, pks_violations(), total);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED), total);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, pkey).reads, total / 2);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, pkey).writes, total / 2);
	KUNIT_EXPECT_EQ(test, pks_policy_row(test, pkey).stopped, total);
	after = pks_faults_kept(test);
	KUNIT_EXPECT_EQ(test, after.violations, before.violations + total);
	/* More than a CPU keeps. */
	KUNIT_EXPECT_GT(test, after.overwritten, before.overwritten);
}

/* The mapping is gone, or changed, when the fault is looked at. */
static void pks_contexts_mapping_gone(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), write;
	u64 *page = pks_test_page(test, pkey);
	struct pks_tear tear;

	/* Neither is asked about what is not known to be of this key. */
	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_PANIC));
	pks_tear_init(test, &tear, page);
	for (write = 0; write < 2; write++) {
		struct pks_try try = { .page = page, .write = write };

		pks_violations_clear();
		pks_tear_try(test, &tear, 0, &try);
		KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		pks_expect_violation(test, pks_violation(0), &try, 0, PKS_NOACCESS,
				     PKS_FAULT_STOPPED);
		pks_expect_untouched(test, &try);
	}
}

static void pks_contexts_key_taken_out(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	u64 *page = pks_test_page(test, pkey);
	struct pks_try try = { .page = page };
	struct pks_tear tear;

	KUNIT_ASSERT_EQ(test, 0, pks_set_policy(pkey, PKS_POLICY_PANIC));
	pks_tear_init(test, &tear, page);
	pks_tear_try(test, &tear, pte_val(*tear.pte) & ~_PAGE_PKEY(15), &try);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, 0, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
}

/* What is there now is another's, closed as well or open. */
static void pks_contexts_key_exchanged(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), other = pks_test_key(test, 0), former;
	u64 *page = pks_test_page(test, pkey);
	struct pks_try try = { .page = page };
	struct pks_tear tear;
	pteval_t exchanged;

	pks_tear_init(test, &tear, page);
	exchanged = (pte_val(*tear.pte) & ~_PAGE_PKEY(15)) | _PAGE_PKEY(other);
	pks_tear_try(test, &tear, exchanged, &try);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, other, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);

	pks_violations_clear();
	former = pks_enter(other, PKS_READONLY);
	pks_tear_try(test, &tear, exchanged, &try);
	pks_leave(other, former);
	KUNIT_EXPECT_EQ(test, pks_violations(), 1);
	pks_expect_violation(test, pks_violation(0), &try, 0, PKS_NOACCESS,
			     PKS_FAULT_STOPPED);
}

/* Accesses of memory whose mapping comes, goes and changes all the time. */
struct pks_flicker {
	u64		*page;
	bool		stop;
	unsigned int	tries;
	unsigned int	odd;
};

static void pks_flicker_act(void *data)
{
	struct pks_flicker *flicker = data;
	u64 *page, val;
	int err;

	while (!READ_ONCE(flicker->stop)) {
		page = READ_ONCE(flicker->page);
		err = page ? pks_try_read(page, &val) : 0;
		flicker->odd += err && err != -EFAULT;
		flicker->tries++;
		if (!(flicker->tries % 64))
			cond_resched();
	}
}

#define PKS_FLICKERS		4
#define PKS_FLICKER_ROUNDS	1000

static void pks_flickers_begin(struct kunit *test, struct pks_actor **actors,
			       struct pks_flicker *flickers, u64 *page)
{
	int i;

	for (i = 0; i < PKS_FLICKERS; i++) {
		flickers[i] = (struct pks_flicker){ .page = page };
		actors[i] = pks_actor(test, "pks-flicker", -1);
		pks_actor_begin(actors[i], pks_flicker_act, &flickers[i]);
	}
}

static void pks_flickers_end(struct kunit *test, struct pks_actor **actors,
			     struct pks_flicker *flickers)
{
	unsigned long end = jiffies + PKS_TEST_PATIENCE;
	int i;

	/* On a single CPU they may not have begun. */
	for (i = 0; i < PKS_FLICKERS; i++) {
		while (!READ_ONCE(flickers[i].tries) && time_before(jiffies, end))
			usleep_range(200, 500);
		WRITE_ONCE(flickers[i].stop, true);
	}
	for (i = 0; i < PKS_FLICKERS; i++) {
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_GT(test, flickers[i].tries, 0);
		KUNIT_EXPECT_EQ(test, flickers[i].odd, 0);
	}
	/* Whatever they met, it was stopped, or none of ours. */
	KUNIT_EXPECT_GT(test, pks_violations(), 0);
	KUNIT_EXPECT_EQ(test, pks_violations_that(PKS_FAULT_STOPPED),
			pks_violations());
}

static void pks_contexts_entry_flickers(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), other = pks_test_key(test, 0), i;
	u64 *page = pks_test_page(test, pkey);
	struct pks_flicker flickers[PKS_FLICKERS];
	struct pks_actor *actors[PKS_FLICKERS];
	struct pks_tear tear;
	pteval_t vals[4];

	pks_tear_init(test, &tear, page);
	vals[0] = 0;
	vals[1] = pte_val(*tear.pte);
	vals[2] = vals[1] & ~_PAGE_PKEY(15);
	vals[3] = vals[2] | _PAGE_PKEY(other);
	pks_flickers_begin(test, actors, flickers, page);
	for (i = 0; i < PKS_FLICKER_ROUNDS; i++) {
		pks_pte_set(tear.pte, page, vals[i % 4]);
		cond_resched();
	}
	pks_pte_set(tear.pte, page, vals[1]);
	pks_flickers_end(test, actors, flickers);
}

static void pks_contexts_mapping_flickers(struct kunit *test)
{
	int pkey = pks_test_key(test, 0), i, j;
	struct pks_flicker flickers[PKS_FLICKERS];
	struct pks_actor *actors[PKS_FLICKERS];
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	void *map;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_flickers_begin(test, actors, flickers, NULL);
	for (i = 0; i < PKS_FLICKER_ROUNDS / 4; i++) {
		map = vmap(&page, 1, VM_MAP, PAGE_KERNEL_PKEY(pkey));
		for (j = 0; j < PKS_FLICKERS; j++)
			WRITE_ONCE(flickers[j].page, map);
		usleep_range(50, 100);
		vunmap(map);
		/* Its addresses can be used anew, and the threads go on. */
		if (!(i % 8))
			vm_unmap_aliases();
	}
	for (j = 0; j < PKS_FLICKERS; j++)
		WRITE_ONCE(flickers[j].page, NULL);
	pks_flickers_end(test, actors, flickers);
	__free_page(page);
}

/* A key in an entry that maps 2M, of the direct map. */
static void pks_contexts_large_page(struct kunit *test)
{
	const unsigned int order = PMD_SHIFT - PAGE_SHIFT;
	int pkey = pks_test_key(test, 0), level = 0, write;
	struct page *pages = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN,
					 order);
	pteval_t before;
	pte_t *entry;
	u64 *at;

	if (!pages)
		kunit_skip(test, "no memory for a large page");
	at = page_address(pages) + 123 * PAGE_SIZE;
	entry = lookup_address((unsigned long)at, &level);
	if (level != PG_LEVEL_2M) {
		__free_pages(pages, order);
		kunit_skip(test, "the direct map has no 2M page there");
	}
	before = pte_val(*entry);
	pks_pte_set(entry, at, before | _PAGE_PKEY(pkey));
	for (write = 0; write < 2; write++) {
		struct pks_try try = { .page = at, .write = write, .val = 9 };

		pks_violations_clear();
		pks_try(&try);
		KUNIT_EXPECT_EQ(test, try.err, -EFAULT);
		KUNIT_EXPECT_EQ(test, pks_violations(), 1);
		pks_expect_violation(test, pks_violation(0), &try, pkey,
				     PKS_NOACCESS, PKS_FAULT_STOPPED);
	}
	pks_pte_set(entry, at, before);
	KUNIT_EXPECT_EQ(test, *at, 0);
	__free_pages(pages, order);
}

static struct kunit_case pks_contexts_cases[] = {
	KUNIT_CASE_PARAM(pks_contexts_denied, pks_place_gen_params),
	KUNIT_CASE_PARAM(pks_contexts_over_a_scope, pks_place_gen_params),
	KUNIT_CASE(pks_contexts_user_process),
	KUNIT_CASE(pks_contexts_burst),
	KUNIT_CASE(pks_contexts_mapping_gone),
	KUNIT_CASE(pks_contexts_key_taken_out),
	KUNIT_CASE(pks_contexts_key_exchanged),
	KUNIT_CASE(pks_contexts_entry_flickers),
	KUNIT_CASE(pks_contexts_mapping_flickers),
	KUNIT_CASE(pks_contexts_large_page),
	{}
};

struct kunit_suite pks_contexts_suite = {
	.name		= "pks_contexts",
	.init		= pks_violations_init,
	.exit		= pks_violations_exit,
	.test_cases	= pks_contexts_cases,
};
