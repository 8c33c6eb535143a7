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
#include <linux/percpu.h>	/* linux/cleanup.h as well, where there is one */
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/types.h>

/**
 * PKS_IMPORT_NS - say that this module uses the pks symbols
 *
 * They live in the symbol namespace PKS; without it modpost complains, and the module
 * is not loaded. Stands where MODULE_IMPORT_NS() does, and is the same on kernels where
 * that takes the namespace as a token and on those where it takes a string.
 */
#define PKS_IMPORT_NS()	MODULE_INFO(import_ns, "PKS")

/**
 * define PKS_NUM_KEYS - how many keys the hardware has
 *
 * Keys that can be had are 1 to PKS_NUM_KEYS - 1. Key 0 tags all other memory and is
 * always open.
 */
#define PKS_NUM_KEYS		16
/**
 * define PKS_KEY_NAME_LEN - bytes of the longest name, with its final NUL
 *
 * Of a key, and of a domain.
 */
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

/**
 * define PKS_FLAG_EXCLUSIVE - a key of one's own, or none
 *
 * For pks_key_alloc(). No bit: it is what one gets that says nothing else.
 */
#define PKS_FLAG_EXCLUSIVE		0
/**
 * define PKS_FLAG_SHARED - where no key is left, one that others have
 *
 * For pks_key_alloc(): one whose users all said this, with the same default. They can
 * open each other's pages.
 */
#define PKS_FLAG_SHARED			BIT(0)
/**
 * define PKS_FLAG_DEFAULT_READONLY - contexts that opened nothing may read
 *
 * For pks_key_alloc(). Without it they may do nothing. pks_key_set_default() can
 * change it later.
 */
#define PKS_FLAG_DEFAULT_READONLY	BIT(1)

/**
 * define PKS_PTE_SHIFT - a key's place in an entry of a page table
 *
 * Bits 62:59 (SDM volume 3, "Paging-Structure Entries"). _PAGE_PKEY() gives the bits
 * of a key.
 */
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
 *	checks) the violation is denied, and so it is where something else would run
 *	before the key is closed again; then the report says what
 * @PKS_POLICY_PANIC: it is reported, and the machine panics; unless who did it only
 *	looked whether that may be read or written, with page faults off, as
 *	copy_from_kernel_nofault() does: then it is denied
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
 *
 * Semantics: the callbacks of Intel's PKS series V4 and later, which returned true to
 * have the instruction retried.
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
 * module has not got; -ENOMEM; -EOPNOTSUPP without PKS or, except for
 * PKS_POLICY_DENY, where the kernel has not got what the policy needs (see debugfs
 * pks/status).
 *
 * Semantics: own; Intel's PKS series had one mode, for its one user (pks_fault_mode).
 */
static inline int pks_set_policy(int pkey, enum pks_policy policy)
{
	return __pks_set_policy(pkey, policy, THIS_MODULE);
}

/**
 * pks_key_alloc - take a protection key
 * @name: what people will read in debugfs and in fault reports; copied. 1 to
 *	PKS_KEY_NAME_LEN - 1 printable ASCII characters, no quotes and no parentheses;
 *	no blank at either end, nor two of them together
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
 * without protection); -EINVAL for a name that is NULL or not by that rule, or for
 * unknown flags; -ENOSPC when no key is
 * left; -ENOMEM.
 *
 * Semantics: Intel's PKS series V3, where flags had no meaning yet; shared keys as it
 * promised them.
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
 * To be or-ed into a pgprot value or an entry.
 *
 * Context: any.
 *
 * Return: the bits; 0 without PKS, or for what is no key, such as an errno.
 *
 * Semantics: Intel's PKS series V3.
 */
#define _PAGE_PKEY(pkey)	__pks_pte_bits(pkey)

/**
 * PAGE_KERNEL_PKEY - page protection of kernel data in a key's domain
 * @pkey: a key from pks_key_alloc()
 *
 * For vmap() and its like. Only the mapping made with it is protected: other
 * mappings of the same page, its place in the kernel's direct map among them, are
 * not. pks_domain_alloc_pages() and its like give memory of which all are.
 *
 * Context: any.
 *
 * Return: a pgprot_t; PAGE_KERNEL without PKS, or for what is no key.
 *
 * Semantics: Intel's PKS series V3.
 */
#define PAGE_KERNEL_PKEY(pkey)	\
	__pgprot(pgprot_val(PAGE_KERNEL) | _PAGE_PKEY(pkey))

