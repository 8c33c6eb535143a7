# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Ends properly, having tested nothing.
# verdict: zero
. /guest/lib.sh

skip "the only case" "to see whether skipping it counts as success"
