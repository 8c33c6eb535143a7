// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's fault path. do_kern_addr_fault() warns about the first protection
 * key fault on a kernel page, which takes down a machine with panic_on_warn, and
 * then handles it like any bad access: exception table, or oops. The hook sends
 * these faults, and no others, straight to that handling.
 *
 * Clearing the key's bit in the error code instead would be a trap: a write then
 * looks like one that a stale TLB entry caused, and is retried for ever.
 */
#include "pks_internal.h"
#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/trap_pf.h>

/* Why the hook can't be had, or NULL. */
const char *pks_fault_missing = "not set up";

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS

/* A key to prove the hook with: at load it is still nobody's, and closed. */
#define PKS_PROOF_KEY	(PKS_NUM_KEYS - 1)

/* bad_area_nosemaphore(), which takes the same arguments. */
static unsigned long pks_fault_bad_area;
/* Faults of the task that proves the hook; of those, the redirected. */
static struct task_struct *pks_fault_prover;
static unsigned int pks_fault_seen, pks_fault_redirected;

/*
 * At the entry of do_kern_addr_fault(regs, error_code, address), which is called
 * for kernel addresses alone.
 */
static void notrace pks_fault_hook(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);
	bool proving = READ_ONCE(pks_fault_prover) == current;

	pks_fault_seen += proving;
	if (!(regs->si & X86_PF_PK))
		return;
	pks_fault_redirected += proving;
	regs->ip = pks_fault_bad_area;
}

static struct ftrace_ops pks_fault_ops = {
	.func	= pks_fault_hook,
	.flags	= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		  FTRACE_OPS_FL_PERMANENT | FTRACE_OPS_FL_RECURSION,
};

static bool pks_fault_touch(const char *where)
{
	char byte;

	__get_kernel_nofault(&byte, where, char, stopped);
	return true;
stopped:
	return false;
}

/*
 * An ordinary fault first, on the guard page that follows a mapping: where the
 * hook does not see that one, the other is not tried, for it would warn.
 */
static const char *pks_fault_try(const char *page)
{
	if (pks_fault_touch(page + PAGE_SIZE) || pks_fault_seen != 1)
		return "the hook on do_kern_addr_fault() does not work";
	if (pks_fault_touch(page))
		return "the CPU let an access to a closed key through";
	if (pks_fault_redirected != 1)
		return "faults can't be sent on to bad_area_nosemaphore()";
	return NULL;
}

static const char *pks_fault_prove(void)
{
	const char *missing = "no memory to prove the hook with";
	struct page *page = alloc_page(GFP_KERNEL);
	char *map = NULL;

	if (page)
		map = vmap(&page, 1, VM_MAP,
			   __pgprot(pgprot_val(PAGE_KERNEL) |
				    (pgprotval_t)PKS_PROOF_KEY << PKS_PTE_SHIFT));
	if (map) {
		WRITE_ONCE(pks_fault_prover, current);
		missing = pks_fault_try(map);
		WRITE_ONCE(pks_fault_prover, NULL);
		vunmap(map);
	}
	if (page)
		__free_page(page);
	return missing;
}

/* What can't be had is said in pks_fault_missing; the module goes on without. */
void pks_fault_setup(void)
{
	pks_fault_bad_area = pks_lookup("bad_area_nosemaphore");
	if (!pks_fault_bad_area) {
		pks_fault_missing = "bad_area_nosemaphore() can't be reached";
		return;
	}
	if (pks_hook(&pks_fault_ops, "do_kern_addr_fault")) {
		pks_fault_missing = "do_kern_addr_fault() can't be traced, or is someone else's";
		return;
	}
	pks_fault_missing = pks_fault_prove();
	if (pks_fault_missing)
		pks_unhook(&pks_fault_ops);
}

void pks_fault_teardown(void)
{
	if (pks_fault_missing)
		return;
	pks_unhook(&pks_fault_ops);
	pks_fault_missing = "unloading";
}

#else

void pks_fault_setup(void)
{
	pks_fault_missing = "the kernel has no CONFIG_DYNAMIC_FTRACE_WITH_REGS";
}

void pks_fault_teardown(void) { }

#endif
