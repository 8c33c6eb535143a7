// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios: threads that die where rights are open that no context keeps. A word
 * written to the parameter die says where, in a kernel thread of its own:
 *
 *   report	in a tracer of its violation, which is audited
 *   nested	likewise, of a violation that the tracer of another one does
 *   print	in a tracer of what is printed of it
 *   handler	in the fault handler that is asked about it
 *   step	in the audited instruction itself, by another fault of it
 *   window	in a tracer of page faults, while pks_write() has its domain open
 *   nowhere	not at all: a violation that is carried out
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pks_domain.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <trace/events/pks.h>
#include "../../../pks_compat.h"

#define DIES_NON_CANONICAL	0x8000000000000000UL

static unsigned long address;
module_param(address, ulong, 0400);
MODULE_PARM_DESC(address, "Where its domain's memory is; set by the module");

static unsigned int done;
module_param(done, uint, 0400);
MODULE_PARM_DESC(done, "How many threads have got through");

static struct pks_domain *dies_domain, *dies_other;
static void *dies_page, *dies_other_page;
static struct tracepoint *dies_faults, *dies_console;
static struct task_struct *dies_task;
static const char *dies_where;

static bool dies_at(const char *where)
{
	return READ_ONCE(dies_task) == current && !strcmp(dies_where, where);
}

static noinline void dies_now(void)
{
	WRITE_ONCE(dies_task, NULL);
	WRITE_ONCE(*(u64 *)8, 0);
}

static noinline void dies_violate(void *page)
{
	u64 val;

	__get_kernel_nofault(&val, page, u64, stopped);
stopped:
	return;
}

static void dies_fault_probe(void *data, const struct pks_fault_info *info,
			     const char *domain)
{
	if (dies_at("report"))
		dies_now();
	if (!dies_at("nested"))
		return;
	if (info->pkey == dies_other->pkey)
		dies_now();
	dies_violate(dies_other_page);
}

static void dies_print_probe(void *data, const char *text, size_t len)
{
	if (dies_at("print"))
		dies_now();
}

static void dies_page_fault_probe(void *data, unsigned long addr, struct pt_regs *regs,
				  unsigned long error_code)
{
	if (dies_at("window"))
		dies_now();
}

static enum pks_fault_action dies_handle(const struct pks_fault_info *info,
					 struct pt_regs *regs, void *data)
{
	if (dies_at("handler"))
		dies_now();
	return PKS_FAULT_DENY;
}

/* First the source is read, which is the violation; then there is no such destination. */
static noinline void dies_in_step(void)
{
	void *dst = (void *)DIES_NON_CANONICAL, *src = dies_page;

	WRITE_ONCE(dies_task, NULL);
	asm volatile("movsq" : "+D" (dst), "+S" (src) : : "memory");
}

/* Nothing is mapped where errnos are: its source can't be read. */
static void dies_in_window(void)
{
	pks_write(dies_domain, dies_page, ERR_PTR(-MAX_ERRNO), 1);
}

static int dies_main(void *unused)
{
	WRITE_ONCE(dies_task, current);
	if (dies_at("step"))
		dies_in_step();
	else if (dies_at("window"))
		dies_in_window();
	else
		dies_violate(dies_page);
	WRITE_ONCE(dies_task, NULL);
	done++;
	return 0;
}

static const char *const dies_places[] = {
	"report", "nested", "print", "handler", "step", "window", "nowhere",
};

static int dies_set(const char *val, const struct kernel_param *kp)
{
	int place = sysfs_match_string(dies_places, val);

	if (place < 0)
		return place;
	dies_where = dies_places[place];
	return PTR_ERR_OR_ZERO(kthread_run(dies_main, NULL, "dies"));
}

static const struct kernel_param_ops dies_ops = { .set = dies_set };
module_param_cb(die, &dies_ops, NULL, 0200);
MODULE_PARM_DESC(die, "Where a thread is to die");

static void dies_match(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "page_fault_kernel"))
		dies_faults = tp;
	else if (!strcmp(tp->name, "console"))
		dies_console = tp;
}

static void *dies_memory(struct pks_domain **domain, const char *name)
{
	*domain = pks_domain_create(name, 0);
	if (IS_ERR(*domain) || pks_set_policy((*domain)->pkey, PKS_POLICY_REPORT))
		return NULL;
	return pks_domain_alloc_pages(*domain, 0, GFP_KERNEL);
}

static void dies_end(struct pks_domain *domain, void *page)
{
	if (IS_ERR_OR_NULL(domain))
		return;
	pks_domain_free_pages(domain, page, 0);
	pks_domain_destroy(domain);
}

static int dies_begin(void)
{
	dies_page = dies_memory(&dies_domain, "dies");
	dies_other_page = dies_memory(&dies_other, "other");
	if (!dies_page || !dies_other_page ||
	    pks_set_fault_handler(dies_domain->pkey, dies_handle, NULL))
		return -ENOMEM;
	for_each_kernel_tracepoint(dies_match, NULL);
	if (!dies_faults || !dies_console)
		return -ENOENT;
	tracepoint_probe_register(dies_faults, dies_page_fault_probe, NULL);
	tracepoint_probe_register(dies_console, dies_print_probe, NULL);
	register_trace_pks_fault(dies_fault_probe, NULL);
	address = (unsigned long)dies_page;
	return 0;
}

static int __init dies_init(void)
{
	int err = dies_begin();

	if (err) {
		dies_end(dies_other, dies_other_page);
		dies_end(dies_domain, dies_page);
	}
	return err;
}

/* It stays: others may wait for a tracer that has died for ever. */
module_init(dies_init);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test help: threads that die where rights are open");
PKS_IMPORT_NS();
