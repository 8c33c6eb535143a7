/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of pks.ko share. The public interface is include/linux/pks.h.
 */
#ifndef PKS_INTERNAL_H
#define PKS_INTERNAL_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/ctype.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/overflow.h>
#include <linux/pks.h>
#include <linux/preempt.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include "pks_compat.h"

/* Key 0 open, all others no access: what every context has that opened nothing. */
#define PKS_PKRS_CLOSED		0x55555554U
#define PKS_AD_BITS		0x55555555U
#define PKS_CR4			BIT(24)

/* Hard interrupts nest at most as deep as preempt_count() can tell. */
#define PKS_IRQ_LEVELS		(HARDIRQ_MASK / HARDIRQ_OFFSET + 1)
/* No word looks like this: not all keys have AD and WD both set. */
#define PKS_UNSAVED		U32_MAX

/**
 * struct pks_step - an instruction that is carried out with its key open
 * @active: is there one?
 * @flags: TF and IF of its context
 * @word: the word of its context
 */
struct pks_step {
	bool			active;
	unsigned long		flags;
	u32			word;
};

/**
 * struct pks_frame - other rights than its context's, for as long as a function runs
 * @below: what was the topmost one, if it is of the same thread
 * @framed: whose that was
 * @word: of the context below, which gets it back
 * @step: the instruction that the context below carries out, if it does
 * @regs: registers of the violation whose fault handler runs, else NULL
 *
 * A frame is on the stack of that function, which runs with interrupts off. Frames of a
 * CPU are linked, so that all of them can be ended by one who knows nothing of them.
 */
struct pks_frame {
	struct pks_frame	*below;
	struct task_struct	*framed;
	u32			word;
	struct pks_step		step;
	struct pt_regs		*regs;
};

/**
 * struct pks_cpu - what a CPU keeps besides the word of what runs on it
 * @thread: record of the running task, NULL if it has none
 * @epoch: the last reset that was carried out on the words of this CPU
 * @frame: the topmost frame, if there is one
 * @framed: the task whose stack the frames are on
 * @step: the instruction that is carried out, if one is
 * @nmi_saved: what the NMI now handled interrupted, or PKS_UNSAVED
 * @softirq_saved: what the softirq now served interrupted, likewise
 * @irq_saved: what the hard interrupt of each level interrupted, likewise
 *
 * Touched by this CPU alone, with interrupts off, and @nmi_saved by NMIs alone;
 * debugfs looks on from afar.
 */
struct pks_cpu {
	struct pks_thread	*thread;
	u64			epoch;
	struct pks_frame	*frame;
	struct task_struct	*framed;
	struct pks_step		step;
	u32			nmi_saved;
	u32			softirq_saved;
	u32			irq_saved[PKS_IRQ_LEVELS];
};

DECLARE_PER_CPU(struct pks_cpu, pks_cpu);

/**
 * struct pks_thread - rights of a task that once left the default
 * @notifier: tells when the task leaves a CPU and when it gets one
 * @task: the task; NULL once it is dead
 * @word: its rights while it is not running
 * @softirq_saved: on PREEMPT_RT, where softirqs run in threads: the rights of
 *	the thread while it serves one
 * @epoch: the last reset that was carried out on @word
 * @saved: who reads these two, sees those of the same switch
 * @since: local_clock() when it was first switched out holding more than the
 *	default, 0 if it holds no more than that
 * @node: in the list of all records
 * @dead: in the list of those to be reported and freed
 * @rcu: for readers of the list
 * @pid: for the report of its death
 * @comm: likewise
 */
struct pks_thread {
	struct preempt_notifier	notifier;
	struct task_struct	*task;
	u32			word;
	u32			softirq_saved;
	u64			epoch;
	seqcount_t		saved;
	u64			since;
	struct list_head	node;
	struct llist_node	dead;
	struct rcu_head		rcu;
	pid_t			pid;
	char			comm[TASK_COMM_LEN];
};

/**
 * struct pks_user - who has a key: one of these for each successful allocation
 * @node: in the list of the key's users, the oldest first
 * @owner: the module; only compared, NULL once it has gone
 * @name: what it called the key
 * @owner_name: the module's name
 * @rcu: for readers of the list
 */
struct pks_user {
	struct list_head	node;
	struct module		*owner;
	char			name[PKS_KEY_NAME_LEN];
	char			owner_name[MODULE_NAME_LEN];
	struct rcu_head		rcu;
};

/* Violations of a key since it was allocated. */
struct pks_fault_counts {
	atomic_long_t		reads;
	atomic_long_t		writes;
	atomic_long_t		outcomes[PKS_FAULT_PANICKED + 1];
};

