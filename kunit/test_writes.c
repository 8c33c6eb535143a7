// SPDX-License-Identifier: GPL-2.0
/* Writing rarely: only there, only that, and closed again. */
#include "pks_test.h"
#include <linux/mm.h>
#include <linux/pks_domain.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define PKS_WRITES_SIZE		(4 * PAGE_SIZE)

static u8 *pks_writes_area(struct kunit *test, struct pks_domain *domain)
{
	u8 *area = pks_domain_vmalloc(domain, PKS_WRITES_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, area);
	return area;
}

static u8 *pks_writes_source(struct kunit *test)
{
	u8 *source = kunit_kzalloc(test, PKS_WRITES_SIZE, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, source);
	for (i = 0; i < PKS_WRITES_SIZE; i++)
		source[i] = i * 7 + i / 256 + 1;
	return source;
}

/* The rights are as before, in word and MSR, and the memory is closed. */
static void pks_writes_expect_closed(struct kunit *test, void *addr)
{
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, pks_test_rdmsr(), PKS_TEST_CLOSED);
	pks_expect_no_access(test, addr);
}

/* [at, at + len) is @source, and all around it is zero. */
static bool pks_writes_are(struct pks_domain *domain, const u8 *area, size_t at,
			   const u8 *source, size_t len)
{
	int former = pks_domain_enter(domain, PKS_READONLY);
	bool are;

	are = !memcmp(area + at, source, len) && !memchr_inv(area, 0, at) &&
	      !memchr_inv(area + at + len, 0, PKS_WRITES_SIZE - at - len);
	pks_domain_leave(domain, former);
	return are;
}

static void pks_writes_lengths(struct kunit *test)
{
	static const size_t lens[] = { 0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 64, 100, 4095, 4096,
		4097, 8191, 8192, 8193 };
	static const size_t ats[] = { 0, 1, 5, 4090, 4095, 4096, 4097, 8191 };
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *source = pks_writes_source(test);
	unsigned int i, j, bad = 0;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		for (j = 0; j < ARRAY_SIZE(ats); j++) {
			if (ats[j] + lens[i] > PKS_WRITES_SIZE)
				continue;
			bad += !!pks_write(domain, area + ats[j], source + j, lens[i]);
			bad += !pks_writes_are(domain, area, ats[j], source + j, lens[i]);
			bad += !!pks_memset(domain, area + ats[j], 0, lens[i]);
			bad += !pks_test_all(domain, area, 0, PKS_WRITES_SIZE);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, source, PKS_WRITES_SIZE), 0);
	KUNIT_EXPECT_TRUE(test, pks_writes_are(domain, area, 0, source, PKS_WRITES_SIZE));
	pks_writes_expect_closed(test, area);
	pks_domain_vfree(domain, area);
}

/* The owner's pages, taken in one by one: areas that touch. */
static void pks_writes_across_areas(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *pages = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	u8 *source = pks_writes_source(test);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, pages + i * PAGE_SIZE,
							 1), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, pages + 100, source,
					2 * PAGE_SIZE + 1000), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u64 *)(pages + PAGE_SIZE - 8), 1), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, pages + 2 * PAGE_SIZE, source,
					PAGE_SIZE + 1),
			-EFAULT);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, pages + i * PAGE_SIZE,
							   1), 0);
	KUNIT_EXPECT_EQ(test, *(u64 *)(pages + PAGE_SIZE - 8), 1);
	KUNIT_EXPECT_EQ(test, memcmp(pages + PAGE_SIZE, source + PAGE_SIZE - 100,
				     PAGE_SIZE + 1100), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(pages + 3 * PAGE_SIZE, 0, PAGE_SIZE));
	free_pages((unsigned long)pages, 2);
}

static void pks_writes_refused(struct kunit *test, struct pks_domain *domain, void *dst,
			       size_t len, const char *what)
{
	u8 *source = pks_writes_source(test);
	struct pks_write_op op = { dst, source, min_t(size_t, len, PAGE_SIZE) };

	KUNIT_EXPECT_EQ_MSG(test, pks_write(domain, dst, source, len), -EFAULT, "%s",
			    what);
	KUNIT_EXPECT_EQ_MSG(test, pks_memset(domain, dst, 1, len), -EFAULT, "%s", what);
	if (len <= PAGE_SIZE)
		KUNIT_EXPECT_EQ_MSG(test, pks_write_batch(domain, &op, 1), -EFAULT, "%s",
				    what);
}

