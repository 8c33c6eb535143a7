# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Where pks can't have do_kern_addr_fault(), for a compiler has put it into its caller or,
# as here, somebody else has it, violations are caught further on, and the kernel's warning
# of them, which comes before, is left out, and no other. All else is as ever.
# expect: 0-9999 BUG: PKS: (read of|write to)
# expect: 1 WARNING: .*stray_do
# expect: 0-9999 INFO: NMI handler .* took too long
# timeout: 900
. /guest/lib.sh

pks=/sys/kernel/debug/pks

late() {
	try "status: violations are caught late, $1" \
		has "^fault hook: +on, at bad_area_nosemaphore" $pks/status
}

try "somebody takes do_kern_addr_fault()" insmod /modules/pks_ipmodify.ko
try "load pks.ko" insmod /modules/pks.ko
late "at first"
try "status: violations can be carried out" has "audit: +on" $pks/status
kunit /modules/pks_kunit.ko
try "somebody warns" insmod /modules/pks_stray.ko
echo warn >/sys/kernel/debug/pks_stray/do
rmmod pks_stray
late "still"
try "unload pks_kunit" rmmod pks_kunit
try "unload pks" rmmod pks