/**
 * struct pks_key - a key
 * @users: who has it; nobody: it is free
 * @nr_users: how many
 * @flags: what they asked for
 * @policy: what becomes of violations, of &enum pks_policy
 * @life: counts how often it was taken or given back: odd while it is someone's
 * @handler: who is asked first, if anyone
 * @abandoned: the life in which pks_abandon() was called, 0 if it never was
 * @given_up: has every context been given it after that?
 * @abandoned_by: who called it
 * @dom: the domain whose key it is, if it is one's
 * @counts: of violations; of key 0, those of which the key is not known
 *
 * Changed with pks_key_mutex held, except @abandoned, @abandoned_by and @counts.
 */
struct pks_key {
	struct list_head	users;
	unsigned int		nr_users;
	int			flags;
	unsigned int		policy;
	unsigned int		life;
	struct pks_handler __rcu *handler;
	unsigned int		abandoned;
	bool			given_up;
	unsigned long		abandoned_by;
	struct pks_dom		*dom;
	struct pks_fault_counts	counts;
};

/* What another CPU answers about itself. */
struct pks_cpu_state {
	u32			word;
	u32			msr;
	u32			held;
	bool			enabled;
};

/* What has been seen of tampering with PKRS and CR4.PKS. */
struct pks_tamper_counts {
	unsigned int		pkrs;
	unsigned int		cr4;
};

/* In what people read and others choose: it forges no line, and is one column wide. */
static inline bool pks_is_printable(char c)
{
	return isascii(c) && isprint(c);
}

/* pks_core.c */
extern bool pks_on;
extern const char *pks_missing;
extern struct mutex pks_key_mutex;
extern struct pks_key pks_keys[PKS_NUM_KEYS];
bool pks_name_ok(const char *name);
const char *pks_owner_name(const struct module *owner);
bool pks_key_taken(int pkey);
const char *pks_key_name(int pkey);
struct pks_user *pks_key_user(int pkey);
struct pks_user *pks_key_find_user(int pkey, struct module *owner);
void pks_format_rights(char *buf, size_t size, u32 word);

/* pks_cpu.c */
const char *pks_cpu_probe(void);
int pks_cpu_init(void);
void pks_cpu_exit(void);
bool pks_cpu_verify(u32 word);
int pks_cpu_query(unsigned int cpu, struct pks_cpu_state *state);
void pks_tamper_counts(struct pks_tamper_counts *counts);
void pks_tamper_report(void);

/* Why no context may update its word in place. */
#define PKS_SLOW_UNISOLATED	BIT(0)
#define PKS_SLOW_TRACED		BIT(1)

/* pks_rights.c */
extern u32 pks_default;
extern u64 pks_epoch;
extern u32 pks_slow;
extern u32 pks_key_gen[PKS_NUM_KEYS];
u32 pks_fold(u32 word, u64 since);
u32 pks_fold_saved(u32 word, u64 since);
bool pks_fold_is_open(u32 *word, u64 since);
void pks_key_begin(int pkey, u32 gen);
void pks_key_end(int pkey);
void pks_reset(int pkey, enum pks_access access, u32 gen);
void pks_slow_set(unsigned int why, bool slow);
int pks_await_gen(int pkey, u32 access);
bool pks_context_kept(void);

/* pks_frame.c */
struct pks_frame *pks_frame_top(void);
const struct pks_frame *pks_frame_of_handler(void);
unsigned int pks_frames(void);
void pks_frame_begin(struct pks_frame *frame, u32 word);
bool pks_frame_end(struct pks_frame *frame);
void pks_frames_close(void);
void pks_frames_forget(void);

/* pks_thread.c */
int pks_thread_init(void);
void pks_thread_exit(void);
int pks_thread_attach(void);
void pks_thread_kick(void);
int pks_thread_for_each(int (*fn)(struct pks_thread *t, void *data), void *data);
u32 pks_thread_rights(const struct pks_thread *t, int *cpu);

/* pks_leftover.c */
void pks_leftover_missing(char *text, size_t size);
void pks_leftover_of(u32 word, const char *what, const void *function);
void pks_leftover_of_irq(u32 word, const char *what);
void pks_return_watch(void);
void pks_return_unwatch(void);
void pks_return_unwatch_cpu(int cpu);
void pks_leftover_init(void);
void pks_leftover_exit(void);

