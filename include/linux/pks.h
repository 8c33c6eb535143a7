/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Protection keys for supervisor pages (PKS): domains of kernel memory whose
 * access rights belong to the running context and are changed by one register
 * write, without touching a page table.
 *
 * A page mapped PAGE_KERNEL_PKEY(pkey) can be reached by nobody until a thread
 * opens the key for itself, and by nobody else while it does. docs/design.md
 * tells how; README.md has a complete user of this header.
 *
 * Semantics of the hardware: Intel SDM volume 3, "Protection Keys" (section
 * 4.6.2 in most editions): the key of a supervisor page selects two bits of
 * MSR_IA32_PKRS, access disable (AD) and write disable (WD). Every data access
 * by the kernel is checked, instruction fetches never are.
 */
#ifndef _LINUX_PKS_H
#define _LINUX_PKS_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/instruction_pointer.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/tracepoint-defs.h>
#include <linux/types.h>
#include <linux/version.h>
#if __has_include(<linux/cleanup.h>)
#include <linux/cleanup.h>
#endif

/**
 * PKS_IMPORT_NS - say that this module uses the pks symbols
 *
 * They live in the symbol namespace PKS. Stands where MODULE_IMPORT_NS() does,
 * and is the same on kernels that take the namespace as a token (before 6.13)
 * and on those that take a string.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define PKS_IMPORT_NS()	MODULE_IMPORT_NS("PKS")
#else
#define PKS_IMPORT_NS()	MODULE_IMPORT_NS(PKS)
#endif

/* Keys are 1 to PKS_NUM_KEYS - 1; key 0 tags all other memory, always open. */
#define PKS_NUM_KEYS		16
/* Longest name of a key, with its final NUL. */
#define PKS_KEY_NAME_LEN	32

/**
 * enum pks_access - what a context may do to the pages of a key
 * @PKS_READWRITE: read and write
 * @PKS_NOACCESS: nothing (AD set)
 * @PKS_READONLY: read (WD set)
 *
 * The values are the two bits of the key in PKRS.
 */
enum pks_access {
	PKS_READWRITE	= 0,
	PKS_NOACCESS	= 1,
	PKS_READONLY	= 2,
};

/* A key of one's own, or -ENOSPC. */
#define PKS_FLAG_EXCLUSIVE		0
/* Where no key is left, one that others who also said this have. */
#define PKS_FLAG_SHARED			BIT(0)
/* Contexts that opened nothing may read. */
#define PKS_FLAG_DEFAULT_READONLY	BIT(1)

/* The key's place in a page-table entry: bits 62:59. */
#define PKS_PTE_SHIFT		59

bool pks_available(void);
u32 pks_current_pkrs(void);
int __pks_key_alloc(const char *name, int flags, struct module *owner);
void __pks_key_free(int pkey, struct module *owner);
int pks_key_set_default(int pkey, enum pks_access access);

void pks_mk_noaccess(int pkey);
void pks_mk_readonly(int pkey);
void pks_mk_readwrite(int pkey);

int pks_read_nofault(void *dst, const void *src, size_t len);
int pks_write_nofault(void *dst, const void *src, size_t len);

/**
 * enum pks_policy - what becomes of a violation
 * @PKS_POLICY_DENY: it is reported, and ends where any bad access of the kernel
 *	does: in the exception-table entry of the accessing instruction or, if it
 *	has none, in an oops
 * @PKS_POLICY_REPORT: audit mode: it is reported, and carried out. The key is open
 *	for that one instruction on that CPU, and closed again: each violation is
 *	seen, not only the first. In an NMI it stays open until the NMI ends; in
 *	other exceptions that count as NMIs (breakpoints, debug exceptions, machine
 *	checks) the violation is denied
 * @PKS_POLICY_PANIC: it is reported, and the machine panics
 */
enum pks_policy {
	PKS_POLICY_DENY		= 0,
	PKS_POLICY_REPORT	= 1,
	PKS_POLICY_PANIC	= 2,
};

