// SPDX-License-Identifier: GPL-2.0
/* PKRS and the control registers, written by someone else. */
#include "../../pks_internal.h"
#include "../../kunit/pks_try.h"
#include "attacks.h"
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <asm/processor-flags.h>

PKS_DEFINE_CR4_UPDATE();

/* What the one trick has come to, on the CPU where it was played. */
static int tamper_attack(void (*trick)(void))
{
	int outcome;

	preempt_disable();
	trick();
	outcome = stray_got(victim.object);
	preempt_enable();
	return outcome;
}

static void tamper_open_pkrs(void)
{
	pks_write_msr(0);
}

static int stray_wrmsr(void)
{
	return tamper_attack(tamper_open_pkrs);
}

/* By the kernel's own function, so that its shadow of CR4 has lost the bit too. */
static void tamper_clear_cr4(void)
{
	unsigned long flags;

	local_irq_save(flags);
	pks_cr4_update(0, PKS_CR4);
	local_irq_restore(flags);
}

static int cr4_cleared(void)
{
	return pks_find_cr4_update() ? tamper_attack(tamper_clear_cr4) : -ENOENT;
}

/* By hand: the shadow still has it. */
static void tamper_clear_cr4_raw(void)
{
	unsigned long cr4, flags;

	local_irq_save(flags);
	asm volatile("mov %%cr4, %0" : "=r" (cr4));
	asm volatile("mov %0, %%cr4" : : "r" (cr4 & ~PKS_CR4) : "memory");
	local_irq_restore(flags);
}

static int cr4_raw(void)
{
	return tamper_attack(tamper_clear_cr4_raw);
}

/* Others set and clear their own bits, from the shadow. */
static void tamper_toggle_cr4(void)
{
	unsigned long flags;

	local_irq_save(flags);
	pks_cr4_update(X86_CR4_TSD, 0);
	pks_cr4_update(0, X86_CR4_TSD);
	local_irq_restore(flags);
}

static int cr4_others(void)
{
	return pks_find_cr4_update() ? tamper_attack(tamper_toggle_cr4) : -ENOENT;
}

/* With the WRMSR that everyone has inline. */
static noinline void tamper_leave(int pkey, int former)
{
	pks_leave(pkey, former);
}

/* The word where no update is under way, and how many have arrived. */
static u32 tamper_word;
static unsigned int tamper_forged;

/* Arrives as one who jumps there does: in no update, with a value of his own. */
static int tamper_forge(struct kprobe *kp, struct pt_regs *regs)
{
	this_cpu_write(pks_pkrs, tamper_word);
	regs->ax = 0;
	tamper_forged++;
	return 0;
}

static int forged_wrmsr(void)
{
	struct kprobe kp = {
		.addr = pks_find_wrmsr(tamper_leave),
		.pre_handler = tamper_forge,
	};
	int pkey = victim.domain->pkey, former, outcome;

	if (!kp.addr)
		return -ENOENT;
	outcome = register_kprobe(&kp);
	if (outcome)
		return outcome;
	tamper_forged = 0;
	/* A thread's first scope takes another way. */
	victim_value(victim.object);
	preempt_disable();
	tamper_word = this_cpu_read(pks_pkrs);
	former = pks_domain_enter(victim.domain, PKS_READWRITE);
	tamper_leave(pkey, former);
	outcome = stray_got(victim.object);
	preempt_enable();
	unregister_kprobe(&kp);
	return !victim_protected() || tamper_forged ? outcome : -ENOENT;
}

/* Keys deny writing only while CR0.WP is set. */
static int cr0_wp(void)
{
	u64 was = READ_ONCE(*victim.shown_area);
	unsigned long cr0, flags;

	local_irq_save(flags);
	asm volatile("mov %%cr0, %0" : "=r" (cr0));
	asm volatile("mov %0, %%cr0" : : "r" (cr0 & ~X86_CR0_WP) : "memory");
	stray_write(victim.shown_area, was + 1);
	asm volatile("mov %0, %%cr0" : : "r" (cr0) : "memory");
	local_irq_restore(flags);
	return READ_ONCE(*victim.shown_area) != was;
}

const struct attack attack_registers[] = {
	{ "wrmsr", stray_wrmsr },
	{ "cr4_cleared", cr4_cleared },
	{ "cr4_raw", cr4_raw },
	{ "cr4_others", cr4_others },
	{ "forged_wrmsr", forged_wrmsr },
	{ "cr0_wp", cr0_wp },
	{}
};
