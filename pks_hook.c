// SPDX-License-Identifier: GPL-2.0
/* Hooks at the entry of kernel functions, by ftrace, and the kernel's tracepoints. */
#include "pks_internal.h"
#include <linux/ftrace.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

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

struct pks_wanted {
	const char		*name;
	struct tracepoint	*tp;
};

static void pks_match_tracepoint(struct tracepoint *tp, void *data)
{
	struct pks_wanted *wanted = data;

	if (!strcmp(tp->name, wanted->name))
		wanted->tp = tp;
}

/* The kernel's tracepoint of that name, NULL if there is none. */
struct tracepoint *pks_tracepoint(const char *name)
{
	struct pks_wanted wanted = { .name = name };

	for_each_kernel_tracepoint(pks_match_tracepoint, &wanted);
	return wanted.tp;
}
