// SPDX-License-Identifier: GPL-2.0
/*
 * expect gcc: -Wunused-const-variable
 * expect gcc: -Wmissing-prototypes
 * expect clang: -Wunused-const-variable
 * expect clang: -Wmissing-prototypes
 */
#include <linux/types.h>

/* The first is only looked for with W=1. */
static const u32 planted_unused = 1;

u32 planted_undeclared(u32 n)
{
	return n + 1;
}
