# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Policy panic: the machine's last words are the violation's, though the access has
# an exception-table entry.
# panic: PKS: read of no-access domain "vault"
# console: panic.txt
. /guest/lib.sh

insmod /modules/pks.ko policy=panic
insmod /modules/vault.ko
try "the policy is to panic" has "^ *1 +panic +.*vault" /sys/kernel/debug/pks/policy
echo "the eagle has landed" >/sys/kernel/debug/vault/secret
try "the vault's own accesses are none of its business" has "the eagle" /sys/kernel/debug/vault/secret
insmod /modules/pks_stray.ko address="$(cat /sys/kernel/debug/vault/address)"
echo try >/sys/kernel/debug/pks_stray/do
not_ok "the machine outlived a violation"
