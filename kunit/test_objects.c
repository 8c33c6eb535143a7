// SPDX-License-Identifier: GPL-2.0
/* Small objects of domains, and caches of them. */
#include "pks_test.h"
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/pks_domain.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PKS_OBJECTS_GUARD	16

static void *pks_objects_get(struct kunit *test, struct pks_domain *domain, size_t size)
{
	void *object = pks_domain_alloc(domain, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	return object;
}

static struct pks_cache *pks_objects_cache(struct kunit *test, struct pks_domain *domain,
					   size_t size, size_t align)
{
	struct pks_cache *cache = pks_cache_create(domain, "things", size, align);

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	return cache;
}

static void *pks_objects_of(struct kunit *test, struct pks_cache *cache)
{
	void *object = pks_cache_alloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	return object;
}

static void pks_objects_end(struct kunit *test, struct pks_cache *cache)
{
	KUNIT_EXPECT_EQ(test, pks_cache_destroy(cache), 0);
}

static void pks_objects_sizes(struct kunit *test)
{
	static const size_t sizes[] = { 1, 16, 31, 32, 33, 64, 100, 128, 255, 500, 1000, 1024,
		1025, 2047, 2048 };
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *objects[ARRAY_SIZE(sizes)];
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		objects[i] = pks_objects_get(test, domain, sizes[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)objects[i], 16));
		KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, objects[i],
							    sizes[i]));
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, objects[i], 0, sizes[i]));
		KUNIT_EXPECT_EQ(test, pks_test_key_at(objects[i]), domain->pkey);
		pks_expect_no_access(test, objects[i]);
		KUNIT_EXPECT_EQ(test, pks_memset(domain, objects[i], i + 1, sizes[i]), 0);
	}
	/* None is in the place of another, and no guard was hit. */
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, objects[i], i + 1,
						     sizes[i]));
		pks_domain_free(domain, objects[i]);
	}
	KUNIT_EXPECT_EQ(test, pks_console_count("beyond its end"), 0);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 0);
}

static void pks_objects_no_objects(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	static const struct {
		const char	*name;
		size_t		size;
		size_t		align;
	} bad[] = {
		{ NULL, 8, 8 }, { "", 8, 8 }, { "x", 0, 8 }, { "x", 2049, 8 }, { "x", 8, 0 },
		{ "x", 8, 3 }, { "x", 8, 2 * PAGE_SIZE }, { "x", SIZE_MAX, 8 },
	};
	int i;

	KUNIT_EXPECT_NULL(test, pks_domain_alloc(domain, 0, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, pks_domain_alloc(domain, 2049, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, pks_domain_alloc(domain, SIZE_MAX, GFP_KERNEL));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pks_cache *cache = pks_cache_create(domain, bad[i].name,
							   bad[i].size,
							   bad[i].align);

		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(cache), -EINVAL, "no. %d", i);
	}
	KUNIT_EXPECT_EQ(test, pks_cache_destroy(NULL), 0);
	KUNIT_EXPECT_EQ(test, pks_cache_destroy(ERR_PTR(-ENOMEM)), 0);
	pks_domain_free(domain, NULL);
	pks_domain_free_rcu(domain, NULL);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "pages:"), 0);
}

/* More than one slab of each. */
#define PKS_OBJECTS_MANY	300

