// SPDX-License-Identifier: GPL-2.0
/*
 * expect kernel-doc: 'b' not described in 'planted_sum'
 * expect kernel-doc: No description found for return value of 'planted_sum'
 * expect exports: planted_secret() is exported and has no kernel-doc
 * expect exports: planted_sum() does not say in which context
 */
#include <linux/export.h>

int planted_sum(int a, int b);
int planted_secret(void);

/**
 * planted_sum - add
 * @a: something
 */
int planted_sum(int a, int b)
{
	return a + b;
}
EXPORT_SYMBOL_GPL(planted_sum);

int planted_secret(void)
{
	return 1;
}
EXPORT_SYMBOL_GPL(planted_secret);
