// SPDX-License-Identifier: GPL-2.0
/*
 * Has the nth allocation fail of whoever loads pks.ko, counted from when the kernel's own
 * loader is nearly through: it warns where its own allocations fail.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/string.h>

static unsigned int nth;
module_param(nth, uint, 0600);
MODULE_PARM_DESC(nth, "Which one; 0: none");

static int failinit_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct module *module = data;

	if (event == MODULE_STATE_COMING && !strcmp(module->name, "pks"))
		current->fail_nth = nth;
	return NOTIFY_DONE;
}

static struct notifier_block failinit_nb = {
	.notifier_call	= failinit_event,
	/* After all others. */
	.priority	= INT_MIN,
};

static int __init failinit_init(void)
{
	return register_module_notifier(&failinit_nb);
}

static void __exit failinit_exit(void)
{
	unregister_module_notifier(&failinit_nb);
}

module_init(failinit_init);
module_exit(failinit_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("For the scenarios of pks: allocations that fail while pks.ko is loaded");
