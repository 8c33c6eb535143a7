# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Debian's own kernels: every sample, and a hundred times loaded and unloaded.
# kernel: stock backports
# flavours: any
# machines: any
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 600
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault
optable=/sys/kernel/debug/optable
times=100

stopped() {
	awk '$1 == 1 { print $6 }' $pks/policy
}

# One round is silent unless something is wrong.
round() {
	insmod /modules/pks.ko && insmod /modules/vault.ko || return
	echo "secret $1" >$vault/secret
	has "secret $1" $vault/secret || return
	rmmod vault && rmmod pks || return
	[ ! -e $pks ]
}

rounds() {
	local nr=1

	while [ $nr -le $times ]; do
		round $nr || { echo "round $nr"; return 1; }
		nr=$((nr + 1))
	done
}

try "load pks.ko" insmod /modules/pks.ko
try "PKS is on in every CPU" has "set on $(nproc) of $(nproc) CPUs" $pks/status
try "interrupts are isolated" has "irq isolation: +on" $pks/status
try "violations are stopped without a warning by the kernel" has "fault hook: +on" $pks/status
try "violations can be carried out" has "audit: +on" $pks/status

try "load vault.ko" insmod /modules/vault.ko
echo "the eagle has landed" >$vault/secret
try "the vault protects: noaccess" has "noaccess +stopped +stopped" $vault/rights
try "the vault protects: readonly" has "readonly +works +stopped" $vault/rights
try "the vault opens: readwrite" has "readwrite +works +works" $vault/rights
before=$(stopped)
try "load intruder.ko" insmod /modules/intruder.ko address="$(cat $vault/address)"
try "its accesses were stopped" [ "$(stopped)" = $((before + 2)) ]
try "the secret is what it was" has "the eagle has landed" $vault/secret

# What has its addresses afterwards has done nothing.
try "unload intruder.ko" rmmod intruder
try "load optable.ko" insmod /modules/optable.ko
try "replace the table" sh -c "echo multiply >$optable/table"
try "calls go to the new one" has "^42$" $optable/call

try "load ramdisk.ko" insmod /modules/ramdisk.ko size_mb=8
dd if=/dev/urandom of=/tmp/random bs=64k count=64 2>/dev/null
try "it keeps what is written" sh -c "cat /tmp/random >/dev/ramdisk && cmp -n 4194304 /tmp/random /dev/ramdisk"
try "who did it is still told when it has gone" \
	has 'write to no-access domain "vault" in stray_write.* \[intruder\]' $pks/faults
try "but not from where in it" has "code of a module that has gone" $pks/faults
refuse "and nobody else is named" grep -E "(optable|ramdisk)\]$" $pks/faults
try "the audit finds nothing" has "findings: 0" $pks/audit
try "unload the samples" rmmod vault optable ramdisk
try "no key is left taken" [ "$(wc -l <$pks/keys)" = 1 ]
try "unload pks.ko" rmmod pks

try "$times times loaded, used and unloaded" rounds
refuse "nothing of it is left in debugfs" test -e $pks
refuse "no warning in the log" sh -c "dmesg | grep -v 'BUG: PKS: ' | grep -E 'WARNING|BUG|Oops'"