static void pks_objects_fill(struct kunit *test, size_t size, size_t align)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_objects_cache(test, domain, size, align);
	void **objects = kunit_kcalloc(test, PKS_OBJECTS_MANY, sizeof(void *),
				       GFP_KERNEL);
	unsigned int i, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, objects);
	for (i = 0; i < PKS_OBJECTS_MANY; i++) {
		objects[i] = pks_objects_of(test, cache);
		bad += !IS_ALIGNED((unsigned long)objects[i], align);
		bad += !pks_test_all(domain, objects[i], 0, size);
		bad += !!pks_memset(domain, objects[i], i + 1, size);
		bad += pks_test_key_at(objects[i]) != domain->pkey;
	}
	for (i = 0; i < PKS_OBJECTS_MANY; i++) {
		bad += !pks_test_all(domain, objects[i], (u8)(i + 1), size);
		pks_cache_free(cache, objects[i]);
		bad += !pks_test_all(domain, objects[i], 0, size);
	}
	KUNIT_EXPECT_EQ_MSG(test, bad, 0, "%zu bytes, aligned to %zu", size, align);
	KUNIT_EXPECT_EQ(test, pks_console_count("beyond its end"), 0);
	/* Of all the slabs one is kept, until the cache goes. */
	KUNIT_EXPECT_LE(test, pks_domain_number(test, domain, "memory", "of which"), 8);
	pks_objects_end(test, cache);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "memory", "of which"), 0);
	pks_test_domain_end(test, domain);
}

static void pks_objects_caches(struct kunit *test)
{
	static const size_t sizes[] = { 1, 24, 100, 2048 };
	static const size_t aligns[] = { 1, 64, 4096 };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(aligns); j++)
			pks_objects_fill(test, sizes[i], aligns[j]);
	}
}

struct pks_objects_thing {
	u64	numbers[5];
} __aligned(128);

static void pks_objects_of_a_type(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = PKS_CACHE(domain, struct pks_objects_thing);
	struct pks_objects_thing *thing;
	const char *line;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	thing = pks_objects_of(test, cache);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)thing, 128));
	KUNIT_EXPECT_EQ(test, pks_assign(domain, &thing->numbers[4], 5), 0);
	/* A name that is too long is cut. */
	line = pks_line_with(test, pks_file_read(test, "domain/test-0/memory"),
			     "struct pks_objects_thing");
	KUNIT_EXPECT_NOT_NULL(test, line);
	pks_cache_free(cache, thing);
	pks_objects_end(test, cache);
}

static void pks_objects_overflow(struct kunit *test)
{
	static const size_t sizes[] = { 32, 40, 2048 };
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache;
	char *object;
	int i, at, former;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		cache = pks_objects_cache(test, domain, sizes[i], 8);
		for (at = 0; at < PKS_OBJECTS_GUARD; at += 15) {
			object = pks_objects_of(test, cache);
			pks_console_clear();
			former = pks_domain_enter(domain, PKS_READWRITE);
			WRITE_ONCE(object[sizes[i] + at], 0);
			pks_domain_leave(domain, former);
			pks_cache_free(cache, object);
			KUNIT_EXPECT_EQ(test,
					pks_console_count("an object of things was written"),
					1);
			KUNIT_EXPECT_EQ(test, pks_console_count("pks_objects_overflow"),
					1);
			KUNIT_EXPECT_TRUE(test, pks_test_all(domain, object, 0,
							     sizes[i]));
			/* It is mended. */
			object = pks_objects_of(test, cache);
			pks_console_clear();
			pks_cache_free(cache, object);
			KUNIT_EXPECT_EQ(test, pks_console_count("was written"), 0);
		}
		pks_objects_end(test, cache);
	}
}

static void pks_objects_not_freed(struct kunit *test, struct pks_domain *domain,
				  struct pks_cache *cache, void *object, const char *what)
{
	pks_console_clear();
	if (cache)
		pks_cache_free(cache, object);
	else
		pks_domain_free(domain, object);
	KUNIT_EXPECT_EQ_MSG(test,
			    pks_console_count("not freed: no object of it is there"), 1,
			    "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, pks_console_count("pks_objects_not_freed"), 1, "%s",
			    what);
}

