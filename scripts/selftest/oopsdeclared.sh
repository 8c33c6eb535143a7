# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# An oops that is declared, line by line: the machine goes on to its end.
# verdict: good
# console: oopses.txt
. /guest/lib.sh

insmod /modules/provoke.ko kind=oops
# For longer than it would be given after any other.
sleep 15
ok "after the oops"
