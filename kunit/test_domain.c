// SPDX-License-Identifier: GPL-2.0
/* Domains as a whole: they come and go, with a key, a name and their attributes. */
#include "pks_test.h"
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/pks_domain.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#define PKS_DOMAINS	(PKS_NUM_KEYS - 1)

static void pks_domain_begins_and_ends(struct kunit *test)
{
	struct pks_domain *domain = pks_domain_create("vault", 0);
	int pkey;

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pkey = domain->pkey;
	KUNIT_EXPECT_GT(test, pkey, 0);
	KUNIT_EXPECT_LT(test, pkey, PKS_NUM_KEYS);
	KUNIT_EXPECT_PTR_EQ(test, pks_domain_find("vault"), domain);
	KUNIT_EXPECT_NOT_NULL(test, pks_line_with(test, pks_file_read(test, "keys"),
						  "vault (pks_kunit)"));
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), 0);
	KUNIT_EXPECT_NULL(test, pks_domain_find("vault"));
	KUNIT_EXPECT_NULL(test, pks_line_with(test, pks_file_read(test, "keys"),
					      "vault"));
	/* The key is the lowest free one again. */
	KUNIT_EXPECT_EQ(test, pks_test_key(test, 0), pkey);
}

static void pks_domain_no_domain(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(NULL), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(ERR_PTR(-ENOSPC)), 0);
}

static void pks_domain_expect_error(struct kunit *test, const char *name, int attrs,
				    int err)
{
	struct pks_domain *domain = pks_domain_create(name, attrs);

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(domain), err, "'%s', %d",
			    name ?: "(null)", attrs);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), 0);
}

static void pks_domain_bad_arguments(struct kunit *test)
{
	static const char *const names[] = { NULL, "", "a/b", "a\nb", "/", ".", "..", ".hidden",
		"a name of thirty-two characters." };
	static const int attrs[] = { BIT(3), -1, BIT(3) | PKS_DOMAIN_UNPROTECTED, INT_MIN };
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		pks_domain_expect_error(test, names[i], 0, -EINVAL);
		pks_domain_expect_error(test, names[i], PKS_DOMAIN_UNPROTECTED, -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		pks_domain_expect_error(test, "good", attrs[i], -EINVAL);
	/* As long as can be, and with what is bad elsewhere. */
	pks_domain_expect_error(test, "a name of thirty-one characters", 0, 0);
	pks_domain_expect_error(test, "a", 0, 0);
	pks_domain_expect_error(test, "a b.c", 0, 0);
}

/* What makes two columns, two lines or two names of one. */
static bool pks_domain_name_fits(const char *name)
{
	size_t len = strlen(name), i;

	if (!len || len > PKS_KEY_NAME_LEN - 1 || name[0] == ' ' || name[len - 1] == ' ' ||
	    strstr(name, "  ") || strpbrk(name, "\"()"))
		return false;
	for (i = 0; i < len; i++) {
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return true;
}

/* Mostly of what is bad, or nearly so. */
static void pks_domain_name_make(char *name, struct rnd_state *rnd)
{
	static const char some[] = "ab.z  -_,:;#/'()\"\n\t\x7f\xe4";
	unsigned int len = prandom_u32_state(rnd) % (PKS_KEY_NAME_LEN + 2), i;
	/* Half of them of the first few, which are good ones. */
	unsigned int nr = prandom_u32_state(rnd) & 1 ? 4 : sizeof(some) - 1;

	for (i = 0; i < len; i++)
		name[i] = some[prandom_u32_state(rnd) % nr];
	name[len] = '\0';
}

/* It is refused with all that have names, or is what the tables have. */
static unsigned int pks_domain_name_try(struct kunit *test, struct pks_domain *home,
					const char *name)
{
	bool fits = pks_domain_name_fits(name), path = *name == '.' || strchr(name, '/');
	struct pks_cache *cache = pks_cache_create(home, name, 8, 8);
	struct pks_domain *domain = pks_domain_create(name, 0);
	int pkey = pks_key_alloc(name, 0);
	char row[64];

	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(cache), fits ? 0 : -EINVAL, "'%s'", name);
	KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(domain), fits && !path ? 0 : -EINVAL, "'%s'",
			    name);
	KUNIT_EXPECT_EQ_MSG(test, min(pkey, 0), fits ? 0 : -EINVAL, "'%s'", name);
	if (!IS_ERR(domain)) {
		snprintf(row, sizeof(row), "\n%3d  %-31s  pks_kunit ", domain->pkey, name);
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(pks_file_read(test, "domains"), row),
					  "'%s'", name);
	}
	if (pkey > 0) {
		snprintf(row, sizeof(row), "  %s (pks_kunit)\n", name);
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(pks_file_read(test, "keys"), row),
					  "'%s'", name);
		pks_key_free(pkey);
	}
	pks_domain_destroy(domain);
	pks_cache_destroy(cache);
	return fits;
}

