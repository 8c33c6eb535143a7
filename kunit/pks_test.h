/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share. A suite is one file test_*.c; main.c lists them.
 */
#ifndef PKS_TEST_H
#define PKS_TEST_H

#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/pks.h>
#include <linux/umh.h>
#include "pks_try.h"

#define PKS_TEST_CLOSED	0x55555554U

/*
 * fixture.c: the keys and pages of a case, given back when it ends however it
 * ends. Suites name these two as their .init and .exit; init skips a case on a
 * machine without PKS.
 */
int pks_fixture_init(struct kunit *test);
/* Likewise, for suites that look at debugfs: skips without it. */
int pks_debugfs_fixture_init(struct kunit *test);
void pks_fixture_exit(struct kunit *test);

/* A key, or the case ends here. */
int pks_test_key(struct kunit *test, int flags);
void pks_test_key_free(struct kunit *test, int pkey);
/* A zeroed page mapped PAGE_KERNEL_PKEY(pkey), or the case ends here. */
u64 *pks_test_page(struct kunit *test, int pkey);

/* fault.c: what the hardware says of a fault. */
struct pks_test_fault {
	unsigned long	address;
	unsigned long	error_code;
	unsigned int	count;
	u32		pkrs;		/* in the exception's handler */
};

#define PKS_TEST_PF_READ	0x21UL	/* present, protection key */
#define PKS_TEST_PF_WRITE	0x23UL	/* and write */

int pks_fault_watch(void);
void pks_fault_unwatch(void);
/* Kernel-mode faults of this task since the last call, and the last of them. */
struct pks_test_fault pks_fault_take(void);

/* The access is let through, or stopped with this error code at this address. */
void pks_expect_read(struct kunit *test, const u64 *addr, bool ok);
void pks_expect_write(struct kunit *test, u64 *addr, bool ok);

/* console.c: the lines that pks wrote to the log since the last call. */
#define PKS_TEST_RULE	"=================================================================="
int pks_console_watch(void);
void pks_console_unwatch(void);
void pks_console_clear(void);
/* How many of them contain @text. */
unsigned int pks_console_count(const char *text);
/* The nth of them; NULL behind the last. */
const char *pks_console_line(unsigned int nr);
/* False if there is none within PKS_TEST_PATIENCE. */
bool pks_console_wait(const char *text);

/* All keys closed but this one. */
static inline u32 pks_test_pkrs(int pkey, enum pks_access access)
{
	return (PKS_TEST_CLOSED & ~(3U << 2 * pkey)) | access << 2 * pkey;
}

/*
 * threads.c: what a context sees: the word and the MSR, taken at once, and what
 * becomes of a read and a write. From any context.
 */
struct pks_sight {
	u32	word;
	u32	msr;
	int	read;
	int	write;
};

void pks_look(struct pks_sight *sight, u64 *page);
/* @who saw @pkrs and had that access to the page of @pkey. */
void pks_expect_sight(struct kunit *test, const struct pks_sight *sight,
		      int pkey, u32 pkrs, const char *who);

/* Longer than anything takes, shorter than the kernel's watchdogs of CPUs that spin. */
#define PKS_TEST_PATIENCE	(15 * HZ)
/* Likewise, of threads that sleep: a busy host may take its time. */
#define PKS_TEST_LONG_PATIENCE	(90 * HZ)

/*
 * A thread that sleeps until it is given an act, on @cpu or, with -1, anywhere.
 * All end with the case.
 */
struct pks_actor;
struct pks_actor *pks_actor(struct kunit *test, const char *name, int cpu);
struct task_struct *pks_actor_task(struct pks_actor *actor);
void pks_actor_begin(struct pks_actor *actor, void (*act)(void *), void *data);
/* False if it takes longer than PKS_TEST_LONG_PATIENCE. */
bool pks_actor_wait(struct pks_actor *actor);
/* Both; the case ends here if it takes too long. */
void pks_actor_do(struct kunit *test, struct pks_actor *actor,
		  void (*act)(void *), void *data);
void pks_actor_quit(struct pks_actor *actor);
void pks_actors_quit(void);

/* The acts most wanted, and what they are about. */
struct pks_part {
	int			pkey;
	enum pks_access		access;
	u64			*page;
	int			former;
	struct pks_sight	sight;
	unsigned int		bad;
	bool			ready;
	bool			stop;
};

/* A part with a key and a page of its own, or the case ends here. */
struct pks_part pks_test_part(struct kunit *test, enum pks_access access);

void pks_part_open(void *part);
void pks_part_look(void *part);
void pks_part_close(void *part);
/* Opens, is ready, spins until told to stop, looks, closes. */
void pks_part_spin(void *part);
/* Is ready, and keeps its CPU from answering any interrupt until told to stop. */
void pks_part_deaf(void *part);
/* Are word and MSR just what the part is about? */
bool pks_part_holds(const struct pks_part *part);

