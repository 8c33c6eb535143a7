// SPDX-License-Identifier: GPL-2.0
/*
 * For modpost, which is to look at sections though it knows no symbols of a kernel.
 *
 * expect gcc: section mismatch in reference: linked_late
 * expect clang: section mismatch in reference: linked_late
 */
#include <linux/init.h>
#include <linux/module.h>

int linked_late(void);

static int linked_early __initdata;

int linked_late(void)
{
	return READ_ONCE(linked_early);
}

MODULE_DESCRIPTION("A fault for each tool");
MODULE_LICENSE("GPL");