/**
 * enum pks_fault_outcome - what became of a violation
 * @PKS_FAULT_STOPPED: exception table, or oops
 * @PKS_FAULT_STEPPED: carried out under PKS_POLICY_REPORT
 * @PKS_FAULT_RETRIED: a handler saw to it that it may be retried
 * @PKS_FAULT_SKIPPED: a handler sent it to the exception table
 * @PKS_FAULT_PROBED: an access by pks_read_nofault() or pks_write_nofault()
 * @PKS_FAULT_PANICKED: the machine's last
 */
enum pks_fault_outcome {
	PKS_FAULT_STOPPED	= 0,
	PKS_FAULT_STEPPED	= 1,
	PKS_FAULT_RETRIED	= 2,
	PKS_FAULT_SKIPPED	= 3,
	PKS_FAULT_PROBED	= 4,
	PKS_FAULT_PANICKED	= 5,
};

/**
 * struct pks_fault_info - a violation
 * @pkey: the key of the page, looked up after the fault; 0 if the mapping had gone
 *	by then, or carried a key that would have let the access through
 * @access: what the instruction needed: PKS_READONLY to read, PKS_READWRITE to
 *	write
 * @held: what its context had (of &enum pks_access); PKS_NOACCESS if @pkey is 0
 * @outcome: of &enum pks_fault_outcome; PKS_FAULT_STOPPED while it is being decided
 * @reserved: 0
 * @error_code: of the page fault (SDM volume 3, "Page-Fault Exceptions")
 * @pkrs: the CPU's MSR_IA32_PKRS when it happened
 * @address: what was accessed
 * @ip: the instruction
 * @time: local_clock(), in ns
 * @cpu: where
 * @pid: of the task that ran there, or was interrupted
 * @comm: its name
 */
struct pks_fault_info {
	u8		pkey;
	u8		access;
	u8		held;
	u8		outcome;
	u8		reserved[4];
	u32		error_code;
	u32		pkrs;
	unsigned long	address;
	unsigned long	ip;
	u64		time;
	int		cpu;
	pid_t		pid;
	char		comm[TASK_COMM_LEN];
};

/**
 * enum pks_fault_action - what a fault handler decides
 * @PKS_FAULT_DENY: it has nothing to say for it: the key's policy applies
 * @PKS_FAULT_RETRY: the instruction may be tried again, for the handler has
 *	changed the context's rights or the mapping. If it has not, this is
 *	PKS_FAULT_DENY
 * @PKS_FAULT_FIXUP: on to the instruction's exception-table entry, without a
 *	report. If there is none, it oopses
 */
enum pks_fault_action {
	PKS_FAULT_DENY,
	PKS_FAULT_RETRY,
	PKS_FAULT_FIXUP,
};

struct pt_regs;

/**
 * typedef pks_fault_handler_t - a key's fault handler
 * @info: the violation
 * @regs: registers of the instruction; may be changed, as fault handlers do
 * @data: as given to pks_set_fault_handler()
 *
 * Called in the page fault, with interrupts off, on top of whatever did the access
 * (but not in NMIs, where the policy decides at once): it may hold any lock. The
 * handler runs at the default rights and may open keys for itself; what it leaves
 * open is gone with it. A violation inside of it gets no handler.
 *
 * Return: its decision.
 */
typedef enum pks_fault_action (*pks_fault_handler_t)(const struct pks_fault_info *info,
						     struct pt_regs *regs,
						     void *data);

int __pks_set_fault_handler(int pkey, pks_fault_handler_t fn, void *data,
			    struct module *owner);
int __pks_set_policy(int pkey, enum pks_policy policy, struct module *owner);
int pks_update_exception(struct pt_regs *regs, int pkey, enum pks_access access);
void pks_abandon(int pkey);

/**
 * pks_set_fault_handler - have a function called for each violation of a key
 * @pkey: a key that this module has from pks_key_alloc()
 * @fn: see &typedef pks_fault_handler_t; NULL to have none any more
 * @data: handed to it
 *
 * Freeing the key takes it away as well. When it has been taken away, it is not
 * running on any CPU.
 *
 * Context: process context, may sleep.
 *
 * Return: 0; -EINVAL for a key that the calling module has not got; -EBUSY if the
 * key has a handler, also of another of its users; -ENOMEM; -EOPNOTSUPP without
 * PKS, or where the kernel's fault path can't be hooked (see debugfs pks/status).
 *
 * Semantics: the callbacks of Intel's PKS series V4 and later.
 */