/* One rule for the names of all that have some. */
static void pks_domain_names(struct kunit *test)
{
	struct pks_domain *home = pks_test_domain(test, 0);
	char name[PKS_KEY_NAME_LEN + 2];
	unsigned int fit = 0, i;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 14);
	for (i = 0; i < 300; i++) {
		pks_domain_name_make(name, &rnd);
		fit += pks_domain_name_try(test, home, name);
	}
	KUNIT_EXPECT_GT(test, fit, 50);
	KUNIT_EXPECT_LT(test, fit, 250);
}

static void pks_domain_name_is_copied(struct kunit *test)
{
	char name[] = "mutable";
	struct pks_domain *domain = pks_domain_create(name, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	name[0] = 'M';
	KUNIT_EXPECT_PTR_EQ(test, pks_domain_find("mutable"), domain);
	KUNIT_EXPECT_NULL(test, pks_domain_find(name));
	KUNIT_EXPECT_NULL(test, pks_domain_find("mutabl"));
	KUNIT_EXPECT_NULL(test, pks_domain_find("mutable2"));
	KUNIT_EXPECT_NULL(test, pks_domain_find(""));
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), 0);
}

/* A name that is taken takes no key; one that is given back can be had again. */
static void pks_domain_name_clash(struct kunit *test)
{
	struct pks_domain *domain = pks_domain_create("twin", 0);
	int pkey;

	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pkey = domain->pkey;
	pks_domain_expect_error(test, "twin", 0, -EEXIST);
	pks_domain_expect_error(test, "twin", PKS_DOMAIN_UNPROTECTED, -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, pks_domain_find("twin"), domain);
	KUNIT_EXPECT_EQ(test, pks_test_domain(test, 0)->pkey, pkey + 1);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), 0);
	pks_domain_expect_error(test, "twin", 0, 0);
}

struct pks_domain_thread {
	u64			*page;
	struct pks_sight	sight;
};

static void pks_domain_thread_looks(void *data)
{
	struct pks_domain_thread *thread = data;

	pks_look(&thread->sight, thread->page);
}

static void pks_domain_readonly(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_READONLY);
	u64 *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	struct pks_actor *actor = pks_actor(test, "pks-reader", -1);
	struct pks_domain_thread thread = { .page = page };
	int former;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_expect_read(test, page, true);
	pks_expect_write(test, page, false);
	former = pks_domain_enter(domain, PKS_READWRITE);
	pks_expect_write(test, page, true);
	pks_actor_do(test, actor, pks_domain_thread_looks, &thread);
	pks_domain_leave(domain, former);
	KUNIT_EXPECT_EQ(test, thread.sight.read, 0);
	KUNIT_EXPECT_EQ(test, thread.sight.write, -EFAULT);
	pks_expect_read(test, page, true);
	pks_expect_write(test, page, false);
	pks_domain_free_pages(domain, page, 0);
}

static void pks_domain_use_all(struct kunit *test, struct pks_domain *domain)
{
	u64 *page = pks_domain_alloc_pages(domain, 1, GFP_KERNEL);
	u64 *area = pks_domain_vmalloc(domain, 5 * PAGE_SIZE);
	u64 *object = pks_domain_alloc(domain, 100, GFP_KERNEL);
	u64 value = 7;
	int former;

	KUNIT_ASSERT_TRUE(test, page && area && object);
	KUNIT_EXPECT_EQ(test, pks_write(domain, page, &value, sizeof(value)), 0);
	KUNIT_EXPECT_EQ(test, pks_assign(domain, area, 8), 0);
	KUNIT_EXPECT_EQ(test, pks_memset(domain, object, 9, 100), 0);
	former = pks_domain_enter(domain, PKS_READONLY);
	KUNIT_EXPECT_EQ(test, *page, 7);
	KUNIT_EXPECT_EQ(test, *area, 8);
	KUNIT_EXPECT_EQ(test, *object, 0x0909090909090909);
	pks_domain_leave(domain, former);
	pks_domain_free(domain, object);
	pks_domain_vfree(domain, area);
	pks_domain_free_pages(domain, page, 1);
}

