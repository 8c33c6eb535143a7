// SPDX-License-Identifier: GPL-2.0
/* The trace events of trace/events/pks.h. */
#include "pks_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/pks.h>

/* Users of the inline fast path look at this one, and call when it is on. */
EXPORT_TRACEPOINT_SYMBOL_GPL(pks_rights);
EXPORT_TRACEPOINT_SYMBOL_GPL(pks_fault);

void __pks_trace_rights(int pkey, u32 former, u32 access)
{
	trace_pks_rights(pkey, former, access);
}
EXPORT_SYMBOL_PKS(__pks_trace_rights);