static void pks_writes_bounds(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *end = area + PKS_WRITES_SIZE;
	u64 *plain = kunit_kzalloc(test, 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, plain);
	pks_writes_refused(test, domain, area - 1, 1, "before");
	pks_writes_refused(test, domain, area - 1, 2, "from before");
	pks_writes_refused(test, domain, end, 1, "after");
	pks_writes_refused(test, domain, end - 1, 2, "to after");
	pks_writes_refused(test, domain, area, PKS_WRITES_SIZE + 1, "more than all");
	pks_writes_refused(test, domain, area + 1, PKS_WRITES_SIZE, "all, shifted");
	pks_writes_refused(test, other, area, 8, "another domain");
	pks_writes_refused(test, domain, plain, 8, "plain memory");
	pks_writes_refused(test, domain, plain, 0, "nothing, in plain memory");
	pks_writes_refused(test, domain, NULL, 1, "NULL");
	pks_writes_refused(test, domain, (void *)8, 1, "the user's");
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, plain, SIZE_MAX), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, area, 1, SIZE_MAX), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, plain, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_assign(other, (u64 *)area, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u64 *)end, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u64 *)(area - 8), 1), -EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0, PKS_WRITES_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(plain, 0, 64));
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "writes:"), 0);
	pks_writes_expect_closed(test, area);
	pks_domain_vfree(domain, area);
}

/* What was read before the fault has been written, and nothing stays open. */
static void pks_writes_bad_sources(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *closed = pks_writes_area(test, other);
	u8 *hole = vmalloc(PAGE_SIZE);
	struct pks_write_op ops[2];

	KUNIT_ASSERT_NOT_NULL(test, hole);
	memset(hole, 0x11, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, closed, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, hole + PAGE_SIZE, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, NULL, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, (void *)0x1000, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, (void *)-4UL, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, (void *)(1UL << 62), 8), -EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0, PKS_WRITES_SIZE));
	KUNIT_EXPECT_EQ(test, pks_write(domain, area + 4000, hole + PAGE_SIZE - 200, 300),
			-EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_writes_are(domain, area, 4000, hole, 200));
	ops[0] = (struct pks_write_op){ area, hole, 8 };
	ops[1] = (struct pks_write_op){ area + 8, closed, 8 };
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 2), -EFAULT);
	ops[1].src = NULL;
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 2), -EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0x11, 8));
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area + 8, 0, 100));
	/* No violation: it is a source that could not be read. */
	KUNIT_EXPECT_EQ(test, pks_console_count("BUG: PKS"), 0);
	pks_writes_expect_closed(test, area);
	pks_domain_vfree(domain, area);
	pks_domain_vfree(other, closed);
	vfree(hole);
}

/* A domain may be written with what is in it, or in another one that is open. */
static void pks_writes_open_sources(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *more = pks_writes_area(test, other);
	int former;

	KUNIT_EXPECT_EQ(test, pks_memset(domain, area, 0x21, 100), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area + 5000, area, 100), 0);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area + 5000, 0x21, 100));
	former = pks_domain_enter(domain, PKS_READONLY);
	KUNIT_EXPECT_EQ(test, pks_write(other, more, area, 100), 0);
	/* The scope is as it was. */
	pks_expect_read(test, (u64 *)area, true);
	pks_expect_write(test, (u64 *)area, false);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, more, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, area + 200, 0x22, 8), 0);
	pks_expect_write(test, (u64 *)area, false);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(),
			pks_test_pkrs(domain->pkey, PKS_READONLY));
	pks_domain_leave(domain, former);
	KUNIT_EXPECT_TRUE(test, pks_test_all(other, more, 0x21, 100));
	pks_domain_vfree(domain, area);
	pks_domain_vfree(other, more);
}

struct pks_writes_vars {
	u8	one[8];
	u16	two[4];
	u32	four[2];
	u64	eight;
	void	*pointer;
	int	number;
	bool	flag;
};

