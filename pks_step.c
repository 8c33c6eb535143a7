// SPDX-License-Identifier: GPL-2.0
/*
 * Audit: a violating instruction is carried out, once, with its key open on this
 * CPU alone. The fault returns to it with the trap flag set, the debug exception
 * that follows it closes the key. In between interrupts are off, so that nothing
 * but an NMI can come, and NMIs are at the default. The step is begun last of all, when
 * the violation has been reported: whoever listens to reports does not run in it.
 *
 * Nothing is stepped over in an NMI: it may have interrupted a debug exception, whose
 * stack another one would overwrite. There the key is opened until the NMI ends, and
 * gives back the word that it interrupted. Where nothing is given back, the access
 * can't be carried out: in what the kernel counts as NMIs too, such as breakpoints.
 * Nor where something else would run before the debug exception: pks_step_refusal().
 *
 * The instruction may well fault again. On another key: that is opened as well.
 * For any other reason, such as a page of user space that has to be brought in: the
 * step is called off first, that fault is handled as ever, and the instruction's
 * next try is a violation again.
 */
#include "pks_internal.h"
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/tracepoint.h>
#include <asm/debugreg.h>
#include <asm/insn.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trap_pf.h>

#define PKS_STEP_FLAGS		(X86_EFLAGS_TF | X86_EFLAGS_IF)
/* Of DR7: local and global enable of each of the four breakpoints. */
#define PKS_DR7_ENABLED		0xffUL

#define PKS_NOT_STEPPED(why)	"not carried out (policy report): " why

/* Why violations can't be stepped over, or NULL. */
const char *pks_step_missing = "not set up";

/* How long an instruction may take, as far as who waits for its end is concerned. */
#define PKS_STEP_TIMEOUT	HZ

static struct tracepoint *pks_tp_fault;
/* Is it probed? */
static bool pks_step_watching;

/* The step of this CPU, if @regs are its. */
static struct pks_step *pks_step_of(const struct pt_regs *regs)
{
	struct pks_step *step = this_cpu_ptr(&pks_cpu.step);

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
	struct pks_step *step = this_cpu_ptr(&pks_cpu.step);

	if (pks_step_of(regs))
		return;
	step->flags = regs->flags & PKS_STEP_FLAGS;
	step->word = word;
	step->active = true;
	regs->flags = (regs->flags & ~X86_EFLAGS_IF) | X86_EFLAGS_TF;
	pks_step_no_branches();
}

/* Prefixes: of a segment, an operand's or address's size, LOCK, REP, and REX. */
static bool pks_is_prefix(u8 byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
	case 0x64 ... 0x67:
	case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return (byte & 0xf0) == 0x40;
	}
}

/*
 * Is there no debug exception right behind that instruction, with the flags that it
 * began with? None follows a load of SS before the next one is through; POPF and IRET
 * take the flags from memory; and a breakpoint goes elsewhere.
 */
static bool pks_is_unsteppable(unsigned long ip)
{
	u8 text[MAX_INSN_SIZE] = { }, *byte = text;

	/* Up to what can be read, which the end of a mapping may cut. */
	pks_copy_nofault(text, (void *)ip, sizeof(text));
	while (byte < text + sizeof(text) - 2 && pks_is_prefix(*byte))
		byte++;
	switch (*byte) {
	case 0x8e:	/* MOV to a segment register: which, is in the next byte */
		return (byte[1] & 0x38) == 0x10;
	case 0x9d:	/* POPF */
	case 0xcc:	/* INT3 */
	case 0xcf:	/* IRET */
		return true;
	default:
		return false;
	}
}

/* Does a debugger or perf watch anything on this CPU? That would come first. */
static bool pks_is_watched(void)
{
	unsigned long dr7;

	asm volatile("mov %%db7, %0" : "=r" (dr7));
	return dr7 & PKS_DR7_ENABLED;
}

/*
 * Why the instruction at @regs can't be carried out, or NULL. In the frame of its
 * violation, with interrupts off.
 */