static void pks_domain_unprotected(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	u64 *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	u64 *own = (u64 *)__get_free_page(GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, domain->pkey, 0);
	KUNIT_ASSERT_TRUE(test, page && own);
	pks_expect_keyed(test, page, PAGE_SIZE, 0);
	pks_expect_read(test, page, true);
	pks_expect_write(test, page, true);
	KUNIT_EXPECT_EQ(test, pks_domain_enter(domain, PKS_READWRITE), 0);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
	pks_domain_leave(domain, 0);
	pks_domain_use_all(test, domain);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 1), 0);
	pks_expect_write(test, own, true);
	KUNIT_EXPECT_EQ(test, pks_write(domain, page, own, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 1), 0);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), -EBUSY);
	pks_domain_free_pages(domain, page, 0);
	free_page((unsigned long)own);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

/* With PKS it is as if that had not been said. */
static void pks_domain_optional(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_OPTIONAL);
	u64 *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_GT(test, domain->pkey, 0);
	pks_expect_no_access(test, page);
	pks_domain_free_pages(domain, page, 0);
	pks_domain_use_all(test, domain);
}

static void pks_domain_fifteen(struct kunit *test)
{
	struct pks_domain *domains[PKS_DOMAINS], *more;
	u64 *pages[PKS_DOMAINS];
	int i, j, former;

	for (i = 0; i < PKS_DOMAINS; i++) {
		domains[i] = pks_test_domain(test, 0);
		pages[i] = pks_domain_alloc_pages(domains[i], 0, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
		KUNIT_EXPECT_EQ(test, domains[i]->pkey, i + 1);
	}
	pks_domain_expect_error(test, "no key", 0, -ENOSPC);
	pks_domain_expect_error(test, "no key", PKS_DOMAIN_OPTIONAL, -ENOSPC);
	more = pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	pks_domain_use_all(test, more);
	for (i = 0; i < PKS_DOMAINS; i++) {
		former = pks_domain_enter(domains[i], PKS_READWRITE);
		for (j = 0; j < PKS_DOMAINS; j++)
			pks_expect_write(test, pages[j], i == j);
		pks_domain_leave(domains[i], former);
	}
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	for (i = 0; i < PKS_DOMAINS; i++)
		pks_domain_free_pages(domains[i], pages[i], 0);
	/* One that goes makes room for one more. */
	pks_test_domain_end(test, domains[6]);
	KUNIT_EXPECT_EQ(test, pks_test_domain(test, 0)->pkey, 7);
}

#define PKS_DOMAIN_MANY		10000
/* So many use a page as well. */
#define PKS_DOMAIN_EACH		8

static int pks_domain_once(unsigned int nr)
{
	struct pks_domain *domain = pks_domain_create("passing", 0);
	u64 value = nr, *page, *object;

	if (IS_ERR(domain))
		return PTR_ERR(domain);
	if (nr % PKS_DOMAIN_EACH)
		return pks_domain_destroy(domain);
	page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	object = pks_domain_alloc(domain, 64, GFP_KERNEL);
	if (!page || !object || pks_write(domain, page, &value, sizeof(value)))
		return -ENOMEM;
	pks_domain_free(domain, object);
	pks_domain_free_pages(domain, page, 0);
	return pks_domain_destroy(domain);
}

/* One after another: neither a key nor memory nor an address is left behind. */
static void pks_domain_ten_thousand(struct kunit *test)
{
	u64 start = ktime_get_ns();
	unsigned int i;
	int err = 0;

	for (i = 0; i < PKS_DOMAIN_MANY && !err; i++) {
		err = pks_domain_once(i);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, i, PKS_DOMAIN_MANY);
	KUNIT_EXPECT_EQ(test, pks_test_domain(test, 0)->pkey, 1);
	KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	kunit_info(test, "%u domains in %llu ms", i,
		   (ktime_get_ns() - start) / NSEC_PER_MSEC);
}

/* It is refused, the log says what it is, and it works as before. */
static void pks_domain_expect_busy(struct kunit *test, struct pks_domain *domain,
				   const char *what)
{
	pks_console_clear();
	KUNIT_EXPECT_EQ_MSG(test, pks_domain_destroy(domain), -EBUSY, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test,
			    pks_console_count("domain test-0 of pks_kunit is in use"),
			    1, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, pks_console_count(what), 1, "%s", what);
	KUNIT_EXPECT_PTR_EQ(test, pks_domain_find("test-0"), domain);
	pks_domain_use_all(test, domain);
}

static void pks_domain_busy_memory(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page = pks_domain_alloc_pages(domain, 3, GFP_KERNEL);
	void *area, *object, *own = (void *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, page && own);
	pks_domain_expect_busy(test, domain, ": 8 pages, 0 objects, 0 areas");
	pks_expect_no_access(test, page);
	pks_domain_free_pages(domain, page, 3);
	area = pks_domain_vmalloc(domain, 1);
	KUNIT_ASSERT_NOT_NULL(test, area);
	pks_domain_expect_busy(test, domain, " 0 objects, 1 areas");
	pks_expect_no_access(test, area);
	pks_domain_vfree(domain, area);
	KUNIT_EXPECT_EQ(test, pks_domain_protect(domain, own, 1), 0);
	pks_domain_expect_busy(test, domain, ": 0 pages, 0 objects, 1 areas");
	pks_expect_no_access(test, own);
	KUNIT_EXPECT_EQ(test, pks_domain_unprotect(domain, own, 1), 0);
	free_page((unsigned long)own);
	object = pks_domain_alloc(domain, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	pks_domain_expect_busy(test, domain, " 1 objects, 0 areas");
	pks_expect_no_access(test, object);
	pks_domain_free(domain, object);
	pks_test_domain_end(test, domain);
}

static void pks_domain_busy_cache(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_cache *cache = pks_cache_create(domain, "things", 40, 8);
	void *object;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	/* Even an empty one: its owner still has the pointer. */
	pks_domain_expect_busy(test, domain, ": 0 pages, 0 objects, 0 areas");
	object = pks_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	pks_domain_expect_busy(test, domain, " 1 objects, 0 areas");
	pks_cache_free(cache, object);
	KUNIT_EXPECT_EQ(test, pks_cache_destroy(cache), 0);
	pks_test_domain_end(test, domain);
}

static void pks_domain_busy_thread(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_actor *actor = pks_actor(test, "pks-holder", -1);
	struct pks_part part = { .pkey = domain->pkey, .access = PKS_READONLY };
	int former;

	pks_actor_do(test, actor, pks_part_open, &part);
	pks_domain_expect_busy(test, domain, "open in pks-holder");
	pks_actor_do(test, actor, pks_part_close, &part);
	former = pks_domain_enter(domain, PKS_READWRITE);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), -EBUSY);
	KUNIT_EXPECT_EQ(test, pks_console_count("open in kunit"), 1);
	pks_domain_leave(domain, former);
	pks_test_domain_end(test, domain);
}