static void pks_writes_assign(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_READONLY);
	struct pks_writes_vars *vars = pks_domain_alloc(domain, sizeof(*vars),
							GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vars);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->one[3], 0xab), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->two[1], 0xabcd), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->four[1], 0xabcdef01), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->eight, 0x0123456789abcdef), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->pointer, test), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->number, -5), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &vars->flag, true), 0);
	/* Everything around is as it was. */
	KUNIT_EXPECT_EQ(test, *(u64 *)vars->one, 0xab000000);
	KUNIT_EXPECT_EQ(test, *(u64 *)vars->two, 0xabcd0000);
	KUNIT_EXPECT_EQ(test, *(u64 *)vars->four, 0xabcdef0100000000);
	KUNIT_EXPECT_EQ(test, vars->eight, 0x0123456789abcdef);
	KUNIT_EXPECT_PTR_EQ(test, vars->pointer, (void *)test);
	KUNIT_EXPECT_EQ(test, vars->number, -5);
	KUNIT_EXPECT_EQ(test, vars->flag, true);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "writes:"), 7);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "bytes:"), 28);
	pks_domain_free(domain, vars);
}

static void pks_writes_misaligned(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain);
	int i;

	for (i = 1; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, pks_assign(domain, (u64 *)(area + i), ~0ULL),
				-EFAULT);
		if (i % 4)
			KUNIT_EXPECT_EQ(test, pks_assign(domain, (u32 *)(area + i), ~0U),
					-EFAULT);
		if (i % 2)
			KUNIT_EXPECT_EQ(test, pks_assign(domain, (u16 *)(area + i),
							 0xffff),
					-EFAULT);
	}
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u64 *)(area + PAGE_SIZE - 4), 1),
			-EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0, PKS_WRITES_SIZE));
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u32 *)(area + 4), 1), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u16 *)(area + 2), 1), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, area + 1, 1), 0);
	pks_domain_vfree(domain, area);
}

/* A config that readers follow without a lock: old or new, never half of each. */
struct pks_writes_config {
	u64	number;
	u64	inverse;
};

struct pks_writes_root {
	struct pks_writes_config __rcu	*config;
};

struct pks_writes_reader {
	struct pks_writes_root	*root;
	bool			stop;
	unsigned int		reads;
	unsigned int		changes;
	unsigned int		bad;
};

static void pks_writes_reader_act(void *data)
{
	struct pks_writes_reader *reader = data;
	struct pks_writes_config *config;
	u64 last = 0;

	while (!READ_ONCE(reader->stop)) {
		rcu_read_lock();
		config = rcu_dereference(reader->root->config);
		reader->bad += config->number != ~config->inverse || config->number < last;
		reader->changes += config->number != last;
		last = config->number;
		rcu_read_unlock();
		reader->reads++;
		cond_resched();
	}
}

static int pks_writes_publish(struct pks_domain *domain, struct pks_writes_root *root,
			      u64 nr)
{
	struct pks_writes_config *old = rcu_dereference_protected(root->config, 1);
	struct pks_writes_config *new = pks_domain_alloc(domain, sizeof(*new),
							 GFP_KERNEL);
	struct pks_writes_config value = { nr, ~nr };
	int err;

	if (!new)
		return -ENOMEM;
	err = pks_write(domain, new, &value, sizeof(value)) ?:
	      pks_rcu_assign(domain, &root->config, new);
	pks_domain_free_rcu(domain, old);
	return err;
}

static void pks_writes_rcu(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_READONLY);
	struct pks_actor *actor = pks_actor(test, "pks-rcu", pks_other_cpu(test));
	struct pks_writes_root *root = pks_domain_alloc(domain, sizeof(*root),
							GFP_KERNEL);
	struct pks_writes_reader reader = { .root = root };
	unsigned int i, failed = 0;

	KUNIT_ASSERT_NOT_NULL(test, root);
	KUNIT_EXPECT_EQ(test, pks_writes_publish(domain, root, 1), 0);
	pks_actor_begin(actor, pks_writes_reader_act, &reader);
	for (i = 2; i < 5000; i++) {
		failed += !!pks_writes_publish(domain, root, i);
		cond_resched();
	}
	WRITE_ONCE(reader.stop, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, reader.bad, 0);
	KUNIT_EXPECT_GT(test, reader.reads, 100);
	KUNIT_EXPECT_GT(test, reader.changes, 10);
	pks_domain_free_rcu(domain, rcu_dereference_protected(root->config, 1));
	pks_domain_free(domain, root);
}