const char *pks_step_refusal(const struct pks_frame *frame, const struct pt_regs *regs)
{
	if (in_nmi())
		return this_cpu_read(pks_cpu.nmi_saved) == PKS_UNSAVED ?
			PKS_NOT_STEPPED("nobody gives the rights of this context back") : NULL;
	if (frame->step.active && (regs->flags & X86_EFLAGS_TF))
		return NULL;
	if (!READ_ONCE(pks_nmi_isolated))
		return PKS_NOT_STEPPED("NMIs would have the key");
	if (regs->flags & X86_EFLAGS_TF)
		return PKS_NOT_STEPPED("someone else goes through it step by step");
	if (pks_is_watched())
		return PKS_NOT_STEPPED("watchpoints are set on this CPU");
	return pks_is_unsteppable(regs->ip) ?
		PKS_NOT_STEPPED("such an instruction can't be") : NULL;
}

/*
 * Have the instruction at @regs carried out with @access to @pkey. Last of all in a fault
 * of it, with interrupts off, when pks_step_refusal() had nothing against it.
 */
void pks_step_begin(struct pt_regs *regs, int pkey, u32 access)
{
	u32 word = this_cpu_read(pks_pkrs);

	if (!in_nmi())
		pks_step_start(regs, word);
	pks_switch_word(word, pks_with_access(word, pkey, access));
}

/* All is as before the step. */
static void pks_step_end(struct pt_regs *regs, struct pks_step *step)
{
	regs->flags = (regs->flags & ~PKS_STEP_FLAGS) | step->flags;
	pks_switch_word(this_cpu_read(pks_pkrs), step->word);
	step->active = false;
}

/*
 * The debug exception, which lockdep takes for an NMI. Whatever it is for: what else it
 * has to tell is for handlers that have no business with the key.
 */
int pks_step_debug(struct die_args *args)
{
	unsigned long *dr6 = (unsigned long *)args->err;
	struct pks_step *step = pks_step_of(args->regs);

	if (!step)
		return NOTIFY_DONE;
	pks_step_end(args->regs, step);
	/* The fault switched interrupts off for good, as far as lockdep knows. */
	if (args->regs->flags & X86_EFLAGS_IF)
		lockdep_hardirqs_on(_THIS_IP_);
	*dr6 &= ~DR_STEP;
	return *dr6 ? NOTIFY_DONE : NOTIFY_STOP;
}
NOKPROBE_SYMBOL(pks_step_debug);

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
 * Audit one key more. Other faults of the kernel's pay for a look from the first one on,
 * and as long as pks is loaded: who takes a probe from a tracepoint may have to wait for
 * others' probes, and these may have died. May sleep; under pks_key_mutex.
 */
int pks_step_get(void)
{
	int err = 0;

	lockdep_assert_held(&pks_key_mutex);
	if (pks_step_missing)
		return -EOPNOTSUPP;
	if (!pks_step_watching)
		err = tracepoint_probe_register(pks_tp_fault, pks_step_fault, NULL);
	if (err)
		return err;
	pks_step_watching = true;
	return 0;
}

static bool pks_step_under_way(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		if (READ_ONCE(per_cpu(pks_cpu.step.active, cpu)))
			return true;
	}
	return false;
}

/*
 * One key is not audited any more: what was begun for it ends with its instruction.
 * Should a CPU not get to that, it is not waited for.
 */
void pks_step_put(void)
{
	unsigned long end;

	lockdep_assert_held(&pks_key_mutex);
	/* No new step can begin when all faults that saw the policy are through. */
	synchronize_rcu();
	end = jiffies + PKS_STEP_TIMEOUT;
	while (pks_step_under_way() && time_before(jiffies, end))
		usleep_range(100, 1000);
}

/* No key is audited any more, and none will be. */
void pks_step_exit(void)
{
	if (!pks_step_watching)
		return;
	tracepoint_probe_unregister(pks_tp_fault, pks_step_fault, NULL);
	tracepoint_synchronize_unregister();
	pks_step_watching = false;
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
