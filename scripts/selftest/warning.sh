# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The kernel WARNs, which the scenario did not declare.
# verdict: warning
. /guest/lib.sh

insmod /modules/provoke.ko kind=warn
ok "after the warning"
