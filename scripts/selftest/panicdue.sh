# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The panic that was declared.
# verdict: good
# panic: sysrq triggered crash
. /guest/lib.sh

ok "before the panic"
echo c >/proc/sysrq-trigger
not_ok "after the panic"
