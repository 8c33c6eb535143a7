# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The console is as declared; what is declared is no fault, whatever it looks like.
# verdict: good
# console: console.txt
. /guest/lib.sh

kmsg "first: not yet the block"
kmsg "first: a block of" "second: two lines"
kmsg "anything"
kmsg "third: fine"
ok "after the messages"
