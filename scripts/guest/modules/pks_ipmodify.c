// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios: a hook that may change where functions go, of which each can have but
 * one, as livepatches have it. This one changes nothing.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/string.h>

static char *functions[4] = { "do_kern_addr_fault" };
static int count = 1;
module_param_array(functions, charp, &count, 0444);
MODULE_PARM_DESC(functions, "the functions to take");

static void notrace ipmodify_hook(unsigned long ip, unsigned long parent_ip,
				  struct ftrace_ops *ops,
				  struct ftrace_regs *fregs)
{
}

static struct ftrace_ops ipmodify_ops = {
	.func	= ipmodify_hook,
	.flags	= FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

static int __init ipmodify_init(void)
{
	int err = 0;
	int i;

	for (i = 0; i < count && !err; i++)
		err = ftrace_set_filter(&ipmodify_ops, functions[i],
					strlen(functions[i]), 0);
	if (!err)
		err = register_ftrace_function(&ipmodify_ops);
	if (err)
		ftrace_free_filter(&ipmodify_ops);
	return err;
}

static void __exit ipmodify_exit(void)
{
	unregister_ftrace_function(&ipmodify_ops);
	ftrace_free_filter(&ipmodify_ops);
}

module_init(ipmodify_init);
module_exit(ipmodify_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test help: somebody else's hook on the kernel's fault path");
