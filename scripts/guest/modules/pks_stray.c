// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios: a module that knows nothing of pks and accesses memory that is
 * none of its business, at the parameter address. A word written to debugfs
 * pks_stray/do says how:
 *
 *   read, write	in the writing process; an oops if it is stopped
 *   kthread		a read in a kernel thread, likewise
 *   try		both, with exception-table entries
 *   hammer		that again and again, by a thread on each CPU
 *   stop		no longer
 *   warn		nothing of that: a warning of the kernel's
 *
 * pks_stray/state counts what became of those with exception-table entries, on each
 * CPU.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static unsigned long address;
module_param(address, ulong, 0600);
MODULE_PARM_DESC(address, "Where to read and write");

static unsigned int pause = 50;
module_param(pause, uint, 0600);
MODULE_PARM_DESC(pause, "How long those that hammer sleep now and then, in us (default 50)");

struct stray_counts {
	unsigned long	stopped;
	unsigned long	done;
};

static DEFINE_PER_CPU(struct stray_counts, stray_counts);
static DEFINE_PER_CPU(struct task_struct *, stray_hammers);
static struct dentry *stray_dir;

static noinline void stray_read(void)
{
	READ_ONCE(*(u64 *)address);
}

static noinline void stray_write(void)
{
	WRITE_ONCE(*(u64 *)address, 0);
}

static noinline bool stray_try_read(void)
{
	u64 val;

	__get_kernel_nofault(&val, (u64 *)address, u64, stopped);
	return true;
stopped:
	return false;
}

static noinline bool stray_try_write(void)
{
	u64 val = 0;

	__put_kernel_nofault((u64 *)address, &val, u64, stopped);
	return true;
stopped:
	return false;
}

static void stray_count(bool done)
{
	if (done)
		this_cpu_inc(stray_counts.done);
	else
		this_cpu_inc(stray_counts.stopped);
}

static void stray_try(void)
{
	stray_count(stray_try_read());
	stray_count(stray_try_write());
}

/* In step with the other CPUs for some time, then the rest of the machine's turn. */
static int stray_hammer(void *unused)
{
	int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 100; i++)
			stray_try();
		usleep_range(pause, 2 * pause);
	}
	return 0;
}

static void stray_stop(void)
{
	struct task_struct *task;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		task = per_cpu(stray_hammers, cpu);
		per_cpu(stray_hammers, cpu) = NULL;
		if (task)
			kthread_stop(task);
	}
}

static int stray_start(void)
{
	struct task_struct *task;
	unsigned int cpu;

	stray_stop();
	for_each_online_cpu(cpu) {
		task = kthread_create_on_cpu(stray_hammer, NULL, cpu,
					     "stray-hammer-%u");
		if (IS_ERR(task)) {
			stray_stop();
			return PTR_ERR(task);
		}
		per_cpu(stray_hammers, cpu) = task;
		wake_up_process(task);
	}
	return 0;
}

/* It may not come to its end, so nobody waits for it. */
static int stray_thread(void *unused)
{
	stray_read();
	return 0;
}

static int stray_do(const char *word)
{
	if (!strcmp(word, "read"))
		stray_read();
	else if (!strcmp(word, "write"))
		stray_write();
	else if (!strcmp(word, "kthread"))
		return PTR_ERR_OR_ZERO(kthread_run(stray_thread, NULL, "stray"));
	else if (!strcmp(word, "try"))
		stray_try();
	else if (!strcmp(word, "hammer"))
		return stray_start();
	else if (!strcmp(word, "stop"))
		stray_stop();
	else if (!strcmp(word, "warn"))
		WARN_ON(1);
	else
		return -EINVAL;
	return 0;
}

static ssize_t stray_do_write(struct file *file, const char __user *buf,
			      size_t size, loff_t *pos)
{
	char word[16] = { };
	ssize_t len;
	int err;

	len = simple_write_to_buffer(word, sizeof(word) - 1, pos, buf, size);
	if (len < 0)
		return len;
	err = stray_do(strim(word));
	return err ? err : len;
}

static const struct file_operations stray_do_fops = {
	.owner	= THIS_MODULE,
	.write	= stray_do_write,
};

static int stray_state_show(struct seq_file *m, void *unused)
{
	unsigned int cpu;

	seq_puts(m, "cpu  stopped     done\n");
	for_each_online_cpu(cpu)
		seq_printf(m, "%3u %8lu %8lu\n", cpu,
			   per_cpu(stray_counts.stopped, cpu),
			   per_cpu(stray_counts.done, cpu));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stray_state);

static int __init stray_init(void)
{
	stray_dir = debugfs_create_dir("pks_stray", NULL);
	debugfs_create_file("do", 0200, stray_dir, NULL, &stray_do_fops);
	debugfs_create_file("state", 0400, stray_dir, NULL, &stray_state_fops);
	return 0;
}

static void __exit stray_exit(void)
{
	debugfs_remove(stray_dir);
	stray_stop();
}

module_init(stray_init);
module_exit(stray_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test help: stray accesses of each kind");