static inline int pks_set_fault_handler(int pkey, pks_fault_handler_t fn,
					void *data)
{
	return __pks_set_fault_handler(pkey, fn, data, THIS_MODULE);
}

/**
 * pks_set_policy - what becomes of violations of a key
 * @pkey: a key that this module has from pks_key_alloc()
 * @policy: of &enum pks_policy
 *
 * A key starts with the policy that the module parameter "policy" names, which is
 * PKS_POLICY_DENY if it names none. Root can change it in debugfs pks/policy.
 *
 * Context: process context, may sleep.
 *
 * Return: 0; -EINVAL for a policy that there is not, or a key that the calling
 * module has not got; -EOPNOTSUPP without PKS or, except for PKS_POLICY_DENY,
 * where the kernel has not got what the policy needs (see debugfs pks/status).
 */
static inline int pks_set_policy(int pkey, enum pks_policy policy)
{
	return __pks_set_policy(pkey, policy, THIS_MODULE);
}

/**
 * pks_key_alloc - take a protection key
 * @name: what people will read in debugfs and in fault reports; 1 to
 *	PKS_KEY_NAME_LEN - 1 characters, copied
 * @flags: PKS_FLAG_EXCLUSIVE (0), or any of PKS_FLAG_SHARED and
 *	PKS_FLAG_DEFAULT_READONLY
 *
 * The calling module is the key's owner. The key comes closed for every
 * context on the machine (or read-only with PKS_FLAG_DEFAULT_READONLY), and the
 * lowest free one is taken.
 *
 * With PKS_FLAG_SHARED, when all keys are taken, one is given a further time
 * whose users all said PKS_FLAG_SHARED with the same default: of those the one
 * with the fewest users. Its users can open each other's pages, and each calls
 * pks_key_free().
 *
 * Context: process context, may sleep.
 *
 * Return: the key, 1 to 15; -EOPNOTSUPP where the CPU or the kernel has not got
 * what PKS needs (the rest of this interface is then harmless: a user may go on
 * without protection); -EINVAL for a NULL, empty or over-long name or for
 * unknown flags; -ENOSPC when no key is left.
 */
static inline int pks_key_alloc(const char *name, int flags)
{
	return __pks_key_alloc(name, flags, THIS_MODULE);
}

/**
 * pks_key_free - give a key back
 * @pkey: a key that this module has from pks_key_alloc()
 *
 * When its last user frees a key, it is closed for every context on the machine,
 * running, sleeping and interrupted, before anybody can be given it again. The
 * caller has unmapped its pages, or taken the key out of their mappings: what is
 * still tagged will belong to the key's next owner.
 *
 * A key out of range, one that the calling module has not got, or one freed twice
 * gives one rate-limited line that names the caller and changes nothing. Without
 * PKS nothing happens.
 *
 * Context: process context, may sleep (it interrupts all CPUs).
 *
 * Semantics: Intel's PKS series V3, which closed it for the calling thread only.
 */
static inline void pks_key_free(int pkey)
{
	__pks_key_free(pkey, THIS_MODULE);
}

/*
 * The bits that put a page into the domain of @pkey; none when there is no PKS
 * or the key is none (such as the error of a failed pks_key_alloc()), so that a
 * user without PKS gets an ordinary mapping.
 */
static inline pgprotval_t __pks_pte_bits(int pkey)
{
#ifdef CONFIG_X86_64
	if (pkey > 0 && pkey < PKS_NUM_KEYS && pks_available())
		return (pgprotval_t)pkey << PKS_PTE_SHIFT;
#endif
	return 0;
}

/**
 * _PAGE_PKEY - page-table bits of a key
 * @pkey: a key from pks_key_alloc()
 *
 * To be or-ed into a pgprot value or an entry. 0 without PKS.
 */
#define _PAGE_PKEY(pkey)	__pks_pte_bits(pkey)

/**
 * PAGE_KERNEL_PKEY - page protection of kernel data in a key's domain
 * @pkey: a key from pks_key_alloc()
 *
 * For vmap() and its like. It is PAGE_KERNEL without PKS.
 *
 * Only the mapping made with it is protected: other mappings of the same page,
 * its place in the kernel's direct map among them, are not.
 */
