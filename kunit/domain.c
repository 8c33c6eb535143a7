// SPDX-License-Identifier: GPL-2.0
/* The domains of a case, and what the page tables say of their memory. */
#include "../pks_domain.h"
#include "pks_test.h"
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/pks_domain.h>
#include <linux/string.h>
#include <asm/pgtable.h>

#define PKS_TEST_DOMAINS	32

static struct pks_domain *pks_test_domains[PKS_TEST_DOMAINS];
static unsigned int pks_test_domain_nr;

int pks_domain_fixture_init(struct kunit *test)
{
	memset(pks_test_domains, 0, sizeof(pks_test_domains));
	pks_test_domain_nr = 0;
	return pks_debugfs_fixture_init(test);
}

/* The threads of the case may have domains open: they go first. */
void pks_domain_fixture_exit(struct kunit *test)
{
	int i;

	pks_actors_quit();
	for (i = 0; i < PKS_TEST_DOMAINS; i++) {
		if (pks_test_domains[i])
			KUNIT_EXPECT_EQ(test, 0, pks_domain_destroy(pks_test_domains[i]));
	}
	pks_fixture_exit(test);
}

struct pks_domain *pks_test_domain(struct kunit *test, int attrs)
{
	struct pks_domain *domain;
	char name[16];
	int i = 0;

	while (i < PKS_TEST_DOMAINS && pks_test_domains[i])
		i++;
	KUNIT_ASSERT_LT(test, i, PKS_TEST_DOMAINS);
	/* A case that failed may have left one behind. */
	do {
		snprintf(name, sizeof(name), "test-%u", pks_test_domain_nr++);
		domain = pks_domain_create(name, attrs);
	} while (PTR_ERR_OR_ZERO(domain) == -EEXIST);
	KUNIT_ASSERT_FALSE(test, IS_ERR(domain));
	pks_test_domains[i] = domain;
	return domain;
}

void pks_test_domain_end(struct kunit *test, struct pks_domain *domain)
{
	int i;

	KUNIT_ASSERT_EQ(test, 0, pks_domain_destroy(domain));
	for (i = 0; i < PKS_TEST_DOMAINS; i++) {
		if (pks_test_domains[i] == domain)
			pks_test_domains[i] = NULL;
	}
}

int pks_test_key_at(const void *addr)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)addr, &level);

	/* DEBUG_PAGEALLOC takes the present bit of free pages, and gives it back later. */
	if (!pte || pte_none(*pte))
		return -ENOENT;
	return (pte_val(*pte) >> PKS_PTE_SHIFT) & (PKS_NUM_KEYS - 1);
}

unsigned int pks_test_level(const void *addr)
{
	unsigned int level = PG_LEVEL_NONE;

	lookup_address((unsigned long)addr, &level);
	return level;
}

/* Memory is handed out again that was split before, by others or by other cases. */
#define PKS_TEST_LARGE	16

void *pks_test_large(struct kunit *test)
{
	void *larges[PKS_TEST_LARGE], *found = NULL;
	int i = 0;

	while (i < PKS_TEST_LARGE && !found) {
		larges[i] = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 9);
		if (!larges[i])
			break;
		if (pks_test_level(larges[i]) == PG_LEVEL_2M)
			found = larges[i];
		else
			i++;
	}
	while (i--)
		free_pages((unsigned long)larges[i], 9);
	if (!found)
		kunit_skip(test, "all of the direct map that is free is in small pages");
	return found;
}

void *pks_test_linear(const void *addr)
{
	return is_vmalloc_addr(addr) ? page_address(vmalloc_to_page(addr)) :
				       (void *)addr;
}

void pks_expect_keyed(struct kunit *test, const void *addr, size_t size, int pkey)
{
	const void *end = addr + size;
	unsigned int wrong = 0;

	for (; addr < end; addr += PAGE_SIZE)
		wrong += pks_test_key_at(addr) != pkey ||
			 pks_test_key_at(pks_test_linear(addr)) != pkey;
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "pages without key %d", pkey);
}

void pks_expect_no_access(struct kunit *test, void *addr)
{
	pks_expect_read(test, addr, false);
	pks_expect_write(test, addr, false);
}

