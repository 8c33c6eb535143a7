# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Of those who may change where a function goes a function can have but one. When
# somebody else has all that pks could take (late.sh: not all of it), pks goes on without:
# violations end in the exception table all the same, and the kernel warns of the first.
# When pks has one, it stays so.
# expect: 1 WARNING: .*do_kern_addr_fault
# expect: 2-2 BUG: PKS: (read of|write to) no-access domain "vault" in stray_try
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault
stray=/sys/kernel/debug/pks_stray

# unsupported <command>: is refused as such.
unsupported() {
	refuse "refused: $1" sh -c "$1 2>/tmp/error"
	try "as not supported: $1" has "not supported" /tmp/error
}

# stopped <how often> <when>: so many accesses in all.
stopped() {
	try "a read and a write are stopped $2" \
		[ "$(awk 'NR > 1 { sum += $2 - 1000 * $3 } END { print sum }' $stray/state)" = "$1" ]
}

stray() {
	insmod /modules/vault.ko
	[ -e $stray ] || insmod /modules/pks_stray.ko
	cat $vault/address >/sys/module/pks_stray/parameters/address
	echo try >$stray/do
}

try "somebody takes do_kern_addr_fault() and bad_area_nosemaphore()" \
	insmod /modules/pks_ipmodify.ko functions=do_kern_addr_fault,bad_area_nosemaphore
try "load pks.ko, all the same" insmod /modules/pks.ko policy=report
try "status: PKS is on" has "set on 4 of 4" $pks/status
try "status: the fault hook is someone else's" has "^fault hook: .* or is someone else's" $pks/status
refuse "status: audit is not on either" grep -qE "^audit: +on" $pks/status
stray
stopped 2 "with the hook of somebody else"
try "the vault works and is closed" has "noaccess +stopped +stopped" $vault/rights
unsupported "echo 1 report >$pks/policy"
unsupported "echo 1 panic >$pks/policy"
unsupported "echo default report >$pks/policy"
unsupported "insmod /modules/pks_owner.ko handler=fixup"
try "policy deny is no problem" sh -c "echo 1 deny >$pks/policy"
rmmod vault
try "unload pks" rmmod pks
try "the other gives these back" rmmod pks_ipmodify
kunit /modules/pks_off_kunit.ko
rmmod pks_off_kunit

try "load pks.ko" insmod /modules/pks.ko
try "status: the fault hook works" has "^fault hook: +on" $pks/status
refuse "nobody else gets do_kern_addr_fault()" sh -c "insmod /modules/pks_ipmodify.ko 2>/tmp/error"
try "for it is taken" has "resource busy" /tmp/error
stray
stopped 4 "after the attempt"
try "status: the fault hook works still" has "^fault hook: +on" $pks/status
rmmod vault
try "unload pks, again" rmmod pks
try "now anybody can have it" insmod /modules/pks_ipmodify.ko
rmmod pks_ipmodify
kunit /modules/pks_off_kunit.ko