static void pks_objects_bad_frees(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_objects_cache(test, domain, 64, 8);
	struct pks_cache *twin = pks_objects_cache(test, domain, 64, 8);
	void *object = pks_objects_of(test, cache), *second = pks_objects_of(test, cache);
	void *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	void *plain = kmalloc(64, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, page && plain);
	/* The line is rate-limited, and another case may have seen some. */
	msleep(5100);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, object, 0x61, 64), 0);
	pks_objects_not_freed(test, domain, cache, object + 16, "the middle");
	pks_objects_not_freed(test, domain, cache, object + 64, "the guard");
	pks_objects_not_freed(test, domain, twin, object, "another cache's");
	pks_objects_not_freed(test, other, NULL, object, "another domain's");
	pks_objects_not_freed(test, domain, NULL, plain, "nobody's");
	pks_objects_not_freed(test, domain, NULL, page, "a page");
	pks_objects_not_freed(test, domain, cache, second + 80, "one that is free");
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, object, 0x61, 64));
	pks_cache_free(cache, object);
	pks_objects_not_freed(test, domain, cache, object, "a second time");
	KUNIT_EXPECT_EQ(test, pks_cache_destroy(cache), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_console_count("cache things still has 1 objects"), 1);
	/* Of which cache it is, the domain knows. */
	pks_domain_free(domain, second);
	pks_objects_end(test, cache);
	pks_objects_end(test, twin);
	pks_domain_free_pages(domain, page, 0);
	kfree(plain);
}

/* After one that was freed twice nobody gets the same object as another. */
static void pks_objects_twice(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *object = pks_objects_get(test, domain, 100), *one, *two;

	msleep(5100);
	pks_domain_free_rcu(domain, object);
	pks_domain_free(domain, object);
	pks_domain_free_rcu(domain, object);
	rcu_barrier();
	pks_domain_free(domain, object);
	pks_domain_free_rcu(domain, object);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed"), 4);
	one = pks_objects_get(test, domain, 100);
	two = pks_objects_get(test, domain, 100);
	KUNIT_EXPECT_PTR_NE(test, one, two);
	pks_domain_free(domain, one);
	pks_domain_free(domain, two);
}

struct pks_objects_race {
	struct pks_domain	*domain;
	void			*object;
	atomic_t		gate;
};

static void pks_objects_race_act(void *data)
{
	struct pks_objects_race *race = data;

	atomic_dec(&race->gate);
	while (atomic_read(&race->gate) > 0)
		cpu_relax();
	pks_domain_free(race->domain, race->object);
}

/* It is freed once, whoever of the two it was. */
static void pks_objects_freed_by_two(struct kunit *test)
{
	struct pks_actor *actor = pks_actor(test, "pks-race", pks_other_cpu(test));
	struct pks_objects_race race = { .domain = pks_test_domain(test, 0) };
	void *keep = pks_objects_get(test, race.domain, 64);
	int i;

	for (i = 0; i < 300; i++) {
		atomic_set(&race.gate, 2);
		race.object = pks_objects_get(test, race.domain, 64);
		pks_actor_begin(actor, pks_objects_race_act, &race);
		pks_objects_race_act(&race);
		KUNIT_ASSERT_TRUE(test, pks_actor_wait(actor));
	}
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(race.domain), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_console_count(" 1 objects"), 1);
	pks_domain_free(race.domain, keep);
}

/* What is written to after it was freed has nothing that it could spoil. */
static void pks_objects_written_when_free(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_objects_cache(test, domain, 44, 8);
	void *keep = pks_objects_of(test, cache), *object = pks_objects_of(test, cache);
	static const unsigned int at[] = { 0, 39, 43 };
	void *again = object;
	int i, former;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		pks_cache_free(cache, again);
		KUNIT_EXPECT_EQ(test, pks_memset(domain, object, 0xff, 40), -EFAULT);
		KUNIT_EXPECT_EQ(test, pks_write(domain, object, &at, 1), -EFAULT);
		KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, object, 1));
		/* A pointer that someone still has, in a scope. */
		former = pks_domain_enter(domain, PKS_READWRITE);
		((u8 *)object)[at[i]] = 1;
		pks_domain_leave(domain, former);
		pks_console_clear();
		again = pks_objects_of(test, cache);
		KUNIT_EXPECT_PTR_EQ(test, again, object);
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, again, 0, 44));
		KUNIT_EXPECT_TRUE(test, pks_console_wait("was written to after it had been freed"));
	}
	pks_cache_free(cache, again);
	pks_cache_free(cache, keep);
	pks_objects_end(test, cache);
}

