// SPDX-License-Identifier: GPL-2.0
/* For scenarios: a livepatch of a function that matters to nobody. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

/* In place of that of /proc/cmdline. */
static int livepatch_cmdline(struct seq_file *m, void *unused)
{
	seq_puts(m, "livepatched\n");
	return 0;
}

static struct klp_func livepatch_funcs[] = {
	{
		.old_name = "cmdline_proc_show",
		.new_func = livepatch_cmdline,
	},
	{}
};

/* No name: vmlinux. */
static struct klp_object livepatch_objs[] = {
	{
		.funcs = livepatch_funcs,
	},
	{}
};

static struct klp_patch livepatch_patch = {
	.mod	= THIS_MODULE,
	.objs	= livepatch_objs,
};

static int __init livepatch_init(void)
{
	return klp_enable_patch(&livepatch_patch);
}

/* Taken away by way of sysfs; then the module may go. */
static void __exit livepatch_exit(void) { }

module_init(livepatch_init);
module_exit(livepatch_exit);

MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Test help: a livepatch");