#define PAGE_KERNEL_PKEY(pkey)	\
	__pgprot(pgprot_val(PAGE_KERNEL) | _PAGE_PKEY(pkey))

/*
 * The update protocol. pks_pkrs is, on each CPU, the truth: the rights of what
 * runs there now. The MSR follows it. Key 0 needs no bits of its own, so its two
 * are the word's flags:
 *
 * PKS_BUSY: an update is under way and the MSR may lag behind the word. Whoever
 *	interrupts must not trust the MSR, and gives the flag back with the word.
 * PKS_READY: the word is kept safe for this context when another one takes the
 *	CPU, so that it may be changed here. Without it, the slow path decides.
 *
 * An interrupt, a preemption with or without migration, a reset by another CPU
 * or an NMI may come between any two instructions below; each of them leaves
 * the word either as it was or changed in a way that the compare-and-exchange
 * sees. docs/model/ has the proof by exhaustion.
 */
#define PKS_BUSY		BIT(0)
#define PKS_READY		BIT(1)
#define PKS_WORD_FLAGS		(PKS_BUSY | PKS_READY)

#define __PKS_MSR_IA32_PKRS	0x6e1

DECLARE_PER_CPU(u32, pks_pkrs);
/* By key: 0 while it is nobody's or being reset, else a number until then. */
extern u32 __pks_key_gen[PKS_NUM_KEYS];

int __pks_enter_slow(int pkey, u32 access, u32 gen, unsigned long caller);
int __pks_enter_raced(int pkey, u32 access, u32 busy, unsigned long caller);

/* What a scope carries from its start to its end: the rights, the number. */
#define __PKS_FORMER_ACCESS	3
#define __PKS_FORMER_GEN_SHIFT	2
#define __PKS_GEN_MAX		(INT_MAX >> __PKS_FORMER_GEN_SHIFT)

DECLARE_TRACEPOINT(pks_rights);
void __pks_trace_rights(int pkey, u32 former, u32 access);

/*
 * Make the MSR what the word says, until no one has changed the word meanwhile,
 * then put the BUSY flag back to @busy. The value compared comes out of the very
 * register that the MSR was written from: a jump straight to the WRMSR with a
 * forged value does not find it in the word and writes again.
 */
static __always_inline void __pks_commit(u32 word, u32 busy)
{
	u32 seen;

	for (;;) {
		u32 rights = word & ~PKS_WORD_FLAGS;
		u32 flags = word & PKS_WORD_FLAGS;

		asm volatile("wrmsr"
			     : "+a" (rights)
			     : "c" (__PKS_MSR_IA32_PKRS), "d" (0)
			     : "memory");
		seen = this_cpu_cmpxchg(pks_pkrs, rights | flags,
					rights | (flags & ~PKS_BUSY) | busy);
		if (likely(seen == (rights | flags)))
			return;
		word = seen;
	}
}

/*
 * Give the running context @access to @pkey, provided that the key's number
 * is @gen, now and after the word has changed: a reset takes the number away,
 * changes the words, and only then gives a new one. @caller is 0 at the end of a
 * scope, which is not granted, nor complained of, when the number has changed.
 */
static __always_inline int __pks_enter_gen(int pkey, u32 access, u32 gen,
					   unsigned long caller)
{
	const unsigned int shift = 2 * pkey;
	u32 old, new;

	do {
		old = this_cpu_read(pks_pkrs);
		new = (old & ~(3U << shift)) | (access << shift) | PKS_BUSY;
		if ((old ^ new) == PKS_BUSY)
			goto same;
		if (unlikely(!(old & PKS_READY)))
			return __pks_enter_slow(pkey, access, gen, caller);
	} while (unlikely(this_cpu_cmpxchg(pks_pkrs, old, new) != old));

	if (unlikely(READ_ONCE(__pks_key_gen[pkey]) != gen))
		return __pks_enter_raced(pkey, access, old & PKS_BUSY, caller);
	__pks_commit(new, old & PKS_BUSY);
	if (tracepoint_enabled(pks_rights))
		__pks_trace_rights(pkey, (old >> shift) & 3, access);
same:
	return ((old >> shift) & __PKS_FORMER_ACCESS) |
		(gen << __PKS_FORMER_GEN_SHIFT);
}

