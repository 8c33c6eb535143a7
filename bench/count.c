// SPDX-License-Identifier: GPL-2.0
/* The counter of count.h. */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/types.h>
#include "bench.h"

u32 pks_writes;
EXPORT_SYMBOL_GPL(pks_writes);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts writes of PKRS");
