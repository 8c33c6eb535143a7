// SPDX-License-Identifier: GPL-2.0
/* Scopes: they nest, end where they began, and can be had anywhere. */
#include "pks_test.h"
#include <linux/kprobes.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static void pks_scopes_expect(struct kunit *test, u64 *page, int pkey,
			      u32 pkrs, const char *when)
{
	struct pks_sight sight;

	pks_look(&sight, page);
	pks_expect_sight(test, &sight, pkey, pkrs, when);
}

struct pks_scopes_step {
	const char		*name;
	enum pks_access		access;
};

static const struct pks_scopes_step pks_scopes_steps[] = {
	{ "closed", PKS_NOACCESS },
	{ "read", PKS_READONLY },
	{ "write in read", PKS_READWRITE },
	{ "write in write", PKS_READWRITE },
	{ "read in write", PKS_READONLY },
	{ "nothing in read", PKS_NOACCESS },
	{ "nothing in nothing", PKS_NOACCESS },
	{ "write in nothing", PKS_READWRITE },
};

static void pks_scopes_nest(struct kunit *test)
{
	const struct pks_scopes_step *steps = pks_scopes_steps;
	int pkey = pks_test_key(test, 0), i;
	u64 *page = pks_test_page(test, pkey);
	int former[ARRAY_SIZE(pks_scopes_steps)];

	for (i = 1; i < ARRAY_SIZE(pks_scopes_steps); i++) {
		former[i] = pks_enter(pkey, steps[i].access);
		KUNIT_EXPECT_GT(test, former[i], 0);
		pks_scopes_expect(test, page, pkey,
				  pks_test_pkrs(pkey, steps[i].access),
				  steps[i].name);
	}
	while (--i > 0) {
		pks_leave(pkey, former[i]);
		pks_scopes_expect(test, page, pkey,
				  pks_test_pkrs(pkey, steps[i - 1].access),
				  steps[i - 1].name);
	}
}

/* Each leaves the keys of the others alone. */
static void pks_scopes_nest_on_all_keys(struct kunit *test)
{
	u64 *pages[PKS_NUM_KEYS];
	int former[PKS_NUM_KEYS], pkey;
	u32 pkrs[PKS_NUM_KEYS];

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++)
		pages[pkey] = pks_test_page(test, pks_test_key(test, 0));
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		enum pks_access access = pkey & 1 ? PKS_READWRITE : PKS_READONLY;

		pkrs[pkey] = pks_current_pkrs();
		former[pkey] = pks_enter(pkey, access);
		KUNIT_EXPECT_GT(test, former[pkey], 0);
		pks_scopes_expect(test, pages[pkey], pkey, pkrs[pkey] ^
				  (PKS_NOACCESS ^ access) << 2 * pkey, "inside");
	}
	while (--pkey) {
		pks_leave(pkey, former[pkey]);
		pks_scopes_expect(test, pages[pkey], pkey, pkrs[pkey], "outside");
	}
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

/* What a failed pks_enter() returned, or came from nowhere. */
static void pks_scopes_leave_nothing(struct kunit *test)
{
	static const int formers[] = { 0, 1, 2, 3, -EINVAL, -ENOMEM, -EPERM,
				       INT_MIN };
	static const int keys[] = { -EOPNOTSUPP, 0, 2, 16, INT_MAX };
	int pkey = pks_test_key(test, 0), former, i;
	u64 *page = pks_test_page(test, pkey);
	u32 pkrs = pks_test_pkrs(pkey, PKS_READONLY);

	former = pks_enter(pkey, PKS_READONLY);
	for (i = 0; i < ARRAY_SIZE(formers); i++)
		pks_leave(pkey, formers[i]);
	pks_scopes_expect(test, page, pkey, pkrs, "after leaving nothing");
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		pks_leave(keys[i], former);
	pks_scopes_expect(test, page, pkey, pkrs, "after leaving no key");
	pks_leave(pkey, former);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

static void pks_scopes_enter_nothing(struct kunit *test)
{
	static const unsigned int accesses[] = { 3, 4, 7, BIT(8), BIT(30), UINT_MAX };
	int pkey = pks_test_key(test, 0), former, i;
	u64 *page = pks_test_page(test, pkey);

	former = pks_enter(pkey + 1, PKS_READWRITE);
	KUNIT_EXPECT_EQ(test, former, -EINVAL);
	pks_scopes_expect(test, page, pkey, PKS_TEST_CLOSED, "inside");
	pks_leave(pkey + 1, former);
	pks_scopes_expect(test, page, pkey, PKS_TEST_CLOSED, "outside");
	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		KUNIT_EXPECT_EQ(test, pks_enter(pkey, accesses[i]), -EINVAL);
		pks_scopes_expect(test, page, pkey, PKS_TEST_CLOSED, "no access");
	}
}

