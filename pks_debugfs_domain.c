// SPDX-License-Identifier: GPL-2.0
/* /sys/kernel/debug/pks: domains, the table; domain/<name>/, each; audit. */
#include "pks_domain.h"
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>

static struct dentry *pks_domain_dir;

static u64 pks_stat(const struct pks_dom *dom, size_t offset)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*(u64 *)((void *)per_cpu_ptr(dom->stats, cpu) + offset));
	return sum;
}

#define PKS_STAT(dom, member)	\
	pks_stat(dom, offsetof(struct pks_domain_stats, member))

static unsigned long pks_domain_faults(const struct pks_dom *dom)
{
	struct pks_fault_counts *counts = &pks_keys[dom->pub.pkey].counts;

	if (!dom->pub.pkey)
		return 0;
	return atomic_long_read(&counts->reads) + atomic_long_read(&counts->writes);
}

static const char *pks_domain_kind(const struct pks_dom *dom)
{
	if (!dom->pub.pkey)
		return "unprotected";
	if (pks_key_abandoned(dom->pub.pkey))
		return "abandoned";
	return dom->attrs & PKS_DOMAIN_READONLY ? "read-only" : "closed";
}

static int domains_show(struct seq_file *m, void *unused)
{
	struct pks_dom *dom;

	seq_puts(m, "key  domain                           owner             others       KiB    of KiB  violations\n");
	mutex_lock(&pks_domain_mutex);
	list_for_each_entry(dom, &pks_domains, node)
		seq_printf(m, "%3d  %-31s  %-16s  %-11s  %4lu  %8lu  %10lu\n",
			   dom->pub.pkey, dom->name, dom->owner_name,
			   pks_domain_kind(dom),
			   (dom->used + dom->foreign) << (PAGE_SHIFT - 10),
			   (dom->pages + dom->foreign) << (PAGE_SHIFT - 10),
			   pks_domain_faults(dom));
	mutex_unlock(&pks_domain_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(domains);

static int info_show(struct seq_file *m, void *unused)
{
	struct pks_dom *dom = m->private;

	seq_printf(m, "name:       %s\n", dom->name);
	seq_printf(m, "owner:      %s\n", dom->owner_name);
	seq_printf(m, "key:        %d\n", dom->pub.pkey);
	seq_printf(m, "others:     %s\n", pks_domain_kind(dom));
	if (dom->pub.pkey)
		seq_printf(m, "policy:     %s\n",
			   pks_policy_name(pks_keys[dom->pub.pkey].policy));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(info);

static const char *pks_area_text(const struct pks_area *area)
{
	return area->kind == PKS_AREA_VMALLOC ? "area" : "owner's pages";
}

static void pks_show_chunks(struct seq_file *m, struct pks_dom *dom)
{
	unsigned int large = 0, small = 0, empty = 0, room;
	struct pks_chunk *chunk;
	unsigned long flags;

	for (room = 0; room < PKS_ROOMS; room++) {
		raw_spin_lock_irqsave(&dom->lock, flags);
		list_for_each_entry(chunk, &dom->chunks[room], area.node) {
			large += chunk->large;
			small += !chunk->large;
			empty += !chunk->used;
		}
		raw_spin_unlock_irqrestore(&dom->lock, flags);
	}
	seq_printf(m, "chunks:     %u of 2 MiB in one piece, %u smaller or in pieces, %u of them empty\n",
		   large, small, empty);
}

static int memory_show(struct seq_file *m, void *unused)
{
	struct pks_dom *dom = m->private;
	struct pks_area *area;

	mutex_lock(&dom->mutex);
	seq_printf(m, "pages:      %lu, of which %lu are in use (%lu %%)\n", dom->pages,
		   dom->used, dom->pages ? dom->used * 100 / dom->pages : 0);
	if (dom->lost)
		seq_printf(m, "lost:       %lu pages\n", dom->lost);
	seq_printf(m, "owner's:    %lu pages\n", dom->foreign);
	pks_show_chunks(m, dom);
	seq_printf(m, "splits:     %u large pages of the direct map\n", dom->splits);
	seq_puts(m, "\nareas              pages\n");
	list_for_each_entry(area, &dom->areas, node)
		seq_printf(m, "%-15s  %7lu\n", pks_area_text(area),
			   (area->end - area->start) >> PAGE_SHIFT);
	pks_caches_show(m, dom);
	mutex_unlock(&dom->mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(memory);

static int stats_show(struct seq_file *m, void *unused)
{
	struct pks_dom *dom = m->private;

	seq_printf(m, "scopes:     %llu\n", PKS_STAT(dom, scopes));
	seq_printf(m, "writes:     %llu\n", PKS_STAT(dom, writes));
	seq_printf(m, "bytes:      %llu\n", PKS_STAT(dom, bytes));
	seq_printf(m, "violations: %lu\n", pks_domain_faults(dom));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int policy_show(struct seq_file *m, void *unused)
{
	struct pks_dom *dom = m->private;

	seq_printf(m, "%s\n", dom->pub.pkey ?
		   pks_policy_name(pks_keys[dom->pub.pkey].policy) : "none");
	return 0;
}

static ssize_t policy_write(struct file *file, const char __user *text,
			    size_t len, loff_t *pos)
{
	struct pks_dom *dom = ((struct seq_file *)file->private_data)->private;
	char name[16];
	int policy, err;

	if (!dom->pub.pkey)
		return -EOPNOTSUPP;
	err = pks_debugfs_text(name, sizeof(name), text, len);
	if (err)
		return err;
	policy = pks_policy_parse(strim(name));
	err = policy < 0 ? -EINVAL : pks_policy_set(dom->pub.pkey, policy);
	return err ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(policy);

/* An audit may find more than fits: only so much is listed. */
#define PKS_AUDIT_LINES	1000

struct pks_audit_list {
	struct seq_file		*m;
	unsigned int		lines;
};

static void pks_audit_line(const struct pks_audit_finding *finding, void *data)
{
	struct pks_audit_list *list = data;

	if (list->lines++ >= PKS_AUDIT_LINES)
		return;
	seq_printf(list->m, "0x%016lx  %7lu  0x%09lx  %3d  ", finding->addr,
		   finding->size >> 10, finding->pfn, finding->pkey);
	if (!finding->dom)
		seq_puts(list->m, "has a key, and is no domain's\n");
	else
		seq_printf(list->m, "lacks key %d of domain %s\n",
			   finding->dom->pub.pkey, finding->dom->name);
}

static int audit_show(struct seq_file *m, void *unused)
{
	struct pks_audit_list list = { .m = m };

	seq_puts(m, "address                 KiB  frame        key  what\n");
	seq_printf(m, "findings: %lu\n", pks_audit(pks_audit_line, &list));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(audit);

void pks_debugfs_domain_add(struct pks_dom *dom)
{
	dom->dir = debugfs_create_dir(dom->name, pks_domain_dir);
	debugfs_create_file("info", 0444, dom->dir, dom, &info_fops);
	debugfs_create_file("memory", 0444, dom->dir, dom, &memory_fops);
	debugfs_create_file("stats", 0444, dom->dir, dom, &stats_fops);
	debugfs_create_file("policy", 0644, dom->dir, dom, &policy_fops);
}

/* On return no one is in its files any more. */
void pks_debugfs_domain_del(struct pks_dom *dom)
{
	debugfs_remove(dom->dir);
}

void pks_debugfs_domains_init(struct dentry *parent)
{
	pks_domain_dir = debugfs_create_dir("domain", parent);
	debugfs_create_file("domains", 0444, parent, NULL, &domains_fops);
	debugfs_create_file("audit", 0400, parent, NULL, &audit_fops);
}
