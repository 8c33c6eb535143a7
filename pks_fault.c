// SPDX-License-Identifier: GPL-2.0
/*
 * Violations. do_kern_addr_fault() warns about the first protection key fault on a
 * kernel page, which takes down a machine with panic_on_warn, and then handles it
 * like any bad access: exception table, or oops. A hook at its entry sends these
 * faults, and no others, to pks_fault() instead, which decides what becomes of
 * them; what is to be stopped it sends on to that handling.
 *
 * Clearing the key's bit in the error code would be a trap: a write then looks
 * like one that a stale TLB entry caused, and is retried for ever.
 */
#include "pks_internal.h"
#include <linux/extable.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/trap_pf.h>

/* Why the hook can't be had, or NULL. */
const char *pks_fault_missing = "not set up";

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS

/* A key to prove the hook with: at load it is still nobody's, and closed. */
#define PKS_PROOF_KEY	(PKS_NUM_KEYS - 1)

/* They all take what do_kern_addr_fault() takes. */
static void pks_fault(struct pt_regs *regs, unsigned long error_code,
		      unsigned long address);
DEFINE_STATIC_CALL_NULL(pks_bad_area, pks_fault);
DEFINE_STATIC_CALL_NULL(pks_kern_addr_fault, pks_fault);
DEFINE_STATIC_CALL_RET0(pks_extable, search_exception_tables);
DEFINE_STATIC_CALL_RET0(pks_core_text, core_kernel_text);
DEFINE_STATIC_CALL_RET0(pks_module_text, is_module_text_address);

/*
 * The task that proves the hook, and its faults: all that the hook saw, and those
 * that came to pks_fault(), which it has stepped over or stopped.
 */
static struct {
	struct task_struct	*task;
	unsigned int		seen;
	unsigned int		arrived;
	bool			step;
} pks_proof;

/*
 * At the entry of do_kern_addr_fault(regs, error_code, address), which is called
 * for kernel addresses alone, with interrupts off.
 */
static void notrace pks_fault_hook(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (unlikely(READ_ONCE(pks_proof.task) == current))
		pks_proof.seen++;
	if (regs->si & X86_PF_PK)
		regs->ip = (unsigned long)pks_fault;
}
NOKPROBE_SYMBOL(pks_fault_hook);

static struct ftrace_ops pks_fault_ops = {
	.func	= pks_fault_hook,
	.flags	= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		  FTRACE_OPS_FL_PERMANENT,
};

static bool pks_has_fixup(unsigned long ip)
{
	return static_call(pks_extable)(ip);
}

/* Is it in no code, but in a copy that a kprobe has made of an instruction? */
static bool pks_is_copy(unsigned long ip)
{
	return !static_call(pks_core_text)(ip) && !static_call(pks_module_text)(ip);
}

/*
 * The exception table, or an oops. That of an instruction that a kprobe runs out
 * of line is found by the kernel's own function alone, which is called with an
 * error code that it neither warns of nor takes for a stale TLB entry.
 */
static void pks_fault_stop(struct pt_regs *regs, unsigned long error_code,
			   unsigned long address)
{
	/* It may have had another key opened for it. */
	pks_step_cancel(regs);
	if (!pks_has_fixup(regs->ip) && pks_is_copy(regs->ip))
		static_call(pks_kern_addr_fault)(regs, X86_PF_PROT, address);
	else
		static_call(pks_bad_area)(regs, error_code, address);
}

/* Will whoever did it not survive? Of a copy that is not known. */
static bool pks_fault_fatal(const struct pks_fault_info *info)
{
	switch (info->outcome) {
	case PKS_FAULT_RETRIED:
	case PKS_FAULT_STEPPED:
		return false;
	case PKS_FAULT_PANICKED:
		return true;
	default:
		return !pks_has_fixup(info->ip) && !pks_is_copy(info->ip);
	}
}

static void pks_fault_prove_one(struct pt_regs *regs, unsigned long error_code,
				unsigned long address)
{
	pks_proof.arrived++;
	if (!pks_proof.step || !pks_step_begin(regs, PKS_PROOF_KEY, PKS_READONLY))
		static_call(pks_bad_area)(regs, error_code, address);
}

static void pks_fault_describe(struct pks_fault_info *info,
			       const struct pt_regs *regs,
			       unsigned long error_code, unsigned long address)
{
	u32 pkrs = pks_read_msr();
	int pkey = pks_key_of((void *)address);

	*info = (struct pks_fault_info){
		.access		= error_code & X86_PF_WRITE ? PKS_READWRITE :
							      PKS_READONLY,
		.held		= PKS_NOACCESS,
		.outcome	= PKS_FAULT_STOPPED,
		.error_code	= error_code,
		.pkrs		= pkrs,
		.address	= address,
		.ip		= regs->ip,
		.time		= local_clock(),
		.cpu		= smp_processor_id(),
		.pid		= current->pid,
	};
	memcpy(info->comm, current->comm, sizeof(info->comm));
	/* What is mapped now need not be what was: it may be allowed by now. */
	if (pkey > 0 && !pks_permits(pkrs, pkey, info->access)) {
		info->pkey = pkey;
		info->held = pks_key_access(pkrs, pkey);
	}
}