/* False if the flag is not set within PKS_TEST_PATIENCE, or PKS_TEST_LONG_PATIENCE. */
bool pks_spin_until(const bool *flag);
bool pks_sleep_until(const bool *flag);

/* The last CPU that is online. */
unsigned int pks_test_cpu(struct kunit *test);
/* The same, with the case itself kept on CPU 0; skips if that is the only one. */
unsigned int pks_other_cpu(struct kunit *test);

/* user.c: debugfs/pks and a shell. Cases are skipped where these are not. */
const char *pks_file_read(struct kunit *test, const char *name);
umode_t pks_file_mode(struct kunit *test, const char *name);
const char *pks_line_with(struct kunit *test, const char *text,
			  const char *word);

/* @act is called in the shell's process before it becomes the shell. */
struct pks_shell {
	const char	*command;
	void		(*act)(void *data);
	void		*data;
};

int pks_shell_run(struct kunit *test, struct pks_shell *shell, int wait);
int pks_shell(struct kunit *test, const char *command);

/*
 * domain.c: the domains of a case, given back when it ends. Suites that have some
 * name these two as their .init and .exit.
 */
struct pks_domain;
int pks_domain_fixture_init(struct kunit *test);
void pks_domain_fixture_exit(struct kunit *test);
/* A domain called test-<n>, or the case ends here. */
struct pks_domain *pks_test_domain(struct kunit *test, int attrs);
/* It can be destroyed, or the case ends here. */
void pks_test_domain_end(struct kunit *test, struct pks_domain *domain);

/* By the kernel's own walk of its page tables; -ENOENT where nothing is mapped. */
int pks_test_key_at(const void *addr);
unsigned int pks_test_level(const void *addr);
/* Zeroed, of order 9, one page of the direct map; skips the case if there is none. */
void *pks_test_large(struct kunit *test);
/* The place in the direct map of what vmalloc() or the direct map has at @addr. */
void *pks_test_linear(const void *addr);
/* Every page, there and in the direct map, has that key. */
void pks_expect_keyed(struct kunit *test, const void *addr, size_t size, int pkey);
/* Neither a read nor a write gets through. */
void pks_expect_no_access(struct kunit *test, void *addr);
/* Is every byte @byte? Opens the domain to look. */
bool pks_test_all(struct pks_domain *domain, const void *addr, int byte, size_t size);

/* The last that an audit found. */
struct pks_test_audit {
	unsigned long	last;
	unsigned long	size;
	int		pkey;
	bool		keyed;		/* a key where there is no domain */
};

/* How many the audit finds; @audit may be NULL. */
unsigned long pks_test_findings(struct pks_test_audit *audit);
/* The number after @what in a file of debugfs pks/domain/<name>/. */
unsigned long pks_domain_number(struct kunit *test, struct pks_domain *domain,
				const char *file, const char *what);

/*
 * From now on the nth allocation of this task fails, of whatever kind; has it? The
 * case is skipped where there is no such thing.
 */
void pks_inject_init(struct kunit *test);
void pks_inject(unsigned int nth);
bool pks_injected(void);

/* Where no one may sleep. */
struct pks_test_way {
	const char	*name;
	void		(*run)(struct kunit *test, void (*act)(void *), void *data);
};

#define PKS_TEST_WAYS	3
extern const struct pks_test_way pks_test_ways[PKS_TEST_WAYS];

/* Not a constant, for else who asks would be a function that never returns. */
bool pks_has_debugfs(void);

/* For cases that look there when they have something to lose. */
static inline void pks_debugfs_needed(struct kunit *test)
{
	if (!pks_has_debugfs())
		kunit_skip(test, "the kernel has no CONFIG_DEBUG_FS");
}

/* What status says of it. */
const char *pks_isolation(struct kunit *test);
/* Skips the case if it is not on. */
void pks_isolation_needed(struct kunit *test);
int pks_isolation_set(struct kunit *test, bool on);

/*
 * violations.c: what pks decided, from its own trace event, since the last clear.
 * Suites about violations name these two as their .init and .exit: they are those
 * of the fixture, and skip where faults are not pks's.
 */
struct pks_violation {
	struct pks_fault_info	info;
	char			domain[PKS_KEY_NAME_LEN];
};

#define PKS_VIOLATIONS	512

int pks_violations_init(struct kunit *test);
void pks_violations_exit(struct kunit *test);
void pks_violations_clear(void);
/* How many; of them PKS_VIOLATIONS are kept, the oldest. */
unsigned int pks_violations(void);
unsigned int pks_violations_that(enum pks_fault_outcome outcome);
/* The nth, NULL behind the last. */
const struct pks_violation *pks_violation(unsigned int nr);
/* Skips the case if status does not say that this is on: "<name>:". */
void pks_status_needed(struct kunit *test, const char *what);
/* Skips the case where violations can't be carried out. */
void pks_audit_needed(struct kunit *test);
bool pks_faults_hooked(struct kunit *test);
/* At bad_area_nosemaphore(), behind what the kernel does about kprobes? */
bool pks_faults_hooked_late(struct kunit *test);
/* A key whose violations are; or the case ends here. */
int pks_audited_key(struct kunit *test);
/* Other memory that is the same page, with no key. */
u64 *pks_alias(u64 *page);
/* Nothing is open here, interrupts are on, nothing is stepped over. */
void pks_expect_closed(struct kunit *test, const char *when);