/* What everybody may do keeps nobody's domain. */
static void pks_domain_readonly_is_not_busy(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, PKS_DOMAIN_READONLY);
	int former = pks_domain_enter(domain, PKS_READONLY);

	KUNIT_EXPECT_GE(test, former, 0);
	pks_domain_leave(domain, former);
	former = pks_domain_enter(domain, PKS_READWRITE);
	KUNIT_EXPECT_EQ(test, pks_domain_destroy(domain), -EBUSY);
	pks_domain_leave(domain, former);
	former = pks_domain_enter(domain, PKS_NOACCESS);
	pks_test_domain_end(test, domain);
	KUNIT_EXPECT_EQ(test, pks_current_pkrs(), PKS_TEST_CLOSED);
}

static void pks_domain_nested(struct kunit *test)
{
	struct pks_domain *outer = pks_test_domain(test, 0);
	struct pks_domain *inner = pks_test_domain(test, 0);
	u64 *out = pks_domain_alloc_pages(outer, 0, GFP_KERNEL);
	u64 *in = pks_domain_alloc_pages(inner, 0, GFP_KERNEL);
	int former, again, other;

	KUNIT_ASSERT_TRUE(test, out && in);
	former = pks_domain_enter(outer, PKS_READWRITE);
	other = pks_domain_enter(inner, PKS_READONLY);
	pks_expect_write(test, out, true);
	pks_expect_read(test, in, true);
	pks_expect_write(test, in, false);
	again = pks_domain_enter(outer, PKS_READONLY);
	pks_expect_write(test, out, false);
	pks_domain_leave(outer, again);
	pks_expect_write(test, out, true);
	pks_domain_leave(inner, other);
	pks_expect_no_access(test, in);
	pks_expect_write(test, out, true);
	pks_domain_leave(outer, former);
	pks_expect_no_access(test, out);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, outer, "stats", "scopes:"), 2);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, inner, "stats", "scopes:"), 1);
	pks_domain_free_pages(outer, out, 0);
	pks_domain_free_pages(inner, in, 0);
}

