// SPDX-License-Identifier: GPL-2.0
/* Others, while the owner has the domain open. */
#include "attacks.h"
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include <asm/apic.h>
#include <asm/nmi.h>

/* What a handler has come to; -EAGAIN until it has run. */
static int context_outcome;

static void context_stray(void *unused)
{
	WRITE_ONCE(context_outcome, stray_got(victim.object));
}

/* With the domain open, have something happen on this CPU that brings a handler. */
static int context_in_scope(void (*happen)(void))
{
	unsigned long give_up = jiffies + 5 * HZ;
	int former;

	WRITE_ONCE(context_outcome, -EAGAIN);
	preempt_disable();
	former = pks_domain_enter(victim.domain, PKS_READWRITE);
	happen();
	while (READ_ONCE(context_outcome) == -EAGAIN && time_before(jiffies, give_up))
		cpu_relax();
	pks_domain_leave(victim.domain, former);
	preempt_enable();
	return READ_ONCE(context_outcome);
}

static void context_irq(struct irq_work *work)
{
	context_stray(NULL);
}

static struct irq_work context_irq_work = IRQ_WORK_INIT_HARD(context_irq);

static void context_raise_irq(void)
{
	irq_work_queue(&context_irq_work);
}

static int irq_in_scope(void)
{
	return context_in_scope(context_raise_irq);
}

static void context_softirq(struct tasklet_struct *tasklet)
{
	context_stray(NULL);
}

static DECLARE_TASKLET(context_tasklet, context_softirq);

/* Served on top of this thread. */
static void context_raise_softirq(void)
{
	local_bh_disable();
	tasklet_schedule(&context_tasklet);
	local_bh_enable();
}

static int softirq_in_scope(void)
{
	return context_in_scope(context_raise_softirq);
}

/* An owner in a thread of its own, which has the domain open until it is told. */
struct context_owner {
	struct attack_thread	thread;
	unsigned int		cpu;
	unsigned int		to;
	bool			opened;
	bool			close;
};

static void context_spin_until(const bool *flag)
{
	unsigned long give_up = jiffies + 5 * HZ;

	while (!READ_ONCE(*flag) && time_before(jiffies, give_up))
		cpu_relax();
}

static void context_owner_spins(void *data)
{
	struct context_owner *owner = data;
	int former = pks_domain_enter(victim.domain, PKS_READWRITE);

	WRITE_ONCE(owner->opened, true);
	context_spin_until(&owner->close);
	pks_domain_leave(victim.domain, former);
}

static void context_sleep_until(const bool *flag)
{
	while (!READ_ONCE(*flag))
		msleep(20);
}

/* Asleep, and maybe on another CPU than it was opened. */
static void context_owner_sleeps(void *data)
{
	struct context_owner *owner = data;
	int former;

	set_cpus_allowed_ptr(current, cpumask_of(owner->cpu));
	former = pks_domain_enter(victim.domain, PKS_READWRITE);
	set_cpus_allowed_ptr(current, cpumask_of(owner->to));
	WRITE_ONCE(owner->opened, true);
	context_sleep_until(&owner->close);
	pks_domain_leave(victim.domain, former);
}

static void context_owner_end(struct context_owner *owner)
{
	WRITE_ONCE(owner->close, true);
	attack_end(&owner->thread);
}

static int ipi_in_scope(void)
{
	struct context_owner owner = { .cpu = attack_other_cpu() };
	int err = attack_begin(&owner.thread, owner.cpu, context_owner_spins, &owner);

	if (err)
		return err;
	context_sleep_until(&owner.opened);
	smp_call_function_single(owner.cpu, context_stray, NULL, 1);
	context_owner_end(&owner);
	return READ_ONCE(context_outcome);
}

/* While the owner has gone to sleep on @to, having opened on @cpu. */
static int context_asleep(unsigned int cpu, unsigned int to)
{
	struct context_owner owner = { .cpu = cpu, .to = to };
	int err = attack_begin(&owner.thread, -1, context_owner_sleeps, &owner), outcome;

	if (err)
		return err;
	context_sleep_until(&owner.opened);
	err = attack_on_cpu(cpu, context_stray, NULL);
	outcome = err ?: READ_ONCE(context_outcome);
	if (!outcome)
		err = attack_on_cpu(to, context_stray, NULL);
	context_owner_end(&owner);
	return outcome ?: err ?: READ_ONCE(context_outcome);
}

static int sleep_in_scope(void)
{
	unsigned int cpu = attack_other_cpu();

	return context_asleep(cpu, cpu);
}

static int migration_in_scope(void)
{
	unsigned int cpu = attack_other_cpu();

	return context_asleep(cpu, cpumask_any_but(cpu_online_mask, cpu));
}

static atomic_t context_nmi_wanted = ATOMIC_INIT(0);

static int context_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_add_unless(&context_nmi_wanted, -1, 0))
		return NMI_DONE;
	context_stray(NULL);
	return NMI_HANDLED;
}

static void context_send_nmi(void)
{
	atomic_set(&context_nmi_wanted, 1);
	apic->send_IPI_mask(cpumask_of(smp_processor_id()), NMI_VECTOR);
}

/* The handler was registered after pks.ko. */
static int nmi_in_scope(void)
{
	return context_in_scope(context_send_nmi);
}

/* Not for ftrace: a kprobe on it is a breakpoint. */
static noinline notrace void context_landmark(void)
{
	barrier();
}

static int context_kprobe(struct kprobe *kp, struct pt_regs *regs)
{
	context_stray(NULL);
	return 0;
}

