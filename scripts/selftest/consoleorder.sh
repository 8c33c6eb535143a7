# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# All that was declared comes, in another order.
# verdict: console
# console: console.txt
. /guest/lib.sh

kmsg "third: fine" "first: a block of" "second: two lines"
ok "after the messages"
