// SPDX-License-Identifier: GPL-2.0
/* Hooks at the entry of kernel functions, by ftrace. */
#include "pks_internal.h"
#include <linux/ftrace.h>
#include <linux/string.h>

/*
 * Have @ops called for the one function of that name. Fails where there is none,
 * or none that can be traced. May sleep.
 */
int pks_hook(struct ftrace_ops *ops, const char *function)
{
	char name[32];
	int err;

	strscpy(name, function, sizeof(name));
	err = ftrace_set_filter(ops, name, strlen(name), 1);
	if (!err)
		err = register_ftrace_function(ops);
	if (err)
		ftrace_free_filter(ops);
	return err;
}

/* On return no CPU is in the hook any more. May sleep. */
void pks_unhook(struct ftrace_ops *ops)
{
	unregister_ftrace_function(ops);
	ftrace_free_filter(ops);
}
