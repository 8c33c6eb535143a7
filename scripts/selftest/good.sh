# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Nothing wrong: a harness that fails this one fails everything.
# verdict: good
. /guest/lib.sh

ok "all is well"