/* Up to an object's end, and not a byte of what is behind it. */
static void pks_objects_bounds(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_objects_cache(test, domain, 40, 8);
	u8 *object = pks_objects_of(test, cache), *next = pks_objects_of(test, cache);
	u8 bytes[128] = { 1 };
	struct pks_write_op op = { .dst = object + 8, .src = bytes, .len = 33 };

	KUNIT_EXPECT_EQ(test, pks_write(domain, object, bytes, 40), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, object + 40, bytes, 0), 0);
	KUNIT_EXPECT_EQ(test, pks_write(domain, object, bytes, 41), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, object, bytes, 128), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, object + 40, bytes, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write(domain, object - 1, bytes, 2), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, object + 39, 1, 2), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, (u64 *)(object + 40), 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, pks_write_batch(domain, &op, 1), -EFAULT);
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, next, 0, 40));
	pks_console_clear();
	pks_cache_free(cache, next);
	pks_cache_free(cache, object);
	KUNIT_EXPECT_EQ(test, pks_console_count("pks: domain"), 0);
	pks_objects_end(test, cache);
}

/* While one thread frees an object and has it again, another writes to it. */
struct pks_objects_writer {
	struct pks_domain	*domain;
	struct pks_cache	*cache;
	void			*object;
	unsigned int		written, refused;
	bool			stop;
};

static void pks_objects_writer_act(void *data)
{
	struct pks_objects_writer *race = data;
	u64 ones[32];

	memset(ones, 0xff, sizeof(ones));
	while (!READ_ONCE(race->stop)) {
		if (pks_write(race->domain, race->object, ones, sizeof(ones)))
			race->refused++;
		else
			race->written++;
	}
}

