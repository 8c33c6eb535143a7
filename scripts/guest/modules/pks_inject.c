// SPDX-License-Identifier: GPL-2.0
/*
 * Operations for failnth.c: writing to a file in debugfs pks_inject does one, in the
 * process that writes, from its start to its end, with a domain of its own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/pks_domain.h>
#include <linux/vmalloc.h>

static struct dentry *inject_dir;

static int inject_key(int flags)
{
	int pkey = pks_key_alloc("inject", flags);

	if (pkey > 0)
		pks_key_free(pkey);
	return min(pkey, 0);
}

static int inject_exclusive(struct pks_domain *domain)
{
	return inject_key(0);
}

static int inject_shared(struct pks_domain *domain)
{
	return inject_key(PKS_FLAG_SHARED | PKS_FLAG_DEFAULT_READONLY);
}

/* The first scope of its process. */
static int inject_enter(struct pks_domain *domain)
{
	int former = pks_domain_enter(domain, PKS_READWRITE);

	pks_domain_leave(domain, former);
	return min(former, 0);
}

static enum pks_fault_action inject_fault(const struct pks_fault_info *info,
					  struct pt_regs *regs, void *data)
{
	return PKS_FAULT_DENY;
}

static int inject_handler(struct pks_domain *domain)
{
	int err = pks_set_fault_handler(domain->pkey, inject_fault, NULL);

	pks_set_fault_handler(domain->pkey, NULL, NULL);
	return err;
}

static int inject_policy(struct pks_domain *domain)
{
	return pks_set_policy(domain->pkey, PKS_POLICY_REPORT);
}

static int inject_default(struct pks_domain *domain)
{
	return pks_key_set_default(domain->pkey, PKS_READONLY);
}

static int inject_create(struct pks_domain *domain)
{
	struct pks_domain *other = pks_domain_create("inject-other", 0);

	if (IS_ERR(other))
		return PTR_ERR(other);
	return pks_domain_destroy(other);
}

static int inject_pages(struct pks_domain *domain)
{
	void *pages = pks_domain_alloc_pages(domain, 2, GFP_KERNEL);

	pks_domain_free_pages(domain, pages, 2);
	return pages ? 0 : -ENOMEM;
}

static int inject_object(struct pks_domain *domain)
{
	static const u64 value = 1;
	u64 *object = pks_domain_alloc(domain, sizeof(value), GFP_KERNEL);
	int err = object ? pks_write(domain, object, &value, sizeof(value)) : -ENOMEM;

	pks_domain_free(domain, object);
	return err;
}

static int inject_cache(struct pks_domain *domain)
{
	struct pks_cache *cache = pks_cache_create(domain, "inject", 200, 8);
	void *object;
	int err;

	if (IS_ERR(cache))
		return PTR_ERR(cache);
	object = pks_cache_alloc(cache, GFP_KERNEL);
	pks_cache_free_rcu(cache, object);
	err = pks_cache_destroy(cache);
	return err ?: object ? 0 : -ENOMEM;
}

static int inject_vmalloc(struct pks_domain *domain)
{
	void *area = pks_domain_vmalloc(domain, 70 * PAGE_SIZE);

	pks_domain_vfree(domain, area);
	return area ? 0 : -ENOMEM;
}

static int inject_taken(struct pks_domain *domain, void *addr)
{
	int err = addr ? pks_domain_protect(domain, addr, 4) : -ENOMEM;

	return err ?: pks_domain_unprotect(domain, addr, 4);
}

static int inject_protect(struct pks_domain *domain)
{
	unsigned long pages = __get_free_pages(GFP_KERNEL, 2);
	int err = inject_taken(domain, (void *)pages);

	free_pages(pages, 2);
	return err;
}

static int inject_protect_area(struct pks_domain *domain)
{
	void *area = vmalloc(4 * PAGE_SIZE);
	int err = inject_taken(domain, area);

	vfree(area);
	return err;
}

static const struct {
	const char	*name;
	int		(*op)(struct pks_domain *domain);
} inject_ops[] = {
	{ "key", inject_exclusive },
	{ "shared", inject_shared },
	{ "enter", inject_enter },
	{ "default", inject_default },
	{ "handler", inject_handler },
	{ "policy", inject_policy },
	{ "create", inject_create },
	{ "pages", inject_pages },
	{ "object", inject_object },
	{ "cache", inject_cache },
	{ "vmalloc", inject_vmalloc },
	{ "protect", inject_protect },
	{ "protect_area", inject_protect_area },
};

static ssize_t inject_do(struct file *file, const char __user *text, size_t len,
			 loff_t *pos)
{
	struct pks_domain *domain = pks_domain_create("inject", 0);
	unsigned long nr = (unsigned long)file->private_data;
	int err;

	if (IS_ERR(domain))
		return PTR_ERR(domain);
	err = inject_ops[nr].op(domain);
	/* If it left anything behind, this is -EBUSY. */
	return pks_domain_destroy(domain) ?: err ?: len;
}

static const struct file_operations inject_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= inject_do,
};

static int __init inject_init(void)
{
	unsigned long nr;

	inject_dir = debugfs_create_dir("pks_inject", NULL);
	for (nr = 0; nr < ARRAY_SIZE(inject_ops); nr++)
		debugfs_create_file(inject_ops[nr].name, 0200, inject_dir, (void *)nr,
				    &inject_fops);
	return 0;
}

static void __exit inject_exit(void)
{
	debugfs_remove(inject_dir);
}

module_init(inject_init);
module_exit(inject_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For the scenarios of pks: operations whose allocations are to fail");
PKS_IMPORT_NS();
