// SPDX-License-Identifier: GPL-2.0
/*
 * A secret in a page that only this module can reach, and only while it says so.
 *
 * /sys/kernel/debug/vault/
 *   secret	write it, read it back: the module opens its key for as long as a
 *		memcpy() takes
 *   rights	what reads and writes get under each of the three rights
 *   address	where the secret is: no secret in itself, as intruder.ko shows
 *
 * Without PKS all of this works too, unprotected.
 *
 * The page's place in the kernel's direct map is a second way to the secret,
 * and stays open: what is shown here is a key on one mapping.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pks.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define VAULT_SIZE	64

static DEFINE_MUTEX(vault_mutex);
static struct dentry *vault_dir;
static struct page *vault_page;
static char *vault;
static int vault_pkey;

static ssize_t secret_read(struct file *file, char __user *buf, size_t size,
			   loff_t *pos)
{
	char copy[VAULT_SIZE];

	mutex_lock(&vault_mutex);
	pks_mk_readonly(vault_pkey);
	memcpy(copy, vault, VAULT_SIZE);
	pks_mk_noaccess(vault_pkey);
	mutex_unlock(&vault_mutex);
	return simple_read_from_buffer(buf, size, pos, copy,
				       strnlen(copy, VAULT_SIZE));
}

/* The copy from user space may fault and sleep: it is done with the key closed. */
static ssize_t secret_write(struct file *file, const char __user *buf,
			    size_t size, loff_t *pos)
{
	char copy[VAULT_SIZE] = { };
	ssize_t len;

	len = simple_write_to_buffer(copy, VAULT_SIZE, pos, buf, size);
	if (len < 0)
		return len;
	mutex_lock(&vault_mutex);
	pks_mk_readwrite(vault_pkey);
	memcpy(vault, copy, VAULT_SIZE);
	pks_mk_noaccess(vault_pkey);
	mutex_unlock(&vault_mutex);
	return len;
}

static const struct file_operations secret_fops = {
	.owner	= THIS_MODULE,
	.read	= secret_read,
	.write	= secret_write,
};

static bool vault_can_read(void)
{
	char byte;

	__get_kernel_nofault(&byte, vault, char, stopped);
	return true;
stopped:
	return false;
}

/* Behind the secret, which it leaves as it is. */
static bool vault_can_write(void)
{
	char byte = '\0';

	__put_kernel_nofault(vault + VAULT_SIZE, &byte, char, stopped);
	return true;
stopped:
	return false;
}

static void rights_row(struct seq_file *m, const char *rights)
{
	bool can_read = vault_can_read(), can_write = vault_can_write();

	/* The file's buffer may have to grow, which sleeps: close the key first. */
	pks_mk_noaccess(vault_pkey);
	seq_printf(m, "%-10s  %-7s  %s\n", rights,
		   can_read ? "works" : "stopped",
		   can_write ? "works" : "stopped");
}

static int rights_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "rights      read     write\n");
	mutex_lock(&vault_mutex);
	pks_mk_noaccess(vault_pkey);
	rights_row(m, "noaccess");
	pks_mk_readonly(vault_pkey);
	rights_row(m, "readonly");
	pks_mk_readwrite(vault_pkey);
	rights_row(m, "readwrite");
	mutex_unlock(&vault_mutex);
	return 0;
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
	int err = -ENOMEM;

	vault_pkey = pks_key_alloc("vault", PKS_FLAG_EXCLUSIVE);
	if (vault_pkey < 0 && vault_pkey != -EOPNOTSUPP)
		return vault_pkey;

	vault_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!vault_page)
		goto err_key;
	/* An ordinary mapping if there are no keys. */
	vault = vmap(&vault_page, 1, VM_MAP, PAGE_KERNEL_PKEY(vault_pkey));
	if (!vault)
		goto err_page;

	vault_dir = debugfs_create_dir("vault", NULL);
	debugfs_create_file("secret", 0600, vault_dir, NULL, &secret_fops);
	debugfs_create_file("rights", 0400, vault_dir, NULL, &rights_fops);
	debugfs_create_file("address", 0400, vault_dir, NULL, &address_fops);
	pr_info("%s\n", pks_available() ? "protected" : "not protected: there is no PKS");
	return 0;

err_page:
	__free_page(vault_page);
err_key:
	if (vault_pkey > 0)
		pks_key_free(vault_pkey);
	return err;
}

/* The mapping goes before the key: nothing tagged may be left for its next owner. */
static void __exit vault_exit(void)
{
	debugfs_remove(vault_dir);
	vunmap(vault);
	__free_page(vault_page);
	if (vault_pkey > 0)
		pks_key_free(vault_pkey);
}

module_init(vault_init);
module_exit(vault_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample user of pks: a secret that only its owner reaches");
PKS_IMPORT_NS();
