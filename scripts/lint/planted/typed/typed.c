// SPDX-License-Identifier: GPL-2.0
/*
 * pks_rcu_assign() takes what rcu_assign_pointer() takes: a pointer of the type that the
 * variable has, and no variable that is not one.
 *
 * expect gcc: incompatible-pointer-types
 * expect gcc: makes pointer from integer without a cast
 * expect gcc: invalid type argument of unary
 * expect clang: incompatible pointer types
 * expect clang: incompatible integer to pointer conversion
 * expect clang: indirection requires pointer operand
 */
#include <linux/module.h>
#include <linux/pks_domain.h>

static int __rcu *typed_pointer;
static int typed_integer;

static int __init typed_init(void)
{
	static long other;

	return pks_rcu_assign(NULL, &typed_pointer, &other) |
	       pks_rcu_assign(NULL, &typed_pointer, 8L) |
	       pks_rcu_assign(NULL, &typed_integer, 8);
}
module_init(typed_init);

MODULE_DESCRIPTION("What must not compile");
MODULE_LICENSE("GPL");
