# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# KUnit cases of each outcome, in a suite whose module loads well all the same.
# verdict: failing
# case: ok provoke.passes
# case: not ok provoke.fails
# case: skip provoke.skips not today
# case: ok provoke.passes_rows (4 rows)
# case: not ok provoke.fails_a_row (4 rows)
. /guest/lib.sh

kunit /modules/provoke_kunit.ko
