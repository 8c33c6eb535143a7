# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The same warning, declared.
# verdict: good
# expect: 1 WARNING: .*provoke_init
. /guest/lib.sh

insmod /modules/provoke.ko kind=warn
ok "after the warning"
