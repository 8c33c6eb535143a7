// SPDX-License-Identifier: GPL-2.0
/*
 * Violations: what becomes of them. What is to be stopped is sent on to where the
 * kernel handles any bad access: exception table, or oops.
 *
 * Clearing the key's bit in the error code would be a trap: a write then looks
 * like one that a stale TLB entry caused, and is retried for ever.
 */
#include "pks_internal.h"
#include <linux/extable.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <asm/extable_fixup_types.h>
#include <asm/insn.h>
#include <asm/insn-eval.h>
#include <asm/trap_pf.h>

DEFINE_STATIC_CALL_RET0(pks_extable, search_exception_tables);
DEFINE_STATIC_CALL_RET0(pks_core_text, core_kernel_text);
DEFINE_STATIC_CALL_RET0(pks_module_text, is_module_text_address);
DEFINE_STATIC_CALL_RET0(pks_decode, insn_decode);
DEFINE_STATIC_CALL_RET0(pks_operand, insn_get_addr_ref);
/* Can it be told where an access begins? */
static bool pks_decodes __ro_after_init;

static bool pks_has_fixup(unsigned long ip)
{
	return static_call(pks_extable)(ip);
}

/* Is it in no code, but in a copy that a kprobe has made of an instruction? */
static bool pks_is_copy(unsigned long ip)
{
	return !static_call(pks_core_text)(ip) && !static_call(pks_module_text)(ip);
}

/* Where the access of @regs begins, which is by a MOV; 0 if that is not known. */
static unsigned long pks_access_begins(struct pt_regs *regs)
{
	struct insn insn;

	if (!pks_decodes ||
	    static_call(pks_decode)(&insn, (void *)regs->ip, MAX_INSN_SIZE, INSN_MODE_KERN))
		return 0;
	return (unsigned long __force)static_call(pks_operand)(&insn, regs);
}

/*
 * Strings are read a word at a time by those who know that they may come to a page that
 * is not there, and for that have an entry of their own in the exception table: the bytes
 * there count as zero. Someone whose string ends where a domain begins is no violator. Is
 * it one of these, whose first byte is on the page before?
 */
static bool pks_is_overread(struct pt_regs *regs, unsigned long address)
{
	const struct exception_table_entry *entry = static_call(pks_extable)(regs->ip);
	unsigned long begin;

	if (!entry || (entry->data & EX_DATA_TYPE_MASK) != EX_TYPE_ZEROPAD)
		return false;
	begin = pks_access_begins(regs);
	return begin && begin < address && PAGE_ALIGN(begin) == address;
}

/* The exception table, or an oops. */
static void pks_fault_stop(struct pt_regs *regs, unsigned long error_code,
			   unsigned long address)
{
	/* It may have had another key opened for it. */
	pks_step_cancel(regs);
	pks_fault_pass(regs, error_code, address,
		       !pks_has_fixup(regs->ip) && pks_is_copy(regs->ip));
}

/* Will whoever did it not survive? Of a copy that is not known. */
static bool pks_fault_fatal(const struct pks_fault_info *info)
{
	switch (info->outcome) {
	case PKS_FAULT_RETRIED:
	case PKS_FAULT_STEPPED:
		return false;
	case PKS_FAULT_PANICKED:
		return true;
	default:
		return !pks_has_fixup(info->ip) && !pks_is_copy(info->ip);
	}
}

static void pks_fault_describe(struct pks_fault_info *info,
			       const struct pt_regs *regs,
			       unsigned long error_code, unsigned long address)
{
	u32 pkrs = pks_read_msr();
	int pkey = pks_key_of((void *)address);

	*info = (struct pks_fault_info){
		.access		= error_code & X86_PF_WRITE ? PKS_READWRITE :
							      PKS_READONLY,
		.held		= PKS_NOACCESS,
		.outcome	= PKS_FAULT_STOPPED,
		.error_code	= error_code,
		.pkrs		= pkrs,
		.address	= address,
		.ip		= regs->ip,
		.time		= local_clock(),
		.cpu		= smp_processor_id(),
		.pid		= current->pid,
	};
	memcpy(info->comm, current->comm, sizeof(info->comm));
	/* What is mapped now need not be what was: it may be allowed by now. */
	if (pkey > 0 && !pks_permits(pkrs, pkey, info->access)) {
		info->pkey = pkey;
		info->held = pks_key_access(pkrs, pkey);
	}
}

