# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A CPU without protection keys for supervisor pages: everything loads, says so
# and does no harm, and a module that uses keys works without them.
# vm: cpu=max,-pks smp=2
. /guest/lib.sh

dmesg -c >/dev/null
try "load pks.ko" insmod /modules/pks.ko
dmesg -c >/tmp/log
try "it says that it is not available, and why" has "pks: not available: the CPU has no PKS" /tmp/log
try "and says it once" [ "$(grep -c 'pks: not' /tmp/log)" = 1 ]
try "status says why" has "PKS: +the CPU has no PKS" /sys/kernel/debug/pks/status
for file in keys cpus threads matrix; do
	try "$file can be read" cat /sys/kernel/debug/pks/$file >/dev/null
done
kunit /modules/pks_kunit.ko
try "unload pks_kunit" rmmod pks_kunit

try "load vault.ko" insmod /modules/vault.ko
echo "the eagle has landed" >/sys/kernel/debug/vault/secret
try "the vault works, unprotected" has "the eagle has landed" /sys/kernel/debug/vault/secret
try "reads and writes work under any rights" has "noaccess +works +works" /sys/kernel/debug/vault/rights
try "unload vault" rmmod vault
try "load ramdisk.ko" insmod /modules/ramdisk.ko size_mb=2
dd if=/dev/urandom of=/tmp/random bs=64k count=32 2>/dev/null
try "the ramdisk works, unprotected" sh -c "cat /tmp/random >/dev/ramdisk && cmp /tmp/random /dev/ramdisk"
try "its domain is shown as what it is" has "0 +ramdisk +ramdisk +unprotected +2048" /sys/kernel/debug/pks/domains
try "load optable.ko" insmod /modules/optable.ko
try "replace the table" sh -c "echo multiply >/sys/kernel/debug/optable/table"
try "calls go to the new one" has "^42$" /sys/kernel/debug/optable/call
try "the audit finds nothing" has "findings: 0" /sys/kernel/debug/pks/audit
try "unload ramdisk and optable" rmmod ramdisk optable
try "unload pks" rmmod pks
