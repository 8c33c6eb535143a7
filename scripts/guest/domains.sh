# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Three modules with a domain each: what debugfs tells of them, what the audit finds,
# what other modules can do, and what is left of one that does not clean up.
# kernel: any
# cmdline: page_poison=1 init_on_alloc=1 init_on_free=1
# expect: 1-40 BUG: PKS: (read of|write to)
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault
table=/sys/kernel/debug/optable

# show <file>: for people who read the console.
show() {
	echo
	echo "# cat $1"
	cat "$1"
}

tables() {
	local dir

	show $pks/domains
	for dir in "$pks"/domain/*; do
		show "$dir/info"
		show "$dir/memory"
		show "$dir/stats"
	done
	show $pks/audit
}

debugfs() {
	tables
	try "domains: a closed one" has "1 +vault +vault +closed +[0-9]+" $pks/domains
	try "domains: a read-only one" has "2 +optable +optable +read-only" $pks/domains
	try "domains: one with 4 MiB in use" has "3 +ramdisk +ramdisk +closed +4096" $pks/domains
	try "memory: an object" has "^size-128 +128 +1 +1 " $pks/domain/vault/memory
	try "memory: an area" has "^area +1024" $pks/domain/ramdisk/memory
	try "memory: large pages" has "chunks: +[1-9][0-9]* of 2 MiB in one piece" $pks/domain/ramdisk/memory
	try "the audit finds nothing" has "findings: 0" $pks/audit
}

vault() {
	try "vault: a secret" sh -c "echo 'the eagle has landed' >$vault/secret"
	stray_at "$(cat $vault/address)"
	try "vault: a stray read is stopped" has "stray read: stopped" /tmp/stray
	try "vault: a stray write is stopped" has "stray write: stopped" /tmp/stray
	try "vault: the secret is what it was" has "the eagle has landed" $vault/secret
	try "vault: writes are counted" has "writes: +1" $pks/domain/vault/stats
	try "vault: scopes are counted" has "scopes: +1" $pks/domain/vault/stats
	try "vault: violations are counted" has "violations: 2" $pks/domain/vault/stats
}

optable() {
	try "optable: calls need no scope" has "^13$" $table/call
	stray_at "$(cat $table/address)"
	try "optable: it can be read" has "stray read: got" /tmp/stray
	try "optable: overwriting a pointer is stopped" has "stray write: stopped" /tmp/stray
	try "optable: calls go on" has "^13$" $table/call
	try "optable: its owner replaces it" sh -c "echo multiply >$table/table"
	try "optable: calls go to the new one" has "^42$" $table/call
	stray_at "$(cat $table/address)"
	try "optable: that one can't be overwritten either" has "stray write: stopped" /tmp/stray
	try "optable: calls go on to it" has "^42$" $table/call
}

# With poisoned pages, and zeroing by the kernel, on whatever comes and goes.
churn() {
	for _ in 1 2 3 4 5; do
		insmod /modules/ramdisk.ko size_mb=8 || return
		dd if=/dev/urandom of=/dev/ramdisk bs=64k count=128 2>/dev/null || return
		sha256sum </dev/ramdisk >/tmp/sum
		echo 3 >/proc/sys/vm/drop_caches
		[ "$(sha256sum </dev/ramdisk)" = "$(cat /tmp/sum)" ] || return
		rmmod ramdisk || return
	done
}

litter() {
	try "litter: load it" insmod /modules/litter.ko
	try "litter: the audit finds nothing" has "findings: 0" $pks/audit
	try "litter: unload it" rmmod litter
	try "litter: its domain is left" has "litter +litter +" $pks/domains
	try "litter: the audit still finds nothing" has "findings: 0" $pks/audit
	try "litter: unload pks.ko" rmmod pks
	dmesg >/tmp/log
	try "litter: that is said" has "domain litter: its owner litter has left it behind" /tmp/log
	try "litter: load pks.ko again" insmod /modules/pks.ko
	try "litter: nothing is tagged any more" has "findings: 0" $pks/audit
}

try "load pks.ko" insmod /modules/pks.ko
try "load vault.ko" insmod /modules/vault.ko
try "load optable.ko" insmod /modules/optable.ko
try "load ramdisk.ko" insmod /modules/ramdisk.ko size_mb=4
vault
optable
debugfs
try "unload them" rmmod vault optable ramdisk
try "no domain is left" [ "$(wc -l <$pks/domains)" = 1 ]
try "no key is left" [ "$(wc -l <$pks/keys)" = 1 ]
try "domains come and go" churn
try "the audit still finds nothing" has "findings: 0" $pks/audit
litter
try "unload pks.ko" rmmod pks
