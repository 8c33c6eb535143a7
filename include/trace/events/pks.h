/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pks

#if !defined(_TRACE_PKS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_PKS_H

#include <linux/pks.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

/* For tools that read the format: they do not know the enums. */
TRACE_DEFINE_ENUM(PKS_READWRITE);
TRACE_DEFINE_ENUM(PKS_NOACCESS);
TRACE_DEFINE_ENUM(PKS_READONLY);
TRACE_DEFINE_ENUM(PKS_FAULT_STOPPED);
TRACE_DEFINE_ENUM(PKS_FAULT_STEPPED);
TRACE_DEFINE_ENUM(PKS_FAULT_RETRIED);
TRACE_DEFINE_ENUM(PKS_FAULT_SKIPPED);
TRACE_DEFINE_ENUM(PKS_FAULT_PROBED);
TRACE_DEFINE_ENUM(PKS_FAULT_PANICKED);

#define pks_show_access(access)					\
	__print_symbolic(access,				\
			 { PKS_READWRITE, "readwrite" },	\
			 { PKS_NOACCESS, "noaccess" },		\
			 { PKS_READONLY, "readonly" })

#define pks_show_outcome(outcome)				\
	__print_symbolic(outcome,				\
			 { PKS_FAULT_STOPPED, "stopped" },	\
			 { PKS_FAULT_STEPPED, "stepped" },	\
			 { PKS_FAULT_RETRIED, "retried" },	\
			 { PKS_FAULT_SKIPPED, "skipped" },	\
			 { PKS_FAULT_PROBED, "probed" },	\
			 { PKS_FAULT_PANICKED, "panicked" })

/* A violation, decided. */
TRACE_EVENT(pks_fault,

	TP_PROTO(const struct pks_fault_info *info, const char *domain),

	TP_ARGS(info, domain),

	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned long, ip)
		__field(u32, error_code)
		__field(u32, pkrs)
		__field(u8, pkey)
		__field(u8, access)
		__field(u8, held)
		__field(u8, outcome)
		__array(char, domain, PKS_KEY_NAME_LEN)
	),

	TP_fast_assign(
		__entry->address = info->address;
		__entry->ip = info->ip;
		__entry->error_code = info->error_code;
		__entry->pkrs = info->pkrs;
		__entry->pkey = info->pkey;
		__entry->access = info->access;
		__entry->held = info->held;
		__entry->outcome = info->outcome;
		strscpy(__entry->domain, domain, PKS_KEY_NAME_LEN);
	),

	TP_printk("%s of 0x%lx by %pS: pkey=%u domain=%s held=%s pkrs=0x%08x error_code=0x%x: %s",
		  __entry->access == PKS_READONLY ? "read" : "write",
		  __entry->address, (void *)__entry->ip, __entry->pkey,
		  __entry->domain, pks_show_access(__entry->held),
		  __entry->pkrs, __entry->error_code,
		  pks_show_outcome(__entry->outcome))
);

DECLARE_EVENT_CLASS(pks_key_class,

	TP_PROTO(int pkey, const char *name, const char *owner, int flags),

	TP_ARGS(pkey, name, owner, flags),

	TP_STRUCT__entry(
		__field(int, pkey)
		__field(int, flags)
		__array(char, name, PKS_KEY_NAME_LEN)
		__array(char, owner, MODULE_NAME_LEN)
	),

	TP_fast_assign(
		__entry->pkey = pkey;
		__entry->flags = flags;
		strscpy(__entry->name, name, PKS_KEY_NAME_LEN);
		strscpy(__entry->owner, owner, MODULE_NAME_LEN);
	),

	TP_printk("pkey=%d name=%s owner=%s flags=0x%x", __entry->pkey,
		  __entry->name, __entry->owner, __entry->flags)
);

/* A module has been given a key. */
DEFINE_EVENT(pks_key_class, pks_key_alloc,
	TP_PROTO(int pkey, const char *name, const char *owner, int flags),
	TP_ARGS(pkey, name, owner, flags)
);

/* A module has given a key back. */
DEFINE_EVENT(pks_key_class, pks_key_free,
	TP_PROTO(int pkey, const char *name, const char *owner, int flags),
	TP_ARGS(pkey, name, owner, flags)
);

/* Every context on the machine has this access to the key now, and no other. */
TRACE_EVENT(pks_key_reset,

	TP_PROTO(int pkey, u32 access),

	TP_ARGS(pkey, access),

	TP_STRUCT__entry(
		__field(int, pkey)
		__field(u32, access)
	),

	TP_fast_assign(
		__entry->pkey = pkey;
		__entry->access = access;
	),

	TP_printk("pkey=%d access=%s", __entry->pkey,
		  pks_show_access(__entry->access))
);

int pks_trace_begin(void);
void pks_trace_end(void);

/* The running context has changed its rights to a key. */
TRACE_EVENT_FN(pks_rights,

	TP_PROTO(int pkey, u32 former, u32 access),

	TP_ARGS(pkey, former, access),

	TP_STRUCT__entry(
		__field(int, pkey)
		__field(u32, former)
		__field(u32, access)
	),

	TP_fast_assign(
		__entry->pkey = pkey;
		__entry->former = former;
		__entry->access = access;
	),

	TP_printk("pkey=%d %s -> %s", __entry->pkey,
		  pks_show_access(__entry->former),
		  pks_show_access(__entry->access)),

	pks_trace_begin, pks_trace_end
);

/* Pages have got a key in the page tables, or with 0 lost it. */
TRACE_EVENT(pks_tag,

	TP_PROTO(unsigned long start, unsigned long end, int pkey),

	TP_ARGS(start, end, pkey),

	TP_STRUCT__entry(
		__field(unsigned long, start)
		__field(unsigned long, end)
		__field(int, pkey)
	),

	TP_fast_assign(
		__entry->start = start;
		__entry->end = end;
		__entry->pkey = pkey;
	),

	TP_printk("0x%lx-0x%lx pkey=%d", __entry->start, __entry->end,
		  __entry->pkey)
);

#endif /* _TRACE_PKS_H */

#include <trace/define_trace.h>
