# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Run by scripts/package.sh: pks.ko as DKMS installed it, samples as they were built against
# packages; and what docs/install.md says of a kernel that is locked down.
# check: no
# expect: 5-8 BUG: PKS: (read of|write to)
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault

stray() {
	insmod /modules/intruder.ko address="$(cat $vault/address)"
	rmmod intruder
	dmesg | tail -n 40 >/tmp/stray
}

version=$(sed -n 's/.*guest\.version=\([^ ]*\).*/\1/p' /proc/cmdline)
try "modprobe finds pks.ko" modprobe pks
try "its version is $version" has "^$version$" /sys/module/pks/version
try "it is on" has "CR4.PKS: +set on 4 of 4" $pks/status
try "load vault.ko" insmod /modules/vault.ko
try "vault: a secret" sh -c "echo 'the eagle has landed' >$vault/secret"
stray
try "vault: a stray read is stopped" has "stray read: stopped" /tmp/stray
try "vault: a stray write is stopped" has "stray write: stopped" /tmp/stray
try "vault: the secret is what it was" has "the eagle has landed" $vault/secret

mount -t securityfs security /sys/kernel/security
try "lock the kernel down" sh -c "echo integrity >/sys/kernel/security/lockdown"
try "locked down: what debugfs shows can be read" has "PKS: +on" $pks/status
try "locked down: reports too" has "BUG: PKS: write to" $pks/faults
refuse "locked down: what can be written is closed" sh -c "echo '1 report' >$pks/policy"
refuse "locked down: to readers too" sh -c "cat $pks/policy"
refuse "locked down: no module of an unknown key is loaded" insmod /modules/intruder.ko address=0
try "locked down: rights are what they were" has "readonly +works +stopped" $vault/rights
try "unload them" rmmod vault pks
