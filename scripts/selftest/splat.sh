# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A complaint that is no WARNING.
# verdict: splat
. /guest/lib.sh

insmod /modules/provoke.ko kind=splat
ok "after the complaint"