static void pks_objects_raced(struct kunit *test)
{
	struct pks_objects_writer race = { .domain = pks_test_domain(test, 0) };
	struct pks_actor *actor = pks_actor(test, "pks-writer", pks_other_cpu(test));
	void *keep, *object;
	int i;

	race.cache = pks_objects_cache(test, race.domain, 256, 8);
	keep = pks_objects_of(test, race.cache);
	race.object = pks_objects_of(test, race.cache);
	pks_console_clear();
	pks_actor_begin(actor, pks_objects_writer_act, &race);
	for (i = 0; i < 20000; i++) {
		pks_cache_free(race.cache, race.object);
		object = pks_cache_alloc(race.cache, GFP_KERNEL);
		if (object != race.object)
			break;
		if (!(i % 1000))
			usleep_range(1000, 2000);
	}
	WRITE_ONCE(race.stop, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_EQ(test, i, 20000);
	KUNIT_EXPECT_GT(test, race.written, 0);
	/* What was written to the freed one was zeroed with it, or not written. */
	KUNIT_EXPECT_EQ(test, pks_console_count("after it had been freed"), 0);
	pks_cache_free(race.cache, object);
	pks_cache_free(race.cache, keep);
	pks_objects_end(test, race.cache);
}

/* Nothing of a slab but objects, guards, and zeroes in between. */
static void pks_objects_no_metadata_inside(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_objects_cache(test, domain, 40, 128);
	u8 *objects[4], *slab;
	unsigned int i, stray = 0;
	int former;

	for (i = 0; i < 4; i++)
		objects[i] = pks_objects_of(test, cache);
	pks_cache_free(cache, objects[1]);
	slab = (void *)((unsigned long)objects[0] & PAGE_MASK);
	former = pks_domain_enter(domain, PKS_READONLY);
	for (i = 0; i < PAGE_SIZE; i++) {
		bool guard = i % 128 >= 40 && i % 128 < 40 + PKS_OBJECTS_GUARD;

		stray += guard ? !slab[i] || slab[i] != slab[40] : slab[i];
	}
	pks_domain_leave(domain, former);
	KUNIT_EXPECT_EQ(test, stray, 0);
	pks_cache_free(cache, objects[0]);
	pks_cache_free(cache, objects[2]);
	pks_cache_free(cache, objects[3]);
	pks_objects_end(test, cache);
}

struct pks_objects_reader {
	struct pks_domain	*domain;
	u64			*object;
	bool			inside;
	bool			go_on;
	u64			before;
	u64			after;
};

static void pks_objects_reader_act(void *data)
{
	struct pks_objects_reader *reader = data;
	int former;

	rcu_read_lock();
	former = pks_domain_enter(reader->domain, PKS_READONLY);
	reader->before = READ_ONCE(*reader->object);
	WRITE_ONCE(reader->inside, true);
	/* Busy: a reader may not sleep. */
	while (!READ_ONCE(reader->go_on))
		cpu_relax();
	reader->after = READ_ONCE(*reader->object);
	pks_domain_leave(reader->domain, former);
	rcu_read_unlock();
}

static void pks_objects_rcu(struct kunit *test)
{
	struct pks_actor *actor = pks_actor(test, "pks-reader", pks_other_cpu(test));
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_objects_reader reader = { .domain = domain };
	u64 *object = pks_objects_get(test, domain, 64);

	KUNIT_EXPECT_EQ(test, pks_assign(domain, object, 0x1234), 0);
	reader.object = object;
	pks_actor_begin(actor, pks_objects_reader_act, &reader);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&reader.inside));
	pks_domain_free_rcu(domain, object);
	msleep(100);
	/* Not given to anybody else meanwhile. */
	KUNIT_EXPECT_PTR_NE(test, pks_objects_get(test, domain, 64), object);
	WRITE_ONCE(reader.go_on, true);
	KUNIT_EXPECT_TRUE(test, pks_actor_wait(actor));
	KUNIT_EXPECT_EQ(test, reader.before, 0x1234);
	KUNIT_EXPECT_EQ(test, reader.after, 0x1234);
	rcu_barrier();
	KUNIT_EXPECT_TRUE(test, pks_test_all(domain, object, 0, 64));
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_console_count(" 1 objects"), 1);
	pks_domain_free(domain, object + 10);
}

/* The end of a cache, and of a domain, wait for what waits for readers. */
static void pks_objects_rcu_and_end(struct kunit *test)
{
	struct pks_domain *domain;
	struct pks_cache *cache;
	int i, j;

	for (i = 0; i < 20; i++) {
		domain = pks_test_domain(test, 0);
		cache = pks_objects_cache(test, domain, 200, 8);
		for (j = 0; j < 50; j++) {
			pks_cache_free_rcu(cache, pks_objects_of(test, cache));
			pks_domain_free_rcu(domain, pks_objects_get(test, domain, 50));
		}
		KUNIT_EXPECT_EQ(test, pks_cache_destroy(cache), 0);
		pks_domain_free_rcu(domain, pks_objects_get(test, domain, 50));
		pks_test_domain_end(test, domain);
	}
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
}

struct pks_objects_atomic {
	struct pks_domain	*domain;
	struct pks_cache	*cache;
	void			*object;
	void			*other;
	bool			zero;
};

