// SPDX-License-Identifier: GPL-2.0
/*
 * What measures, and keeps the results. It knows nothing of pks and is loaded first:
 * what it is loaded with is measured without pks.
 *
 * In debugfs pks_bench: results (a line for each: name,load,minimum,median,99th
 * percentile), now (what bench_now() says, less idle time), run (takes the name of a group).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <trace/events/power.h>
#include "bench.h"
#include "../pks_compat.h"

#define BENCH_WARM_UP	16

struct bench_result {
	struct list_head	node;
	char			name[40];
	char			load[40];
	u64			min, median, p99;
};

static LIST_HEAD(bench_results);
/* Protects the list and the groups; one thing is measured at a time. */
static DEFINE_MUTEX(bench_mutex);
static const struct bench_group *bench_groups;
static unsigned int bench_nr_groups;
static struct dentry *bench_dir;

static u64 bench_nothing(void *unused)
{
	return bench_time();
}

static int bench_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void bench_sample(bench_once_t once, void *data, u64 *samples, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < BENCH_WARM_UP; i++)
		once(data);
	for (i = 0; i < nr; i++) {
		samples[i] = once(data);
		cond_resched();
	}
	sort(samples, nr, sizeof(*samples), bench_compare, NULL);
}

/* What a pair of bench_now() takes by itself. */
static u64 bench_overhead(u64 *samples)
{
	bench_sample(bench_nothing, NULL, samples, BENCH_FEW);
	return samples[0];
}

static u64 bench_net(u64 sample, u64 overhead, unsigned int per)
{
	return sample > overhead ? div_u64(sample - overhead, per) : 0;
}

void bench_measure(const struct bench_row *row)
{
	u64 *samples = kcalloc(row->rounds, sizeof(*samples), GFP_KERNEL);
	struct bench_result *r = kzalloc(sizeof(*r), GFP_KERNEL);
	u64 overhead;

	if (!samples || !r) {
		pr_err("no memory to measure %s\n", row->name);
		kfree(samples);
		kfree(r);
		return;
	}
	overhead = bench_overhead(samples);
	bench_sample(row->once, row->data, samples, row->rounds);
	strscpy(r->name, row->name, sizeof(r->name));
	strscpy(r->load, row->load, sizeof(r->load));
	r->min = bench_net(samples[0], overhead, row->per);
	r->median = bench_net(samples[row->rounds / 2], overhead, row->per);
	r->p99 = bench_net(samples[row->rounds * 99 / 100], overhead, row->per);
	list_add_tail(&r->node, &bench_results);
	pr_info("%s%s%s: minimum %llu, median %llu, 99th percentile %llu\n", r->name,
		*r->load ? ", " : "", r->load, r->min, r->median, r->p99);
	kfree(samples);
}
EXPORT_SYMBOL_GPL(bench_measure);

/* Those of a module that is loaded later; none before it goes. */
void bench_set_groups(const struct bench_group *groups, unsigned int nr)
{
	mutex_lock(&bench_mutex);
	bench_groups = groups;
	bench_nr_groups = nr;
	mutex_unlock(&bench_mutex);
}
EXPORT_SYMBOL_GPL(bench_set_groups);

static int bench_results_show(struct seq_file *m, void *unused)
{
	const struct bench_result *r;

	mutex_lock(&bench_mutex);
	list_for_each_entry(r, &bench_results, node)
		seq_printf(m, "%s,%s,%llu,%llu,%llu\n", r->name, r->load, r->min,
			   r->median, r->p99);
	mutex_unlock(&bench_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bench_results);

/*
 * The first CPU's time without work. Where QEMU's clock counts instructions, it runs
 * ahead to the next timer there.
 */
static u64 bench_idle, bench_idle_since;

static void bench_cpu_idle(void *unused, unsigned int state, unsigned int cpu)
{
	if (cpu)
		return;
	if (state != PWR_EVENT_EXIT)
		bench_idle_since = bench_now();
	else if (bench_idle_since)
		bench_idle += bench_now() - bench_idle_since;
}

static int bench_now_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%llu\n", bench_now() - bench_idle);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bench_now);

static int bench_run(const char *name, const char *load)
{
	unsigned int i;

	for (i = 0; i < bench_nr_groups; i++) {
		if (strcmp(bench_groups[i].name, name))
			continue;
		bench_groups[i].run(load);
		return 0;
	}
	return -EINVAL;
}

static ssize_t bench_run_write(struct file *file, const char __user *buf, size_t len,
			       loff_t *pos)
{
	char line[80], *load;
	const char *name;
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = '\0';
	load = strim(line);
	name = strsep(&load, " ");
	mutex_lock(&bench_mutex);
	err = bench_run(name, load ?: "");
	mutex_unlock(&bench_mutex);
	return err ?: len;
}

static const struct file_operations bench_run_fops = {
	.owner	= THIS_MODULE,
	.write	= bench_run_write,
};

/* pks.ko is not there, or what is measured first is not without it. */
static bool __init bench_pks_loaded(void)
{
	return pks_lookup("pks_available");
}

static int __init bench_base_init(void)
{
	int err = register_trace_cpu_idle(bench_cpu_idle, NULL);

	if (err)
		return err;
	bench_dir = debugfs_create_dir("pks_bench", NULL);
	debugfs_create_file("results", 0400, bench_dir, NULL, &bench_results_fops);
	debugfs_create_file("now", 0400, bench_dir, NULL, &bench_now_fops);
	debugfs_create_file("run", 0200, bench_dir, NULL, &bench_run_fops);
	if (bench_pks_loaded()) {
		pr_notice("pks is loaded: nothing is measured without it\n");
		return 0;
	}
	bench_switch("without pks", NULL);
	bench_interrupts("without pks", NULL);
	bench_kernel_fault("without pks");
	return 0;
}

static void __exit bench_base_exit(void)
{
	struct bench_result *r, *next;

	debugfs_remove(bench_dir);
	unregister_trace_cpu_idle(bench_cpu_idle, NULL);
	tracepoint_synchronize_unregister();
	list_for_each_entry_safe(r, next, &bench_results, node)
		kfree(r);
}

module_init(bench_base_init);
module_exit(bench_base_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmarks: what measures, and the kernel without pks");