#ifdef DEFINE_CLASS
static int pks_scopes_guarded_read(int pkey, u64 *page)
{
	u64 val;

	guard(pks_read)(pkey);
	if (pks_try_read(page, &val))
		return -EIO;
	/* An early return, and one with the key already closed by hand. */
	if (pks_try_write(page, val) == -EFAULT)
		return 1;
	pks_mk_noaccess(pkey);
	return 2;
}

static void pks_scopes_guards(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	u64 *page = pks_test_page(test, pkey);

	KUNIT_EXPECT_EQ(test, pks_scopes_guarded_read(pkey, page), 1);
	pks_scopes_expect(test, page, pkey, PKS_TEST_CLOSED,
			  "after an early return");
	{
		guard(pks_write)(pkey);
		pks_scopes_expect(test, page, pkey,
				  pks_test_pkrs(pkey, PKS_READWRITE), "write");
		{
			guard(pks_read)(pkey);
			pks_scopes_expect(test, page, pkey,
					  pks_test_pkrs(pkey, PKS_READONLY),
					  "read in write");
		}
		pks_scopes_expect(test, page, pkey,
				  pks_test_pkrs(pkey, PKS_READWRITE),
				  "write again");
	}
	pks_scopes_expect(test, page, pkey, PKS_TEST_CLOSED, "after the block");
}
#else
static void pks_scopes_guards(struct kunit *test)
{
	kunit_skip(test, "the kernel has no <linux/cleanup.h>");
}
#endif

/* Where no one may sleep. */
static void pks_scopes_atomic_act(void *data)
{
	raw_spinlock_t lock;
	struct pks_part *part = data;
	unsigned long flags;

	raw_spin_lock_init(&lock);
	raw_spin_lock_irqsave(&lock, flags);
	pks_part_open(part);
	pks_part_look(part);
	pks_part_close(part);
	raw_spin_unlock_irqrestore(&lock, flags);
}

static void pks_scopes_atomic_expect(struct kunit *test, struct pks_part *part,
				     const char *who)
{
	KUNIT_EXPECT_GE(test, part->former, 0);
	pks_expect_sight(test, &part->sight, part->pkey,
			 pks_test_pkrs(part->pkey, part->access), who);
}

static void pks_scopes_atomic(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_part part = {
		.pkey = pkey,
		.access = PKS_READWRITE,
		.page = pks_test_page(test, pkey),
	};

	/* Its first scope gives this thread its record. */
	pks_mk_noaccess(pkey);
	pks_part_open(&part);
	pks_part_close(&part);
	pks_scopes_atomic_act(&part);
	pks_scopes_atomic_expect(test, &part, "a thread with a record");
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

static void pks_scopes_atomic_first(struct kunit *test)
{
	int pkey = pks_test_key(test, 0);
	struct pks_part part = {
		.pkey = pkey,
		.access = PKS_READWRITE,
		.page = pks_test_page(test, pkey),
	};
	struct pks_actor *actor = pks_actor(test, "pks-atomic", -1);

	pks_actor_do(test, actor, pks_scopes_atomic_act, &part);
	pks_scopes_atomic_expect(test, &part, "a thread without one");
	pks_actor_do(test, actor, pks_part_look, &part);
	pks_expect_sight(test, &part.sight, pkey, PKS_TEST_CLOSED,
			 "the same, afterwards");
}

/*
 * No memory, for pks alone: the allocator's function that its kmalloc() calls
 * returns NULL where the caller is a function of pks.ko.
 */
/* More threads than there are records in reserve. */
#define PKS_SCOPES_THREADS	80

static void pks_scopes_no_memory(void)
{
}

static int pks_scopes_refuse(struct kprobe *kp, struct pt_regs *regs)
{
	char caller[KSYM_SYMBOL_LEN];

	snprintf(caller, sizeof(caller), "%ps", *(void **)regs->sp);
	if (!strstr(caller, "[pks]"))
		return 0;
	/* As if it had returned NULL at once. */
	regs->ax = 0;
	regs->ip = (unsigned long)pks_scopes_no_memory;
	return 1;
}

static struct kprobe pks_scopes_probe;

static int pks_scopes_starve(void)
{
	static const char *const names[] = { "__kmalloc_cache_noprof",
					     "kmalloc_trace" };
	int err, i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		pks_scopes_probe = (struct kprobe){
			.symbol_name = names[i],
			.pre_handler = pks_scopes_refuse,
		};
		err = register_kprobe(&pks_scopes_probe);
		if (!err)
			break;
	}
	return err;
}