bool pks_test_all(struct pks_domain *domain, const void *addr, int byte, size_t size)
{
	int former = pks_domain_enter(domain, PKS_READONLY);
	bool all = !memchr_inv(addr, byte, size);

	pks_domain_leave(domain, former);
	return all;
}

static void pks_test_finding(const struct pks_audit_finding *finding, void *data)
{
	struct pks_test_audit *audit = data;

	audit->last = finding->addr;
	audit->pkey = finding->pkey;
	audit->size = finding->size;
	audit->keyed = !finding->dom;
}

unsigned long pks_test_findings(struct pks_test_audit *audit)
{
	struct pks_test_audit unused;

	return pks_audit(pks_test_finding, audit ?: &unused);
}

static const char *pks_domain_line(struct kunit *test, struct pks_domain *domain,
				   const char *file, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "domain/%s/%s",
		 pks_dom(domain)->name, file);
	return pks_line_with(test, pks_file_read(test, path), what);
}

unsigned long pks_domain_number(struct kunit *test, struct pks_domain *domain,
				const char *file, const char *what)
{
	const char *line = pks_domain_line(test, domain, file, what);

	KUNIT_ASSERT_NOT_NULL(test, line);
	line = strstr(line, what) + strlen(what);
	return simple_strtoul(skip_spaces(line), NULL, 10);
}

#define PKS_INJECT_ALL	"cd /sys/kernel/debug && " \
	"for d in failslab fail_page_alloc; do " \
	"echo N >$d/ignore-gfp-wait && echo 0 >$d/verbose || exit 1; done && " \
	"echo 0 >fail_page_alloc/min-order"

void pks_inject_init(struct kunit *test)
{
	if (pks_shell(test, PKS_INJECT_ALL))
		kunit_skip(test, "the kernel does not let all allocations fail");
}

#ifdef CONFIG_FAULT_INJECTION
void pks_inject(unsigned int nth)
{
	current->fail_nth = nth;
}

bool pks_injected(void)
{
	bool failed = !current->fail_nth;

	current->fail_nth = 0;
	return failed;
}
#else
void pks_inject(unsigned int nth)
{
}

bool pks_injected(void)
{
	return false;
}
#endif

struct pks_ctx {
	void			(*act)(void *data);
	void			*data;
	struct irq_work		work;
	struct tasklet_struct	tasklet;
	bool			done;
};

static void pks_ctx_work(struct irq_work *work)
{
	struct pks_ctx *ctx = container_of(work, struct pks_ctx, work);

	ctx->act(ctx->data);
	WRITE_ONCE(ctx->done, true);
}

static void pks_ctx_tasklet(struct tasklet_struct *tasklet)
{
	struct pks_ctx *ctx = container_of(tasklet, struct pks_ctx, tasklet);

	ctx->act(ctx->data);
	WRITE_ONCE(ctx->done, true);
}

static void pks_in_hardirq(struct kunit *test, void (*act)(void *), void *data)
{
	struct pks_ctx ctx = { .act = act, .data = data };

	ctx.work = IRQ_WORK_INIT_HARD(pks_ctx_work);
	irq_work_queue(&ctx.work);
	irq_work_sync(&ctx.work);
	KUNIT_EXPECT_TRUE(test, ctx.done);
}

static void pks_in_softirq(struct kunit *test, void (*act)(void *), void *data)
{
	struct pks_ctx ctx = { .act = act, .data = data };

	tasklet_setup(&ctx.tasklet, pks_ctx_tasklet);
	tasklet_schedule(&ctx.tasklet);
	KUNIT_EXPECT_TRUE(test, pks_sleep_until(&ctx.done));
	tasklet_kill(&ctx.tasklet);
}

static void pks_in_irqsoff(struct kunit *test, void (*act)(void *), void *data)
{
	unsigned long flags;

	local_irq_save(flags);
	act(data);
	local_irq_restore(flags);
}

const struct pks_test_way pks_test_ways[] = {
	{ "interrupts off", pks_in_irqsoff },
	{ "hard interrupt", pks_in_hardirq },
	{ "softirq", pks_in_softirq },
};
