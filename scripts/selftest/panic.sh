# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Passes a case, then the kernel panics.
# verdict: panic
. /guest/lib.sh

ok "before the panic"
echo c >/proc/sysrq-trigger
