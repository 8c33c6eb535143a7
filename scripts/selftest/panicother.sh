# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Another panic than the one that was declared.
# verdict: panic
# panic: PKS
. /guest/lib.sh

ok "before the panic"
echo c >/proc/sysrq-trigger
not_ok "after the panic"
