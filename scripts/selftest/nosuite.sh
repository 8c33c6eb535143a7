# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A module that should bring KUnit suites and brings none.
# verdict: failing
# case: not ok provoke.ko has no suite in /sys/kernel/debug/kunit
. /guest/lib.sh

kunit /modules/provoke.ko
