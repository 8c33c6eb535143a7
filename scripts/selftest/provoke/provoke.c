// SPDX-License-Identifier: GPL-2.0
/*
 * What the harness must notice, on demand: insmod provoke.ko kind=oops, warn
 * or splat. It need not be unloaded: the machine is about to end.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

static char *kind = "none";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "what to provoke: oops, warn or splat");

static noinline void provoke_oops(void)
{
	READ_ONCE(*(int *)8);
}

static int __init provoke_init(void)
{
	if (!strcmp(kind, "oops"))
		provoke_oops();
	else if (!strcmp(kind, "warn"))
		WARN(1, "provoked\n");
	else if (!strcmp(kind, "splat"))
		pr_info("INFO: provoked\n");
	return 0;
}
module_init(provoke_init);

MODULE_DESCRIPTION("Faults on demand, to test the PKS test harness");
MODULE_LICENSE("GPL");
