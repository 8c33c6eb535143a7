# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The scenario script itself breaks off.
# verdict: failing
. /guest/lib.sh

ok "so far so good"
exit 3