static void pks_objects_atomic_act(void *data)
{
	struct pks_objects_atomic *job = data;
	void *late = pks_domain_alloc(job->domain, 32, GFP_ATOMIC);
	int i;

	job->object = pks_domain_alloc(job->domain, 128, GFP_ATOMIC);
	job->other = pks_cache_alloc(job->cache, GFP_NOWAIT);
	if (!job->object || !job->other)
		return;
	job->zero = pks_test_all(job->domain, job->object, 0, 128);
	pks_memset(job->domain, job->object, 0x22, 128);
	pks_domain_free(job->domain, job->object);
	pks_cache_free(job->cache, job->other);
	pks_domain_free_rcu(job->domain, late);
	/* A slab more than the one that is kept, and back. */
	for (i = 0; i < 40; i++)
		pks_cache_free_rcu(job->cache, pks_cache_alloc(job->cache, GFP_ATOMIC));
}

/*
 * On PREEMPT_RT, who can't be preempted gets what is free already: that of a slab which is
 * kept when nothing of it is in use.
 */
static void pks_objects_stock(struct kunit *test, const struct pks_objects_atomic *job)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	rcu_barrier();
	pks_domain_free(job->domain, pks_objects_get(test, job->domain, 32));
	pks_domain_free(job->domain, pks_objects_get(test, job->domain, 128));
	pks_cache_free(job->cache, pks_objects_of(test, job->cache));
}

static void pks_objects_atomic(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_objects_atomic job = { .domain = domain };
	void *page;
	int i;

	/* Otherwise a handler has no rights of its own to look with. */
	pks_isolation_needed(test);
	job.cache = pks_objects_cache(test, domain, 300, 8);
	/* Nothing that it could come out of. */
	pks_test_ways[0].run(test, pks_objects_atomic_act, &job);
	KUNIT_EXPECT_TRUE(test, !job.object && !job.other);
	page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < PKS_TEST_WAYS; i++) {
		job.object = NULL;
		job.zero = false;
		pks_objects_stock(test, &job);
		pks_test_ways[i].run(test, pks_objects_atomic_act, &job);
		KUNIT_EXPECT_TRUE_MSG(test, job.object && job.other, "%s",
				      pks_test_ways[i].name);
		KUNIT_EXPECT_TRUE_MSG(test, job.zero, "%s", pks_test_ways[i].name);
		KUNIT_EXPECT_TRUE(test, pks_test_all(domain, job.object, 0, 128));
	}
	KUNIT_EXPECT_EQ(test, pks_console_count("pks: domain"), 0);
	pks_objects_end(test, job.cache);
	pks_domain_free_pages(domain, page, 0);
}

#define PKS_OBJECTS_THREADS	6
#define PKS_OBJECTS_ROUNDS	4000
#define PKS_OBJECTS_HELD	16

struct pks_objects_user {
	struct pks_domain	*domain;
	struct pks_cache	*cache;
	unsigned int		nr;
	unsigned int		bad;
	u64			*held[PKS_OBJECTS_HELD];
};

static void pks_objects_use_one(struct pks_objects_user *user, unsigned int round)
{
	u64 **held = &user->held[round % PKS_OBJECTS_HELD], value;
	u64 mark = (u64)user->nr << 32 | round % PKS_OBJECTS_HELD;
	int former;

	if (*held) {
		former = pks_domain_enter(user->domain, PKS_READONLY);
		user->bad += pks_try_read(*held, &value) || value != mark;
		pks_domain_leave(user->domain, former);
		if (round % 5)
			pks_domain_free(user->domain, *held);
		else
			pks_domain_free_rcu(user->domain, *held);
	}
	*held = round % 3 ? pks_cache_alloc(user->cache, GFP_KERNEL) :
			    pks_domain_alloc(user->domain, 200, GFP_KERNEL);
	user->bad += !*held || !pks_test_all(user->domain, *held, 0, 200) ||
		     pks_assign(user->domain, *held, mark);
}

static void pks_objects_use(void *data)
{
	struct pks_objects_user *user = data;
	unsigned int i;

	for (i = 0; i < PKS_OBJECTS_ROUNDS; i++)
		pks_objects_use_one(user, i);
	for (i = 0; i < PKS_OBJECTS_HELD; i++)
		pks_domain_free(user->domain, user->held[i]);
}

