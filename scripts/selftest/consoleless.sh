# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The last of the declared lines does not come.
# verdict: console
# console: console.txt
. /guest/lib.sh

kmsg "first: a block of" "second: two lines" "third: 3"
ok "after the messages"