static void pks_scopes_exhaust(struct kunit *test, struct pks_part *parts,
			       struct pks_actor **actors)
{
	int i, former;

	/* Not even a key can be had. */
	KUNIT_EXPECT_EQ(test, pks_key_alloc("test", 0), -ENOMEM);
	for (i = 0; i < PKS_SCOPES_THREADS; i++) {
		pks_actor_begin(actors[i], pks_part_open, &parts[i]);
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
		pks_actor_begin(actors[i], pks_part_look, &parts[i]);
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
		former = parts[i].former;
		KUNIT_EXPECT_TRUE(test, former >= 0 || former == -ENOMEM);
	}
}

/* All who got a record have what they asked for, and nobody else anything. */
static unsigned int pks_scopes_refused(struct kunit *test,
				       const struct pks_part *parts)
{
	unsigned int refused = 0;
	int i;

	for (i = 0; i < PKS_SCOPES_THREADS; i++) {
		bool without = parts[i].former == -ENOMEM;

		refused += without;
		pks_expect_sight(test, &parts[i].sight, parts[i].pkey,
				 without ? PKS_TEST_CLOSED :
				 pks_test_pkrs(parts[i].pkey, PKS_READWRITE),
				 without ? "without memory" : "from reserve");
	}
	return refused;
}

static void pks_scopes_without_memory(struct kunit *test)
{
	struct pks_actor *actors[PKS_SCOPES_THREADS];
	int pkey = pks_test_key(test, 0), i;
	u64 *page = pks_test_page(test, pkey);
	struct pks_part *parts;
	unsigned int refused;

	parts = kunit_kcalloc(test, PKS_SCOPES_THREADS, sizeof(*parts),
			      GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, parts);
	for (i = 0; i < PKS_SCOPES_THREADS; i++) {
		parts[i].pkey = pkey;
		parts[i].page = page;
		parts[i].access = PKS_READWRITE;
		actors[i] = pks_actor(test, "pks-starved", -1);
	}
	/* Refusals that others have seen may have used up what is printed at a time. */
	schedule_timeout_uninterruptible(DEFAULT_RATELIMIT_INTERVAL + 1);
	if (pks_scopes_starve())
		kunit_skip(test, "the allocator has no function for a kprobe");
	pks_scopes_exhaust(test, parts, actors);
	unregister_kprobe(&pks_scopes_probe);

	refused = pks_scopes_refused(test, parts);
	KUNIT_EXPECT_GT(test, refused, 0);
	KUNIT_EXPECT_LT(test, refused, PKS_SCOPES_THREADS);
	KUNIT_EXPECT_GE(test, pks_console_count("no memory for the thread"), 1);

	/* Memory is back: the last of them can have its rights. */
	pks_actor_do(test, actors[i - 1], pks_part_open, &parts[i - 1]);
	pks_actor_do(test, actors[i - 1], pks_part_look, &parts[i - 1]);
	KUNIT_EXPECT_EQ(test, parts[i - 1].sight.write, 0);
	for (i = 0; i < PKS_SCOPES_THREADS; i++)
		pks_actor_do(test, actors[i], pks_part_close, &parts[i]);
}

static struct kunit_case pks_scopes_cases[] = {
	KUNIT_CASE(pks_scopes_nest),
	KUNIT_CASE(pks_scopes_nest_on_all_keys),
	KUNIT_CASE(pks_scopes_leave_nothing),
	KUNIT_CASE(pks_scopes_enter_nothing),
	KUNIT_CASE(pks_scopes_guards),
	KUNIT_CASE(pks_scopes_atomic),
	KUNIT_CASE(pks_scopes_atomic_first),
	KUNIT_CASE(pks_scopes_without_memory),
	{}
};

struct kunit_suite pks_scopes_suite = {
	.name		= "pks_scopes",
	.init		= pks_fixture_init,
	.exit		= pks_fixture_exit,
	.test_cases	= pks_scopes_cases,
};
