// SPDX-License-Identifier: GPL-2.0
/*
 * expect sparse: different address spaces
 * expect sparse: symbol 'planted_global' was not declared
 * expect sparse: Using plain integer as NULL pointer
 */
#include <linux/compiler.h>
#include <linux/percpu.h>

int planted_global;
int planted_read(const int __user *from);

int planted_read(const int __user *from)
{
	const int *p = 0;

	p = from;
	return *p + this_cpu_read(planted_global);
}
