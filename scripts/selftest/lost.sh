# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Powers off before init can write the token.
# verdict: lost
. /guest/lib.sh

ok "before the power goes"
poweroff -f
