// SPDX-License-Identifier: GPL-2.0
/*
 * Where violations reach pks_fault() only behind the kernel's warning of them, that
 * warning is left out. It is a WARN_ON_ONCE(), of which the kernel's table of warnings
 * says whether it has been given: it is marked as such. Which one it is, a kprobe at
 * report_bug() sees when pks meets it; it is there for that moment alone. A kprobe that is
 * registered need not be armed, for all of them may be switched off: so this one has to
 * be hit by a harmless call first.
 *
 * Whoever has all warnings given again, by debugfs clear_warn_once, has this one back.
 */
#include "pks_internal.h"
#include <linux/bug.h>
#include <linux/kprobes.h>
#include <linux/static_call.h>

DEFINE_STATIC_CALL_RET0(pks_find_bug, find_bug);
DEFINE_STATIC_CALL_RET0(pks_report_bug, report_bug);

/* Where the warning is; and its entry, while that has a mark of ours. */
static unsigned long pks_warning_at;
static struct bug_entry *pks_warning;
/* Has the probe seen the call that is there for it to be seen? */
static bool pks_warning_seen;

static enum bug_trap_type pks_warned(unsigned long addr, struct pt_regs *regs)
{
	return BUG_TRAP_TYPE_WARN;
}

/* At the entry of report_bug(addr, regs). The first one of the proof goes no further. */
static int pks_warning_pre(struct kprobe *kp, struct pt_regs *regs)
{
	if (!regs->di)
		WRITE_ONCE(pks_warning_seen, true);
	if (!pks_fault_proving() || pks_warning_at)
		return 0;
	WRITE_ONCE(pks_warning_at, regs->di);
	regs->ip = (unsigned long)pks_warned;
	return 1;
}
NOKPROBE_SYMBOL(pks_warning_pre);

/* Nothing to do; but with one, the probe may change where the function goes. */
static void pks_warning_post(struct kprobe *kp, struct pt_regs *regs,
			     unsigned long flags)
{
}
NOKPROBE_SYMBOL(pks_warning_post);

static struct kprobe pks_warning_probe = {
	.symbol_name	= "report_bug",
	.pre_handler	= pks_warning_pre,
	.post_handler	= pks_warning_post,
};

/* There is no warning at address 0, and so nothing is said of it. */
static bool pks_warning_probed(void)
{
	struct pt_regs regs = { };

	WRITE_ONCE(pks_warning_seen, false);
	static_call(pks_report_bug)(0, &regs);
	return READ_ONCE(pks_warning_seen);
}

/* From now on the first warning that the proof meets is found. May sleep. */
bool pks_warning_watch(void)
{
	if (!pks_find(pks_find_bug, "find_bug") || !pks_find(pks_report_bug, "report_bug") ||
	    register_kprobe(&pks_warning_probe))
		return false;
	if (pks_warning_probed())
		return true;
	unregister_kprobe(&pks_warning_probe);
	return false;
}

/* The proof has met it, if there is one. May sleep. */
bool pks_warning_leave_out(void)
{
	struct bug_entry *bug;

	unregister_kprobe(&pks_warning_probe);
	if (!pks_warning_at)
		return true;
	bug = static_call(pks_find_bug)(pks_warning_at);
	if (!bug || !(bug->flags & BUGFLAG_ONCE))
		return false;
	if (!(bug->flags & BUGFLAG_DONE)) {
		bug->flags |= BUGFLAG_DONE;
		pks_warning = bug;
	}
	return true;
}

void pks_warning_give_back(void)
{
	if (pks_warning)
		pks_warning->flags &= ~BUGFLAG_DONE;
	pks_warning = NULL;
}
