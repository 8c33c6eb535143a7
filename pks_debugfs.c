// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/pks: what people look at. Tables have a header row, the rest
 * are "name: value" lines. Addresses are in faults alone, which root may read.
 */
#include "pks_domain.h"
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static struct dentry *pks_dir;

PKS_DEFINE_STACK_TRACE();

/* How much is shown of a waiting task's stack. */
#define PKS_WAIT_FRAMES		3

/*
 * What was written to a file, all of it, as a string: a longer one is no command, and
 * neither is one with more behind its end.
 */
int pks_debugfs_text(char *to, size_t size, const char __user *text, size_t len)
{
	if (len >= size)
		return -EINVAL;
	if (copy_from_user(to, text, len))
		return -EFAULT;
	to[len] = '\0';
	return strlen(to) == len ? 0 : -EINVAL;
}

static char pks_access_char(u32 access)
{
	static const char chars[] = { 'w', '-', 'r', '?' };

	return chars[access];
}

/* Rights to the allocated keys, " 1:- 2:w". */
static void pks_show_rights(struct seq_file *m, u32 word)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (pks_key_taken(pkey))
			seq_printf(m, " %d:%c", pkey,
				   pks_access_char(pks_key_access(word, pkey)));
	}
}

static const char *pks_isolation_text(void)
{
	if (pks_irq_isolated)
		return "on";
	return pks_irq_missing ?: "off";
}

static int pks_count_thread(struct pks_thread *t, void *data)
{
	unsigned int *counts = data;
	int cpu;

	counts[0]++;
	if (pks_holds_more(pks_thread_rights(t, &cpu), READ_ONCE(pks_default)))
		counts[1]++;
	return 0;
}

static void pks_show_cpus_on(struct seq_file *m)
{
	struct pks_cpu_state state;
	unsigned int on = 0, cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (!pks_cpu_query(cpu, &state) && state.enabled)
			on++;
	}
	seq_printf(m, "CR4.PKS:         set on %u of %u CPUs online\n", on,
		   num_online_cpus());
	cpus_read_unlock();
}

static int status_show(struct seq_file *m, void *unused)
{
	unsigned int threads[2] = { };
	struct pks_tamper_counts tampered;
	char missing[128];

	seq_printf(m, "PKS:             %s\n", pks_missing ?: "on");
	if (!READ_ONCE(pks_on))
		return 0;
	pks_show_cpus_on(m);
	pks_thread_for_each(pks_count_thread, threads);
	pks_tamper_counts(&tampered);
	seq_printf(m, "default PKRS:    0x%08x\n", READ_ONCE(pks_default));
	seq_printf(m, "resets:          %llu\n", READ_ONCE(pks_epoch));
	seq_printf(m, "CR4 update:      cr4_update_irqsoff(), %s\n",
		   PKS_CR4_FOUND_BY);
	seq_puts(m, "threads:         preempt notifiers\n");
	seq_printf(m, "records:         %u, of which %u hold more than the default\n",
		   threads[0], threads[1]);
	seq_printf(m, "irq isolation:   %s\n", pks_isolation_text());
	seq_printf(m, "not isolated:    %s%sexceptions, the reschedule IPI%s%s%s\n",
		   pks_irq_isolated ? "" : "interrupts, softirqs, ",
		   pks_nmi_isolated ? "" : "NMIs, ", pks_nmi_missing ? " (NMIs: " : "",
		   pks_nmi_missing ?: "", pks_nmi_missing ? ")" : "");
	pks_leftover_missing(missing, sizeof(missing));
	seq_printf(m, "left open:       %s%s\n",
		   *missing ? "not seen at the ends of " : "closed and said", missing);
	seq_printf(m, "fault hook:      %s\n", pks_fault_text());
	seq_printf(m, "audit:           %s\n", pks_step_missing ?: "on");
	seq_printf(m, "policy:          %s (default of new keys)\n",
		   pks_policy_name(pks_policy_default()));
	seq_printf(m, "tampering:       PKRS %u, CR4.PKS %u times put right\n",
		   tampered.pkrs, tampered.cr4);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

DEFINE_SHOW_ATTRIBUTE(pks_report);

static void pks_show_policy(struct seq_file *m, int pkey)
{
	static const enum pks_fault_outcome columns[] = {
		PKS_FAULT_STOPPED, PKS_FAULT_STEPPED, PKS_FAULT_RETRIED,
		PKS_FAULT_SKIPPED, PKS_FAULT_PROBED,
	};
	struct pks_key *key = &pks_keys[pkey];
	int i;

	seq_printf(m, "%3d  %-6s  %-7s  %5ld  %6ld", pkey,
		   pks_policy_name(key->policy),
		   pks_key_has_handler(pkey) ? "yes" : "-",
		   atomic_long_read(&key->counts.reads),
		   atomic_long_read(&key->counts.writes));
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		seq_printf(m, "  %7ld",
			   atomic_long_read(&key->counts.outcomes[columns[i]]));
	seq_printf(m, "  %s%s\n", pks_key_name(pkey),
		   pks_key_abandoned(pkey) ? " (abandoned)" : "");
}

static int policy_show(struct seq_file *m, void *unused)
{
	int pkey;

	seq_puts(m, "key  policy  handler  reads  writes  stopped  stepped  retried  skipped   probed  domain\n");
	mutex_lock(&pks_key_mutex);
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (pks_key_taken(pkey))
			pks_show_policy(m, pkey);
	}
	mutex_unlock(&pks_key_mutex);
	return 0;
}