#ifdef DEFINE_CLASS
static int pks_domain_guarded(struct pks_domain *domain, u64 *page)
{
	u64 value;

	guard(pks_domain_read)(domain);
	if (pks_try_read(page, &value))
		return -EIO;
	return pks_try_write(page, 1) == -EFAULT ? 1 : 2;
}

static void pks_domain_guards(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, pks_domain_guarded(domain, page), 1);
	pks_expect_no_access(test, page);
	{
		guard(pks_domain_write)(domain);
		pks_expect_write(test, page, true);
		KUNIT_EXPECT_EQ(test, pks_domain_guarded(domain, page), 1);
		pks_expect_write(test, page, true);
	}
	pks_expect_no_access(test, page);
	pks_domain_free_pages(domain, page, 0);
}
#else
static void pks_domain_guards(struct kunit *test)
{
	kunit_skip(test, "the kernel has no <linux/cleanup.h>");
}
#endif

static void pks_domain_keeps_its_key(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_key_free(domain->pkey);
	KUNIT_EXPECT_EQ(test, pks_console_count("not freed: the caller has not got it"),
			1);
	pks_expect_no_access(test, page);
	pks_domain_use_all(test, domain);
	KUNIT_EXPECT_NE(test, pks_test_key(test, 0), domain->pkey);
	pks_domain_free_pages(domain, page, 0);
}

static void pks_domain_contains_edges(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	void *area = pks_domain_vmalloc(domain, 3 * PAGE_SIZE), *end;
	void *own = (void *)__get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, area && own);
	end = area + 3 * PAGE_SIZE;
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, area, 3 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, area, 1));
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, end - 1, 1));
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, end - 8, 8));
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, area, 0));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, end - 8, 9));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, end, 1));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, area - 1, 1));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, area - 1, 8));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, area, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, end - 1, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(other, area, 1));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, NULL, 1));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, (void *)-1UL, 1));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, own, 1));
	/* Its frames are, too. */
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, pks_test_linear(area),
						    PAGE_SIZE));
	pks_domain_vfree(domain, area);
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, area, 1));
	free_page((unsigned long)own);
}

/* Areas that touch: the owner's pages, taken in one by one. */
static void pks_domain_contains_across(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	struct pks_domain *other = pks_test_domain(test, 0);
	void *pages = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, pks_domain_protect(i < 2 ? domain : other, pages +
							 i * PAGE_SIZE, 1), 0);
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, pages, 2 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(domain, pages + PAGE_SIZE - 1, 2));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(domain, pages, 2 * PAGE_SIZE + 1));
	KUNIT_EXPECT_TRUE(test, pks_domain_contains(other, pages + 2 * PAGE_SIZE,
						    PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, pks_domain_contains(other, pages + 2 * PAGE_SIZE,
						     PAGE_SIZE + 1));
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, pks_domain_unprotect(i < 2 ? domain : other, pages +
							   i * PAGE_SIZE, 1), 0);
	free_pages((unsigned long)pages, 2);
}

static void pks_domain_expect_text(struct kunit *test, const char *file,
				   const char *start, const char *word)
{
	const char *line = pks_line_with(test, pks_file_read(test, file), start);

	KUNIT_EXPECT_TRUE_MSG(test, line && strstr(line, word), "%s: no '%s' in '%s'",
			      file, word, line ?: "(no line)");
}

