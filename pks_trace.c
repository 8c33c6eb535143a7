// SPDX-License-Identifier: GPL-2.0
/* The trace events of trace/events/pks.h, and the tracepoints of the kernel. */
#include "pks_internal.h"
#include <linux/string.h>
#include <linux/tracepoint.h>

#define CREATE_TRACE_POINTS
#include <trace/events/pks.h>

EXPORT_TRACEPOINT_SYMBOL_GPL(pks_rights);
EXPORT_TRACEPOINT_SYMBOL_GPL(pks_fault);

/* Someone is told of updates: only the slow ones tell. */
int pks_trace_begin(void)
{
	pks_slow_set(PKS_SLOW_TRACED, true);
	return 0;
}

void pks_trace_end(void)
{
	pks_slow_set(PKS_SLOW_TRACED, false);
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
