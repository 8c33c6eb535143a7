// SPDX-License-Identifier: GPL-2.0
/*
 * A driver as there are many: of a door that opens for those who have a badge. door.c is
 * the same with its data protected; docs/porting.md goes from the one to the other.
 *
 * /sys/kernel/debug/door/
 *   badges	numbers that open the door; write "+4711 500" (for 500 ms) or "-4711"
 *   pass	write a number: -EACCES if it is none of these
 *   state	"open" or "shut"
 *   address	of what says that it is open, for who wants to try
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

struct badge {
	struct list_head	node;
	struct rcu_head		rcu;
	u32			number;
	u32			open_ms;
};

struct door {
	struct list_head	badges;		/* who may pass; read under RCU */
	u32			open;		/* 1 or 0 */
};

static DEFINE_MUTEX(door_mutex);	/* one changes the badges at a time */
static struct door *door;
static struct dentry *dir;

/* In a softirq. */
static void door_shut(struct timer_list *unused)
{
	WRITE_ONCE(door->open, 0);
}

static DEFINE_TIMER(door_timer, door_shut);

/* For how long the badge opens the door; 0 if it does not. */
static u32 door_lookup(u32 number)
{
	const struct badge *badge;

	guard(rcu)();
	list_for_each_entry_rcu(badge, &door->badges, node) {
		if (badge->number == number)
			return badge->open_ms;
	}
	return 0;
}

static int door_pass(u32 number)
{
	u32 open_ms = door_lookup(number);

	if (!open_ms)
		return -EACCES;
	WRITE_ONCE(door->open, 1);
	mod_timer(&door_timer, jiffies + msecs_to_jiffies(open_ms));
	return 0;
}

static int badge_add(u32 number, u32 open_ms)
{
	struct badge *badge = kzalloc(sizeof(*badge), GFP_KERNEL);

	if (!badge)
		return -ENOMEM;
	badge->number = number;
	badge->open_ms = open_ms;
	guard(mutex)(&door_mutex);
	list_add_tail_rcu(&badge->node, &door->badges);
	return 0;
}

static int badge_remove(u32 number)
{
	struct badge *badge;

	guard(mutex)(&door_mutex);
	list_for_each_entry(badge, &door->badges, node) {
		if (badge->number != number)
			continue;
		list_del_rcu(&badge->node);
		kfree_rcu(badge, rcu);
		return 0;
	}
	return -ENOENT;
}

static int badges_show(struct seq_file *m, void *unused)
{
	const struct badge *badge;

	guard(mutex)(&door_mutex);
	list_for_each_entry(badge, &door->badges, node)
		seq_printf(m, "%u\n", badge->number);
	return 0;
}

static int badges_open(struct inode *inode, struct file *file)
{
	return single_open(file, badges_show, NULL);
}

static ssize_t badges_write(struct file *file, const char __user *text, size_t len,
			    loff_t *pos)
{
	char line[32] = { };
	u32 number, open_ms;
	int err = -EINVAL;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, text, len))
		return -EFAULT;
	if (sscanf(line, "+%u %u", &number, &open_ms) == 2)
		err = badge_add(number, open_ms);
	else if (sscanf(line, "-%u", &number) == 1)
		err = badge_remove(number);
	return err ?: len;
}

static const struct file_operations badges_fops = {
	.owner		= THIS_MODULE,
	.open		= badges_open,
	.read		= seq_read,
	.write		= badges_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static ssize_t pass_write(struct file *file, const char __user *text, size_t len,
			  loff_t *pos)
{
	u32 number;
	int err = kstrtou32_from_user(text, len, 10, &number);

	return err ?: door_pass(number) ?: len;
}

static const struct file_operations pass_fops = {
	.owner	= THIS_MODULE,
	.write	= pass_write,
};

static int state_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%s\n", READ_ONCE(door->open) ? "open" : "shut");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int address_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%#lx\n", (unsigned long)&door->open);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(address);

static void door_files(void)
{
	dir = debugfs_create_dir("door", NULL);
	debugfs_create_file("badges", 0600, dir, NULL, &badges_fops);
	debugfs_create_file("pass", 0200, dir, NULL, &pass_fops);
	debugfs_create_file("state", 0400, dir, NULL, &state_fops);
	debugfs_create_file("address", 0400, dir, NULL, &address_fops);
}

static int __init door_init(void)
{
	door = kzalloc(sizeof(*door), GFP_KERNEL);
	if (!door)
		return -ENOMEM;
	INIT_LIST_HEAD(&door->badges);
	door_files();
	return 0;
}

static void __exit door_exit(void)
{
	struct badge *badge, *next;

	debugfs_remove(dir);
	timer_shutdown_sync(&door_timer);
	list_for_each_entry_safe(badge, next, &door->badges, node)
		kfree(badge);
	kfree(door);
}

module_init(door_init);
module_exit(door_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: a driver with unprotected data");
