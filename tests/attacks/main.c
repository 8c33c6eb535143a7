// SPDX-License-Identifier: GPL-2.0
/*
 * Attacks on memory that pks protects. Reading a file of debugfs attacks/play plays the
 * attack of that name and says what came of it; what it has left behind is there until
 * another is played, or "undo" is read. attacks/victim has what programs need that play
 * attacks from user space:
 *
 *   secret, memory	what is protected, and where
 *   plain		a stray read without any trick, by who reads this
 *   visit		the owner comes by on each CPU; stray accesses there, after that
 *   open		written to: the owner opens the domain, and returns with it
 *   sleep		written to: the owner sleeps for a moment in a scope
 *   fill		written to: the owner copies eight bytes from there, in a scope
 *   pages		mapped: the page that the owner has taken into the domain
 */
#include "attacks.h"
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

static struct dentry *attack_dir;
/* One at a time; with it, the attack that has not been undone. */
static DEFINE_MUTEX(attack_mutex);
static const struct attack *attack_played;

static void attack_undo(void)
{
	lockdep_assert_held(&attack_mutex);
	if (attack_played && attack_played->undo)
		attack_played->undo();
	attack_played = NULL;
}

static void attack_say(struct seq_file *m, int outcome)
{
	if (outcome < 0)
		seq_printf(m, "error %d\n", outcome);
	else
		seq_puts(m, outcome == ATTACK_THROUGH ? "through\n" : "stopped\n");
}

static int attack_show(struct seq_file *m, void *unused)
{
	const struct attack *attack = m->private;
	int outcome;

	mutex_lock(&attack_mutex);
	attack_undo();
	outcome = attack->play();
	if (outcome >= 0)
		attack_played = attack;
	mutex_unlock(&attack_mutex);
	attack_say(m, outcome);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(attack);

static int undo_show(struct seq_file *m, void *unused)
{
	mutex_lock(&attack_mutex);
	attack_undo();
	mutex_unlock(&attack_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(undo);

static int secret_show(struct seq_file *m, void *unused)
{
	seq_write(m, &victim.secret, sizeof(victim.secret));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(secret);

static int memory_show(struct seq_file *m, void *unused)
{
	struct page *frame = vmalloc_to_page(victim.area);

	seq_printf(m, "object 0x%lx\n", (unsigned long)victim.object);
	seq_printf(m, "area 0x%lx\n", (unsigned long)victim.area);
	seq_printf(m, "alias 0x%lx\n", (unsigned long)page_address(frame));
	seq_printf(m, "frame 0x%llx\n", (u64)page_to_phys(frame));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(memory);

static int plain_show(struct seq_file *m, void *unused)
{
	attack_say(m, stray_got(victim.object));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(plain);

static void visit_stray(void *outcome)
{
	*(int *)outcome = stray_plain();
}

static int visit_show(struct seq_file *m, void *unused)
{
	int outcome = ATTACK_STOPPED, err = 0;
	unsigned int cpu;

	victim_visit();
	for_each_online_cpu(cpu) {
		if (!err && !outcome)
			err = attack_on_cpu(cpu, visit_stray, &outcome);
	}
	attack_say(m, err ?: outcome);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(visit);

/* The owner's own mistake. */
static ssize_t open_write(struct file *file, const char __user *buf, size_t size,
			  loff_t *pos)
{
	pks_domain_enter(victim.domain, PKS_READWRITE);
	return size;
}

static const struct file_operations open_fops = {
	.owner	= THIS_MODULE,
	.write	= open_write,
};

static ssize_t sleep_write(struct file *file, const char __user *buf, size_t size,
			   loff_t *pos)
{
	int former = pks_domain_enter(victim.domain, PKS_READWRITE);

	msleep(20);
	pks_domain_leave(victim.domain, former);
	return size;
}

static const struct file_operations sleep_fops = {
	.owner	= THIS_MODULE,
	.write	= sleep_write,
};

/* As an owner might who knows that one may sleep in a scope. */
static ssize_t fill_write(struct file *file, const char __user *buf, size_t size,
			  loff_t *pos)
{
	unsigned long left;
	int former;

	if (size != sizeof(*victim.object))
		return -EINVAL;
	former = pks_domain_enter(victim.domain, PKS_READWRITE);
	left = copy_from_user(victim.object, buf, size);
	pks_domain_leave(victim.domain, former);
	return left ? -EFAULT : size;
}

static const struct file_operations fill_fops = {
	.owner	= THIS_MODULE,
	.write	= fill_write,
};

static int pages_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vm_insert_page(vma, vma->vm_start, vmalloc_to_page(victim.own));
}

static const struct file_operations pages_fops = {
	.owner	= THIS_MODULE,
	.mmap	= pages_mmap,
};

static void attack_files(struct dentry *dir, const struct attack *attack)
{
	for (; attack->name; attack++)
		debugfs_create_file(attack->name, 0400, dir, (void *)attack, &attack_fops);
}

static void attacks_debugfs(void)
{
	struct dentry *dir;

	attack_dir = debugfs_create_dir("attacks", NULL);
	dir = debugfs_create_dir("play", attack_dir);
	attack_files(dir, attack_mappings);
	attack_files(dir, attack_registers);
	attack_files(dir, attack_contexts);
	attack_files(dir, attack_keys);
	attack_files(dir, attack_arguments);
	attack_files(dir, attack_gadgets);
	debugfs_create_file("undo", 0400, attack_dir, NULL, &undo_fops);
	dir = debugfs_create_dir("victim", attack_dir);
	debugfs_create_file("secret", 0400, dir, NULL, &secret_fops);
	debugfs_create_file("memory", 0400, dir, NULL, &memory_fops);
	debugfs_create_file("plain", 0400, dir, NULL, &plain_fops);
	debugfs_create_file("visit", 0400, dir, NULL, &visit_fops);
	debugfs_create_file("open", 0200, dir, NULL, &open_fops);
	debugfs_create_file("sleep", 0200, dir, NULL, &sleep_fops);
	debugfs_create_file("fill", 0200, dir, NULL, &fill_fops);
	debugfs_create_file_unsafe("pages", 0600, dir, NULL, &pages_fops);
}

static int __init attacks_init(void)
{
	int err = victim_make();

	if (!err)
		err = contexts_init();
	if (err) {
		victim_drop();
		return err;
	}
	attacks_debugfs();
	return 0;
}

static void __exit attacks_exit(void)
{
	debugfs_remove(attack_dir);
	mutex_lock(&attack_mutex);
	attack_undo();
	mutex_unlock(&attack_mutex);
	contexts_exit();
	victim_drop();
}

module_init(attacks_init);
module_exit(attacks_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For the tests of pks: attacks on memory that it protects");
PKS_IMPORT_NS();