/*
 * Was PKRS wrong, and is the access allowed now that it is right? In an NMI the
 * word may be ahead of it.
 */
static bool pks_fault_tampered(unsigned long address, u32 access)
{
	u32 word = this_cpu_read(pks_pkrs);

	return !in_nmi() && pks_cpu_verify(word) &&
		pks_permits(word, pks_key_of((void *)address), access);
}

/*
 * Why that does not become of it, though its policy says so, or NULL. A panic is not for
 * who looks whether he may, with page faults off, as /proc/kcore does.
 */
static const char *pks_fault_refusal(const struct pks_fault_info *info,
				     const struct pks_frame *frame,
				     const struct pt_regs *regs)
{
	if (info->outcome == PKS_FAULT_STEPPED)
		return pks_step_refusal(frame, regs);
	if (info->outcome == PKS_FAULT_PANICKED && pagefault_disabled() &&
	    pks_has_fixup(regs->ip))
		return "a look that may fail (policy panic)";
	return NULL;
}

/*
 * Decide, and tell of it, in a frame at the default: nobody who is asked or listens has
 * what the context below has, and much less the violated key. What a step has opened for
 * this very instruction is put aside meanwhile. True if @info->outcome holds; else what
 * ran in the frame did not stay in it, and all that is left is to stop the access.
 */
static bool pks_fault_judge(struct pks_fault_info *info, struct pt_regs *regs)
{
	struct pks_step *step = this_cpu_ptr(&pks_cpu.step);
	struct pks_frame frame;
	const char *refusal;

	pks_frame_begin(&frame, pks_frame_word());
	swap(frame.step, *step);
	info->outcome = pks_decide(info, &frame, regs);
	refusal = pks_fault_refusal(info, &frame, regs);
	if (refusal)
		info->outcome = PKS_FAULT_STOPPED;
	pks_report(info, refusal, pks_fault_fatal(info));
	if (!pks_frame_end(&frame))
		return false;
	*step = frame.step;
	return true;
}

/*
 * Where the kernel would handle a violation itself (see pks_fault_hook.c), with
 * interrupts off, on top of anything.
 */
void pks_fault(struct pt_regs *regs, unsigned long error_code,
	       unsigned long address)
{
	struct pks_fault_info info;
	char title[PKS_TITLE_LEN];
	u32 word = this_cpu_read(pks_pkrs);

	if (unlikely(pks_fault_proves(regs, error_code, address)))
		return;
	/* No page of the kernel is for user space, whatever its key. */
	if (user_mode(regs)) {
		pks_fault_pass(regs, error_code, address, false);
		return;
	}
	pks_fault_describe(&info, regs, error_code, address);
	if (pks_fault_tampered(address, info.access))
		return;
	if (info.pkey && pks_key_abandoned(info.pkey)) {
		pks_switch_word(word, pks_with_access(word, info.pkey,
						      PKS_READWRITE));
		return;
	}
	if (pks_is_overread(regs, address)) {
		pks_fault_stop(regs, error_code, address);
		return;
	}
	if (!pks_fault_judge(&info, regs))
		info.outcome = PKS_FAULT_STOPPED;
	switch (info.outcome) {
	case PKS_FAULT_RETRIED:
		return;
	case PKS_FAULT_STEPPED:
		pks_step_begin(regs, info.pkey, info.access);
		return;
	case PKS_FAULT_PANICKED:
		pks_report_title(title, sizeof(title), &info);
		panic("PKS: %s", title);
	default:
		pks_fault_stop(regs, error_code, address);
	}
}

/* False if the kernel has not got what pks_fault() needs. */
bool pks_fault_find(void)
{
	pks_decodes = pks_find(pks_decode, "insn_decode") &&
		      pks_find(pks_operand, "insn_get_addr_ref");
	return pks_find(pks_extable, "search_exception_tables") &&
		pks_find(pks_core_text, "core_kernel_text") &&
		pks_find(pks_module_text, "is_module_text_address");
}