/**
 * DOC: pks_pkrs
 *
 * The update protocol: nothing here is for users of the interface, who have
 * pks_current_pkrs(). pks_pkrs is, on each CPU, the truth: the rights of what
 * runs there now. The MSR follows it. Key 0 needs no bits of its own, so its two
 * are the word's flags, PKS_BUSY and PKS_SLOW.
 *
 * An update from the default of a key to more, or to the default, is made in place
 * where neither flag is set: two instructions change the word, then the MSR is
 * written and the word looked at again. An interrupt, a preemption with or without
 * migration, a reset by another CPU or an NMI may come between any two instructions;
 * each leaves the word as it was, or changes it and says so by PKS_SLOW. docs/model/
 * has the proof by exhaustion.
 */
/**
 * define PKS_BUSY - flag of the word that an update is under way
 *
 * The MSR may lag behind the word. Whoever interrupts must not trust the MSR, and gives
 * the flag back with the word. Of the update protocol, see pks_pkrs; not for users of
 * the interface.
 */
#define PKS_BUSY		1U
/**
 * define PKS_SLOW - flag of the word that it may not be changed in place
 *
 * But in a function that looks closer. Nobody may keep this context's word yet when
 * another one takes the CPU; or a key has been reset, which puts the flag into every
 * word there is; or updates are traced. Of the update protocol, see pks_pkrs; not for
 * users of the interface.
 */
#define PKS_SLOW		2U
/**
 * define PKS_WORD_FLAGS - both flags of the word
 *
 * Of the update protocol, see pks_pkrs; not for users of the interface.
 */
#define PKS_WORD_FLAGS		(PKS_BUSY | PKS_SLOW)

#define __PKS_MSR_IA32_PKRS	0x6e1

DECLARE_PER_CPU(u32, pks_pkrs);

/*
 * By key, from key 1 on: its default in its place, or, while nothing can be opened in
 * place, what no word has there; and its default with all ones around it.
 */
#define __PKS_GATES		(PKS_NUM_KEYS - 1)
extern u32 __pks_closed[__PKS_GATES];
extern u32 __pks_keep[__PKS_GATES];
/* Likewise, for keys that the compiler does not know: see the two functions. */
extern const u32 __pks_masks[__PKS_GATES];
extern const u32 __pks_others[__PKS_GATES];

/* The bits of a key, and the flags. */
static __always_inline u32 __pks_mask(unsigned int gate)
{
	return __builtin_constant_p(gate) ? 3U << 2 * (gate + 1) | PKS_WORD_FLAGS :
					    __pks_masks[gate];
}

/* All but the bits of a key. */
static __always_inline u32 __pks_other(unsigned int gate)
{
	return __builtin_constant_p(gate) ? ~(3U << 2 * (gate + 1)) :
					    __pks_others[gate];
}

/*
 * What a scope carries from its start to its end: that it began at the default; or the
 * rights that it found, those that it has had since, and the number that the key has from
 * reset to reset.
 */
#define __PKS_FORMER_DEFAULT	BIT(2)
#define __PKS_FORMER_ACCESS	3
#define __PKS_FORMER_INNER_SHIFT	3
#define __PKS_FORMER_GEN_SHIFT	5
#define __PKS_GEN_MAX		(INT_MAX >> __PKS_FORMER_GEN_SHIFT)

/* @raced: the fast path has begun, and could not bring it to an end. */
int __pks_enter_slow(int pkey, u32 access, bool raced, unsigned long caller);
void __pks_leave_slow(int pkey, int former, bool raced);
void __pks_resync(void);

/* 6.9: variables of a CPU got an address space of their own. */
#ifdef __my_cpu_var
#define __pks_cpu_word		__my_cpu_var(pks_pkrs)
#else
#define __pks_cpu_word		pks_pkrs
#endif

/*
 * Write the MSR from a word that is BUSY, and end that. False, and still BUSY, if
 * anyone has changed the word meanwhile. The value compared comes out of the very
 * register that the MSR was written from: a jump straight to the WRMSR with a
 * forged value does not find it in the word, and the MSR is written again.
 */
