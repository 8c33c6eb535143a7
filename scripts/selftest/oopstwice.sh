# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# One oops is declared, and two come.
# verdict: oops
# console: oopses.txt
. /guest/lib.sh

insmod /modules/provoke.ko kind=oops
kmsg "BUG: another one"
ok "after the oopses"