/* The first line of the file faults. */
struct pks_faults_kept {
	unsigned long	violations;
	unsigned int	kept;
	unsigned long	overwritten;
	unsigned long	not_printed;
};

struct pks_faults_kept pks_faults_kept(struct kunit *test);

/* A row of the file policy, or the case ends here. */
struct pks_policy_row {
	char		policy[8];
	char		handler[8];
	unsigned int	reads, writes, stopped, stepped, retried, skipped, probed;
	char		domain[PKS_KEY_NAME_LEN];
};

struct pks_policy_row pks_policy_row(struct kunit *test, int pkey);

/* Change the entry that maps @addr, behind everyone's back, for all CPUs. */
void pks_pte_set(pte_t *pte, void *addr, pteval_t val);

/* What a context can tell of an access, to compare with what was recorded. */
struct pks_rights_now {
	u32	word;
	u32	msr;
};

struct pks_try {
	u64			*page;
	bool			write;
	u64			val;	/* what was read, or is to be written */
	int			err;	/* 0, or -EFAULT by the exception table */
	unsigned long		ip;
	unsigned long		flags[2];	/* before and after */
	struct pks_rights_now	rights[2];
	int			cpu;
	pid_t			pid;
	char			comm[TASK_COMM_LEN];
};

void pks_rights_get(struct pks_rights_now *now);
/* The accesses themselves, with names that reports can be searched for. */
void pks_violate_read(struct pks_try *try);
void pks_violate_write(struct pks_try *try);
/* One of the two, and all about it. From any context. */
void pks_try(void *try);
/* The flags and the rights are afterwards what they were before. */
void pks_expect_untouched(struct kunit *test, const struct pks_try *try);
/* @seen is what was recorded of @try, which held @held. */
void pks_expect_violation(struct kunit *test, const struct pks_violation *seen,
			  const struct pks_try *try, int pkey,
			  enum pks_access held, enum pks_fault_outcome outcome);

/*
 * The mapping of a page changes between its fault and who looks at it: what is there
 * then is @val. Once.
 */
struct pks_tear {
	u64		*page;
	pte_t		*pte;
	pteval_t	val;
};

void pks_tear_init(struct kunit *test, struct pks_tear *tear, u64 *page);
/* One access with that, after which the mapping is as before. */
void pks_tear_try(struct kunit *test, struct pks_tear *tear, pteval_t val,
		  struct pks_try *try);

/* places.c: contexts in which an act can be done. */
struct pks_place {
	const char	*name;
	const char	*context;	/* what reports call it */
	void		(*go)(struct kunit *test);
};

#define PKS_PLACES	17
extern const struct pks_place pks_places[PKS_PLACES];
void pks_place_name(const struct pks_place *place, char *desc);
/* On return @act is over. The case may be skipped. */
void pks_place_do(struct kunit *test, const struct pks_place *place,
		  void (*act)(void *), void *data);

/* NMIs on @cpu, one after another, whose handler does the act. */
int pks_nmis_begin(struct kunit *test);
void pks_nmis_send(unsigned int cpu, unsigned int count,
		   void (*act)(void *), void *data);
void pks_nmis_end(struct kunit *test);

extern struct kunit_suite pks_keys_suite;
extern struct kunit_suite pks_cpus_suite;
extern struct kunit_suite pks_faults_suite;
extern struct kunit_suite pks_absent_suite;
extern struct kunit_suite pks_threads_suite;
extern struct kunit_suite pks_scopes_suite;
extern struct kunit_suite pks_reset_suite;
extern struct kunit_suite pks_irq_suite;
extern struct kunit_suite pks_nmi_suite;
extern struct kunit_suite pks_stress_suite;
extern struct kunit_suite pks_debugfs_suite;
extern struct kunit_suite pks_tamper_suite;
extern struct kunit_suite pks_report_suite;
extern struct kunit_suite pks_contexts_suite;
extern struct kunit_suite pks_handlers_suite;
extern struct kunit_suite pks_policy_suite;
extern struct kunit_suite pks_audit_suite;
extern struct kunit_suite pks_frames_suite;
extern struct kunit_suite pks_left_suite;
extern struct kunit_suite pks_nofault_suite;
extern struct kunit_suite pks_abandon_suite;
extern struct kunit_suite pks_domain_suite;
extern struct kunit_suite pks_memory_suite;
extern struct kunit_suite pks_objects_suite;
extern struct kunit_suite pks_writes_suite;
extern struct kunit_suite pks_aliases_suite;
extern struct kunit_suite pks_machine_suite;
extern struct kunit_suite pks_trace_suite;

#endif /* PKS_TEST_H */
