// SPDX-License-Identifier: GPL-2.0
/* The suites of pks_kunit.ko. */
#include "pks_test.h"
#include <linux/module.h>

kunit_test_suites(&pks_absent_suite, &pks_keys_suite, &pks_cpus_suite,
		  &pks_faults_suite, &pks_threads_suite, &pks_scopes_suite,
		  &pks_reset_suite, &pks_irq_suite, &pks_nmi_suite, &pks_debugfs_suite,
		  &pks_tamper_suite, &pks_report_suite, &pks_contexts_suite,
		  &pks_handlers_suite, &pks_policy_suite, &pks_audit_suite,
		  &pks_frames_suite, &pks_left_suite, &pks_nofault_suite,
		  &pks_abandon_suite, &pks_domain_suite,
		  &pks_memory_suite, &pks_objects_suite, &pks_writes_suite,
		  &pks_aliases_suite, &pks_machine_suite, &pks_trace_suite,
		  &pks_stress_suite);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of pks");
PKS_IMPORT_NS();
