// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios: takes all the memory that a domain can have, in the way that the
 * parameter take names, and gives it back. got says how much it was, in pages (of a
 * domain: how many), when there was no more.
 *
 *   area		one area, as large as what the machine has free, then smaller ones
 *   areas	areas of 1 MiB
 *   pages	single pages
 *   objects	objects of 2 KiB, two of which count as a page
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pks_domain.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmstat.h>
#include "../../../pks_compat.h"

static unsigned long got;
module_param(got, ulong, 0400);
MODULE_PARM_DESC(got, "How much there was; set by the module");

static struct pks_domain *greed_domain;

static unsigned long greed_area(void)
{
	unsigned long pages = global_zone_page_state(NR_FREE_PAGES);
	void *area = NULL;

	for (; pages > 64 && !area; pages -= pages / 64)
		area = pks_domain_vmalloc(greed_domain, pages << PAGE_SHIFT);
	pks_domain_vfree(greed_domain, area);
	return area ? pages : 0;
}

/* What is had is linked through a list of pointers that the kernel has room for. */
#define GREED_MAX	SZ_256K

static unsigned long greed_many(void *(*take)(void), void (*give)(void *), unsigned int shift)
{
	void **all = kvmalloc_array(GREED_MAX, sizeof(*all), GFP_KERNEL);
	unsigned long nr = 0, i;

	if (!all)
		return 0;
	while (nr < GREED_MAX && !fatal_signal_pending(current)) {
		all[nr] = take();
		if (!all[nr])
			break;
		nr++;
	}
	for (i = 0; i < nr; i++)
		give(all[i]);
	kvfree(all);
	return nr << shift;
}

static void *greed_take_area(void)
{
	return pks_domain_vmalloc(greed_domain, SZ_1M);
}

static void greed_give_area(void *area)
{
	pks_domain_vfree(greed_domain, area);
}

static void *greed_take_page(void)
{
	return pks_domain_alloc_pages(greed_domain, 0, GFP_KERNEL);
}

static void greed_give_page(void *page)
{
	pks_domain_free_pages(greed_domain, page, 0);
}

static void *greed_take_object(void)
{
	return pks_domain_alloc(greed_domain, SZ_2K, GFP_KERNEL);
}

static void greed_give_object(void *object)
{
	pks_domain_free(greed_domain, object);
}

static unsigned long greed_run(const char *how)
{
	if (sysfs_streq(how, "area"))
		return greed_area();
	if (sysfs_streq(how, "areas"))
		return greed_many(greed_take_area, greed_give_area, 8);
	if (sysfs_streq(how, "pages"))
		return greed_many(greed_take_page, greed_give_page, 0);
	if (sysfs_streq(how, "objects"))
		return greed_many(greed_take_object, greed_give_object, 0) / 2;
	return 0;
}

static int greed_set(const char *val, const struct kernel_param *kp)
{
	int err;

	greed_domain = pks_domain_create("greed", 0);
	if (IS_ERR(greed_domain))
		return PTR_ERR(greed_domain);
	got = greed_run(val);
	err = pks_domain_destroy(greed_domain);
	return err ?: got ? 0 : -ENOMEM;
}

static const struct kernel_param_ops greed_ops = { .set = greed_set };
module_param_cb(take, &greed_ops, NULL, 0200);
MODULE_PARM_DESC(take, "Take all that there is");

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test help: takes all the memory that a domain can have");
PKS_IMPORT_NS();
