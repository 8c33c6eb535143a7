// SPDX-License-Identifier: GPL-2.0
/*
 * Some other module, with a stray pointer: reads and writes kernel memory that is
 * none of its business, and says what came of it. It knows nothing of pks.
 *
 * Its accesses have entries in the exception table, so that the machine survives
 * the demonstration. Without, the first one would be an oops: stopped as well.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/uaccess.h>

static unsigned long address;
module_param(address, ulong, 0400);
MODULE_PARM_DESC(address, "Where to read and write");

static noinline bool stray_read(void *where, char *byte)
{
	__get_kernel_nofault(byte, where, char, stopped);
	return true;
stopped:
	return false;
}

static noinline bool stray_write(void *where)
{
	char byte = '!';

	__put_kernel_nofault(where, &byte, char, stopped);
	return true;
stopped:
	return false;
}

static int __init intruder_init(void)
{
	void *where = (void *)address;
	char byte = 0;

	if (!address)
		return -EINVAL;
	if (stray_read(where, &byte))
		pr_info("stray read: got '%c'\n", byte);
	else
		pr_info("stray read: stopped\n");
	pr_info("stray write: %s\n", stray_write(where) ? "done" : "stopped");
	return 0;
}

static void __exit intruder_exit(void) { }

module_init(intruder_init);
module_exit(intruder_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Sample: a module that strays into the memory of another");
