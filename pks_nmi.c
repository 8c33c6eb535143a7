// SPDX-License-Identifier: GPL-2.0
/*
 * NMI handlers run at the default, and can't open keys.
 *
 * The kernel calls the handlers of a local NMI one after another. Of our two the
 * first in the list takes away the rights of what was interrupted and the last
 * gives them back. Handlers that were registered later stand outside of the two
 * (status says so); switching irq_isolation off and on takes them in.
 *
 * An NMI may come between the word and the MSR of an update with interrupts off,
 * so here the MSR is written whatever the word says.
 */
#include "pks_internal.h"
#include <asm/nmi.h>

static int pks_nmi_first(unsigned int type, struct pt_regs *regs)
{
	this_cpu_write(pks_cpu.nmi_saved, this_cpu_read(pks_pkrs));
	this_cpu_write(pks_pkrs, READ_ONCE(pks_default) | PKS_SLOW);
	pks_write_msr(READ_ONCE(pks_default));
	return NMI_DONE;
}

/* An NMI that began before the first of the two was there has saved nothing. */
static int pks_nmi_last(unsigned int type, struct pt_regs *regs)
{
	u32 word = this_cpu_read(pks_cpu.nmi_saved);

	if (word != PKS_UNSAVED) {
		this_cpu_write(pks_cpu.nmi_saved, PKS_UNSAVED);
		this_cpu_write(pks_pkrs, word);
		pks_write_msr(pks_rights_of(word));
	}
	return NMI_DONE;
}

/* No NMI may find the first without the last. May sleep. */
int pks_nmi_isolate(void)
{
	int err;

	err = register_nmi_handler(NMI_LOCAL, pks_nmi_last, 0, "pks last");
	if (err)
		return err;
	err = register_nmi_handler(NMI_LOCAL, pks_nmi_first, NMI_FLAG_FIRST,
				   "pks first");
	if (err)
		unregister_nmi_handler(NMI_LOCAL, "pks last");
	return err;
}

/* Each waits for the NMIs that are under way. */
void pks_nmi_restore(void)
{
	unregister_nmi_handler(NMI_LOCAL, "pks first");
	unregister_nmi_handler(NMI_LOCAL, "pks last");
}
