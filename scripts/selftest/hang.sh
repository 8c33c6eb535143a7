# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Never ends.
# verdict: hang
# timeout: 20
. /guest/lib.sh

ok "before the hang"
while :; do :; done
