// SPDX-License-Identifier: GPL-2.0
/* The suites of pks_kunit.ko. */
#include "pks_test.h"
#include <linux/module.h>

kunit_test_suites(&pks_absent_suite, &pks_keys_suite, &pks_cpus_suite,
		  &pks_faults_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of pks");
PKS_IMPORT_NS();
