// SPDX-License-Identifier: GPL-2.0
/* The trace events of trace/events/pks.h. */
#include "pks_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/pks.h>

EXPORT_TRACEPOINT_SYMBOL_GPL(pks_rights);
EXPORT_TRACEPOINT_SYMBOL_GPL(pks_fault);

/* Is anyone told of updates? Then all of them are SLOW: only those functions tell. */
bool pks_traced __read_mostly;

int pks_trace_begin(void)
{
	WRITE_ONCE(pks_traced, true);
	pks_refresh_words();
	return 0;
}

void pks_trace_end(void)
{
	WRITE_ONCE(pks_traced, false);
}
