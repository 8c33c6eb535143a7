// SPDX-License-Identifier: GPL-2.0
/* The trace events of trace/events/pks.h. */
#include "pks_internal.h"

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
