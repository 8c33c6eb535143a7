// SPDX-License-Identifier: GPL-2.0
/* The same done with page tables: pages read-only but while they are written to. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/static_call.h>
#include "pks_bench.h"
#include "../pks_compat.h"

#define FLIP_ORDER	9

/* Not exported. */
DEFINE_STATIC_CALL_RET0(bench_ro, set_memory_ro);
DEFINE_STATIC_CALL_RET0(bench_rw, set_memory_rw);

/* What maps @addr: PG_LEVEL_4K, PG_LEVEL_2M... */
unsigned int bench_level(const void *addr)
{
	unsigned int level = PG_LEVEL_NONE;

	lookup_address((unsigned long)addr, &level);
	return level;
}

struct bench_flip {
	unsigned long	addr;
	int		nr_pages;
	int		at_once;
};

static u64 bench_flip(void *data)
{
	const struct bench_flip *flip = data;
	u64 start = bench_now();
	int i;

	for (i = 0; i < flip->nr_pages; i += flip->at_once)
		static_call(bench_rw)(flip->addr + i * PAGE_SIZE, flip->at_once);
	for (i = 0; i < flip->nr_pages; i += flip->at_once)
		static_call(bench_ro)(flip->addr + i * PAGE_SIZE, flip->at_once);
	return bench_now() - start;
}

/* Only one way: what protecting them compares with. */
static u64 bench_flip_back(void *data)
{
	const struct bench_flip *flip = data;
	u64 start;
	int i;

	static_call(bench_rw)(flip->addr, flip->nr_pages);
	start = bench_now();
	for (i = 0; i < flip->nr_pages; i += flip->at_once)
		static_call(bench_ro)(flip->addr + i * PAGE_SIZE, flip->at_once);
	return bench_now() - start;
}

static void bench_flip_pages(const char *name, const char *load, void *pages, int nr,
			     int at_once)
{
	struct bench_flip flip = { (unsigned long)pages, nr, at_once };

	bench_few(name, load, bench_flip, &flip);
}

static void bench_flip_all(const char *load, void *pages)
{
	struct bench_flip back = { (unsigned long)pages, 1 << FLIP_ORDER, 1 };

	/* A page alone first: from then on the mapping consists of small ones. */
	bench_flip_pages("flip 1", load, pages, 1, 1);
	if (bench_level(pages) != PG_LEVEL_4K) {
		pr_err("not mapped by pages: %u\n", bench_level(pages));
		return;
	}
	bench_flip_pages("flip 16", load, pages, 16, 16);
	bench_flip_pages("flip 512", load, pages, 512, 512);
	bench_flip_pages("flip 512 one by one", load, pages, 512, 1);
	bench_few("set_memory_ro() 512 one by one", load, bench_flip_back, &back);
}

void bench_flips(const char *load)
{
	unsigned long pages = __get_free_pages(GFP_KERNEL, FLIP_ORDER);

	if (!pages || !pks_find(bench_ro, "set_memory_ro") ||
	    !pks_find(bench_rw, "set_memory_rw")) {
		pr_notice("set_memory_ro() and set_memory_rw() can't be had\n");
		free_pages(pages, FLIP_ORDER);
		return;
	}
	bench_flip_all(load, (void *)pages);
	static_call(bench_rw)(pages, 1 << FLIP_ORDER);
	free_pages(pages, FLIP_ORDER);
}