static __always_inline int __pks_enter(int pkey, u32 access,
				       unsigned long caller)
{
	u32 gen = 0;

	if (likely(pkey > 0 && pkey < PKS_NUM_KEYS && access <= PKS_READONLY))
		gen = READ_ONCE(__pks_key_gen[pkey]);
	if (unlikely(!gen))
		return __pks_enter_slow(pkey, access, gen, caller);
	return __pks_enter_gen(pkey, access, gen, caller);
}

/**
 * pks_enter - begin a scope with other rights to a key
 * @pkey: a key from pks_key_alloc()
 * @access: what the running context may do from here on
 *
 * The rights are the running context's alone: a thread's follow it over
 * preemption, sleep and migration, are not inherited by its children, and are
 * held neither by the interrupts that arrive meanwhile nor by the next thread
 * on the CPU. Scopes nest, on one key and on several, and end in the reverse
 * order.
 *
 * Inside a scope one may sleep, take locks, copy from and to user space and be
 * preempted. Code called with a key open can reach its pages, so a scope is
 * best short and calls little. A hard interrupt or softirq handler starts from
 * the default whatever it interrupted, and may have scopes of its own.
 *
 * The first scope of a thread needs memory for its record, from a reserve if
 * the allocator has none. Where that is empty too, or where the context can't
 * hold rights, they stay as they were, which is said in the log, and the access
 * faults.
 *
 * Context: thread, softirq and hard interrupt; may be called with interrupts
 * off and under raw spinlocks; never sleeps. Not for NMI handlers. Interrupt
 * contexts need irq_isolation on (the default where the kernel allows it).
 *
 * Return: the former rights, to be given to pks_leave(); or, with nothing
 * changed, -EINVAL for a bad or unallocated key, -ENOMEM without memory, -EPERM
 * in a context that can't hold rights of its own, -EAGAIN if the key is being
 * reset right now and the context can't wait for that (preemption or interrupts
 * are off, it is a handler, or the kernel does not count preemption). pks_leave()
 * takes these too and does nothing. Without PKS: 0.
 *
 * Semantics: Intel's PKS series V3 for thread-locality, with the rule from its
 * review that handlers begin at the default; WRMSR to PKRS does not serialise
 * and needs no fence (SDM, WRMSR).
 */
static __always_inline int pks_enter(int pkey, enum pks_access access)
{
	return __pks_enter(pkey, access, _THIS_IP_);
}

/**
 * pks_leave - end a scope
 * @pkey: the key that pks_enter() was given
 * @former: what pks_enter() returned
 *
 * The rights to the key are again what they were at the start of the scope;
 * but if the key was freed or its default changed inside it, they are the
 * default, for no right outlives a reset.
 *
 * Context: that of pks_enter().
 */
static __always_inline void pks_leave(int pkey, int former)
{
	u32 access = former & __PKS_FORMER_ACCESS;
	u32 gen = former >> __PKS_FORMER_GEN_SHIFT;

	if (likely(former > __PKS_FORMER_ACCESS && access <= PKS_READONLY &&
		   pkey > 0 && pkey < PKS_NUM_KEYS))
		__pks_enter_gen(pkey, access, gen, 0);
}

#ifdef DEFINE_CLASS
struct __pks_scope {
	int pkey;
	int former;
};

/**
 * DOC: scope guards
 *
 * ``guard(pks_write)(pkey);`` opens a key to the end of the block,
 * ``guard(pks_read)(pkey);`` opens it for reading only. They are pks_enter()
 * and pks_leave(), on kernels that have <linux/cleanup.h>.
 */
DEFINE_CLASS(pks_write, struct __pks_scope, pks_leave(_T.pkey, _T.former),
	     ((struct __pks_scope){ pkey, pks_enter(pkey, PKS_READWRITE) }),
	     int pkey)
DEFINE_CLASS(pks_read, struct __pks_scope, pks_leave(_T.pkey, _T.former),
	     ((struct __pks_scope){ pkey, pks_enter(pkey, PKS_READONLY) }),
	     int pkey)
#endif

#endif /* _LINUX_PKS_H */