static void pks_domain_table(struct kunit *test)
{
	struct pks_domain *closed = pks_test_domain(test, 0);
	void *page = pks_domain_alloc_pages(closed, 1, GFP_KERNEL);
	const char *line;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_test_domain(test, PKS_DOMAIN_READONLY);
	pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	pks_expect_no_access(test, page);
	pks_domain_expect_text(test, "domains", "test-0", "  1  test-0 ");
	pks_domain_expect_text(test, "domains", "test-0", "pks_kunit");
	pks_domain_expect_text(test, "domains", "test-0", "closed ");
	line = pks_line_with(test, pks_file_read(test, "domains"), "test-0");
	/* Two pages of a chunk of 2 MiB; a read and a write. */
	KUNIT_EXPECT_NOT_NULL(test, strstr(line, pks_faults_hooked(test) ?
					   "   8      2048           2" :
					   "   8      2048           0"));
	pks_domain_expect_text(test, "domains", "test-1", "  2  test-1 ");
	pks_domain_expect_text(test, "domains", "test-1", "read-only");
	pks_domain_expect_text(test, "domains", "test-2", "  0  test-2 ");
	pks_domain_expect_text(test, "domains", "test-2", "unprotected");
	pks_domain_free_pages(closed, page, 1);
	pks_test_domain_end(test, closed);
	KUNIT_EXPECT_NULL(test, pks_line_with(test, pks_file_read(test, "domains"),
					      "test-0"));
}

static void pks_domain_files(struct kunit *test)
{
	struct pks_domain *domain = pks_test_domain(test, 0);
	void *page = pks_domain_alloc_pages(domain, 2, GFP_KERNEL);
	void *area = pks_domain_vmalloc(domain, 3 * PAGE_SIZE);
	struct pks_cache *cache = pks_cache_create(domain, "things", 40, 8);
	void *object;

	KUNIT_ASSERT_TRUE(test, page && area && !IS_ERR(cache));
	object = pks_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	pks_domain_expect_text(test, "domain/test-0/info", "name:", "test-0");
	pks_domain_expect_text(test, "domain/test-0/info", "owner:", "pks_kunit");
	pks_domain_expect_text(test, "domain/test-0/info", "key:", "1");
	pks_domain_expect_text(test, "domain/test-0/info", "others:", "closed");
	pks_domain_expect_text(test, "domain/test-0/memory", "pages:",
			       "512, of which 8 are in use (1 %)");
	pks_domain_expect_text(test, "domain/test-0/memory", "chunks:",
			       pks_test_level(page) == PG_LEVEL_2M ?
			       "1 of 2 MiB in one piece, 0 smaller or in pieces, 0 of them" :
			       "0 of 2 MiB in one piece, 1 smaller or in pieces, 0 of them");
	pks_domain_expect_text(test, "domain/test-0/memory", "area  ", "3");
	pks_domain_expect_text(test, "domain/test-0/memory", "things", "40");
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "domain/test-0/policy"), 0644);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "domain/test-0/memory"), 0444);
	KUNIT_EXPECT_EQ(test, pks_file_mode(test, "audit"), 0400);
	pks_cache_free(cache, object);
	KUNIT_EXPECT_EQ(test, pks_cache_destroy(cache), 0);
	pks_domain_vfree(domain, area);
	pks_domain_free_pages(domain, page, 2);
}

#define PKS_DOMAIN_POLICY	"/sys/kernel/debug/pks/domain/test-0/policy"

