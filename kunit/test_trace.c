// SPDX-License-Identifier: GPL-2.0
/* Who listens to updates of rights is told of each, and changes none of them. */
#include "pks_test.h"
#include <linux/tracepoint.h>
#include <trace/events/pks.h>

#define PKS_TRACE_MAX	16

/* Updates of one key, as its trace event has them. */
static struct pks_trace {
	int		pkey;
	bool		on;
	unsigned int	nr;
	struct {
		u32	former;
		u32	access;
	} seen[PKS_TRACE_MAX];
} pks_trace;

/* One thread at a time has to do with the key. */
static void pks_trace_probe(void *data, int pkey, u32 former, u32 access)
{
	if (pkey != pks_trace.pkey)
		return;
	if (pks_trace.nr < PKS_TRACE_MAX) {
		pks_trace.seen[pks_trace.nr].former = former;
		pks_trace.seen[pks_trace.nr].access = access;
	}
	pks_trace.nr++;
}

static void pks_trace_listen(struct kunit *test, int pkey)
{
	pks_trace.pkey = pkey;
	pks_trace.nr = 0;
	KUNIT_ASSERT_EQ(test, 0, register_trace_pks_rights(pks_trace_probe, NULL));
	pks_trace.on = true;
}

static void pks_trace_stop(void)
{
	if (!pks_trace.on)
		return;
	unregister_trace_pks_rights(pks_trace_probe, NULL);
	tracepoint_synchronize_unregister();
	pks_trace.on = false;
}

static void pks_trace_exit(struct kunit *test)
{
	pks_trace_stop();
	pks_fixture_exit(test);
}

/* The next update is from @former to @access, and was the last. */
static void pks_trace_expect(struct kunit *test, u32 former, u32 access)
{
	KUNIT_EXPECT_EQ(test, pks_trace.nr, 1);
	KUNIT_EXPECT_EQ(test, pks_trace.seen[0].former, former);
	KUNIT_EXPECT_EQ(test, pks_trace.seen[0].access, access);
	pks_trace.nr = 0;
}

/* A thread's first scope is not made in place, whoever listens. */
static void pks_trace_first(void *data)
{
	pks_part_open(data);
	pks_part_close(data);
}

static void pks_trace_scopes(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);
	int pkey = part.pkey, outer, inner;
	u64 *page = part.page;

	pks_trace_first(&part);
	pks_trace_listen(test, pkey);
	outer = pks_enter(pkey, PKS_READWRITE);
	pks_trace_expect(test, PKS_NOACCESS, PKS_READWRITE);
	pks_expect_write(test, page, true);
	inner = pks_enter(pkey, PKS_READONLY);
	pks_trace_expect(test, PKS_READWRITE, PKS_READONLY);
	pks_expect_read(test, page, true);
	pks_expect_write(test, page, false);
	pks_leave(pkey, inner);
	pks_trace_expect(test, PKS_READONLY, PKS_READWRITE);
	pks_expect_write(test, page, true);
	/* One that changes nothing is no update. */
	inner = pks_enter(pkey, PKS_READWRITE);
	pks_leave(pkey, inner);
	KUNIT_EXPECT_EQ(test, pks_trace.nr, 0);
	pks_leave(pkey, outer);
	pks_trace_expect(test, PKS_READWRITE, PKS_NOACCESS);
	pks_expect_read(test, page, false);
}

static void pks_trace_functions(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	u64 *page = pks_test_page(test, pkey);

	pks_trace_listen(test, pkey);
	pks_mk_readonly(pkey);
	pks_trace_expect(test, PKS_NOACCESS, PKS_READONLY);
	pks_mk_readwrite(pkey);
	pks_trace_expect(test, PKS_READONLY, PKS_READWRITE);
	pks_expect_write(test, page, true);
	pks_mk_noaccess(pkey);
	pks_trace_expect(test, PKS_READWRITE, PKS_NOACCESS);
	pks_mk_noaccess(pkey);
	KUNIT_EXPECT_EQ(test, pks_trace.nr, 0);
	pks_expect_read(test, page, false);
}

/* Scopes that began unseen: a sleeping thread's, and a running one's. */
static void pks_trace_asleep(struct kunit *test)
{
	struct pks_actor *sleeper = pks_actor(test, "pks-sleeper", -1);
	struct pks_part part = pks_test_part(test, PKS_READWRITE);

	pks_actor_do(test, sleeper, pks_trace_first, &part);
	pks_actor_do(test, sleeper, pks_part_open, &part);
	pks_trace_listen(test, part.pkey);
	pks_actor_do(test, sleeper, pks_part_look, &part);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READWRITE), "the sleeper");
	pks_actor_do(test, sleeper, pks_part_close, &part);
	pks_trace_expect(test, PKS_READWRITE, PKS_NOACCESS);
}

static void pks_trace_running(struct kunit *test)
{
	struct pks_actor *spinner = pks_actor(test, "pks-spinner", pks_other_cpu(test));
	struct pks_part part = pks_test_part(test, PKS_READONLY);

	pks_actor_do(test, spinner, pks_trace_first, &part);
	pks_actor_begin(spinner, pks_part_spin, &part);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&part.ready));
	pks_trace_listen(test, part.pkey);
	WRITE_ONCE(part.stop, true);
	KUNIT_ASSERT_TRUE(test, pks_actor_wait(spinner));
	pks_trace_expect(test, PKS_READONLY, PKS_NOACCESS);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READONLY), "the spinner");
}

/* A scope that is seen to begin ends as well when no one listens any more. */
static void pks_trace_no_more(struct kunit *test)
{
	struct pks_part part = pks_test_part(test, PKS_READWRITE);

	pks_trace_listen(test, part.pkey);
	pks_part_open(&part);
	pks_trace_expect(test, PKS_NOACCESS, PKS_READWRITE);
	pks_trace_stop();
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey,
			 pks_test_pkrs(part.pkey, PKS_READWRITE), "inside");
	pks_part_close(&part);
	pks_part_look(&part);
	pks_expect_sight(test, &part.sight, part.pkey, PKS_TEST_CLOSED, "afterwards");
	KUNIT_EXPECT_EQ(test, pks_trace.nr, 0);
	/* Updates are made in place again. */
	pks_isolation_needed(test);
	KUNIT_EXPECT_FALSE(test, this_cpu_read(pks_pkrs) & PKS_WORD_FLAGS);
}

static struct kunit_case pks_trace_cases[] = {
	KUNIT_CASE(pks_trace_scopes),
	KUNIT_CASE(pks_trace_functions),
	KUNIT_CASE(pks_trace_asleep),
	KUNIT_CASE(pks_trace_running),
	KUNIT_CASE(pks_trace_no_more),
	{}
};

struct kunit_suite pks_trace_suite = {
	.name		= "pks_trace",
	.init		= pks_fixture_init,
	.exit		= pks_trace_exit,
	.test_cases	= pks_trace_cases,
};
