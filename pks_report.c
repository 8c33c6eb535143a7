// SPDX-License-Identifier: GPL-2.0
/*
 * Violations are kept, told to tracers, and printed: to the log when they happen,
 * and to debugfs when someone asks, by the same function.
 */
#include "pks_internal.h"
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string_helpers.h>
#include <trace/events/pks.h>

/* Violations within the reports of others, so deep, are traced. */
#define PKS_TRACED_FRAMES	3
/* How many are kept of each CPU, and how much of the stack. */
#define PKS_RECORDS		32
#define PKS_FRAMES		12
/* A function's name with its offset and its module's. */
#define PKS_WHERE_LEN		112
/* Frames of the fault's handling, at most, before those of the violator. */
#define PKS_OWN_FRAMES		16

/**
 * struct pks_record - a violation as it is kept
 * @seq: even if the rest is complete; 0 if there was none yet
 * @nr: the number of the violation on its CPU
 * @info: the violation
 * @context: what kind of context it was in
 * @refusal: why what its policy says did not become of it; NULL if it did
 * @domain: what the key's first user calls it; empty if it is nobody's
 * @owner: that user
 * @nr_frames: how many there are in @frames
 * @frames: the stack, the violating function first; 0 is code that has gone
 */
struct pks_record {
	seqcount_t		seq;
	unsigned long		nr;
	struct pks_fault_info	info;
	const char		*context;
	const char		*refusal;
	char			domain[PKS_KEY_NAME_LEN];
	char			owner[MODULE_NAME_LEN];
	unsigned int		nr_frames;
	unsigned long		frames[PKS_FRAMES];
};

/* The violating function of a record, whose module has gone since; "" of none. */
struct pks_gone {
	unsigned long		nr;
	char			where[PKS_WHERE_LEN];
};

/*
 * The CPU's last violations; @nr counts them all. Written with interrupts off, but for
 * @gone, which is under pks_gone_mutex.
 */
struct pks_ring {
	unsigned long		nr;
	struct pks_record	records[PKS_RECORDS];
	struct pks_gone		gone[PKS_RECORDS];
};

static struct pks_ring __percpu *pks_rings;
static DEFINE_MUTEX(pks_gone_mutex);

/*
 * Reports in the log are not to be mixed. The CPU that prints one, or PKS_NO_PRINTER.
 * That is no lock: whoever has it may die of what listens to printk, or be stopped by a
 * panic, and nobody waits for it longer than a report takes on any machine.
 */
#define PKS_NO_PRINTER		(-1)
#define PKS_PRINT_TIMEOUT	(100 * NSEC_PER_MSEC)
#define PKS_PRINT_TURNS		10000000
static atomic_t pks_printer = ATOMIC_INIT(PKS_NO_PRINTER);
static DEFINE_PER_CPU(bool, pks_printing);
static DEFINE_RATELIMIT_STATE(pks_print_limit, DEFAULT_RATELIMIT_INTERVAL,
			      DEFAULT_RATELIMIT_BURST);
static atomic_long_t pks_unprinted = ATOMIC_LONG_INIT(0);

static void pks_record_stack(struct pks_record *record)
{
	unsigned long frames[PKS_OWN_FRAMES + PKS_FRAMES];
	unsigned int nr = pks_stack_here(frames, ARRAY_SIZE(frames)), first = 0;

	while (first < nr && frames[first] != record->info.ip)
		first++;
	record->nr_frames = min_t(unsigned int, nr - first, PKS_FRAMES);
	memcpy(record->frames, frames + first,
	       record->nr_frames * sizeof(*frames));
}

/*
 * Whatever a task calls itself, it is one word in one line: names are anyone's to
 * choose, and reports are read by people who look for those who did wrong.
 */
const char *pks_printable(char *name, const char *comm)
{
	int i;

	strscpy(name, comm, TASK_COMM_LEN);
	for (i = 0; name[i]; i++) {
		if (!pks_is_printable(name[i]))
			name[i] = '?';
	}
	return name;
}