/* "<key> <policy>", or "default <policy>" for keys to come. */
static int pks_policy_command(char *command)
{
	char *whose = strsep(&command, " ");
	int policy, pkey;

	if (!command)
		return -EINVAL;
	policy = pks_policy_parse(strim(command));
	if (policy < 0)
		return -EINVAL;
	if (!strcmp(whose, "default"))
		return pks_policy_set_default(policy);
	return kstrtoint(whose, 10, &pkey) ? -EINVAL :
					     pks_policy_set(pkey, policy);
}

static ssize_t policy_write(struct file *file, const char __user *text,
			    size_t len, loff_t *pos)
{
	char command[64];
	int err;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	err = pks_debugfs_text(command, sizeof(command), text, len);
	return err ?: pks_policy_command(command) ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(policy);

static const char *pks_flags_text(int flags)
{
	bool readonly = flags & PKS_FLAG_DEFAULT_READONLY;

	if (flags & PKS_FLAG_SHARED)
		return readonly ? "shared,readonly" : "shared";
	return readonly ? "exclusive,readonly" : "exclusive";
}

static void pks_show_users(struct seq_file *m, int pkey)
{
	struct pks_user *user;

	list_for_each_entry(user, &pks_keys[pkey].users, node) {
		seq_printf(m, "%s%s (%s%s)",
			   list_is_first(&user->node, &pks_keys[pkey].users) ?
			   "" : ", ", user->name, user->owner_name,
			   user->owner ? "" : ", gone");
	}
}

static int keys_show(struct seq_file *m, void *unused)
{
	int pkey;

	seq_puts(m, "key  default  users  flags               names (owners)\n");
	mutex_lock(&pks_key_mutex);
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (!pks_key_taken(pkey))
			continue;
		seq_printf(m, "%3d  %-7c  %5u  %-18s  ", pkey,
			   pks_access_char(pks_key_access(pks_default, pkey)),
			   pks_keys[pkey].nr_users,
			   pks_flags_text(pks_keys[pkey].flags));
		pks_show_users(m, pkey);
		seq_putc(m, '\n');
	}
	mutex_unlock(&pks_key_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(keys);

/*
 * Reading it interrupts each CPU. With irq_isolation the answering handler runs
 * at the default, so its word and MSR are that; what the CPU's thread holds is
 * the last column.
 */
static int cpus_show(struct seq_file *m, void *unused)
{
	struct pks_cpu_state state;
	unsigned int cpu;

	seq_puts(m, "cpu  CR4.PKS  word        MSR          held        rights held\n");
	if (!READ_ONCE(pks_on))
		return 0;
	mutex_lock(&pks_key_mutex);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (pks_cpu_query(cpu, &state))
			continue;
		seq_printf(m, "%3u  %-7s  0x%08x  0x%08x%c  0x%08x ", cpu,
			   state.enabled ? "on" : "OFF",
			   pks_rights_of(state.word), state.msr,
			   state.msr == pks_rights_of(state.word) ? ' ' : '!',
			   pks_rights_of(state.held));
		pks_show_rights(m, state.held);
		seq_putc(m, '\n');
	}
	cpus_read_unlock();
	mutex_unlock(&pks_key_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cpus);

/* What a task off the CPU waits in, innermost first, without the scheduler. */
static void pks_show_wait(struct seq_file *m, struct task_struct *task)
{
	unsigned long frames[PKS_WAIT_FRAMES];
	unsigned int i, nr;

	nr = pks_stack_trace(task, frames, ARRAY_SIZE(frames));
	if (!nr)
		seq_puts(m, "off the CPU");
	for (i = 0; i < nr; i++)
		seq_printf(m, "%s%ps", i ? " < " : "in ", (void *)frames[i]);
}

static int pks_show_thread(struct pks_thread *t, void *data)
{
	struct seq_file *m = data;
	struct task_struct *task = READ_ONCE(t->task);
	u64 since = READ_ONCE(t->since);
	char name[TASK_COMM_LEN];
	u32 rights;
	int cpu;

	rights = pks_thread_rights(t, &cpu);
	if (!task || !pks_holds_more(rights, READ_ONCE(pks_default)))
		return 0;
	seq_printf(m, "%7d  %-15s  ", task_pid_nr(task),
		   pks_printable(name, task->comm));
	if (since)
		seq_printf(m, "%11llu  ", div_u64(local_clock() - since, NSEC_PER_MSEC));
	else
		seq_puts(m, "          -  ");
	if (cpu >= 0)
		seq_printf(m, "on CPU %d", cpu);
	else
		pks_show_wait(m, task);
	seq_puts(m, "; holds");
	pks_show_rights(m, rights);
	seq_putc(m, '\n');
	return 0;
}

static int threads_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "    pid  name             held for ms  where\n");
	mutex_lock(&pks_key_mutex);
	pks_thread_for_each(pks_show_thread, m);
	mutex_unlock(&pks_key_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(threads);

static void pks_show_matrix_row(struct seq_file *m, u32 word)
{
	int pkey;

	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (pks_key_taken(pkey))
			seq_printf(m, "  %2c",
				   pks_access_char(pks_key_access(word, pkey)));
	}
	seq_putc(m, '\n');
}

static int pks_show_matrix_thread(struct pks_thread *t, void *data)
{
	struct task_struct *task = READ_ONCE(t->task);
	struct seq_file *m = data;
	char comm[TASK_COMM_LEN], name[32];
	u32 rights;
	int cpu;

	rights = pks_thread_rights(t, &cpu);
	if (!task || !pks_holds_more(rights, READ_ONCE(pks_default)))
		return 0;
	snprintf(name, sizeof(name), "%s[%d]", pks_printable(comm, task->comm),
		 task_pid_nr(task));
	seq_printf(m, "%-26s", name);
	pks_show_matrix_row(m, rights);
	return 0;
}

static int matrix_show(struct seq_file *m, void *unused)
{
	struct pks_cpu_state state;
	unsigned int cpu;
	int pkey;

	mutex_lock(&pks_key_mutex);
	seq_printf(m, "%-26s", "key");
	for (pkey = 1; pkey < PKS_NUM_KEYS; pkey++) {
		if (pks_key_taken(pkey))
			seq_printf(m, "  %2d", pkey);
	}
	seq_printf(m, "\n%-26s", "default");
	pks_show_matrix_row(m, pks_default);
	if (READ_ONCE(pks_on)) {
		cpus_read_lock();
		for_each_online_cpu(cpu) {
			if (pks_cpu_query(cpu, &state))
				continue;
			seq_printf(m, "cpu %-22u", cpu);
			pks_show_matrix_row(m, state.held);
		}
		cpus_read_unlock();
		pks_thread_for_each(pks_show_matrix_thread, m);
	}
	mutex_unlock(&pks_key_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(matrix);

static int irq_isolation_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%d\n", pks_irq_isolated);
	return 0;
}

static ssize_t irq_isolation_write(struct file *file, const char __user *text,
				   size_t len, loff_t *pos)
{
	char buf[8], *value;
	int err;

	if (!READ_ONCE(pks_on))
		return -EOPNOTSUPP;
	err = pks_debugfs_text(buf, sizeof(buf), text, len);
	if (err)
		return err;
	value = strim(buf);
	if (strcmp(value, "0") && strcmp(value, "1"))
		return -EINVAL;
	return pks_irq_set_isolation(*value == '1') ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(irq_isolation);

void pks_debugfs_init(void)
{
	pks_find_stack_trace();
	pks_dir = debugfs_create_dir("pks", NULL);
	debugfs_create_file("status", 0444, pks_dir, NULL, &status_fops);
	debugfs_create_file("keys", 0444, pks_dir, NULL, &keys_fops);
	debugfs_create_file("cpus", 0444, pks_dir, NULL, &cpus_fops);
	debugfs_create_file("matrix", 0444, pks_dir, NULL, &matrix_fops);
	debugfs_create_file("policy", 0644, pks_dir, NULL, &policy_fops);
	debugfs_create_file("faults", 0400, pks_dir, NULL, &pks_report_fops);
	debugfs_create_file("threads", 0400, pks_dir, NULL, &threads_fops);
	pks_debugfs_domains_init(pks_dir);
	debugfs_create_file("irq_isolation", 0644, pks_dir, NULL, &irq_isolation_fops);
}

void pks_debugfs_exit(void)
{
	debugfs_remove(pks_dir);
}
