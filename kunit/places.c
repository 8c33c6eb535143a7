// SPDX-License-Identifier: GPL-2.0
/* Contexts: an act is done in each kind that the kernel has. */
#include "pks_test.h"
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <asm/apic.h>
#include <asm/nmi.h>
#include "../pks_compat.h"

/* The act that is due: one at a time. */
static struct {
	void			(*act)(void *data);
	void			*data;
	struct completion	done;
} pks_visit;

static void pks_visit_now(void)
{
	pks_visit.act(pks_visit.data);
}

static void pks_visit_remote(void)
{
	pks_visit_now();
	complete(&pks_visit.done);
}

static void pks_visit_wait(struct kunit *test)
{
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&pks_visit.done,
							     PKS_TEST_PATIENCE));
}

static void pks_in_process(struct kunit *test)
{
	pks_visit_now();
}

static void pks_visit_act(void *unused)
{
	pks_visit_now();
}

static void pks_in_kthread(struct kunit *test)
{
	pks_actor_do(test, pks_actor(test, "pks-visitor", -1), pks_visit_act,
		     NULL);
}

static void pks_with_irqs_off(struct kunit *test)
{
	local_irq_disable();
	pks_visit_now();
	local_irq_enable();
}

static void pks_with_preemption_off(struct kunit *test)
{
	preempt_disable();
	pks_visit_now();
	preempt_enable();
}

static void pks_with_softirqs_off(struct kunit *test)
{
	local_bh_disable();
	pks_visit_now();
	local_bh_enable();
}

static DEFINE_SPINLOCK(pks_visit_lock);
static DEFINE_RAW_SPINLOCK(pks_visit_raw_lock);

static void pks_under_spinlock(struct kunit *test)
{
	spin_lock(&pks_visit_lock);
	pks_visit_now();
	spin_unlock(&pks_visit_lock);
}

static void pks_under_raw_spinlock(struct kunit *test)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pks_visit_raw_lock, flags);
	pks_visit_now();
	raw_spin_unlock_irqrestore(&pks_visit_raw_lock, flags);
}

static void pks_in_rcu_reader(struct kunit *test)
{
	rcu_read_lock();
	pks_visit_now();
	rcu_read_unlock();
}

static void pks_visit_work_fn(struct work_struct *work)
{
	pks_visit_remote();
}

static DECLARE_WORK(pks_visit_work, pks_visit_work_fn);

static void pks_in_workqueue(struct kunit *test)
{
	schedule_work(&pks_visit_work);
	pks_visit_wait(test);
	cancel_work_sync(&pks_visit_work);
}

static void pks_visit_tasklet_fn(struct tasklet_struct *tasklet)
{
	pks_visit_remote();
}

static DECLARE_TASKLET(pks_visit_tasklet, pks_visit_tasklet_fn);

static void pks_visit_schedule_tasklet(struct irq_work *work)
{
	tasklet_schedule(&pks_visit_tasklet);
}

static struct irq_work pks_visit_tasklet_work =
	IRQ_WORK_INIT_HARD(pks_visit_schedule_tasklet);

static void pks_in_tasklet(struct kunit *test)
{
	irq_work_queue(&pks_visit_tasklet_work);
	pks_visit_wait(test);
	irq_work_sync(&pks_visit_tasklet_work);
	tasklet_kill(&pks_visit_tasklet);
}

/* On top of this very thread, except on PREEMPT_RT. */
static void pks_in_bh(struct kunit *test)
{
	local_bh_disable();
	tasklet_schedule(&pks_visit_tasklet);
	local_bh_enable();
	pks_visit_wait(test);
	tasklet_kill(&pks_visit_tasklet);
}

static void pks_visit_timer_fn(struct timer_list *timer)
{
	pks_visit_remote();
}

static DEFINE_TIMER(pks_visit_timer, pks_visit_timer_fn);

static void pks_in_timer(struct kunit *test)
{
	mod_timer(&pks_visit_timer, jiffies + 1);
	pks_visit_wait(test);
	timer_delete_sync(&pks_visit_timer);
}

static enum hrtimer_restart pks_visit_hrtimer_fn(struct hrtimer *timer)
{
	pks_visit_remote();
	return HRTIMER_NORESTART;
}

static void pks_in_hrtimer_mode(struct kunit *test, enum hrtimer_mode mode)
{
	struct hrtimer timer;

	hrtimer_setup_on_stack(&timer, pks_visit_hrtimer_fn, CLOCK_MONOTONIC, mode);
	hrtimer_start(&timer, ns_to_ktime(100 * NSEC_PER_USEC), mode);
	pks_visit_wait(test);
	hrtimer_cancel(&timer);
	destroy_hrtimer_on_stack(&timer);
}

static void pks_in_soft_hrtimer(struct kunit *test)
{
	pks_in_hrtimer_mode(test, HRTIMER_MODE_REL_SOFT);
}