static const char *pks_context(void)
{
	if (in_nmi())
		return "NMI";
	if (in_hardirq())
		return "interrupt";
	return in_serving_softirq() ? "softirq" : "process";
}

static void pks_record_owner(struct pks_record *record)
{
	const struct pks_user *user;

	record->domain[0] = '\0';
	record->owner[0] = '\0';
	rcu_read_lock();
	user = pks_key_user(record->info.pkey);
	if (user) {
		strscpy(record->domain, user->name, sizeof(record->domain));
		strscpy(record->owner, user->owner_name, sizeof(record->owner));
	}
	rcu_read_unlock();
}

/* What no one is prepared for: how it came to that is worth to be known. */
static bool pks_unasked(const struct pks_fault_info *info)
{
	return info->outcome == PKS_FAULT_STOPPED ||
		info->outcome == PKS_FAULT_STEPPED ||
		info->outcome == PKS_FAULT_PANICKED;
}

/* A place in the code, if it is still what it was. */
static const char *pks_place(char *text, unsigned long ip)
{
	if (!ip)
		return "code of a module that has gone";
	snprintf(text, PKS_WHERE_LEN, "%pS", (void *)ip);
	return text;
}

/*
 * The oldest is overwritten. An NMI in between takes the next place. NULL if NMIs
 * have gone round and come to one that is being written.
 */
static struct pks_record *pks_record(const struct pks_fault_info *info,
				     const char *refusal, bool fatal)
{
	struct pks_ring *ring = this_cpu_ptr(pks_rings);
	unsigned long nr = this_cpu_inc_return(pks_rings->nr) - 1;
	struct pks_record *record = &ring->records[nr % PKS_RECORDS];

	if (record->seq.sequence & 1)
		return NULL;
	raw_write_seqcount_begin(&record->seq);
	record->nr = nr;
	record->info = *info;
	record->context = pks_context();
	record->refusal = refusal;
	pks_record_owner(record);
	record->nr_frames = 0;
	if (fatal || pks_unasked(info))
		pks_record_stack(record);
	raw_write_seqcount_end(&record->seq);
	return record;
}

/* To the log, in any context, that of the scheduler included: consoles follow later. */
static __printf(1, 2) void pks_log(const char *fmt, ...)
{
#ifdef CONFIG_PRINTK
	va_list args;

	va_start(args, fmt);
	vprintk_emit(0, LOGLEVEL_SCHED, NULL, fmt, args);
	va_end(args);
#endif
}

static __printf(2, 3) void pks_print(struct seq_file *m, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	if (m)
		seq_vprintf(m, fmt, args);
	else
		pks_log(KERN_ERR "%pV", &vaf);
	va_end(args);
}

static const char *pks_held_text(u32 held)
{
	if (held == PKS_READWRITE)
		return "read and write";
	return held == PKS_READONLY ? "read" : "no access";
}

/* "write to read-only domain "vault"". */
static void pks_title(char *title, size_t size, const struct pks_record *record)
{
	const struct pks_fault_info *info = &record->info;
	const char *what = info->access == PKS_READONLY ? "read of" : "write to";
	const char *held = info->held == PKS_READONLY ? "read-only" : "no-access";

	if (!info->pkey)
		snprintf(title, size, "%s memory whose mapping has gone", what);
	else if (record->domain[0])
		snprintf(title, size, "%s %s domain \"%s\"", what, held,
			 record->domain);
	else
		snprintf(title, size, "%s %s key %u, which is nobody's,", what,
			 held, info->pkey);
}

static const char *pks_outcome_text(const struct pks_record *record)
{
	const struct pks_fault_info *info = &record->info;

	switch (info->outcome) {
	case PKS_FAULT_STEPPED:
		return "carried out (policy report)";
	case PKS_FAULT_RETRIED:
		return "retried: its handler allows it";
	case PKS_FAULT_SKIPPED:
		return "left to the exception table by its handler";
	case PKS_FAULT_PROBED:
		return "a probe that may fail";
	case PKS_FAULT_PANICKED:
		return "the machine panics (policy panic)";
	default:
		if (record->refusal)
			return "stopped";
		return info->pkey ? "stopped (policy deny)" : "stopped";
	}
}

