// SPDX-License-Identifier: GPL-2.0
/*
 * NMI handlers run at the default, and can't open keys.
 *
 * For each kind of NMI (local, unknown, SERR, I/O check) the kernel has a list of handlers,
 * which nmi_handle() calls one after another, those registered later, too. A hook at its
 * entry has a function of ours called in its place, which takes away the rights of what
 * was interrupted, calls nmi_handle() itself, and gives them back. Compilers make a
 * function of their own, nmi_handle.part.0, of all but the start of it; that one is taken
 * where there is one. As who its arguments are is the compiler's choice, all registers
 * that can be arguments are passed on.
 *
 * An NMI may come between the word and the MSR of an update with interrupts off,
 * so here the MSR is written whatever the word says.
 */
#include "pks_internal.h"

/* Do NMI handlers run at the default? */
bool pks_nmi_isolated __read_mostly;
/* Why they can't, or NULL. */
const char *pks_nmi_missing =
	"the kernel has no CONFIG_DYNAMIC_FTRACE_WITH_REGS, or no CONFIG_KPROBES";

#if defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && defined(CONFIG_KPROBES)

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/static_call.h>
#include <asm/apic.h>
#include <asm/nmi.h>

/* How long an NMI may take to come. */
#define PKS_NMI_TIMEOUT_MS	1000

typedef unsigned long (*pks_nmi_handle_t)(unsigned long di, unsigned long si,
					  unsigned long dx, unsigned long cx,
					  unsigned long r8, unsigned long r9);

static unsigned long pks_nmi_none(unsigned long di, unsigned long si, unsigned long dx,
				  unsigned long cx, unsigned long r8, unsigned long r9)
{
	return 0;
}

DEFINE_STATIC_CALL(pks_nmi_original, pks_nmi_none);

static notrace unsigned long pks_nmi_handle(unsigned long di, unsigned long si,
					    unsigned long dx, unsigned long cx,
					    unsigned long r8, unsigned long r9)
{
	u32 word = this_cpu_read(pks_pkrs);
	unsigned long ret;

	this_cpu_write(pks_cpu.nmi_saved, word);
	this_cpu_write(pks_pkrs, READ_ONCE(pks_default) | PKS_SLOW);
	pks_write_msr(READ_ONCE(pks_default));
	ret = static_call(pks_nmi_original)(di, si, dx, cx, r8, r9);
	this_cpu_write(pks_cpu.nmi_saved, PKS_UNSAVED);
	this_cpu_write(pks_pkrs, word);
	pks_write_msr(pks_rights_of(word));
	return ret;
}
NOKPROBE_SYMBOL(pks_nmi_handle);

/* At the entry of nmi_handle(). Our own call of it comes here as well, and goes on. */
static void notrace pks_nmi_hook(unsigned long ip, unsigned long parent_ip,
				 struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (READ_ONCE(pks_nmi_isolated) && this_cpu_read(pks_cpu.nmi_saved) == PKS_UNSAVED)
		regs->ip = (unsigned long)pks_nmi_handle;
}
NOKPROBE_SYMBOL(pks_nmi_hook);

static struct ftrace_ops pks_nmi_ops = {
	.func	= pks_nmi_hook,
	.flags	= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		  FTRACE_OPS_FL_PERMANENT,
};

/* What nmi_handle() is called, or the rest of it. */
static const char *const pks_nmi_names[] = { "nmi_handle.part.0", "nmi_handle" };

static bool pks_nmi_hook_up(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pks_nmi_names); i++) {
		if (pks_find(pks_nmi_original, pks_nmi_names[i]) &&
		    !pks_hook(&pks_nmi_ops, pks_nmi_names[i]))
			return true;
	}
	return false;
}

/* An NMI to this CPU, which is handled if it was wanted: was anything put away for it? */
static atomic_t pks_nmi_wanted = ATOMIC_INIT(0);
static bool pks_nmi_proven;

static int pks_nmi_prove_handler(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_add_unless(&pks_nmi_wanted, -1, 0))
		return NMI_DONE;
	WRITE_ONCE(pks_nmi_proven, this_cpu_read(pks_cpu.nmi_saved) != PKS_UNSAVED);
	return NMI_HANDLED;
}

static bool pks_nmi_prove(void)
{
	unsigned int ms = 0;

	if (register_nmi_handler(NMI_LOCAL, pks_nmi_prove_handler, 0, "pks"))
		return false;
	WRITE_ONCE(pks_nmi_proven, false);
	atomic_set(&pks_nmi_wanted, 1);
	apic->send_IPI_mask(cpumask_of(get_cpu()), NMI_VECTOR);
	put_cpu();
	while (atomic_read(&pks_nmi_wanted) && ms++ < PKS_NMI_TIMEOUT_MS)
		usleep_range(1000, 2000);
	unregister_nmi_handler(NMI_LOCAL, "pks");
	return READ_ONCE(pks_nmi_proven);
}

/*
 * What can't be had is said in pks_nmi_missing; interrupts are isolated without. The hook
 * stays until unload, for to take it away may mean to wait for whoever has a CPU to himself.
 * May sleep.
 */
void pks_nmi_setup(void)
{
	pks_nmi_missing = "nmi_handle() can't be traced, or is someone else's";
	if (!pks_nmi_hook_up())
		return;
	WRITE_ONCE(pks_nmi_isolated, true);
	pks_nmi_missing = pks_nmi_prove() ? NULL : "the hook on nmi_handle() does not work";
	WRITE_ONCE(pks_nmi_isolated, false);
	if (pks_nmi_missing)
		pks_unhook(&pks_nmi_ops);
}

/* On return no NMI is handled in the hook any more. May sleep. */
void pks_nmi_teardown(void)
{
	if (pks_nmi_missing)
		return;
	pks_unhook(&pks_nmi_ops);
	pks_nmi_missing = "unloading";
}

#else

void pks_nmi_setup(void) { }
void pks_nmi_teardown(void) { }

#endif

/* From the next NMI on. What one has put away it gives back. */
void pks_nmi_isolate(bool on)
{
	WRITE_ONCE(pks_nmi_isolated, on && !pks_nmi_missing);
}