static void pks_objects_threads(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_objects_cache(test, domain, 200, 8);
	struct pks_actor *actors[PKS_OBJECTS_THREADS];
	struct pks_objects_user *users;
	int i;

	users = kunit_kcalloc(test, PKS_OBJECTS_THREADS, sizeof(*users), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, users);
	for (i = 0; i < PKS_OBJECTS_THREADS; i++) {
		users[i].domain = domain;
		users[i].cache = cache;
		users[i].nr = i + 1;
		actors[i] = pks_actor(test, "pks-objects", i % num_online_cpus());
		pks_actor_begin(actors[i], pks_objects_use, &users[i]);
	}
	for (i = 0; i < PKS_OBJECTS_THREADS; i++) {
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, users[i].bad, 0);
	}
	KUNIT_EXPECT_EQ(test, pks_console_count("pks: domain"), 0);
	pks_objects_end(test, cache);
	pks_test_domain_end(test, domain);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
}

static void pks_objects_without_memory(struct kunit *test)
{
	unsigned int nth = 0, impossible = 0;
	struct pks_domain *domain;
	struct pks_cache *cache;
	void *one, *two;
	bool failed;

	pks_inject_init(test);
	do {
		pks_inject(++nth);
		domain = pks_domain_create("starved", 0);
		cache = IS_ERR(domain) ? ERR_CAST(domain) :
			pks_cache_create(domain, "things", 40, 8);
		one = IS_ERR(cache) ? NULL : pks_cache_alloc(cache, GFP_KERNEL);
		two = IS_ERR(domain) ? NULL : pks_domain_alloc(domain, 40, GFP_KERNEL);
		failed = pks_injected();
		impossible += IS_ERR(domain) || IS_ERR(cache) || !one || !two;
		KUNIT_EXPECT_TRUE(test, failed || (one && two));
		if (IS_ERR(cache))
			KUNIT_EXPECT_EQ(test, PTR_ERR(cache), -ENOMEM);
		else
			pks_cache_free(cache, one);
		KUNIT_EXPECT_EQ(test, pks_cache_destroy(cache), 0);
		if (!IS_ERR(domain))
			pks_domain_free(domain, two);
		KUNIT_ASSERT_EQ(test, pks_domain_destroy(domain), 0);
	} while (failed && nth < 200);
	kunit_info(test, "%u failures, %u of them fatal", nth - 1, impossible);
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GT(test, impossible, 8);
	/* No key was left taken. */
	KUNIT_EXPECT_EQ(test, pks_test_domain(test, 0)->pkey, 1);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
}

static struct kunit_case pks_objects_cases[] = {
	KUNIT_CASE(pks_objects_sizes),
	KUNIT_CASE(pks_objects_no_objects),
	KUNIT_CASE(pks_objects_caches),
	KUNIT_CASE(pks_objects_of_a_type),
	KUNIT_CASE(pks_objects_overflow),
	KUNIT_CASE(pks_objects_bad_frees),
	KUNIT_CASE(pks_objects_twice),
	KUNIT_CASE(pks_objects_freed_by_two),
	KUNIT_CASE(pks_objects_written_when_free),
	KUNIT_CASE(pks_objects_bounds),
	KUNIT_CASE(pks_objects_raced),
	KUNIT_CASE(pks_objects_no_metadata_inside),
	KUNIT_CASE(pks_objects_rcu),
	KUNIT_CASE(pks_objects_rcu_and_end),
	KUNIT_CASE(pks_objects_atomic),
	KUNIT_CASE(pks_objects_threads),
	KUNIT_CASE(pks_objects_without_memory),
	{}
};

struct kunit_suite pks_objects_suite = {
	.name		= "pks_objects",
	.init		= pks_domain_fixture_init,
	.exit		= pks_domain_fixture_exit,
	.test_cases	= pks_objects_cases,
};
