// SPDX-License-Identifier: GPL-2.0
/*
 * Audit: a violating instruction is carried out, once, with its key open on this
 * CPU alone. The fault returns to it with the trap flag set, the debug exception
 * that follows it closes the key. In between interrupts are off, so that nothing
 * but an NMI can come, and NMIs are at the default.
 *
 * Nothing is stepped over in an NMI: it may have interrupted a debug exception, whose
 * stack another one would overwrite. There the key is opened until the NMI ends, and
 * gives back the word that it interrupted. Where nothing is given back, the access
 * can't be carried out: in what the kernel counts as NMIs too, such as breakpoints.
 *
 * The instruction may well fault again. On another key: that is opened as well.
 * For any other reason, such as a page of user space that has to be brought in: the
 * step is called off first, that fault is handled as ever, and the instruction's
 * next try is a violation again.
 */
#include "pks_internal.h"
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/tracepoint.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trap_pf.h>

#define PKS_STEP_FLAGS	(X86_EFLAGS_TF | X86_EFLAGS_IF)

/* Why violations can't be stepped over, or NULL. */
const char *pks_step_missing = "not set up";

static DEFINE_PER_CPU(struct pks_step, pks_step);

static struct tracepoint *pks_tp_fault;
/* How many keys are audited. */
static unsigned int pks_step_users;

/* The step of this CPU, if @regs are its. */
static struct pks_step *pks_step_of(const struct pt_regs *regs)
{
	struct pks_step *step = this_cpu_ptr(&pks_step);

	return step->active && (regs->flags & X86_EFLAGS_TF) ? step : NULL;
}

/*
 * A debugger's branch stepping of the interrupted process would make the trap flag
 * stop at the next branch. The debug exception sets it again.
 */
static void pks_step_no_branches(void)
{
	u32 low, high;

	if (!test_thread_flag(TIF_BLOCKSTEP))
		return;
	asm volatile("rdmsr" : "=a" (low), "=d" (high)
		     : "c" (MSR_IA32_DEBUGCTLMSR));
	asm volatile("wrmsr" : : "a" (low & ~DEBUGCTLMSR_BTF), "d" (high),
		     "c" (MSR_IA32_DEBUGCTLMSR));
}

/* Unless it has begun: this is another key, then. */
static void pks_step_start(struct pt_regs *regs, u32 word)
{
	struct pks_step *step = this_cpu_ptr(&pks_step);

	if (pks_step_of(regs))
		return;
	step->flags = regs->flags & PKS_STEP_FLAGS;
	step->word = word;
	step->active = true;
	regs->flags = (regs->flags & ~X86_EFLAGS_IF) | X86_EFLAGS_TF;
	pks_step_no_branches();
}

/*
 * Have the instruction at @regs carried out with @access to @pkey. In a fault of
 * it, with interrupts off. False if it can't be.
 */
bool pks_step_begin(struct pt_regs *regs, int pkey, u32 access)
{
	u32 word = this_cpu_read(pks_pkrs);

	if (user_mode(regs))
		return false;
	if (!in_nmi())
		pks_step_start(regs, word);
	else if (this_cpu_read(pks_cpu.nmi_saved) == PKS_UNSAVED)
		return false;
	pks_switch_word(word, pks_with_access(word, pkey, access));
	return true;
}

/* All is as before the step. */
static void pks_step_end(struct pt_regs *regs, struct pks_step *step)
{
	regs->flags = (regs->flags & ~PKS_STEP_FLAGS) | step->flags;
	pks_switch_word(this_cpu_read(pks_pkrs), step->word);
	step->active = false;
}

/* The debug exception, which lockdep takes for an NMI. */
int pks_step_debug(struct die_args *args)
{
	unsigned long *dr6 = (unsigned long *)args->err;
	struct pks_step *step = pks_step_of(args->regs);

	if (!step || !(*dr6 & DR_STEP))
		return NOTIFY_DONE;
	pks_step_end(args->regs, step);
	/* The fault switched interrupts off for good, as far as lockdep knows. */
	if (args->regs->flags & X86_EFLAGS_IF)
		lockdep_hardirqs_on(_THIS_IP_);
	*dr6 &= ~DR_STEP;
	return *dr6 ? NOTIFY_DONE : NOTIFY_STOP;
}
NOKPROBE_SYMBOL(pks_step_debug);

/* While a fault handler runs, which may come to be stepped over itself. */
void pks_step_set_aside(struct pks_step *aside)
{
	*aside = *this_cpu_ptr(&pks_step);
	this_cpu_write(pks_step.active, false);
}

void pks_step_resume(const struct pks_step *aside)
{
	*this_cpu_ptr(&pks_step) = *aside;
}

/* The instruction of @regs will not be carried out, if it is one of ours. */
void pks_step_cancel(struct pt_regs *regs)
{
	struct pks_step *step = pks_step_of(regs);

	if (step)
		pks_step_end(regs, step);
}

/* Before the kernel handles a fault of its own code. */
static void pks_step_fault(void *data, unsigned long address,
			   struct pt_regs *regs, unsigned long error_code)
{
	if (!(error_code & X86_PF_PK))
		pks_step_cancel(regs);
}

/*
 * Audit one key more. Only while there is one do other faults of the kernel's pay
 * for a look. May sleep; under pks_key_mutex.
 */
int pks_step_get(void)
{
	int err = 0;

	lockdep_assert_held(&pks_key_mutex);
	if (pks_step_missing)
		return -EOPNOTSUPP;
	if (!pks_step_users)
		err = tracepoint_probe_register(pks_tp_fault, pks_step_fault,
						NULL);
	if (!err)
		pks_step_users++;
	return err;
}

static bool pks_step_under_way(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (READ_ONCE(per_cpu(pks_step.active, cpu)))
			return true;
	}
	return false;
}

/* One less. A step that was begun for it ends with its instruction. */
void pks_step_put(void)
{
	lockdep_assert_held(&pks_key_mutex);
	if (--pks_step_users)
		return;
	/* No new step can begin when all faults that saw the policy are through. */
	synchronize_rcu();
	while (pks_step_under_way())
		usleep_range(100, 1000);
	tracepoint_probe_unregister(pks_tp_fault, pks_step_fault, NULL);
	tracepoint_synchronize_unregister();
}

/* @stepped: does stepping work? */
void pks_step_setup(bool stepped)
{
	pks_tp_fault = pks_tracepoint("page_fault_kernel");
	if (!stepped)
		pks_step_missing = "the CPU does not stop after one instruction";
	else if (!pks_tp_fault)
		pks_step_missing = "there is no tracepoint page_fault_kernel";
	else
		pks_step_missing = NULL;
}