static void pks_print_key(struct seq_file *m, const struct pks_record *record)
{
	const struct pks_fault_info *info = &record->info;
	const char *needed = str_read_write(info->access == PKS_READONLY);

	if (!info->pkey)
		pks_print(m, "key unknown: the mapping has gone; needed %s\n",
			  needed);
	else if (record->domain[0])
		pks_print(m, "key %u, domain \"%s\" of %s; held %s, needed %s\n",
			  info->pkey, record->domain, record->owner,
			  pks_held_text(info->held), needed);
	else
		pks_print(m, "key %u, which is nobody's; held %s, needed %s\n",
			  info->pkey, pks_held_text(info->held), needed);
}

/* With its end. */
#define PKS_ADDRESS_LEN	24

/* Does the kernel let whoever reads that see addresses? Others find zeros in %pK. */
static bool pks_may_see(const void *address)
{
	char text[PKS_ADDRESS_LEN];

	snprintf(text, sizeof(text), "%pK", address);
	return strspn(text, "0") != strlen(text);
}

/*
 * In the log, which many may read, as the kernel has its own there: hashed, unless it was
 * booted otherwise. In debugfs root has the address itself, unless kptr_restrict says that
 * nobody has.
 */
static void pks_format_address(char *text, bool log, const void *address)
{
	if (log)
		snprintf(text, PKS_ADDRESS_LEN, "%p", address);
	else
		snprintf(text, PKS_ADDRESS_LEN, "%px", pks_may_see(address) ? address : NULL);
}

#define PKS_RULE	"==================================================================\n"

/* To debugfs or, if @m is NULL, to the log. @was: what had been at its ip, or NULL. */
static void pks_print_record(struct seq_file *m, const struct pks_record *record,
			     const char *was)
{
	const struct pks_fault_info *info = &record->info;
	char title[PKS_TITLE_LEN], where[PKS_WHERE_LEN], name[TASK_COMM_LEN];
	char address[PKS_ADDRESS_LEN];
	u32 micros;
	u64 seconds = div_u64_rem(div_u64(info->time, NSEC_PER_USEC),
				  USEC_PER_SEC, &micros);
	unsigned int i;

	pks_title(title, sizeof(title), record);
	pks_print(m, PKS_RULE);
	pks_print(m, "BUG: PKS: %s in %s\n", title, was ?: pks_place(where, info->ip));
	pks_print(m, "\n");
	pks_format_address(address, !m, (void *)info->address);
	pks_print(m, "%s at 0x%s by %s/%d (%s) on CPU %d:\n",
		  info->access == PKS_READONLY ? "Read" : "Write",
		  address, pks_printable(name, info->comm), info->pid, record->context,
		  info->cpu);
	for (i = 0; i < record->nr_frames; i++)
		pks_print(m, " %s\n", pks_place(where, record->frames[i]));
	pks_print(m, "\n");
	pks_print_key(m, record);
	pks_print(m, "PKRS 0x%08x, error code 0x%x, %llu.%06u s after boot\n",
		  info->pkrs, info->error_code, seconds, micros);
	pks_print(m, "%s%s%s\n", pks_outcome_text(record),
		  record->refusal ? ": " : "", record->refusal ?: "");
	pks_print(m, PKS_RULE);
}

/*
 * For as long as a report may take. The clock may stand still, so turns are counted,
 * too. Whoever takes longer than that is not waited for by the next one, either.
 */
