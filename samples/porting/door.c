// SPDX-License-Identifier: GPL-2.0
/*
 * The driver of door_plain.c with its data in a domain: closed to all but the functions
 * here. docs/porting.md goes from the one to the other.
 *
 * /sys/kernel/debug/door/
 *   badges	numbers that open the door; write "+4711 500" (for 500 ms) or "-4711"
 *   pass	write a number: -EACCES if it is none of these
 *   state	"open" or "shut", and how often somebody strayed in here
 *   address	of what says that it is open, for who wants to try
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pks_domain.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

struct badge {
	struct list_head	node;
	u32			number;
	u32			open_ms;
};

struct door {
	struct list_head	badges;		/* who may pass; read under RCU */
	u32			open;		/* 1 or 0 */
};

static DEFINE_MUTEX(door_mutex);	/* one changes the badges at a time */
static struct pks_domain *domain __ro_after_init;
static struct pks_cache *badges __ro_after_init;
static struct door *door __ro_after_init;
static struct dentry *dir;
static atomic_t alarms = ATOMIC_INIT(0);

/* In a softirq. */
static void door_shut(struct timer_list *unused)
{
	pks_assign(domain, &door->open, 0);
}

static DEFINE_TIMER(door_timer, door_shut);

/* For how long the badge opens the door; 0 if it does not. */
static u32 door_lookup(u32 number)
{
	const struct badge *badge;

	guard(rcu)();
	guard(pks_domain_read)(domain);
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
	pks_assign(domain, &door->open, 1);
	mod_timer(&door_timer, jiffies + msecs_to_jiffies(open_ms));
	return 0;
}

static int badge_add(u32 number, u32 open_ms)
{
	struct badge *badge = pks_cache_alloc(badges, GFP_KERNEL);

	if (!badge)
		return -ENOMEM;
	guard(mutex)(&door_mutex);
	guard(pks_domain_write)(domain);
	badge->number = number;
	badge->open_ms = open_ms;
	list_add_tail_rcu(&badge->node, &door->badges);
	return 0;
}

static int badge_remove(u32 number)
{
	struct badge *badge;

	guard(mutex)(&door_mutex);
	guard(pks_domain_write)(domain);
	list_for_each_entry(badge, &door->badges, node) {
		if (badge->number != number)
			continue;
		list_del_rcu(&badge->node);
		pks_cache_free_rcu(badges, badge);
		return 0;
	}
	return -ENOENT;
}

static int badges_show(struct seq_file *m, void *unused)
{
	const struct badge *badge;

	guard(mutex)(&door_mutex);
	guard(pks_domain_read)(domain);
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

static bool door_is_open(void)
{
	guard(pks_domain_read)(domain);
	return READ_ONCE(door->open);
}

static int state_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%s, alarms: %d\n", door_is_open() ? "open" : "shut",
		   atomic_read(&alarms));
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

/* On top of whatever strayed in here, with interrupts off. */
static enum pks_fault_action door_alarm(const struct pks_fault_info *info,
					struct pt_regs *regs, void *data)
{
	atomic_inc(&alarms);
	return PKS_FAULT_DENY;
}

static int __init door_alloc(void)
{
	badges = PKS_CACHE(domain, struct badge);
	if (IS_ERR(badges))
		return PTR_ERR(badges);
	door = pks_domain_alloc(domain, sizeof(*door), GFP_KERNEL);
	if (!door) {
		pks_cache_destroy(badges);
		return -ENOMEM;
	}
	guard(pks_domain_write)(domain);
	INIT_LIST_HEAD(&door->badges);
	return 0;
}

static int __init door_init(void)
{
	int err;

	domain = pks_domain_create("door", PKS_DOMAIN_OPTIONAL);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	err = door_alloc();
	if (err) {
		pks_domain_destroy(domain);
		return err;
	}
	if (domain->pkey && pks_set_fault_handler(domain->pkey, door_alarm, NULL))
		pr_info("there will be no alarms\n");
	door_files();
	return 0;
}

static void __exit badges_drop(void)
{
	struct badge *badge, *next;

	guard(pks_domain_write)(domain);
	list_for_each_entry_safe(badge, next, &door->badges, node)
		pks_cache_free(badges, badge);
}

static void __exit door_exit(void)
{
	debugfs_remove(dir);
	timer_shutdown_sync(&door_timer);
	badges_drop();
	pks_cache_destroy(badges);
	pks_domain_free(domain, door);
	pks_domain_destroy(domain);
}

module_init(door_init);
module_exit(door_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: a driver with data that only it reaches");
PKS_IMPORT_NS();
