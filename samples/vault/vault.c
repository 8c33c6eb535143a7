// SPDX-License-Identifier: GPL-2.0
/*
 * A secret that only this module can reach, and only while it says so.
 *
 * /sys/kernel/debug/vault/
 *   secret	write it, read it back
 *   rights	what reads and writes get under each of the three rights
 *   address	where the secret is: no secret in itself, as intruder.ko shows
 *
 * Without PKS all of this works too, unprotected.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pks_domain.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define VAULT_SIZE	64

struct vault {
	char		secret[VAULT_SIZE];
	char		spare;			/* to try writing */
};

static DEFINE_MUTEX(vault_mutex);
static struct dentry *vault_dir;
static struct pks_domain *domain;
static struct vault *vault;

/* A scope: the domain is open for as long as the memcpy() takes. */
static ssize_t secret_read(struct file *file, char __user *buf, size_t size,
			   loff_t *pos)
{
	char copy[VAULT_SIZE];
	int former;

	mutex_lock(&vault_mutex);
	former = pks_domain_enter(domain, PKS_READONLY);
	if (former >= 0) {
		memcpy(copy, vault->secret, VAULT_SIZE);
		pks_domain_leave(domain, former);
	}
	mutex_unlock(&vault_mutex);
	if (former < 0)
		return former;
	return simple_read_from_buffer(buf, size, pos, copy,
				       strnlen(copy, VAULT_SIZE));
}

/*
 * A single write needs no scope. The copy from user space may fault and sleep: it is
 * done first, with the domain closed.
 */
static ssize_t secret_write(struct file *file, const char __user *buf,
			    size_t size, loff_t *pos)
{
	char copy[VAULT_SIZE] = { };
	ssize_t len;
	int err;

	len = simple_write_to_buffer(copy, VAULT_SIZE, pos, buf, size);
	if (len < 0)
		return len;
	mutex_lock(&vault_mutex);
	err = pks_write(domain, vault->secret, copy, VAULT_SIZE);
	mutex_unlock(&vault_mutex);
	return err ?: len;
}

static const struct file_operations secret_fops = {
	.owner	= THIS_MODULE,
	.read	= secret_read,
	.write	= secret_write,
};

static bool vault_can_read(void)
{
	char byte;

	__get_kernel_nofault(&byte, &vault->spare, char, stopped);
	return true;
stopped:
	return false;
}

static bool vault_can_write(void)
{
	char byte = '\0';

	__put_kernel_nofault(&vault->spare, &byte, char, stopped);
	return true;
stopped:
	return false;
}

/* The file's buffer may have to grow, which sleeps: the scope ends before. */
static int rights_row(struct seq_file *m, const char *name, enum pks_access access)
{
	int former = pks_domain_enter(domain, access);
	bool can_read, can_write;

	if (former < 0)
		return former;
	can_read = vault_can_read();
	can_write = vault_can_write();
	pks_domain_leave(domain, former);
	seq_printf(m, "%-10s  %-7s  %s\n", name,
		   can_read ? "works" : "stopped",
		   can_write ? "works" : "stopped");
	return 0;
}

static int rights_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "rights      read     write\n");
	return rights_row(m, "noaccess", PKS_NOACCESS) ?:
	       rights_row(m, "readonly", PKS_READONLY) ?:
	       rights_row(m, "readwrite", PKS_READWRITE);
}
DEFINE_SHOW_ATTRIBUTE(rights);

static int address_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%#lx\n", (unsigned long)vault);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(address);

static int __init vault_init(void)
{
	domain = pks_domain_create("vault", PKS_DOMAIN_OPTIONAL);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	vault = pks_domain_alloc(domain, sizeof(*vault), GFP_KERNEL);
	if (!vault) {
		pks_domain_destroy(domain);
		return -ENOMEM;
	}

	vault_dir = debugfs_create_dir("vault", NULL);
	debugfs_create_file("secret", 0600, vault_dir, NULL, &secret_fops);
	debugfs_create_file("rights", 0400, vault_dir, NULL, &rights_fops);
	debugfs_create_file("address", 0400, vault_dir, NULL, &address_fops);
	pr_info("%s\n", domain->pkey ? "protected" : "not protected: there is no PKS");
	return 0;
}

/* The secret is zeroed as it is freed. */
static void __exit vault_exit(void)
{
	debugfs_remove(vault_dir);
	pks_domain_free(domain, vault);
	if (pks_domain_destroy(domain))
		pr_err("the domain is left behind\n");
}

module_init(vault_init);
module_exit(vault_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: a secret that only its owner reaches");
PKS_IMPORT_NS();
