// SPDX-License-Identifier: GPL-2.0
/*
 * How violations come to pks_fault(). The kernel warns of the first protection key
 * fault on a kernel page, at the start of do_kern_addr_fault(), which takes down a
 * machine with panic_on_warn; then it handles them like any bad access. A hook at
 * the entry of that function comes before the warning.
 *
 * Some compilers put that start into the caller, which can't be hooked, and somebody
 * else may have the function. Then the hook is at bad_area_nosemaphore(), where the
 * kernel goes after the warning, and the warning is left out: see pks_warning.c.
 */
#include "pks_internal.h"
#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/trap_pf.h>

/* A key to prove the hook with: at load it is still nobody's, and closed. */
#define PKS_PROOF_KEY	(PKS_NUM_KEYS - 1)

/* One stopped, two stepped over: more of them mean that the CPU does not get past one. */
#define PKS_PROOF_FAULTS	3

/* In an error code: pks_fault() has passed this on. The CPU sets no such bit. */
#define PKS_PASSED	BIT(62)

/* Why the hook can't be had, or NULL. */
const char *pks_fault_missing = "not set up";

/* They all take what do_kern_addr_fault() takes. */
DEFINE_STATIC_CALL_NULL(pks_bad_area, pks_fault);
DEFINE_STATIC_CALL_NULL(pks_kern_addr_fault, pks_fault);

/* PKS_PASSED where the hook is at bad_area_nosemaphore(), which that is passed on to. */
static unsigned long pks_passed __ro_after_init;

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

/* Does what happens now belong to the proof? From any context. */
bool notrace pks_fault_proving(void)
{
	return unlikely(READ_ONCE(pks_proof.task) == current);
}
NOKPROBE_SYMBOL(pks_fault_proving);

/*
 * At the entry of either function, (regs, error_code, address), with interrupts off.
 * What is no kernel address comes to the second alone.
 */
static void notrace pks_fault_hook(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (pks_fault_proving())
		pks_proof.seen++;
	if (regs->si & PKS_PASSED)
		regs->si &= ~PKS_PASSED;
	else if ((regs->si & X86_PF_PK) && (long)regs->dx < 0)
		regs->ip = (unsigned long)pks_fault;
}
NOKPROBE_SYMBOL(pks_fault_hook);

static struct ftrace_ops pks_fault_ops = {
	.func	= pks_fault_hook,
	.flags	= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		  FTRACE_OPS_FL_PERMANENT,
};

/*
 * To the kernel's own handling. That of an instruction that a kprobe runs out of
 * line is found by do_kern_addr_fault() alone, which is called with an error code
 * that it neither warns of nor takes for a stale TLB entry. At bad_area_nosemaphore()
 * it has been found already.
 */
void pks_fault_pass(struct pt_regs *regs, unsigned long error_code,
		    unsigned long address, bool copy)
{
	if (copy && !pks_passed)
		static_call(pks_kern_addr_fault)(regs, X86_PF_PROT, address);
	else
		static_call(pks_bad_area)(regs, error_code | pks_passed, address);
}

/* Is this a fault of the proof's? Then it is done with. */
bool pks_fault_proves(struct pt_regs *regs, unsigned long error_code,
		      unsigned long address)
{
	if (!pks_fault_proving())
		return false;
	pks_proof.arrived++;
	if (pks_proof.step && pks_proof.arrived <= PKS_PROOF_FAULTS)
		pks_step_begin(regs, PKS_PROOF_KEY, PKS_READONLY);
	else
		pks_fault_pass(regs, error_code, address, false);
	return true;
}

/* With interrupts off: what happens meanwhile to the task that proves is the proof's. */
static bool pks_fault_touch(const char *where)
{
	bool touched = false;
	unsigned long flags;
	char byte;

	local_irq_save(flags);
	WRITE_ONCE(pks_proof.task, current);
	__get_kernel_nofault(&byte, where, char, stopped);
	touched = true;
stopped:
	WRITE_ONCE(pks_proof.task, NULL);
	local_irq_restore(flags);
	return touched;
}

