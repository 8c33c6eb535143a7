// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios: a key with a page, at the parameter address, and whatever fault
 * handler is asked for. With leave=1 the module is a bad owner: it goes without
 * taking its handler away, freeing its key or unmapping its page.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pks.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static unsigned long address;
module_param(address, ulong, 0400);
MODULE_PARM_DESC(address, "Where its page is; set by the module");

static char *handler = "none";
module_param(handler, charp, 0400);
MODULE_PARM_DESC(handler, "none (default), deny or fixup: what its fault handler decides");

static unsigned long pry;
module_param(pry, ulong, 0400);
MODULE_PARM_DESC(pry, "Read there while loading, with its own key open");

static bool leave;
module_param(leave, bool, 0400);
MODULE_PARM_DESC(leave, "Leave everything behind");

static struct page *owner_page;
static void *owner_map;
static int owner_key;

static enum pks_fault_action owner_decide(const struct pks_fault_info *info,
					  struct pt_regs *regs, void *data)
{
	return (enum pks_fault_action)(unsigned long)data;
}

static int owner_set_handler(void)
{
	unsigned long action;

	if (!strcmp(handler, "none"))
		return 0;
	if (!strcmp(handler, "deny"))
		action = PKS_FAULT_DENY;
	else if (!strcmp(handler, "fixup"))
		action = PKS_FAULT_FIXUP;
	else
		return -EINVAL;
	return pks_set_fault_handler(owner_key, owner_decide, (void *)action);
}

static noinline void owner_pry(void)
{
	int former = pks_enter(owner_key, PKS_READWRITE);

	READ_ONCE(*(u64 *)pry);
	pks_leave(owner_key, former);
}

static void owner_cleanup(void)
{
	if (owner_map)
		vunmap(owner_map);
	if (owner_page)
		__free_page(owner_page);
	pks_key_free(owner_key);
}

static int __init owner_init(void)
{
	int err = -ENOMEM;

	owner_key = pks_key_alloc("owned", 0);
	if (owner_key < 0)
		return owner_key;
	owner_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (owner_page)
		owner_map = vmap(&owner_page, 1, VM_MAP,
				 PAGE_KERNEL_PKEY(owner_key));
	if (owner_map)
		err = owner_set_handler();
	if (err)
		owner_cleanup();
	else if (pry)
		owner_pry();
	address = (unsigned long)owner_map;
	return err;
}

static void __exit owner_exit(void)
{
	if (!leave)
		owner_cleanup();
}

module_init(owner_init);
module_exit(owner_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test help: an owner of a key, good or bad");
PKS_IMPORT_NS();