static int context_with_kprobe(bool in_scope)
{
	struct kprobe kp = {
		.addr = (kprobe_opcode_t *)context_landmark,
		.pre_handler = context_kprobe,
	};
	int err = register_kprobe(&kp);

	if (err)
		return err;
	WRITE_ONCE(context_outcome, -EAGAIN);
	if (in_scope)
		context_in_scope(context_landmark);
	else
		context_landmark();
	unregister_kprobe(&kp);
	return READ_ONCE(context_outcome);
}

static int kprobe_outside(void)
{
	return context_with_kprobe(false);
}

static int kprobe_in_scope(void)
{
	return context_with_kprobe(true);
}

/* Two who do the same kind of work: the owner's own mistake, and who comes after him. */
static void context_leave_open(void)
{
	WRITE_ONCE(context_outcome, -EAGAIN);
	pks_domain_enter(victim.domain, PKS_READWRITE);
}

static void context_opening_work(struct work_struct *work)
{
	context_leave_open();
}

static void context_stray_work(struct work_struct *work)
{
	context_stray(NULL);
}

static DECLARE_WORK(context_first_work, context_opening_work);
static DECLARE_WORK(context_second_work, context_stray_work);

/* Both are queued before the first begins: a kworker goes on with the next. */
static int left_by_work(void)
{
	struct workqueue_struct *wq = alloc_ordered_workqueue("attack", 0);

	if (!wq)
		return -ENOMEM;
	preempt_disable();
	queue_work(wq, &context_first_work);
	queue_work(wq, &context_second_work);
	preempt_enable();
	destroy_workqueue(wq);
	return READ_ONCE(context_outcome);
}

static void context_opening_tasklet(struct tasklet_struct *tasklet)
{
	context_leave_open();
}

static DECLARE_TASKLET(context_first_tasklet, context_opening_tasklet);

static int left_by_tasklet(void)
{
	unsigned long give_up = jiffies + 5 * HZ;

	local_bh_disable();
	tasklet_schedule(&context_first_tasklet);
	tasklet_schedule(&context_tasklet);
	local_bh_enable();
	while (READ_ONCE(context_outcome) == -EAGAIN && time_before(jiffies, give_up))
		cpu_relax();
	return READ_ONCE(context_outcome);
}

static u64 *context_freed;

/* Gives an object of the owner's back, and writes to it. */
static void context_free_and_write(struct tasklet_struct *tasklet)
{
	pks_domain_free(victim.domain, context_freed);
	WRITE_ONCE(context_outcome, stray_write(context_freed, 1));
}

static DECLARE_TASKLET(context_free_tasklet, context_free_and_write);

static void context_raise_free(void)
{
	local_bh_disable();
	tasklet_schedule(&context_free_tasklet);
	local_bh_enable();
}

static int freed_in_softirq(void)
{
	context_freed = pks_domain_alloc(victim.domain, 64, GFP_KERNEL);
	return context_freed ? context_in_scope(context_raise_free) : -ENOMEM;
}

/* Called for a violation, it commits one itself. */
static enum pks_fault_action context_fault(const struct pks_fault_info *info,
					   struct pt_regs *regs, void *data)
{
	WRITE_ONCE(context_outcome, stray_reach(victim.page, data));
	return PKS_FAULT_DENY;
}

static int fault_handler(void)
{
	int err = pks_set_fault_handler(victim.domain->pkey, context_fault, victim.page);

	if (err == -EOPNOTSUPP) {
		context_fault(NULL, NULL, victim.page);
		return READ_ONCE(context_outcome);
	}
	if (err)
		return err;
	WRITE_ONCE(context_outcome, -EAGAIN);
	stray_got(victim.object);
	pks_set_fault_handler(victim.domain->pkey, NULL, NULL);
	return READ_ONCE(context_outcome);
}

static int context_cpu_online(unsigned int cpu)
{
	context_stray(NULL);
	return 0;
}

/* As soon as a module can have something run on a CPU that comes up. */
static int hotplug(void)
{
	unsigned int cpu = cpumask_last(cpu_online_mask);
	int state, err;

	WRITE_ONCE(context_outcome, -EAGAIN);
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "attacks:online",
					  context_cpu_online, NULL);
	if (state < 0)
		return state;
	err = remove_cpu(cpu) ?: add_cpu(cpu);
	cpuhp_remove_state_nocalls(state);
	return err ?: READ_ONCE(context_outcome);
}

int contexts_init(void)
{
	return register_nmi_handler(NMI_LOCAL, context_nmi, 0, "attacks");
}

void contexts_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, "attacks");
	irq_work_sync(&context_irq_work);
	tasklet_kill(&context_first_tasklet);
	tasklet_kill(&context_tasklet);
	tasklet_kill(&context_free_tasklet);
}

const struct attack attack_contexts[] = {
	{ "irq_in_scope", irq_in_scope },
	{ "softirq_in_scope", softirq_in_scope },
	{ "ipi_in_scope", ipi_in_scope },
	{ "nmi_in_scope", nmi_in_scope },
	{ "kprobe_outside", kprobe_outside },
	{ "kprobe_in_scope", kprobe_in_scope },
	{ "sleep_in_scope", sleep_in_scope },
	{ "migration_in_scope", migration_in_scope },
	{ "left_by_work", left_by_work },
	{ "left_by_tasklet", left_by_tasklet },
	{ "freed_in_softirq", freed_in_softirq },
	{ "fault_handler", fault_handler },
	{ "hotplug", hotplug },
	{}
};
