# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# One case of two fails.
# verdict: failing
. /guest/lib.sh

ok "this passes"
not_ok "this does not"