/* pks_hook.c */
struct ftrace_ops;
int pks_hook(struct ftrace_ops *ops, const char *function);
void pks_unhook(struct ftrace_ops *ops);
int pks_hook_direct(struct ftrace_ops *ops, const char *function, void (*hook)(void));
void pks_unhook_direct(struct ftrace_ops *ops, void (*hook)(void));

/* pks_trace.c */
struct tracepoint;
struct tracepoint *pks_tracepoint(const char *name);

/* pks_irq.c */
extern bool pks_irq_isolated;
extern const char *pks_irq_missing;
void pks_irq_setup(void);
void pks_irq_teardown(void);
int pks_irq_set_isolation(bool on);

/* pks_fault.c */
void pks_fault(struct pt_regs *regs, unsigned long error_code,
	       unsigned long address);
bool pks_fault_find(void);

/* pks_fault_hook.c */
#if defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS) && defined(CONFIG_KPROBES)
extern const char *pks_fault_missing;
void pks_fault_setup(void);
void pks_fault_check(void);
void pks_fault_teardown(void);
void pks_fault_pass(struct pt_regs *regs, unsigned long error_code,
		    unsigned long address, bool copy);
bool pks_fault_proving(void);
bool pks_fault_proves(struct pt_regs *regs, unsigned long error_code,
		      unsigned long address);
const char *pks_fault_text(void);
#else
#define pks_fault_missing \
	"the kernel has no CONFIG_DYNAMIC_FTRACE_WITH_REGS, or no CONFIG_KPROBES"
static inline void pks_fault_setup(void) { }
static inline void pks_fault_check(void) { }
static inline void pks_fault_teardown(void) { }
static inline const char *pks_fault_text(void) { return pks_fault_missing; }
#endif

/* pks_warning.c */
bool pks_warning_watch(void);
bool pks_warning_leave_out(void);
void pks_warning_give_back(void);

/* pks_walk.c */
typedef void (*pks_walk_fn)(unsigned long address, unsigned long size,
			    unsigned long pfn, int pkey, void *data);
int pks_key_of(const void *address);
void pks_walk(pks_walk_fn fn, void *data);

/* pks_policy.c */
const char *pks_policy_name(unsigned int policy);
int pks_policy_parse(const char *name);
unsigned int pks_policy_default(void);
int pks_policy_set(int pkey, unsigned int policy);
int pks_policy_set_default(unsigned int policy);
bool pks_key_has_handler(int pkey);
void pks_policy_begin(int pkey);
void pks_policy_leave(int pkey, struct module *owner);
void pks_policy_end(int pkey);
enum pks_fault_outcome pks_decide(const struct pks_fault_info *info,
				  struct pks_frame *frame, struct pt_regs *regs);
void pks_abandon_finish(void);
int pks_policy_init(void);

/* pks_step.c */
struct die_args;
#ifdef CONFIG_DYNAMIC_FTRACE
extern const char *pks_step_missing;
const char *pks_step_refusal(const struct pks_frame *frame, const struct pt_regs *regs);
void pks_step_begin(struct pt_regs *regs, int pkey, u32 access);
int pks_step_debug(struct die_args *args);
void pks_step_cancel(struct pt_regs *regs);
int pks_step_get(void);
void pks_step_put(void);
void pks_step_exit(void);
void pks_step_setup(bool stepped);
#else
#define pks_step_missing	"the kernel has no CONFIG_DYNAMIC_FTRACE"
static inline const char *pks_step_refusal(const struct pks_frame *frame,
					   const struct pt_regs *regs)
{
	return pks_step_missing;
}

static inline void pks_step_begin(struct pt_regs *regs, int pkey, u32 access) { }
static inline int pks_step_debug(struct die_args *args) { return NOTIFY_DONE; }
static inline void pks_step_cancel(struct pt_regs *regs) { }
static inline int pks_step_get(void) { return -EOPNOTSUPP; }
static inline void pks_step_put(void) { }
static inline void pks_step_exit(void) { }
#endif

/* pks_die.c */
int pks_die_init(void);
void pks_die_exit(void);

/* pks_report.c */
#define PKS_TITLE_LEN		128
struct seq_file;
void pks_report(const struct pks_fault_info *info, const char *refusal, bool fatal);
void pks_report_title(char *title, size_t size, const struct pks_fault_info *info);
void pks_report_pkrs(u32 word, u32 pkrs);
void pks_report_cancel(void);
int pks_report_show(struct seq_file *m, void *unused);
void pks_report_forget(const struct module *mod, bool init);
const char *pks_printable(char *name, const char *comm);
int pks_report_init(void);
void pks_report_exit(void);