/*
 * Was PKRS wrong, and is the access allowed now that it is right? In an NMI the
 * word may be ahead of it.
 */
static bool pks_fault_tampered(unsigned long address, u32 access)
{
	u32 word = this_cpu_read(pks_pkrs);

	return !in_nmi() && pks_cpu_verify(word) &&
		pks_permits(word, pks_key_of((void *)address), access);
}

/* In place of do_kern_addr_fault(), with interrupts off, on top of anything. */
static void pks_fault(struct pt_regs *regs, unsigned long error_code,
		      unsigned long address)
{
	struct pks_fault_info info;
	char title[PKS_TITLE_LEN];
	u32 word = this_cpu_read(pks_pkrs);

	if (unlikely(READ_ONCE(pks_proof.task) == current)) {
		pks_fault_prove_one(regs, error_code, address);
		return;
	}
	pks_fault_describe(&info, regs, error_code, address);
	if (pks_fault_tampered(address, info.access))
		return;
	if (info.pkey && pks_key_abandoned(info.pkey)) {
		pks_switch_word(word, pks_with_access(word, info.pkey,
						      PKS_READWRITE));
		return;
	}
	info.outcome = pks_decide(&info, regs);
	pks_report(&info, pks_fault_fatal(&info));
	switch (info.outcome) {
	case PKS_FAULT_RETRIED:
	case PKS_FAULT_STEPPED:
		return;
	case PKS_FAULT_PANICKED:
		pks_report_title(title, sizeof(title), &info);
		panic("PKS: %s", title);
	default:
		pks_fault_stop(regs, error_code, address);
	}
}

static bool pks_fault_touch(const char *where)
{
	char byte;

	__get_kernel_nofault(&byte, where, char, stopped);
	return true;
stopped:
	return false;
}

/*
 * The compiler does not know that a fault changes pks_proof.
 *
 * An ordinary fault first, on the guard page that follows a mapping: where the
 * hook does not see that one, the other is not tried, for it would warn.
 */
static const char *pks_fault_try(const char *page)
{
	if (pks_fault_touch(page + PAGE_SIZE) ||
	    READ_ONCE(pks_proof.seen) != 1)
		return "the hook on do_kern_addr_fault() does not work";
	if (pks_fault_touch(page))
		return "the CPU let an access to a closed key through";
	if (READ_ONCE(pks_proof.arrived) != 1)
		return "faults can't be sent on to bad_area_nosemaphore()";
	return NULL;
}

/* Step over one access, which opens the key for it, and for no other. */
static bool pks_fault_try_step(const char *page)
{
	bool stepped;

	WRITE_ONCE(pks_proof.step, true);
	stepped = pks_fault_touch(page) && pks_fault_touch(page);
	WRITE_ONCE(pks_proof.step, false);
	return stepped && READ_ONCE(pks_proof.arrived) == 3 && !pks_fault_touch(page);
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
		WRITE_ONCE(pks_proof.task, current);
		missing = pks_fault_try(map);
		if (!missing)
			pks_step_setup(pks_fault_try_step(map));
		WRITE_ONCE(pks_proof.task, NULL);
		vunmap(map);
	}
	if (page)
		__free_page(page);
	return missing;
}

static bool pks_fault_find(void)
{
	return pks_find(pks_bad_area, "bad_area_nosemaphore") &&
		pks_find(pks_kern_addr_fault, "do_kern_addr_fault") &&
		pks_find(pks_extable, "search_exception_tables") &&
		pks_find(pks_core_text, "core_kernel_text") &&
		pks_find(pks_module_text, "is_module_text_address");
}

/*
 * Before PKS is turned on: from then on faults may arrive, on pages that someone has
 * left tagged. What can't be had is said in pks_fault_missing; the module goes on
 * without.
 */
void pks_fault_setup(void)
{
	if (!pks_fault_find())
		pks_fault_missing = "a function of the kernel's fault path can't be found";
	else if (pks_hook(&pks_fault_ops, "do_kern_addr_fault"))
		pks_fault_missing = "do_kern_addr_fault() can't be traced, or is someone else's";
	else
		pks_fault_missing = NULL;
}

/* With PKS on: does the hook do what it is for? */
void pks_fault_check(void)
{
	if (pks_fault_missing)
		return;
	pks_fault_missing = pks_fault_prove();
	if (pks_fault_missing)
		pks_unhook(&pks_fault_ops);
}

/* After PKS has been turned off: until then faults may arrive. */
void pks_fault_teardown(void)
{
	if (pks_fault_missing)
		return;
	pks_unhook(&pks_fault_ops);
	/* Who is in pks_fault() has interrupts off, and so keeps RCU waiting. */
	synchronize_rcu();
	pks_fault_missing = "unloading";
}

#else

void pks_fault_setup(void)
{
	pks_fault_missing = "the kernel has no CONFIG_DYNAMIC_FTRACE_WITH_REGS";
}

void pks_fault_check(void) { }

void pks_fault_teardown(void) { }

#endif
