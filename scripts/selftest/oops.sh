# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The kernel oopses and lives on; the scenario sees nothing of it.
# verdict: oops
. /guest/lib.sh

insmod /modules/provoke.ko kind=oops
ok "after the oops"
