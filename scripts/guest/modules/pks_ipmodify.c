// SPDX-License-Identifier: GPL-2.0
/*
 * For scenarios: a hook that may change where do_kern_addr_fault() returns to, of
 * which a function can have but one, as livepatches have it. This one changes nothing.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/string.h>

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
	char name[] = "do_kern_addr_fault";
	int err;

	err = ftrace_set_filter(&ipmodify_ops, name, strlen(name), 1);
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
