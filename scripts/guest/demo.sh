# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# `make demo`: a secret, its owner, and a module that is neither.
# kernel: stock backports
# flavours: any
# cmdline: loglevel=3
# timeout: 120
. /guest/lib.sh

vault=/sys/kernel/debug/vault
pks=/sys/kernel/debug/pks

tell() {
	echo
	echo "== $*"
}

# show <command>: as a person would type it, with what it prints.
show() {
	echo "# $1"
	eval "$1" 2>&1 | tee -a /tmp/shown
}

# seen <what> <regex>: a step of the story passes if what was shown since the
# last one has a line like this.
seen() {
	if grep -qE "$2" /tmp/shown; then
		ok "$1"
	else
		not_ok "$1"
	fi
	: >/tmp/shown
}

log() {
	dmesg | sed -n "s/^.*\] $1: /$1: /p" | tail -n "$2"
}

: >/tmp/shown
tell "$(uname -sr), as Debian built it, on a CPU with protection keys for supervisor pages"
show "insmod /modules/pks.ko; log pks 1"
seen "pks.ko is on" "pks: on"
show "head -n 3 $pks/status"
seen "PKS is on in every CPU" "set on 4 of 4"

tell "A module keeps a secret in a domain"
show "insmod /modules/vault.ko; log vault 1"
seen "the vault is protected" "vault: protected"
show "echo 'the eagle has landed' > $vault/secret"
show "cat $vault/secret"
seen "the owner writes and reads it back" "the eagle has landed"

tell "What the hardware lets through under each of the three rights"
show "cat $vault/rights"
cp /tmp/shown /tmp/rights
seen "noaccess: neither reads nor writes" "noaccess +stopped +stopped"
cp /tmp/rights /tmp/shown
seen "readonly: reads work, writes do not" "readonly +works +stopped"
cp /tmp/rights /tmp/shown
seen "readwrite: both work" "readwrite +works +works"

tell "Other code, with the right address and no right to be there"
show "insmod /modules/intruder.ko address=\$(cat $vault/address); log intruder 2"
cp /tmp/shown /tmp/stray
seen "its stray read is stopped" "stray read: stopped"
cp /tmp/stray /tmp/shown
seen "its stray write is stopped" "stray write: stopped"
show "cat $vault/secret"
seen "the secret is what it was, and the machine lives on" "the eagle has landed"

tell "What was seen of it"
show "sed -n 2,/stopped/p $pks/faults"
seen "it is told what was done to whose memory, and by whom" 'BUG: PKS: write to no-access domain "vault" in stray_write.* \[intruder\]'

tell "Audit: stray accesses are carried out, and reported one by one"
show "echo 1 report > $pks/policy"
show "rmmod intruder; insmod /modules/intruder.ko address=\$(cat $vault/address); log intruder 2"
cp /tmp/shown /tmp/stray
seen "its stray read is carried out" "stray read: got"
cp /tmp/stray /tmp/shown
seen "its stray write is carried out" "stray write: done"
show "cat $vault/secret; cat $pks/policy"
seen "and counted" "^ *1 +report +[-a-z]+ .* vault"

tell "Whose key it is, and what every CPU holds"
show "cat $pks/keys"
seen "debugfs names the key, its domain and its owner" "1 .*vault \(vault\)"
show "cat $pks/cpus"
seen "every CPU has it closed" "^ +3 +on +0x55555554 +0x55555554 +0x55555554 +1:-"
show "cat $pks/matrix"
seen "the matrix has a row for each CPU" "^cpu 3 +-"

tell "And away with it"
show "rmmod intruder; rmmod vault; rmmod pks; lsmod"
seen "all modules unload" "^Module"
refuse "nothing of them is left" test -e $pks
refuse "no oops and no warning in the log" sh -c "dmesg | grep -v 'BUG: PKS: ' | grep -E 'WARNING|BUG|Oops'"
echo
