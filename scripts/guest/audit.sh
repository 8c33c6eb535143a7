# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Policies, as whoever loads the module sees them: audit mode, switched to
# enforcement while it runs, what is no policy, and no enforcement at all.
# cmdline: panic_on_warn=1
# expect: 6-6 BUG: PKS: (read of|write to) no-access domain "vault" in (intruder_init|stray_(read|write))
# expect: 0-9 BUG: PKS: (read of|write to) [a-z-]+ domain "vault" in rights_row
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault

# intrude <outcome>: both of the intruder's accesses end like this.
intrude() {
	dmesg -c >/dev/null
	insmod /modules/intruder.ko address="$(cat $vault/address)"
	rmmod intruder
	dmesg >/tmp/log
	try "the stray read and the stray write were each reported: $1" [ "$(grep -c "BUG: PKS: " /tmp/log)" = 2 ]
	try "and no other came of them: $1" [ "$(grep -cE "\] $2" /tmp/log)" = 2 ]
}

# policy_is <policy> <reads> <writes> <stopped> <stepped>: what debugfs says of key 1.
policy_is() {
	try "debugfs: policy $1, $2 reads, $3 writes, $4 stopped, $5 carried out" \
		has "^ *1 +$1 +[-a-z]+ +$2 +$3 +$4 +$5 +0 +0 +0 +vault" $pks/policy
}

# bad <text>: is no policy.
bad() {
	refuse "'$1' is refused" sh -c "echo '$1' >$pks/policy 2>/tmp/error"
	try "as invalid" has "Invalid argument" /tmp/error
}

refuse "policy=nonsense does not load" insmod /modules/pks.ko policy=nonsense
dmesg >/tmp/log
try "it says why" has "pks: policy=nonsense: there are deny, report and panic" /tmp/log

try "load pks.ko policy=report" insmod /modules/pks.ko policy=report
try "status: audit works" has "^audit: +on" $pks/status
try "status: new keys are audited" has "^policy: +report" $pks/status
insmod /modules/vault.ko
echo "the eagle has landed" >$vault/secret
policy_is report 0 0 0 0
intrude "carried out" "carried out \(policy report\)"
try "the stray read got something" has "intruder: stray read: got 't'" /tmp/log
try "the stray write was done" has "intruder: stray write: done" /tmp/log
try "and can be seen" has "^!he eagle has landed" $vault/secret
policy_is report 1 1 0 2
try "the owner's own rights are as ever" has "readwrite +works +works" $vault/rights

try "enforce it from now on" sh -c "echo 1 deny >$pks/policy"
echo "the eagle has landed" >$vault/secret
intrude "stopped" "stopped \(policy deny\)"
try "the stray read was stopped" has "intruder: stray read: stopped" /tmp/log
try "the stray write was stopped" has "intruder: stray write: stopped" /tmp/log
try "nothing came of it" has "^the eagle has landed" $vault/secret

cat $pks/policy >/tmp/policy
for text in "" " " "1" "deny" "1 nonsense" "1 deny report" "1 denyx" "0 report" "2 report" \
	"-1 report" "16 report" "x report" "default" "default nonsense" "nonsense deny" \
	"1 report 99999999999999999999999999999999999999999999999999999999999999999999999"; do
	bad "$text"
done
try "nothing has changed" cmp /tmp/policy $pks/policy
try "audit again" sh -c "echo 1 report >$pks/policy"
intrude "carried out again" "carried out \(policy report\)"
try "new keys: panic" sh -c "echo default panic >$pks/policy"
try "status: new keys panic" has "^policy: +panic" $pks/status
rmmod vault
insmod /modules/vault.ko
policy_is panic 0 0 0 0
rmmod vault
try "unload pks" rmmod pks

dmesg -c >/dev/null
try "load pks.ko enforce=0" insmod /modules/pks.ko enforce=0
dmesg >/tmp/log
try "it says so" has "pks: not available: switched off \(enforce=0\)" /tmp/log
try "status: switched off" has "^PKS: +switched off \(enforce=0\)" $pks/status
insmod /modules/vault.ko
dmesg >/tmp/log
try "the vault knows" has "vault: not protected" /tmp/log
echo "the eagle has landed" >$vault/secret
try "the vault works" has "the eagle has landed" $vault/secret
try "and is unprotected" has "noaccess +works +works" $vault/rights
rmmod vault
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko
