// SPDX-License-Identifier: GPL-2.0
/*
 * Writes all over an area of vmalloc()'s, and over its pages where the direct map has
 * them, again and again until it is unloaded. Knows nothing of pks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

/* As many bytes apart. */
#define STEP	512

static unsigned long address;
module_param(address, ulong, 0400);
static unsigned int pages;
module_param(pages, uint, 0400);
static unsigned long made;
module_param(made, ulong, 0400);
MODULE_PARM_DESC(made, "How many writes went through");
static unsigned long stopped;
module_param(stopped, ulong, 0400);
MODULE_PARM_DESC(stopped, "How many did not");
static unsigned long alias;
module_param(alias, ulong, 0400);
MODULE_PARM_DESC(alias, "Where the direct map has the first page");

static struct task_struct *thread;

static void *alias_of(unsigned long addr)
{
	return page_address(vmalloc_to_page((void *)addr));
}

static noinline void scribble_on(char *where)
{
	char byte = '!';

	__put_kernel_nofault(where, &byte, char, failed);
	made++;
	return;
failed:
	stopped++;
}

static void scribble_page(unsigned long addr)
{
	char *here = (char *)addr, *there = alias_of(addr);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE; i += STEP) {
		scribble_on(here + i);
		scribble_on(there + i + STEP / 2);
	}
	cond_resched();
}

static int scribble(void *unused)
{
	unsigned int i;

	do {
		for (i = 0; i < pages && !kthread_should_stop(); i++)
			scribble_page(address + i * PAGE_SIZE);
	} while (!kthread_should_stop());
	return 0;
}

static int __init scribble_init(void)
{
	if (!is_vmalloc_addr((void *)address) || !pages)
		return -EINVAL;
	alias = (unsigned long)alias_of(address);
	thread = kthread_run(scribble, NULL, "scribble");
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit scribble_exit(void)
{
	kthread_stop(thread);
	pr_info("%lu writes made, %lu stopped\n", made, stopped);
}

module_init(scribble_init);
module_exit(scribble_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For the scenarios of pks: stray writes without end");