static void pks_writes_batch(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *source = pks_writes_source(test);
	struct pks_write_op ops[] = {
		{ area, source, 10 },
		{ area + 4090, source, 12 },
		{ area + 8000, source, 0 },
		{ area + PKS_WRITES_SIZE - 1, source, 1 },
	};
	int former;

	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, ARRAY_SIZE(ops)), 0);
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 0), 0);
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, NULL, 0), 0);
	former = pks_domain_enter(domain, PKS_READONLY);
	KUNIT_EXPECT_EQ(test, memcmp(area, source, 10), 0);
	KUNIT_EXPECT_EQ(test, memcmp(area + 4090, source, 12), 0);
	KUNIT_EXPECT_EQ(test, area[PKS_WRITES_SIZE - 1], source[0]);
	KUNIT_EXPECT_NULL(test, memchr_inv(area + 10, 0, 4080));
	KUNIT_EXPECT_NULL(test, memchr_inv(area + 4102, 0, PKS_WRITES_SIZE - 4103));
	pks_domain_leave(domain, former);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "writes:"), 4);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "bytes:"), 23);
	pks_writes_expect_closed(test, area);
	pks_domain_vfree(domain, area);
}

/* One that is out of bounds, wherever it stands, and none is carried out. */
static void pks_writes_batch_all_or_nothing(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *source = pks_writes_source(test);
	struct pks_write_op ops[3];
	int i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++)
			ops[j] = (struct pks_write_op){ area + 100 * j, source, 10 };
		ops[i].dst = area + PKS_WRITES_SIZE - 9;
		KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 3), -EFAULT);
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0, PKS_WRITES_SIZE));
	}
	ops[0] = (struct pks_write_op){ area, source, PAGE_SIZE - 10 };
	ops[1] = (struct pks_write_op){ area + 5000, source, 11 };
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 2), -E2BIG);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0, PKS_WRITES_SIZE));
	ops[0].len = PAGE_SIZE + 1;
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 1), -E2BIG);
	ops[1].len = SIZE_MAX;
	KUNIT_EXPECT_NE(test, pks_write_batch(domain, ops, 2), 0);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, area, 0, PKS_WRITES_SIZE));
	ops[0].len = PAGE_SIZE - 10;
	ops[1].len = 10;
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, ops, 2), 0);
	pks_domain_vfree(domain, area);
}

struct pks_writes_job {
	struct pks_domain	*domain;
	u8			*area;
	int			errs[4];
	struct pks_sight	sight;
	bool			irqs;
};

static void pks_writes_act(void *data)
{
	struct pks_writes_job *job = data;
	u64 value = 0x1111111111111111;
	struct pks_write_op op = { job->area + 200, &value, sizeof(value) };
	bool irqs = irqs_disabled();

	job->errs[0] = pks_write(job->domain, job->area, &value, sizeof(value));
	job->errs[1] = pks_memset(job->domain, job->area + 100, 0x11, 8);
	job->errs[2] = pks_write_batch(job->domain, &op, 1);
	job->errs[3] = pks_assign(job->domain, (u64 *)(job->area + 304), value);
	job->irqs = irqs == irqs_disabled();
	pks_look(&job->sight, (u64 *)job->area);
}

static void pks_writes_expect_job(struct kunit *test, const struct pks_writes_job *job,
				  const char *who)
{
	static const int ats[] = { 0, 100, 200, 304 };
	int i;

	for (i = 0; i < ARRAY_SIZE(ats); i++) {
		KUNIT_EXPECT_EQ_MSG(test, job->errs[i], 0, "%s", who);
		KUNIT_EXPECT_TRUE_MSG(test, pks_test_all(job->domain, job->area + ats[i],
							 0x11, 8), "%s", who);
	}
	KUNIT_EXPECT_TRUE_MSG(test, job->irqs, "%s", who);
	pks_expect_sight(test, &job->sight, job->domain->pkey, PKS_TEST_CLOSED, who);
	KUNIT_EXPECT_EQ(test, pks_memset(job->domain, job->area, 0, PAGE_SIZE), 0);
}