/* pks_copy.S */
size_t pks_copy_nofault(void *dst, const void *src, size_t len);
size_t pks_fill_nofault(void *dst, int byte, size_t len);
size_t pks_zero_nofault(const void *src, size_t words);
extern const char pks_copy_nofault_access[];

/* pks_nmi.c */
extern bool pks_nmi_isolated;
extern const char *pks_nmi_missing;
void pks_nmi_setup(void);
void pks_nmi_teardown(void);
void pks_nmi_isolate(bool on);

/* pks_debugfs.c */
#ifdef CONFIG_DEBUG_FS
void pks_debugfs_init(void);
void pks_debugfs_exit(void);
#else
static inline void pks_debugfs_init(void) { }
static inline void pks_debugfs_exit(void) { }
#endif

/* Other addresses do not fault as those of the kernel do. */
static inline bool pks_is_kernel(const void *start, size_t len)
{
	unsigned long end;

	return (unsigned long)start >= TASK_SIZE_MAX &&
		!check_add_overflow((unsigned long)start, len, &end);
}

/* Can it be anybody's? */
static inline bool pks_is_key(int pkey)
{
	return pkey > 0 && pkey < PKS_NUM_KEYS;
}

static inline u32 pks_rights_of(u32 word)
{
	return word & ~PKS_WORD_FLAGS;
}

/* Between two steps of an update a key may have both bits: AD decides. */
static inline u32 pks_key_access(u32 word, int pkey)
{
	u32 bits = (word >> (2 * pkey)) & 3;

	return bits & PKS_NOACCESS ? PKS_NOACCESS : bits;
}

static inline u32 pks_with_access(u32 word, int pkey, u32 access)
{
	return (word & ~(3U << (2 * pkey))) | access << (2 * pkey);
}

/* Do the rights in @word allow @needed, PKS_READONLY or PKS_READWRITE? */
static inline bool pks_permits(u32 word, int pkey, u32 needed)
{
	u32 access = pkey < 0 ? PKS_NOACCESS : pks_key_access(word, pkey);

	return access == PKS_READWRITE || (access == PKS_READONLY && access == needed);
}

/* Is that a life in which someone has the key? */
static inline bool pks_is_lived(unsigned int life)
{
	return life & 1;
}

static inline bool pks_key_abandoned(int pkey)
{
	unsigned int life;

	if (!pks_is_key(pkey))
		return false;
	life = READ_ONCE(pks_keys[pkey].abandoned);
	return life && READ_ONCE(pks_keys[pkey].life) == life;
}

/* Of each key the low bit: may not read; may not write. */
static inline u32 pks_no_read(u32 word)
{
	return word & PKS_AD_BITS;
}

static inline u32 pks_no_write(u32 word)
{
	return (word | word >> 1) & PKS_AD_BITS;
}

/* Does @word let its context do more than what @base does? */
static inline bool pks_holds_more(u32 word, u32 base)
{
	word = pks_rights_of(word);
	return (pks_no_read(base) & ~word) ||
		(pks_no_write(base) & ~pks_no_write(word));
}

static __always_inline void pks_write_msr(u32 rights)
{
	asm volatile("wrmsr" : : "a" (rights), "c" (__PKS_MSR_IA32_PKRS), "d" (0)
		     : "memory");
}

static __always_inline u32 pks_read_msr(void)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a" (low), "=d" (high)
		     : "c" (__PKS_MSR_IA32_PKRS));
	return low;
}

/*
 * Another context takes or gets back this CPU: exchange the word and let the MSR
 * follow. With interrupts off. The word goes first: an NMI in between works from
 * the word and so leaves the MSR right. The MSR is what @old says, unless @old
 * is BUSY.
 */
static __always_inline void pks_switch_word(u32 old, u32 new)
{
	this_cpu_write(pks_pkrs, new);
	if (((old ^ new) & ~PKS_WORD_FLAGS) || (old & PKS_BUSY))
		pks_write_msr(pks_rights_of(new));
}

/* Does @word, of which a function was given the default, differ from it? */
static inline bool pks_is_left(u32 word)
{
	return pks_rights_of(word ^ READ_ONCE(pks_default));
}

/* The word that a frame begins with in which others' functions run. */
static inline u32 pks_frame_word(void)
{
	return READ_ONCE(pks_default) | READ_ONCE(pks_slow);
}

/* A word, or PKS_UNSAVED, that may be from before updates became slow. */
static inline u32 pks_refreshed(u32 word)
{
	return word == PKS_UNSAVED ? word : word | READ_ONCE(pks_slow);
}

#endif /* PKS_INTERNAL_H */
