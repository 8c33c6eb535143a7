# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A line too many, in the middle of a block.
# verdict: console
# console: console.txt
. /guest/lib.sh

kmsg "first: a block of" "anything" "second: two lines" "third: fine"
ok "after the messages"