static void pks_writes_anywhere(struct kunit *test)
{
	struct pks_writes_job job = { .domain = pks_test_domain(test, 0) };
	struct pks_actor *actor = pks_actor(test, "pks-writer", -1);
	int i, former;

	/* Otherwise a handler on top of a scope has what the scope has. */
	pks_isolation_needed(test);
	job.area = pks_writes_area(test, job.domain);
	for (i = 0; i < PKS_TEST_WAYS; i++) {
		memset(job.errs, -1, sizeof(job.errs));
		pks_test_ways[i].run(test, pks_writes_act, &job);
		pks_writes_expect_job(test, &job, pks_test_ways[i].name);
		/* On top of a thread that has it open: that stays so. */
		former = pks_domain_enter(job.domain, PKS_READWRITE);
		pks_test_ways[i ?: 1].run(test, pks_writes_act, &job);
		KUNIT_EXPECT_EQ(test, pks_current_pkrs(),
				pks_test_pkrs(job.domain->pkey, PKS_READWRITE));
		pks_expect_write(test, (u64 *)job.area, true);
		memset(job.area, 0x11, 8);
		pks_domain_leave(job.domain, former);
		pks_writes_expect_job(test, &job, "on top of a scope");
	}
	/* A thread that has never had a scope, and gets no record by it. */
	pks_actor_do(test, actor, pks_writes_act, &job);
	pks_writes_expect_job(test, &job, "a thread");
	pks_domain_vfree(job.domain, job.area);
}

/* Also where handlers can't hold rights. */
static void pks_writes_without_isolation(struct kunit *test)
{
	struct pks_writes_job job = { .domain = pks_test_domain(test, 0) };
	int i;

	pks_isolation_needed(test);
	job.area = pks_writes_area(test, job.domain);
	KUNIT_ASSERT_EQ(test, pks_isolation_set(test, false), 0);
	for (i = 0; i < PKS_TEST_WAYS; i++) {
		pks_test_ways[i].run(test, pks_writes_act, &job);
		pks_writes_expect_job(test, &job, pks_test_ways[i].name);
	}
	KUNIT_ASSERT_EQ(test, pks_isolation_set(test, true), 0);
	pks_domain_vfree(job.domain, job.area);
}

static void pks_writes_counted(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u8 *area = pks_writes_area(test, domain), *source = pks_writes_source(test);

	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "writes:"), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area, source, 5000), 0);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, area, 1, 6000), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, area, 1), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, area - 1, source, 5000), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "writes:"), 3);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "bytes:"), 11001);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "scopes:"), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "violations:"), 0);
	pks_domain_vfree(domain, area);
}

#define PKS_WRITES_THREADS	4

struct pks_writes_writer {
	struct pks_domain	*domain;
	u64			*page;
	unsigned int		bad;
};

static void pks_writes_write_much(void *data)
{
	struct pks_writes_writer *writer = data;
	u64 i;

	for (i = 0; i < 5000; i++) {
		writer->bad += !!pks_write(writer->domain, writer->page, &i, sizeof(i));
		writer->bad += pks_current_pkrs() != PKS_TEST_CLOSED;
	}
}

/* While a key is reset all the time: no writer's right is left, or taken, by it. */
static void pks_writes_and_resets(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_writes_writer writers[PKS_WRITES_THREADS];
	struct pks_actor *actors[PKS_WRITES_THREADS];
	u8 *area = pks_writes_area(test, domain);
	int i;

	for (i = 0; i < PKS_WRITES_THREADS; i++) {
		writers[i] = (struct pks_writes_writer){ domain, (u64 *)area + i };
		actors[i] = pks_actor(test, "pks-writer", i % num_online_cpus());
		pks_actor_begin(actors[i], pks_writes_write_much, &writers[i]);
	}
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, pks_key_set_default(domain->pkey, PKS_NOACCESS), 0);
	for (i = 0; i < PKS_WRITES_THREADS; i++) {
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, writers[i].bad, 0);
	}
	pks_writes_expect_closed(test, area);
	pks_domain_vfree(domain, area);
}