/* An ordinary fault: nothing is ever mapped where errnos are. Does the hook see it? */
static bool pks_fault_sees(void)
{
	WRITE_ONCE(pks_proof.seen, 0);
	return !pks_fault_touch(ERR_PTR(-MAX_ERRNO)) && READ_ONCE(pks_proof.seen);
}

static bool pks_fault_hook_at(const char *function)
{
	if (pks_hook(&pks_fault_ops, function))
		return false;
	if (pks_fault_sees())
		return true;
	pks_unhook(&pks_fault_ops);
	return false;
}

static bool pks_fault_hook_early(void)
{
	return pks_find(pks_kern_addr_fault, "do_kern_addr_fault") &&
		pks_fault_hook_at("do_kern_addr_fault");
}

static bool pks_fault_hook_late(void)
{
	pks_passed = PKS_PASSED;
	return pks_fault_hook_at("bad_area_nosemaphore");
}

/* The kernel warns of it, before the hook is reached? Not of this one, nor later. */
static bool pks_fault_touch_unwarned(const char *where, bool *touched)
{
	if (pks_passed && !pks_warning_watch())
		return false;
	*touched = pks_fault_touch(where);
	return !pks_passed || pks_warning_leave_out();
}

/* The compiler does not know that a fault changes pks_proof. */
static const char *pks_fault_try(const char *page)
{
	bool through;

	if (!pks_fault_touch_unwarned(page, &through))
		return "the kernel's warning of violations can't be left out";
	if (through)
		return "the CPU let an access to a closed key through";
	if (READ_ONCE(pks_proof.arrived) != 1)
		return "the hook on the kernel's fault path does not work";
	return NULL;
}

/* Step over one access, which opens the key for it, and for no other. */
static bool pks_fault_try_step(const char *page)
{
	bool stepped;

	WRITE_ONCE(pks_proof.step, true);
	stepped = pks_fault_touch(page) && pks_fault_touch(page);
	WRITE_ONCE(pks_proof.step, false);
	return stepped && READ_ONCE(pks_proof.arrived) == PKS_PROOF_FAULTS &&
	       !pks_fault_touch(page);
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
		missing = pks_fault_try(map);
		if (!missing)
			pks_step_setup(pks_fault_try_step(map));
		vunmap(map);
	}
	if (page)
		__free_page(page);
	return missing;
}

/*
 * Before PKS is turned on: from then on faults may arrive, on pages that someone has
 * left tagged. What can't be had is said in pks_fault_missing; the module goes on
 * without.
 */
void pks_fault_setup(void)
{
	if (!pks_fault_find() || !pks_find(pks_bad_area, "bad_area_nosemaphore"))
		pks_fault_missing = "a function of the kernel's fault path can't be found";
	else if (pks_fault_hook_early() || pks_fault_hook_late())
		pks_fault_missing = NULL;
	else
		pks_fault_missing = "the kernel's fault path can't be traced, or is someone else's";
}

static void pks_fault_unhook(void)
{
	pks_unhook(&pks_fault_ops);
	pks_warning_give_back();
}

/* With PKS on: does the hook do what it is for? */
void pks_fault_check(void)
{
	if (pks_fault_missing)
		return;
	pks_fault_missing = pks_fault_prove();
	if (pks_fault_missing)
		pks_fault_unhook();
}

/* After PKS has been turned off: until then faults may arrive. */
void pks_fault_teardown(void)
{
	if (pks_fault_missing)
		return;
	pks_fault_unhook();
	/* Who is in pks_fault() has interrupts off, and so keeps RCU waiting. */
	synchronize_rcu();
	pks_fault_missing = "unloading";
}

/* For status: the hook's place, or why there is none. Asked of the hook itself. */
const char *pks_fault_text(void)
{
	static DEFINE_MUTEX(mutex);
	bool seen = true;

	mutex_lock(&mutex);
	if (!pks_fault_missing)
		seen = pks_fault_sees();
	mutex_unlock(&mutex);
	if (!seen)
		return "lost: the kernel does not call it any more";
	return pks_fault_missing ?: pks_passed ? "on, at bad_area_nosemaphore()" : "on";
}
