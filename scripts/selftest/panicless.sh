# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A panic is declared, and does not come.
# verdict: expect
# panic: sysrq triggered crash
. /guest/lib.sh

ok "before the end"
