// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells of the ends of things: of an audited instruction, by a debug
 * exception; and of threads, by an oops, in which the rights of whoever died are shown,
 * or without one.
 */
#include "pks_internal.h"
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/limits.h>
#include <linux/tracepoint.h>

/* Nobody returns from this, whatever was under way. Who is told of it sees no domain. */
static void pks_oops(void)
{
	u32 word = pks_rights_of(this_cpu_read(pks_pkrs)), pkrs = pks_read_msr();

	pks_frames_close();
	pks_report_cancel();
	pks_report_pkrs(word, pkrs);
}

static int pks_die(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;

	switch (event) {
	case DIE_DEBUG:
		return pks_step_debug(args);
	case DIE_TRAP:
	case DIE_GPF:
		/* Who handles it has no business with the key. */
		pks_step_cancel(args->regs);
		return NOTIFY_DONE;
	case DIE_OOPS:
		pks_oops();
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

static struct tracepoint *pks_tp_exit;

/* A thread ends, from whatever function: what it was in does not go on. */
static void pks_exits(void *data, struct task_struct *task)
{
	if (unlikely(this_cpu_read(pks_cpu.framed) == current)) {
		pks_frames_close();
		pks_report_cancel();
	}
}

int pks_die_init(void)
{
	int err = register_die_notifier(&pks_die_nb);

	if (err)
		return err;
	pks_tp_exit = pks_tracepoint("sched_process_exit");
	if (pks_tp_exit)
		err = tracepoint_probe_register(pks_tp_exit, pks_exits, NULL);
	if (err)
		unregister_die_notifier(&pks_die_nb);
	return err;
}

void pks_die_exit(void)
{
	if (pks_tp_exit) {
		tracepoint_probe_unregister(pks_tp_exit, pks_exits, NULL);
		tracepoint_synchronize_unregister();
	}
	unregister_die_notifier(&pks_die_nb);
}