static void pks_print_wait(int cpu)
{
	u64 end = local_clock() + PKS_PRINT_TIMEOUT;
	unsigned int turns = PKS_PRINT_TURNS;
	int other;

	for (;;) {
		other = atomic_cmpxchg(&pks_printer, PKS_NO_PRINTER, cpu);
		if (other == PKS_NO_PRINTER)
			return;
		if (!--turns || local_clock() > end)
			break;
		cpu_relax();
	}
	atomic_cmpxchg(&pks_printer, other, cpu);
}

/* This CPU has printed, or will not any more. */
static void pks_print_done(void)
{
	atomic_cmpxchg(&pks_printer, smp_processor_id(), PKS_NO_PRINTER);
	this_cpu_write(pks_printing, false);
}

/*
 * What happens while this CPU prints, in an NMI or in someone who looks at what
 * is printed, is kept and not printed.
 */
static void pks_print_now(const struct pks_record *record)
{
	if (this_cpu_read(pks_printing)) {
		atomic_long_inc(&pks_unprinted);
		return;
	}
	this_cpu_write(pks_printing, true);
	pks_print_wait(smp_processor_id());
	pks_print_record(NULL, record, NULL);
	pks_print_done();
}

/* The thread that runs here ends, in a report perhaps. Any context. */
void pks_report_cancel(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (this_cpu_read(pks_printing))
		pks_print_done();
	local_irq_restore(flags);
}

/* What was asked for is not printed, unless it is someone's end. */
static bool pks_worth_printing(const struct pks_fault_info *info, bool fatal)
{
	if (fatal)
		return true;
	if (!pks_unasked(info))
		return false;
	if (__ratelimit(&pks_print_limit))
		return true;
	atomic_long_inc(&pks_unprinted);
	return false;
}

static void pks_count(const struct pks_fault_info *info)
{
	struct pks_fault_counts *counts = &pks_keys[info->pkey].counts;

	atomic_long_inc(info->access == PKS_READONLY ? &counts->reads :
						       &counts->writes);
	atomic_long_inc(&counts->outcomes[info->outcome]);
}

/*
 * A violation has been decided. @refusal: why what its policy says does not become of
 * it, or NULL; @fatal: whoever did it will not survive. With interrupts off, in any
 * context.
 */
void pks_report(const struct pks_fault_info *info, const char *refusal, bool fatal)
{
	struct pks_record *record = pks_record(info, refusal, fatal);

	pks_count(info);
	/* A tracer whose own violations are traced would go on for ever. */
	if (pks_frames() <= PKS_TRACED_FRAMES)
		trace_pks_fault(info, record ? record->domain : "");
	if (pks_worth_printing(info, fatal) && record)
		pks_print_now(record);
}

/* What its report is called. Any context. */
void pks_report_title(char *title, size_t size, const struct pks_fault_info *info)
{
	struct pks_record record = { .info = *info };

	pks_record_owner(&record);
	pks_title(title, size, &record);
}

/* In an oops: the rights that whoever caused it had, by the word and in the MSR. */
void pks_report_pkrs(u32 word, u32 pkrs)
{
	char rights[160];

	if (!READ_ONCE(pks_on))
		return;
	pks_format_rights(rights, sizeof(rights), word);
	pr_warn("PKRS: 0x%08x%s%s\n", pkrs, rights[0] ? ", open:" : "", rights);
	if (word != pkrs)
		pr_warn("PKRS should be 0x%08x\n", word);
}

/* A complete copy of @from, or false. */
static bool pks_record_copy(struct pks_record *to, const struct pks_record *from)
{
	unsigned int seq = raw_seqcount_begin(&from->seq);

	if (!seq)
		return false;
	*to = *from;
	return !read_seqcount_retry(&from->seq, seq);
}

/* A record as it is shown; @was is NULL if its ip is what it was. */
struct pks_shown {
	struct pks_record	record;
	const char		*was;
};

/* The clock may stand still for a while. */
static int pks_newer_first(const void *a, const void *b)
{
	const struct pks_record *one = &((const struct pks_shown *)a)->record;
	const struct pks_record *other = &((const struct pks_shown *)b)->record;

	if (one->info.time != other->info.time)
		return one->info.time < other->info.time ? 1 : -1;
	if (one->info.cpu != other->info.cpu)
		return one->info.cpu < other->info.cpu ? 1 : -1;
	return one->nr < other->nr ? 1 : -1;
}