static void pks_domain_policy(struct kunit *test)
{
	const char *audit = pks_line_with(test, pks_file_read(test, "status"), "audit:");
	struct pks_domain *domain = pks_test_domain(test, 0);
	u64 *page, value;

	if (!audit || strcmp(skip_spaces(audit + strlen("audit:")), "on"))
		kunit_skip(test, "%s", audit ?: "nothing is audited");
	page = pks_domain_alloc_pages(domain, 0, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	pks_domain_expect_text(test, "domain/test-0/policy", "deny", "deny");
	KUNIT_EXPECT_EQ(test, pks_shell(test, "echo report >" PKS_DOMAIN_POLICY), 0);
	pks_domain_expect_text(test, "domain/test-0/policy", "report", "report");
	pks_domain_expect_text(test, "domain/test-0/info", "policy:", "report");
	KUNIT_EXPECT_EQ(test, pks_try_read(page, &value), 0);
	KUNIT_EXPECT_NE(test, pks_shell(test, "echo nonsense >" PKS_DOMAIN_POLICY), 0);
	KUNIT_EXPECT_NE(test,
			pks_shell(test, "echo reportxxxxxxxxxxxxx >" PKS_DOMAIN_POLICY),
			0);
	KUNIT_EXPECT_EQ(test, pks_shell(test, "echo deny >" PKS_DOMAIN_POLICY), 0);
	pks_expect_no_access(test, page);
	KUNIT_EXPECT_EQ(test, pks_domain_number(test, domain, "stats", "violations:"), 3);
	pks_domain_free_pages(domain, page, 0);
}

/* The files of one without a key, which has no policy. */
static void pks_domain_policy_of_none(struct kunit *test)
{
	pks_test_domain(test, PKS_DOMAIN_UNPROTECTED);
	pks_domain_expect_text(test, "domain/test-0/policy", "none", "none");
	pks_domain_expect_text(test, "domain/test-0/info", "others:", "unprotected");
	KUNIT_EXPECT_NE(test, pks_shell(test, "echo report >" PKS_DOMAIN_POLICY), 0);
}

#define PKS_DOMAIN_THREADS	4
#define PKS_DOMAIN_ROUNDS	100

struct pks_domain_maker {
	char		name[16];
	unsigned int	bad;
};

static void pks_domain_make(void *data)
{
	struct pks_domain_maker *maker = data;
	struct pks_domain *domain;
	u64 *page;
	int i;

	for (i = 0; i < PKS_DOMAIN_ROUNDS; i++) {
		domain = pks_domain_create(maker->name, 0);
		if (IS_ERR(domain)) {
			maker->bad++;
			continue;
		}
		page = pks_domain_alloc_pages(domain, i % 3, GFP_KERNEL);
		maker->bad += !page || pks_assign(domain, page, i);
		maker->bad += pks_domain_find(maker->name) != domain;
		pks_domain_free_pages(domain, page, i % 3);
		maker->bad += !!pks_domain_destroy(domain);
	}
}

/* At the same time on all CPUs, while someone audits. */
static void pks_domain_at_once(struct kunit *test)
{
	struct pks_domain_maker makers[PKS_DOMAIN_THREADS] = { };
	struct pks_actor *actors[PKS_DOMAIN_THREADS];
	int i;

	for (i = 0; i < PKS_DOMAIN_THREADS; i++) {
		snprintf(makers[i].name, sizeof(makers[i].name), "maker-%d", i);
		actors[i] = pks_actor(test, makers[i].name, -1);
		pks_actor_begin(actors[i], pks_domain_make, &makers[i]);
	}
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, pks_test_findings(NULL), 0);
	for (i = 0; i < PKS_DOMAIN_THREADS; i++) {
		KUNIT_EXPECT_TRUE(test, pks_actor_wait(actors[i]));
		KUNIT_EXPECT_EQ(test, makers[i].bad, 0);
	}
	KUNIT_EXPECT_EQ(test, pks_test_domain(test, 0)->pkey, 1);
}

static struct kunit_case pks_domain_cases[] = {
	KUNIT_CASE(pks_domain_begins_and_ends),
	KUNIT_CASE(pks_domain_no_domain),
	KUNIT_CASE(pks_domain_bad_arguments),
	KUNIT_CASE(pks_domain_names),
	KUNIT_CASE(pks_domain_name_is_copied),
	KUNIT_CASE(pks_domain_name_clash),
	KUNIT_CASE(pks_domain_readonly),
	KUNIT_CASE(pks_domain_unprotected),
	KUNIT_CASE(pks_domain_optional),
	KUNIT_CASE(pks_domain_fifteen),
	KUNIT_CASE(pks_domain_ten_thousand),
	KUNIT_CASE(pks_domain_busy_memory),
	KUNIT_CASE(pks_domain_busy_cache),
	KUNIT_CASE(pks_domain_busy_thread),
	KUNIT_CASE(pks_domain_readonly_is_not_busy),
	KUNIT_CASE(pks_domain_nested),
	KUNIT_CASE(pks_domain_guards),
	KUNIT_CASE(pks_domain_keeps_its_key),
	KUNIT_CASE(pks_domain_contains_edges),
	KUNIT_CASE(pks_domain_contains_across),
	KUNIT_CASE(pks_domain_table),
	KUNIT_CASE(pks_domain_files),
	KUNIT_CASE(pks_domain_policy),
	KUNIT_CASE(pks_domain_policy_of_none),
	KUNIT_CASE(pks_domain_at_once),
	{}
};

struct kunit_suite pks_domain_suite = {
	.name		= "pks_domain",
	.init		= pks_domain_fixture_init,
	.exit		= pks_domain_fixture_exit,
	.test_cases	= pks_domain_cases,
};