static void pks_in_hrtimer(struct kunit *test)
{
	pks_in_hrtimer_mode(test, HRTIMER_MODE_REL_HARD);
}

static void pks_visit_irq_work_fn(struct irq_work *work)
{
	pks_visit_remote();
}

static struct irq_work pks_visit_irq_work =
	IRQ_WORK_INIT_HARD(pks_visit_irq_work_fn);

static void pks_in_irq_work(struct kunit *test)
{
	irq_work_queue(&pks_visit_irq_work);
	pks_visit_wait(test);
	irq_work_sync(&pks_visit_irq_work);
}

/* A CPU on its way out of idle is not interrupted: it looks for what is to be done. */
static void pks_visit_call(void *visited)
{
	if (!in_hardirq())
		return;
	pks_visit_now();
	*(bool *)visited = true;
}

static void pks_in_ipi(struct kunit *test)
{
	unsigned int cpu = pks_other_cpu(test);
	bool visited = false;
	int i;

	for (i = 0; i < 100 && !visited; i++)
		smp_call_function_single(cpu, pks_visit_call, &visited, 1);
	KUNIT_EXPECT_TRUE(test, visited);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static struct {
	void		(*act)(void *data);
	void		*data;
	atomic_t	wanted;
	unsigned int	done;
	bool		on;
} pks_nmis;

static int pks_nmis_handler(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_add_unless(&pks_nmis.wanted, -1, 0))
		return NMI_DONE;
	pks_nmis.act(pks_nmis.data);
	/* Pairs with pks_nmis_send(): the act is over. */
	smp_store_release(&pks_nmis.done, pks_nmis.done + 1);
	return NMI_HANDLED;
}

/* First, what could make the case be skipped. */
int pks_nmis_begin(struct kunit *test)
{
	int err;

	pks_isolation_needed(test);
	pks_isolation_set(test, true);
	/* 6.1 warns when a message of an NMI meets a user of this tracepoint. */
	pks_console_unwatch();
	err = register_nmi_handler(NMI_LOCAL, pks_nmis_handler, 0,
				   "pks_kunit_place");
	if (err) {
		pks_console_watch();
		return err;
	}
	pks_nmis.on = true;
	return 0;
}

void pks_nmis_end(struct kunit *test)
{
	if (!pks_nmis.on)
		return;
	unregister_nmi_handler(NMI_LOCAL, "pks_kunit_place");
	pks_console_watch();
	pks_nmis.on = false;
}

/* Each is over before the next is sent. */
void pks_nmis_send(unsigned int cpu, unsigned int count,
		   void (*act)(void *), void *data)
{
	unsigned long give_up = jiffies + PKS_TEST_PATIENCE;
	unsigned int i;

	pks_nmis.act = act;
	pks_nmis.data = data;
	pks_nmis.done = 0;
	for (i = 1; i <= count && time_before(jiffies, give_up); i++) {
		atomic_set(&pks_nmis.wanted, 1);
		apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
		/* Pairs with pks_nmis_handler(). */
		while (smp_load_acquire(&pks_nmis.done) < i &&
		       time_before(jiffies, give_up))
			cpu_relax();
	}
}

static void pks_in_nmi(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, pks_nmis_begin(test));
	preempt_disable();
	pks_nmis_send(smp_processor_id(), 1, pks_visit_act, NULL);
	preempt_enable();
	pks_nmis_end(test);
}

const struct pks_place pks_places[PKS_PLACES] = {
	{ "process", "process", pks_in_process },
	{ "kthread", "process", pks_in_kthread },
	{ "interrupts off", "process", pks_with_irqs_off },
	{ "preemption off", "process", pks_with_preemption_off },
	{ "softirqs off", "process", pks_with_softirqs_off },
	{ "spinlock", "process", pks_under_spinlock },
	{ "raw spinlock", "process", pks_under_raw_spinlock },
	{ "RCU reader", "process", pks_in_rcu_reader },
	{ "workqueue", "process", pks_in_workqueue },
	{ "tasklet after an interrupt", "softirq", pks_in_tasklet },
	{ "tasklet in local_bh_enable", "softirq", pks_in_bh },
	{ "timer", "softirq", pks_in_timer },
	{ "soft hrtimer", "softirq", pks_in_soft_hrtimer },
	{ "hrtimer", "interrupt", pks_in_hrtimer },
	{ "irq_work", "interrupt", pks_in_irq_work },
	{ "IPI", "interrupt", pks_in_ipi },
	{ "NMI", "NMI", pks_in_nmi },
};

void pks_place_name(const struct pks_place *place, char *desc)
{
	strscpy(desc, place->name, KUNIT_PARAM_DESC_SIZE);
}

void pks_place_do(struct kunit *test, const struct pks_place *place,
		  void (*act)(void *), void *data)
{
	pks_visit.act = act;
	pks_visit.data = data;
	init_completion(&pks_visit.done);
	place->go(test);
}
