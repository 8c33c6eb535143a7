# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# kmemleak reads all memory that it knows of, and would stray into domains: an
# owner's vmalloc() area is in one here. And nothing of pks itself leaks.
# flavours: debug
# expect: 0-99 BUG: PKS: (read of|write to) [a-z-]+ domain "vault" in rights_row
# timeout: 600
. /guest/lib.sh

pks=/sys/kernel/debug/pks
kmemleak=/sys/kernel/debug/kmemleak

scanned() {
	local before after

	before=$(sed -n 's/violations: \([0-9]*\).*/\1/p' $pks/faults)
	echo scan >$kmemleak
	after=$(sed -n 's/violations: \([0-9]*\).*/\1/p' $pks/faults)
	[ "$before" = "$after" ]
}

try "load pks.ko" insmod /modules/pks.ko
for sample in vault optable ramdisk litter; do
	try "load $sample.ko" insmod /modules/$sample.ko
done
try "a scan does not stray into domains" scanned
rmmod vault optable ramdisk litter
try "unload pks.ko" rmmod pks
try "nothing has leaked" no_leaks
