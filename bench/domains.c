// SPDX-License-Identifier: GPL-2.0
/* Memory of domains: taken in, allocated, written to. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "pks_bench.h"

/* Tried to find one that is mapped as it should be. */
#define BENCH_BLOCKS	8

/* Small objects at once. */
#define BENCH_BULK	256

struct bench_pages {
	void		*addr;
	unsigned long	nr;
};

static u64 bench_protect(void *data)
{
	const struct bench_pages *pages = data;
	u64 time = bench_time(WARN_ON_ONCE(pks_domain_protect(bench_domain, pages->addr,
							      pages->nr)));

	pks_domain_unprotect(bench_domain, pages->addr, pages->nr);
	return time;
}

static u64 bench_unprotect(void *data)
{
	const struct bench_pages *pages = data;

	pks_domain_protect(bench_domain, pages->addr, pages->nr);
	return bench_time(pks_domain_unprotect(bench_domain, pages->addr, pages->nr));
}

static void bench_pages(const char *what, const char *load, void *addr, unsigned long nr)
{
	struct bench_pages pages = { addr, nr };
	char name[40];

	snprintf(name, sizeof(name), "protect %s", what);
	bench_few(name, load, bench_protect, &pages);
	snprintf(name, sizeof(name), "unprotect %s", what);
	bench_few(name, load, bench_unprotect, &pages);
}

/*
 * 2^@order pages with nr entries of 2 MiB, or, where @split, an entry each. The direct
 * map may have them in entries of 1 GiB, and parts that were split once stay so.
 */
static void *bench_block(unsigned int order, gfp_t gfp, bool split)
{
	void *blocks[BENCH_BLOCKS], *block = NULL;
	unsigned int nr = 0;

	while (nr < BENCH_BLOCKS) {
		block = (void *)__get_free_pages(gfp, order);
		if (!block)
			break;
		if (!pks_domain_protect(bench_domain, block, split ? 1 : 1UL << order))
			pks_domain_unprotect(bench_domain, block, split ? 1 : 1UL << order);
		if (bench_level(block) == (split ? PG_LEVEL_4K : PG_LEVEL_2M))
			break;
		blocks[nr++] = block;
		block = NULL;
	}
	while (nr--)
		free_pages((unsigned long)blocks[nr], order);
	return block;
}

static void bench_large(const char *load)
{
	void *one = bench_block(9, GFP_KERNEL, false);
	void *two = bench_block(10, GFP_KERNEL, false);

	if (one)
		bench_pages("2 MiB", load, one, 512);
	if (two)
		bench_pages("4 MiB", load, two, 1024);
	free_pages((unsigned long)one, 9);
	free_pages((unsigned long)two, 10);
}

/* One of them alone. */
void bench_one_page(const char *load)
{
	struct bench_pages page = { bench_block(0, GFP_KERNEL, true), 1 };

	if (page.addr)
		bench_few("protect 1", load, bench_protect, &page);
	free_pages((unsigned long)page.addr, 0);
}

static void bench_small(const char *load)
{
	void *block = bench_block(9, GFP_KERNEL, true);

	if (block) {
		bench_pages("1", load, block, 1);
		bench_pages("16", load, block, 16);
		bench_pages("512", load, block, 512);
	}
	free_pages((unsigned long)block, 9);
}

/* Where the kernel's image, with a mapping of its own, could be as well. */
static void bench_low(const char *load)
{
	void *block = bench_block(9, GFP_DMA32, true);

	if (block && __pa(block) < SZ_512M)
		bench_pages("512 low", load, block, 512);
	free_pages((unsigned long)block, 9);
}

static void bench_vmalloc(const char *load)
{
	void *area = vmalloc(4096 * PAGE_SIZE);

	if (area)
		bench_pages("4096 of vmalloc", load, area, 4096);
	vfree(area);
}

struct bench_objects {
	struct pks_cache	*cache;
	size_t			size;
};

static u64 bench_kmalloc(void *data)
{
	const struct bench_objects *objects = data;

	return bench_time(kfree(kzalloc(objects->size, GFP_KERNEL)));
}

static u64 bench_object(void *data)
{
	const struct bench_objects *objects = data;
	size_t size = objects->size;

	return bench_time(pks_domain_free(bench_domain,
					  pks_domain_alloc(bench_domain, size, GFP_KERNEL)));
}

static u64 bench_cache_object(void *data)
{
	const struct bench_objects *objects = data;

	return bench_time(pks_cache_free(objects->cache,
					 pks_cache_alloc(objects->cache, GFP_KERNEL)));
}

/* Many at once: what is done for a page or more of them is shared by all. */
static u64 bench_kmalloc_bulk(void *data)
{
	const struct bench_objects *objects = data;
	static void *all[BENCH_BULK];
	u64 start = bench_now();
	unsigned int i;

	for (i = 0; i < BENCH_BULK; i++)
		all[i] = kzalloc(objects->size, GFP_KERNEL);
	for (i = 0; i < BENCH_BULK; i++)
		kfree(all[i]);
	return bench_now() - start;
}

static u64 bench_object_bulk(void *data)
{
	const struct bench_objects *objects = data;
	static void *all[BENCH_BULK];
	u64 start = bench_now();
	unsigned int i;

	for (i = 0; i < BENCH_BULK; i++)
		all[i] = pks_domain_alloc(bench_domain, objects->size, GFP_KERNEL);
	for (i = 0; i < BENCH_BULK; i++)
		pks_domain_free(bench_domain, all[i]);
	return bench_now() - start;
}

static void bench_objects(const char *load)
{
	struct bench_objects objects = { .size = 64 };

	bench("kmalloc 64", load, bench_kmalloc, &objects);
	bench("object 64", load, bench_object, &objects);
	bench_each("kmalloc 64 in bulk", load, bench_kmalloc_bulk, &objects, BENCH_BULK);
	bench_each("object 64 in bulk", load, bench_object_bulk, &objects, BENCH_BULK);
	objects.cache = pks_cache_create(bench_domain, "bench", objects.size, 8);
	if (IS_ERR_OR_NULL(objects.cache))
		return;
	bench("cache 64", load, bench_cache_object, &objects);
	pks_cache_destroy(objects.cache);
}

struct bench_write {
	void	*dst;
	void	*src;
	size_t	len;
};

static u64 bench_memcpy(void *data)
{
	const struct bench_write *write = data;

	return bench_time(memcpy(write->src + write->len, write->src, write->len));
}

static u64 bench_write_once(void *data)
{
	const struct bench_write *write = data;

	return bench_time(pks_write(bench_domain, write->dst, write->src, write->len));
}

static u64 bench_assign(void *data)
{
	const struct bench_write *write = data;

	return bench_time(pks_assign(bench_domain, (u64 *)write->dst, 1));
}

static void bench_writes(const char *load)
{
	struct bench_write write = {
		.dst = pks_domain_alloc_pages(bench_domain, 0, GFP_KERNEL),
		.src = kzalloc(1024, GFP_KERNEL),
	};

	if (write.dst && write.src) {
		write.len = 8;
		bench("memcpy 8", load, bench_memcpy, &write);
		bench("write 8", load, bench_write_once, &write);
		bench("assign 8", load, bench_assign, &write);
		write.len = 256;
		bench("memcpy 256", load, bench_memcpy, &write);
		bench("write 256", load, bench_write_once, &write);
	}
	pks_domain_free_pages(bench_domain, write.dst, 0);
	kfree(write.src);
}

void bench_domains(const char *load)
{
	bench_large(load);
	bench_small(load);
	bench_low(load);
	bench_vmalloc(load);
	bench_objects(load);
	bench_writes(load);
}
