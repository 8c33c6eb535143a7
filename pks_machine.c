// SPDX-License-Identifier: GPL-2.0
/*
 * What the rest of the kernel does to memory behind our back: hibernation copies all
 * of it through the direct map, and hot-remove takes it away.
 */
#include "pks_domain.h"
#include <linux/memory.h>
#include <linux/notifier.h>
#include <linux/pfn.h>
#include <linux/static_call.h>
#include <linux/suspend.h>
#include <linux/vmalloc.h>

/* From now on no domain gets memory? Looked at under a domain's mutex. */
bool pks_hibernating;

static int pks_hibernation_begins(void)
{
	struct pks_dom *dom = NULL;
	unsigned long pages;

	mutex_lock(&pks_domain_mutex);
	WRITE_ONCE(pks_hibernating, true);
	pages = pks_domain_tagged(&dom);
	if (pages) {
		WRITE_ONCE(pks_hibernating, false);
		pr_err("hibernation refused: %lu pages are in domains, as in %s of %s, and can't be read\n",
		       pages, dom->name, dom->owner_name);
	}
	mutex_unlock(&pks_domain_mutex);
	return pages ? notifier_from_errno(-EBUSY) : NOTIFY_DONE;
}

static int pks_pm_event(struct notifier_block *nb, unsigned long event, void *unused)
{
	if (event == PM_HIBERNATION_PREPARE)
		return pks_hibernation_begins();
	if (event == PM_POST_HIBERNATION)
		WRITE_ONCE(pks_hibernating, false);
	return NOTIFY_DONE;
}

static struct notifier_block pks_pm_nb = { .notifier_call = pks_pm_event };

static int pks_memory_event(struct notifier_block *nb, unsigned long event,
			    void *data)
{
	const struct memory_notify *what = data;
	const struct pks_area *area;
	unsigned long start = (unsigned long)__va(PFN_PHYS(what->start_pfn));

	if (event != MEM_GOING_OFFLINE)
		return NOTIFY_DONE;
	rcu_read_lock();
	area = pks_area_next(start, start + PFN_PHYS(what->nr_pages));
	if (area)
		pr_err("memory stays online: domain %s of %s is in it\n",
		       area->dom->name, area->dom->owner_name);
	rcu_read_unlock();
	return area ? NOTIFY_BAD : NOTIFY_OK;
}

static struct notifier_block pks_memory_nb = { .notifier_call = pks_memory_event };

DEFINE_STATIC_CALL_RET0(pks_find_vm_area, find_vm_area);
static bool pks_vm_areas_known;

/* The area at @addr that an owner has from vmalloc(): for as long as it is there. */
void pks_vmalloc_hide(const void *addr)
{
	struct vm_struct *vm = static_call(pks_find_vm_area)(addr);

	if (vm)
		vm->flags |= PKS_VM_HIDDEN;
}

/* As it was, unless some of it is still a domain's. */
void pks_vmalloc_show(const void *addr)
{
	struct vm_struct *vm = static_call(pks_find_vm_area)(addr);
	unsigned long start;

	if (!vm)
		return;
	start = (unsigned long)vm->addr;
	rcu_read_lock();
	if (!pks_area_next(start, start + get_vm_area_size(vm)))
		vm->flags &= ~PKS_VM_HIDDEN;
	rcu_read_unlock();
}

/*
 * Is that part of one area of vmalloc() or vmap(), for the kernel alone? Variables of CPUs
 * are in areas that have no pages of their own. Where the kernel does not tell, it may be.
 */
bool pks_vmalloc_is_plain(const void *addr, unsigned long size)
{
	const unsigned long not = VM_USERMAP | VM_DMA_COHERENT | VM_UNINITIALIZED |
				  VM_FLUSH_RESET_PERMS;
	struct vm_struct *vm = static_call(pks_find_vm_area)(addr);

	if (!pks_vm_areas_known)
		return true;
	if (!vm || (vm->flags & not) || !(vm->flags & (VM_ALLOC | VM_MAP)) ||
	    ((vm->flags & VM_ALLOC) && !vm->pages))
		return false;
	return size <= get_vm_area_size(vm) - (addr - vm->addr);
}

int pks_machine_init(void)
{
	int err = register_pm_notifier(&pks_pm_nb);

	if (err)
		return err;
	err = register_memory_notifier(&pks_memory_nb);
	if (err)
		unregister_pm_notifier(&pks_pm_nb);
	pks_vm_areas_known = pks_find(pks_find_vm_area, "find_vm_area");
	return err;
}

void pks_machine_exit(void)
{
	unregister_memory_notifier(&pks_memory_nb);
	unregister_pm_notifier(&pks_pm_nb);
}
