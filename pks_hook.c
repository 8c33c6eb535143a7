// SPDX-License-Identifier: GPL-2.0
/* Hooks at the entry of kernel functions, by ftrace, and the kernel's tracepoints. */
#include "pks_internal.h"
#include <linux/ftrace.h>

/*
 * By its address: a module may have a function of that name, too. With no kprobes no
 * address can be had.
 */
static int pks_hook_filter(struct ftrace_ops *ops, const char *function)
{
	unsigned long addr = pks_lookup(function);

	return addr ? ftrace_set_filter_ip(ops, addr, 0, 1) : -ENOENT;
}

/* As it was before it had a filter, which 6.1 and 6.12 would free again with the next one. */
static void pks_hook_clear(struct ftrace_ops *ops)
{
	ftrace_free_filter(ops);
	ops->func_hash->filter_hash = NULL;
	ops->func_hash->notrace_hash = NULL;
}

/*
 * Have @ops called for the one function of that name. Fails where there is none,
 * or none that can be traced. May sleep.
 */
int pks_hook(struct ftrace_ops *ops, const char *function)
{
	int err = pks_hook_filter(ops, function);

	if (!err)
		err = register_ftrace_function(ops);
	if (err)
		pks_hook_clear(ops);
	return err;
}

/*
 * Have @hook called at the entry of a function that takes no arguments, with nothing
 * in between: what the compiler lets any function clobber is free there. One module
 * at a time can have that. kernel.ftrace_enabled=0 may not take it away. Fails as
 * pks_hook() does, and where the kernel has no direct calls. May sleep.
 */
int pks_hook_direct(struct ftrace_ops *ops, const char *function, void (*hook)(void))
{
	int err = pks_hook_filter(ops, function);

	if (!err)
		err = register_ftrace_direct(ops, (unsigned long)hook);
	if (err)
		pks_hook_clear(ops);
	else
		ops->flags |= FTRACE_OPS_FL_PERMANENT;
	return err;
}

void pks_unhook_direct(struct ftrace_ops *ops, void (*hook)(void))
{
	unregister_ftrace_direct(ops, (unsigned long)hook, false);
	pks_hook_clear(ops);
}

/* On return no CPU is in the hook any more. May sleep. */
void pks_unhook(struct ftrace_ops *ops)
{
	unregister_ftrace_function(ops);
	pks_hook_clear(ops);
}
