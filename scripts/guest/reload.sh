# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Load, use and unload, again and again: nothing may stay behind, on no CPU.
# expect: 0-9999 BUG: PKS: (read of|write to)
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault

round() {
	try "load pks.ko, round $1" insmod /modules/pks.ko || return
	insmod /modules/vault.ko
	echo "secret $1" >$vault/secret
	try "use it, round $1" has "secret $1" $vault/secret
	try "it protects, round $1" has "noaccess +stopped +stopped" $vault/rights
	insmod /modules/intruder.ko address="$(cat $vault/address)"
	rmmod intruder
	rmmod vault
	try "unload it, round $1" rmmod pks
	refuse "nothing of it is left in debugfs, round $1" test -e $pks
}

for nr in 1 2 3 4 5; do
	round $nr
done
try "load it with irq_isolation=0" insmod /modules/pks.ko irq_isolation=0
try "status: interrupts are not isolated" has "irq isolation: +off" $pks/status
echo 1 >$pks/irq_isolation
try "status: now they are" has "irq isolation: +on" $pks/status
try "unload it" rmmod pks
kunit /modules/pks_off_kunit.ko