static __always_inline bool __pks_commit(void)
{
	u32 rights;
	bool same;

	asm volatile("mov " __percpu_arg([word]) ", %[rights]\n"
		     "	and %[no_flags], %[rights]\n"
		     "	wrmsr\n"
		     "	or %[busy], %[rights]\n"
		     "	cmp %[rights], " __percpu_arg([word]) "\n"
		     : [rights] "=&a" (rights), "=@cce" (same)
		     : [word] "m" (__pks_cpu_word), "c" (__PKS_MSR_IA32_PKRS), "d" (0),
		       [no_flags] "i" (~(int)PKS_WORD_FLAGS), [busy] "i" (PKS_BUSY)
		     : "memory");
	if (likely(same))
		this_cpu_and(pks_pkrs, ~PKS_BUSY);
	else
		__pks_resync();
	return likely(same);
}

static __always_inline int __pks_enter(int pkey, u32 access,
				       unsigned long caller)
{
	const unsigned int gate = pkey - 1;
	bool raced = false;
	u32 word, wanted;

	if (unlikely(gate >= __PKS_GATES || access > PKS_READONLY))
		goto slow;
	word = this_cpu_read(pks_pkrs) & __pks_mask(gate);
	wanted = access << 2 * pkey;
	/* data_race: what another CPU changes meanwhile is found by the commit. */
	if (unlikely(word != data_race(__pks_closed[gate]) ||
		     (access && word == wanted)))
		goto slow;

	/* What the caller has accessed before is not put off until then. */
	barrier();
	this_cpu_or(pks_pkrs, wanted | PKS_BUSY);
	this_cpu_and(pks_pkrs, __pks_other(gate) | wanted);
	if (__pks_commit())
		return __PKS_FORMER_DEFAULT;
	raced = true;
slow:
	return __pks_enter_slow(pkey, access, raced, caller);
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
 * off and under raw spinlocks; never sleeps. Not for NMI handlers, nor for handlers
 * of kprobes that are placed on these very instructions. Interrupt
 * contexts need irq_isolation on (the default where the kernel allows it).
 *
 * Return: the former rights, to be given to pks_leave(); or, with nothing
 * changed, -EINVAL for a bad or unallocated key, -ENOMEM without memory, -EPERM
 * in a context that can't hold rights of its own, -EAGAIN if the key is being
 * reset right now and the context can't wait for that (preemption or interrupts
 * are off, it is a handler, or the kernel does not count preemption). pks_leave()
 * takes these too and does nothing. 0, which it takes as well, without PKS and for a
 * key that has been abandoned.
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
 * default, for no right outlives a reset. With what pks_enter() did not return for
 * this key nothing is changed. A scope that does not find the rights that it began with,
 * for one around it has ended before, or it has ended already, leaves the key at its
 * default. Both, and a scope in which its key was freed, give one rate-limited line that
 * names the caller.
 *
 * Context: that of pks_enter(), in the very context that called it.
 *
 * Semantics: own. Intel's series had only absolute rights, which do not nest.
 */
static __always_inline void pks_leave(int pkey, int former)
{
	const unsigned int gate = pkey - 1;

	if (likely(gate < __PKS_GATES && former == __PKS_FORMER_DEFAULT &&
		   !(this_cpu_read(pks_pkrs) & PKS_WORD_FLAGS))) {
		barrier();
		this_cpu_or(pks_pkrs, __pks_mask(gate) & ~PKS_SLOW);
		/* data_race: likewise. */
		this_cpu_and(pks_pkrs, data_race(__pks_keep[gate]));
		if (!__pks_commit())
			__pks_leave_slow(pkey, former, true);
		return;
	}
	__pks_leave_slow(pkey, former, false);
}

#ifdef DEFINE_CLASS
struct __pks_scope {
	int pkey;
	int former;
};

/**
 * DOC: guard(pks_write)
 *
 * ``guard(pks_write)(pkey);`` opens a key to the end of the block for reading and
 * writing, whichever way it is left. It is pks_enter() and pks_leave(), with their
 * context, on kernels that have <linux/cleanup.h>. Whether the key could be opened is
 * not told: if it could not, the access faults.
 */
DEFINE_CLASS(pks_write, struct __pks_scope, pks_leave(_T.pkey, _T.former),
	     ((struct __pks_scope){ pkey, pks_enter(pkey, PKS_READWRITE) }),
	     int pkey)
/**
 * DOC: guard(pks_read)
 *
 * ``guard(pks_read)(pkey);`` opens a key to the end of the block for reading; else as
 * guard(pks_write).
 */
DEFINE_CLASS(pks_read, struct __pks_scope, pks_leave(_T.pkey, _T.former),
	     ((struct __pks_scope){ pkey, pks_enter(pkey, PKS_READONLY) }),
	     int pkey)
#endif

#endif /* _LINUX_PKS_H */
