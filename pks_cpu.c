// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUs: does this one have PKS, turn it on and off on each, on those that
 * come later and after a suspend, and see that no one else has touched it.
 */
#include "pks_internal.h"
#include <linux/cpu.h>
#include <linux/smp.h>

#define PKS_CPUID_LEAF		7
#define PKS_CPUID_ECX		BIT(31)

PKS_DEFINE_CR4_UPDATE();

DEFINE_PER_CPU(struct pks_cpu, pks_cpu);

static atomic_t pks_pkrs_tampered = ATOMIC_INIT(0);
static atomic_t pks_cr4_tampered = ATOMIC_INIT(0);

static bool pks_cpu_has_pks(void)
{
	unsigned int eax, ebx, ecx = 0, edx;

	if (IS_ENABLED(CONFIG_X86_64) &&
	    boot_cpu_data.cpuid_level >= PKS_CPUID_LEAF)
		cpuid_count(PKS_CPUID_LEAF, 0, &eax, &ebx, &ecx, &edx);
	return ecx & PKS_CPUID_ECX;
}

/* Why this machine can't have PKS, or NULL. */
const char *pks_cpu_probe(void)
{
	if (!IS_ENABLED(CONFIG_X86_64))
		return "the kernel is not a 64-bit one";
	if (!pks_cpu_has_pks())
		return "the CPU has no PKS";
	if (!PKS_HAVE_PREEMPT_NOTIFIERS)
		return "the kernel has no preempt notifiers (CONFIG_KVM gives them)";
	if (!pks_find_cr4_update())
		return "cr4_update_irqsoff() can't be reached (CONFIG_KPROBES would do)";
	return NULL;
}

/*
 * On the CPU itself, before anything else runs there if it is coming up, with
 * interrupts off. A PKRS of 0 lets all keys through: it is written first.
 */
static int pks_cpu_start(unsigned int cpu)
{
	struct pks_cpu *pc = this_cpu_ptr(&pks_cpu);

	if (!pks_cpu_has_pks()) {
		pr_err("CPU %u has no PKS, unlike the others: nothing is protected there\n",
		       cpu);
		return 0;
	}

	pc->thread = NULL;
	pc->epoch = pks_epoch;
	pc->frame = NULL;
	pc->nmi_saved = PKS_UNSAVED;
	pc->softirq_saved = PKS_UNSAVED;
	memset32(pc->irq_saved, PKS_UNSAVED, ARRAY_SIZE(pc->irq_saved));
	this_cpu_write(pks_pkrs, pks_default | PKS_SLOW);
	pks_write_msr(pks_default);
	pks_cr4_update(PKS_CR4, 0);
	return 0;
}

static int pks_cpu_stop(unsigned int cpu)
{
	if (!pks_cpu_has_pks())
		return 0;
	pks_cr4_update(0, PKS_CR4);
	pks_write_msr(0);
	return 0;
}

/*
 * The CPU that suspended the machine, before the others are back: the kernel has
 * restored CR4 and so turned PKS on, but PKRS came back as 0.
 */
static void pks_cpu_resume(void)
{
	pks_write_msr(pks_rights_of(this_cpu_read(pks_pkrs)));
}

PKS_DEFINE_SYSCORE(pks_syscore, pks_cpu_resume);

int pks_cpu_init(void)
{
	int err;

	err = cpuhp_setup_state(PKS_CPUHP_STATE, "pks:starting", pks_cpu_start,
				pks_cpu_stop);
	if (err)
		return err;
	register_syscore(&pks_syscore);
	return 0;
}

void pks_cpu_exit(void)
{
	unregister_syscore(&pks_syscore);
	cpuhp_remove_state(PKS_CPUHP_STATE);
}

/*
 * Is this CPU as we left it? If not, put it right and count. Interrupts off; the
 * MSR is expected to hold what @word says, and not looked at while it may lag.
 * Returns true if PKRS was wrong.
 */
bool pks_cpu_verify(u32 word)
{
	bool wrong = !(word & PKS_BUSY) && pks_read_msr() != pks_rights_of(word);

	if (wrong) {
		pks_write_msr(pks_rights_of(word));
		atomic_inc(&pks_pkrs_tampered);
		pks_thread_kick();
	}
	if (!(__read_cr4() & PKS_CR4)) {
		/* The shadow may still have the bit: make the two differ. */
		pks_cr4_update(0, PKS_CR4);
		pks_cr4_update(PKS_CR4, 0);
		atomic_inc(&pks_cr4_tampered);
		pks_thread_kick();
	}
	return wrong;
}

void pks_tamper_counts(struct pks_tamper_counts *counts)
{
	counts->pkrs = atomic_read(&pks_pkrs_tampered);
	counts->cr4 = atomic_read(&pks_cr4_tampered);
}

/* Once for each kind: what happens again is in the counts. */
void pks_tamper_report(void)
{
	if (atomic_read(&pks_pkrs_tampered))
		pr_warn_once("PKRS was changed behind our back; put right, see debugfs pks/status\n");
	if (atomic_read(&pks_cr4_tampered))
		pr_warn_once("CR4.PKS was cleared behind our back; put right, see debugfs pks/status\n");
}

/*
 * On the CPU that is asked, with interrupts off: in a hard interrupt, unless it
 * is the one that asks. The handler's own word is not what the CPU's thread
 * holds: that is what the lowest level of interrupt has saved.
 */
static void pks_cpu_answer(void *data)
{
	struct pks_cpu_state *state = data;
	struct pks_cpu *pc = this_cpu_ptr(&pks_cpu);

	state->word = this_cpu_read(pks_pkrs);
	state->msr = pks_read_msr();
	state->enabled = __read_cr4() & PKS_CR4;
	state->held = state->word;
	if (pc->softirq_saved != PKS_UNSAVED)
		state->held = pc->softirq_saved;
	else if (pc->thread && pc->thread->softirq_saved != PKS_UNSAVED)
		state->held = pc->thread->softirq_saved;
	else if (pc->irq_saved[0] != PKS_UNSAVED)
		state->held = pc->irq_saved[0];
	pks_cpu_verify(state->word);
}

/* Returns -ENXIO when @cpu is offline. May sleep. */
int pks_cpu_query(unsigned int cpu, struct pks_cpu_state *state)
{
	return smp_call_function_single(cpu, pks_cpu_answer, state, 1);
}
