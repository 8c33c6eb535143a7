// SPDX-License-Identifier: GPL-2.0
/* Threads that do one thing each, on a CPU of the caller's choice. */
#include "attacks.h"
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched.h>

/* Not the one this runs on, as far as that can be said. */
unsigned int attack_other_cpu(void)
{
	return cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
}

static int attack_thread_main(void *data)
{
	struct attack_thread *thread = data;

	thread->fn(thread->data);
	complete(&thread->done);
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* On @cpu; if that is negative, anywhere. */
int attack_begin(struct attack_thread *thread, int cpu, void (*fn)(void *data),
		 void *data)
{
	thread->fn = fn;
	thread->data = data;
	init_completion(&thread->done);
	if (cpu < 0)
		thread->task = kthread_run(attack_thread_main, thread, "attack");
	else
		thread->task = kthread_run_on_cpu(attack_thread_main, thread, cpu,
						  "attack/%u");
	return PTR_ERR_OR_ZERO(thread->task);
}

void attack_end(struct attack_thread *thread)
{
	wait_for_completion(&thread->done);
	kthread_stop(thread->task);
}

int attack_on_cpu(int cpu, void (*fn)(void *data), void *data)
{
	struct attack_thread thread;
	int err = attack_begin(&thread, cpu, fn, data);

	if (!err)
		attack_end(&thread);
	return err;
}
