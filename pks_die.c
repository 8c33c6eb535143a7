// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's die chain: the end of an audited instruction, and oopses, in which
 * the rights of whoever died are shown.
 */
#include "pks_internal.h"
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/limits.h>

static int pks_die(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;

	switch (event) {
	case DIE_DEBUG:
		return pks_step_debug(args);
	case DIE_OOPS:
		pks_report_pkrs();
		/* Nobody returns from this: what is under way is over. */
		pks_step_cancel(args->regs);
		pks_handler_cancel();
		return NOTIFY_DONE;
	default:
		return NOTIFY_DONE;
	}
}
NOKPROBE_SYMBOL(pks_die);

/* First of all, so that no one else runs with an audited instruction's key open. */
static struct notifier_block pks_die_nb = {
	.notifier_call	= pks_die,
	.priority	= INT_MAX,
};

int pks_die_init(void)
{
	return register_die_notifier(&pks_die_nb);
}

void pks_die_exit(void)
{
	unregister_die_notifier(&pks_die_nb);
}
