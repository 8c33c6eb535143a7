// SPDX-License-Identifier: GPL-2.0
/*
 * A table of function pointers that anybody may call through, and only its owner
 * replaces: what attackers like to overwrite, and what a stray write makes a mess of.
 *
 * Readers pay nothing: they are under RCU, and need no scope, for the domain is
 * read-only to all. The pointer to the current table is in the domain as well, and
 * where that is stands in memory that is read-only since this module was loaded.
 *
 * /sys/kernel/debug/optable/
 *   call	read it: what the current table makes of 6 and 7
 *   table	the name of the current table; write "add" or "multiply"
 *   address	of the current table, for who wants to try
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pks_domain.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

struct table {
	int		(*apply)(int a, int b);
	const char	*name;
};

struct root {
	struct table __rcu	*table;
};

static DEFINE_MUTEX(optable_mutex);	/* one replaces at a time */
static struct pks_domain *domain __ro_after_init;
static struct root *root __ro_after_init;
static struct dentry *dir;

static int add(int a, int b)
{
	return a + b;
}

static int multiply(int a, int b)
{
	return a * b;
}

static const struct table tables[] = {
	{ add, "add" },
	{ multiply, "multiply" },
};

static int optable_replace(const struct table *with)
{
	struct table *old, *new = pks_domain_alloc(domain, sizeof(*new), GFP_KERNEL);
	int err;

	if (!new)
		return -ENOMEM;
	mutex_lock(&optable_mutex);
	old = rcu_dereference_protected(root->table,
					lockdep_is_held(&optable_mutex));
	err = pks_write(domain, new, with, sizeof(*new));
	if (!err)
		err = pks_rcu_assign(domain, &root->table, new);
	mutex_unlock(&optable_mutex);
	/* Readers may have the old one; nobody has seen one that was not published. */
	pks_domain_free_rcu(domain, err ? new : old);
	return err;
}

static int call_show(struct seq_file *m, void *unused)
{
	const struct table *table;

	rcu_read_lock();
	table = rcu_dereference(root->table);
	seq_printf(m, "%d\n", table->apply(6, 7));
	rcu_read_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(call);

static int address_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%#lx\n", (unsigned long)rcu_access_pointer(root->table));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(address);

static ssize_t table_read(struct file *file, char __user *buf, size_t size,
			  loff_t *pos)
{
	const char *name;

	rcu_read_lock();
	name = rcu_dereference(root->table)->name;
	rcu_read_unlock();
	return simple_read_from_buffer(buf, size, pos, name, strlen(name));
}

static ssize_t table_write(struct file *file, const char __user *buf, size_t size,
			   loff_t *pos)
{
	char name[16] = { };
	unsigned int i;
	int err;

	if (size >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buf, size))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		if (!sysfs_streq(name, tables[i].name))
			continue;
		err = optable_replace(&tables[i]);
		return err ?: size;
	}
	return -EINVAL;
}

static const struct file_operations table_fops = {
	.owner	= THIS_MODULE,
	.read	= table_read,
	.write	= table_write,
};

static int __init optable_init(void)
{
	int err = -ENOMEM;

	domain = pks_domain_create("optable", PKS_DOMAIN_READONLY | PKS_DOMAIN_OPTIONAL);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	root = pks_domain_alloc(domain, sizeof(*root), GFP_KERNEL);
	if (root)
		err = optable_replace(&tables[0]);
	if (err) {
		pks_domain_free(domain, root);
		pks_domain_destroy(domain);
		return err;
	}

	dir = debugfs_create_dir("optable", NULL);
	debugfs_create_file("call", 0400, dir, NULL, &call_fops);
	debugfs_create_file("table", 0600, dir, NULL, &table_fops);
	debugfs_create_file("address", 0400, dir, NULL, &address_fops);
	return 0;
}

/* pks_domain_destroy() waits for tables that were replaced a moment ago. */
static void __exit optable_exit(void)
{
	debugfs_remove(dir);
	pks_domain_free(domain, rcu_access_pointer(root->table));
	pks_domain_free(domain, root);
	if (pks_domain_destroy(domain))
		pr_err("the domain is left behind\n");
}

module_init(optable_init);
module_exit(optable_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: function pointers that only their owner replaces");
PKS_IMPORT_NS();
