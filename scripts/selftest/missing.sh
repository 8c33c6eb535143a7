# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Declares two warnings, and one comes.
# verdict: expect
# expect: 2-3 WARNING: .*provoke_init
. /guest/lib.sh

insmod /modules/provoke.ko kind=warn
ok "after the warning"