static bool pks_show_one(struct pks_shown *shown, struct pks_ring *ring, unsigned int i)
{
	if (!pks_record_copy(&shown->record, &ring->records[i]))
		return false;
	if (!shown->record.info.ip && *ring->gone[i].where &&
	    ring->gone[i].nr == shown->record.nr)
		shown->was = ring->gone[i].where;
	return true;
}

/* All that is kept, into @records; returns how many. @nr: how many there were. */
static unsigned int pks_collect(struct pks_shown *records, unsigned long *nr)
{
	unsigned int kept = 0, cpu, i;

	*nr = 0;
	for_each_possible_cpu(cpu) {
		struct pks_ring *ring = per_cpu_ptr(pks_rings, cpu);

		*nr += READ_ONCE(ring->nr);
		for (i = 0; i < PKS_RECORDS; i++)
			kept += pks_show_one(records + kept, ring, i);
	}
	sort(records, kept, sizeof(*records), pks_newer_first, NULL);
	return kept;
}

/* For debugfs: the newest first. */
int pks_report_show(struct seq_file *m, void *unused)
{
	struct pks_shown *records;
	unsigned int kept, i;
	unsigned long nr;

	if (!pks_rings) {
		seq_puts(m, "violations: 0\n");
		return 0;
	}
	records = kvcalloc(num_possible_cpus() * PKS_RECORDS, sizeof(*records),
			   GFP_KERNEL);
	if (!records)
		return -ENOMEM;
	mutex_lock(&pks_gone_mutex);
	kept = pks_collect(records, &nr);
	seq_printf(m, "violations: %lu; kept: %u; overwritten: %lu; not printed: %lu\n",
		   nr, kept, nr - kept, atomic_long_read(&pks_unprinted));
	for (i = 0; i < kept; i++)
		pks_print_record(m, &records[i].record, records[i].was);
	mutex_unlock(&pks_gone_mutex);
	kvfree(records);
	return 0;
}

/* What was there, if it goes; not if the record is being written anew. */
static unsigned long pks_forget_place(unsigned long *ip, const struct module *mod, bool init)
{
	unsigned long was = READ_ONCE(*ip);

	if (!(init ? within_module_init(was, mod) : within_module(was, mod)))
		return 0;
	return cmpxchg(ip, was, 0) == was ? was : 0;
}

/* The stack goes without a trace, but not the name of who did it. */
static void pks_forget_in(struct pks_record *record, struct pks_gone *gone,
			  const struct module *mod, bool init)
{
	unsigned long nr = READ_ONCE(record->nr), was;
	unsigned int frame;

	was = pks_forget_place(&record->info.ip, mod, init);
	if (was) {
		pks_place(gone->where, was);
		gone->nr = nr;
	}
	for (frame = 0; frame < PKS_FRAMES; frame++)
		pks_forget_place(&record->frames[frame], mod, init);
}

/*
 * The code of @mod, or of its init section alone, is about to go, and its addresses to
 * others, who have done nothing.
 */
void pks_report_forget(const struct module *mod, bool init)
{
	unsigned int cpu, i;

	mutex_lock(&pks_gone_mutex);
	for_each_possible_cpu(cpu) {
		struct pks_ring *ring = per_cpu_ptr(pks_rings, cpu);

		for (i = 0; i < PKS_RECORDS; i++)
			pks_forget_in(&ring->records[i], &ring->gone[i], mod, init);
	}
	mutex_unlock(&pks_gone_mutex);
}

int pks_report_init(void)
{
	pks_rings = alloc_percpu(struct pks_ring);
	return pks_rings ? 0 : -ENOMEM;
}

void pks_report_exit(void)
{
	free_percpu(pks_rings);
}
