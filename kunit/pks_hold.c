// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios that do things to the machine as a whole: threads that hold
 * rights, use them, and look all the time whether they, and only they, have them.
 * debugfs file pks_hold tells what they saw.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "pks_test.h"
#include "../pks_compat.h"
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>

#define PKS_HOLD_THREADS	9

static struct task_struct *pks_hold_threads[PKS_HOLD_THREADS];
static struct dentry *pks_hold_file;
static struct page *pks_hold_page;
static u64 *pks_hold_map;
static int pks_hold_key;
static atomic_t pks_hold_rounds = ATOMIC_INIT(0);
static atomic_t pks_hold_errors = ATOMIC_INIT(0);

static void pks_hold_expect(bool ok, const char *what)
{
	if (!ok && atomic_inc_return(&pks_hold_errors) < 10)
		pr_err("%s: not so: %s\n", current->comm, what);
}

/* The CPU may be another one each time. */
static void pks_hold_look(enum pks_access access)
{
	u32 word, msr;
	bool cr4;
	u64 val;

	preempt_disable();
	word = pks_current_pkrs();
	msr = pks_test_rdmsr();
	cr4 = pks_test_cr4_pks();
	preempt_enable();

	pks_hold_expect(cr4, "CR4.PKS is set");
	pks_hold_expect(word == msr, "the MSR is what the word says");
	pks_hold_expect(((word >> 2 * pks_hold_key) & 3) == access,
			"the thread has its own rights");
	pks_hold_expect(!pks_try_read(pks_hold_map, &val) ==
			(access != PKS_NOACCESS), "reads are as they should be");
	pks_hold_expect(!pks_try_write(pks_hold_map, 1) ==
			(access == PKS_READWRITE), "writes are as they should be");
	atomic_inc(&pks_hold_rounds);
}

/* Sleeps with the key open. */
static int pks_hold_run(void *data)
{
	enum pks_access access = (unsigned long)data;
	int former = pks_enter(pks_hold_key, access);

	while (!kthread_should_stop()) {
		pks_hold_look(access);
		usleep_range(500, 5000);
	}
	pks_leave(pks_hold_key, former);
	pks_hold_look(PKS_NOACCESS);
	return 0;
}

/*
 * After a suspend, on the first CPU, before any thread is switched: that would put
 * the MSR right by the way. Callbacks run in the order in which modules came.
 */
static void pks_hold_resume(void)
{
	pks_hold_expect(pks_test_cr4_pks(), "CR4.PKS came back");
	pks_hold_expect(pks_test_rdmsr() == pks_current_pkrs(),
			"PKRS came back before anything else runs");
}

PKS_DEFINE_SYSCORE(pks_hold_syscore, pks_hold_resume);

static int pks_hold_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "rounds: %d\n", atomic_read(&pks_hold_rounds));
	seq_printf(m, "errors: %d\n", atomic_read(&pks_hold_errors));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pks_hold);

static void pks_hold_cleanup(void)
{
	int i;

	unregister_syscore(&pks_hold_syscore);
	debugfs_remove(pks_hold_file);
	for (i = 0; i < PKS_HOLD_THREADS; i++) {
		if (!IS_ERR_OR_NULL(pks_hold_threads[i]))
			kthread_stop(pks_hold_threads[i]);
	}
	if (pks_hold_map)
		vunmap(pks_hold_map);
	if (pks_hold_page)
		__free_page(pks_hold_page);
	pks_key_free(pks_hold_key);
}

static int __init pks_hold_init(void)
{
	static const enum pks_access accesses[] = {
		PKS_READWRITE, PKS_READONLY, PKS_NOACCESS
	};
	unsigned long access;
	int i;

	pks_hold_key = pks_key_alloc("hold", 0);
	if (pks_hold_key < 0)
		return pks_hold_key;
	register_syscore(&pks_hold_syscore);
	pks_hold_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (pks_hold_page)
		pks_hold_map = vmap(&pks_hold_page, 1, VM_MAP,
				    PAGE_KERNEL_PKEY(pks_hold_key));
	if (!pks_hold_map) {
		pks_hold_cleanup();
		return -ENOMEM;
	}
	for (i = 0; i < PKS_HOLD_THREADS; i++) {
		access = accesses[i % ARRAY_SIZE(accesses)];
		pks_hold_threads[i] = kthread_run(pks_hold_run, (void *)access,
						  "pks-hold-%d", i);
	}
	pks_hold_file = debugfs_create_file("pks_hold", 0444, NULL, NULL,
					    &pks_hold_fops);
	return 0;
}

module_init(pks_hold_init);
module_exit(pks_hold_cleanup);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test help: threads that hold rights and look after them");
PKS_IMPORT_NS();