/* The entry that maps a page of vmalloc(). */
static pte_t *pks_writes_pte(struct kunit *test, void *addr)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)addr, &level);

	KUNIT_ASSERT_NOT_NULL(test, pte);
	KUNIT_ASSERT_EQ(test, level, PG_LEVEL_4K);
	return pte;
}

/* Memory of a domain that its owner has made unwritable, and what was written there. */
struct pks_unwritable {
	struct pks_domain	*domain;
	u64			*page;
	int			memset, assign, write, batch;
	u32			word, msr;
};

static void pks_unwritable_act(void *data)
{
	struct pks_unwritable *u = data;
	u64 val = 7;
	struct pks_write_op op = { .dst = u->page, .src = &val, .len = sizeof(val) };

	u->memset = pks_memset(u->domain, u->page, 1, PAGE_SIZE);
	u->assign = pks_assign(u->domain, u->page, 7);
	u->write = pks_write(u->domain, u->page, &val, sizeof(val));
	u->batch = pks_write_batch(u->domain, &op, 1);
	u->word = pks_current_pkrs();
	u->msr = pks_test_rdmsr();
}

/* What takes the page out of reach: not writable any more, or not there. */
static const pteval_t pks_unwritables[] = { _PAGE_RW | _PAGE_DIRTY, _PAGE_PRESENT };

static void pks_unwritable_name(const pteval_t *bits, char *desc)
{
	strscpy(desc, *bits & _PAGE_RW ? "read-only" : "not present", KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pks_unwritable, pks_unwritables, pks_unwritable_name);

/* By a thread that never had a record: nobody would put its word right. */
static void pks_writes_unwritable(struct kunit *test)
{
	const pteval_t *bits = test->param_value;
	struct pks_unwritable u = { .domain = pks_test_domain(test, 0) };
	struct pks_actor *actor = pks_actor(test, "pks-unwritable", -1);
	pte_t *pte, was;

	u.page = pks_domain_vmalloc(u.domain, PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, u.page);
	pte = pks_writes_pte(test, u.page);
	was = *pte;
	pks_pte_set(pte, u.page, pte_val(was) & ~*bits);
	pks_actor_begin(actor, pks_unwritable_act, &u);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	pks_pte_set(pte, u.page, pte_val(was));

	KUNIT_EXPECT_EQ(test, u.memset, -EFAULT);
	KUNIT_EXPECT_EQ(test, u.assign, -EFAULT);
	KUNIT_EXPECT_EQ(test, u.write, -EFAULT);
	KUNIT_EXPECT_EQ(test, u.batch, -EFAULT);
	KUNIT_EXPECT_EQ(test, u.word, PKS_TEST_CLOSED);
	KUNIT_EXPECT_EQ(test, u.msr, PKS_TEST_CLOSED);
	KUNIT_EXPECT_TRUE(test, pks_test_all(u.domain, u.page, 0, PAGE_SIZE));
	pks_domain_vfree(u.domain, u.page);
	pks_test_domain_end(test, u.domain);
}

static struct kunit_case pks_writes_cases[] = {
	KUNIT_CASE(pks_writes_lengths),
	KUNIT_CASE(pks_writes_across_areas),
	KUNIT_CASE(pks_writes_bounds),
	KUNIT_CASE(pks_writes_bad_sources),
	KUNIT_CASE(pks_writes_open_sources),
	KUNIT_CASE(pks_writes_assign),
	KUNIT_CASE(pks_writes_misaligned),
	KUNIT_CASE(pks_writes_rcu),
	KUNIT_CASE_PARAM(pks_writes_unwritable, pks_unwritable_gen_params),
	KUNIT_CASE(pks_writes_batch),
	KUNIT_CASE(pks_writes_batch_all_or_nothing),
	KUNIT_CASE(pks_writes_anywhere),
	KUNIT_CASE(pks_writes_without_isolation),
	KUNIT_CASE(pks_writes_counted),
	KUNIT_CASE(pks_writes_and_resets),
	{}
};

struct kunit_suite pks_writes_suite = {
	.name		= "pks_writes",
	.init		= pks_domain_fixture_init,
	.exit		= pks_domain_fixture_exit,
	.test_cases	= pks_writes_cases,
};
