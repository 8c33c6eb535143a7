// SPDX-License-Identifier: GPL-2.0
/* Makes a domain with memory of all kinds, and goes without giving any of it back. */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pks_domain.h>
#include <linux/vmalloc.h>

static unsigned long area;
module_param(area, ulong, 0400);
MODULE_PARM_DESC(area, "Where the area is that it has taken into the domain");

/* So many that some were the kernel's own at boot, and are still mapped as such. */
static unsigned int pages = 4096;
module_param(pages, uint, 0400);
MODULE_PARM_DESC(pages, "How many it has");

static int __init litter_init(void)
{
	struct pks_domain *domain = pks_domain_create("litter", 0);
	void *low, *own;

	if (IS_ERR(domain))
		return PTR_ERR(domain);
	low = (void *)__get_free_pages(GFP_KERNEL, 1);
	own = vzalloc(pages * PAGE_SIZE);
	if (!low || !own ||
	    pks_domain_protect(domain, low, 2) ||
	    pks_domain_protect(domain, own, pages) ||
	    !pks_domain_vmalloc(domain, 5 * PAGE_SIZE) ||
	    !pks_domain_alloc_pages(domain, 2, GFP_KERNEL) ||
	    !pks_domain_alloc(domain, 100, GFP_KERNEL))
		return -ENOMEM;
	area = (unsigned long)own;
	return 0;
}

static void __exit litter_exit(void) { }

module_init(litter_init);
module_exit(litter_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For the scenarios of pks: a domain that is left behind");
PKS_IMPORT_NS();
