# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A filesystem on samples/ramdisk, while another module scribbles all over its memory:
# at the driver's address, and at the direct map's. Then the same without protection.
# kernel: any
# tool: mkfs.ext4 e2fsck
# expect: 1-9999 BUG: PKS: (read of|write to)
# timeout: 300
. /guest/lib.sh

pks=/sys/kernel/debug/pks
disk=/dev/ramdisk
mb=16

scribble_start() {
	try "$1: scribbling begins" insmod /modules/scribble.ko \
		address="$(cat /sys/kernel/debug/ramdisk/address)" pages=$((mb * 256))
}

writes() {
	cat "/sys/module/scribble/parameters/$1"
}

# As many writes, done and stopped, as reach each page at both addresses.
scribble_round() {
	local start target=$((mb * 256 * 16))

	start=$(($(writes made) + $(writes stopped)))
	while [ $(($(writes made) + $(writes stopped) - start)) -lt $target ]; do
		sleep 1
	done
}

fs_make() {
	mkfs.ext4 -q -F $disk && mount -t ext4 $disk /mnt
}

files_write() {
	local nr

	for nr in 1 2 3 4 5 6 7 8; do
		dd if=/dev/urandom of=/mnt/file$nr bs=64k count=$nr 2>/dev/null || return
	done
	mkdir /mnt/modules || return
	cp /modules/pks.ko /modules/vault.ko /modules/ramdisk.ko /mnt/modules && sync || return
	(cd /mnt && find . -type f -exec sha256sum {} +) >/tmp/sums
}

# From the disk, not from the page cache.
files_check() {
	echo 3 >/proc/sys/vm/drop_caches
	(cd /mnt && sha256sum -c -s /tmp/sums)
}

fs_check() {
	e2fsck -fn $disk
}

protected() {
	try "protected: load ramdisk.ko" insmod /modules/ramdisk.ko size_mb=$mb || return
	scribble_start protected
	try "protected: make a filesystem meanwhile" fs_make
	try "protected: write files meanwhile" files_write
	scribble_round
	try "protected: they are what was written" files_check
	scribble_round
	try "protected: unmount" umount /mnt
	echo "$(writes stopped) writes were stopped"
	try "protected: not one write went through" [ "$(writes made)" = 0 ]
	try "protected: e2fsck finds nothing" fs_check
	try "protected: the audit finds nothing" has "findings: 0" $pks/audit
	rmmod scribble
	try "protected: unload ramdisk.ko" rmmod ramdisk
}

# Not while it is mounted: what a filesystem makes of it may be a crash.
unprotected() {
	try "unprotected: load ramdisk.ko" insmod /modules/ramdisk.ko size_mb=$mb protect=0 || return
	try "unprotected: make a filesystem" fs_make
	try "unprotected: write files" files_write
	try "unprotected: they are what was written" files_check
	umount /mnt
	try "unprotected: e2fsck finds nothing" fs_check
	scribble_start unprotected
	scribble_round
	try "unprotected: every write went through" [ "$(writes stopped)" = 0 ]
	rmmod scribble
	refuse "unprotected: the filesystem is wrecked" fs_check
	try "unprotected: unload ramdisk.ko" rmmod ramdisk
}

try "load pks.ko" insmod /modules/pks.ko
# Nothing in the guest loads modules on demand. Later kernels have crc32c built in.
modprobe crc32c_generic 2>/dev/null
try "load ext4" modprobe ext4
protected
unprotected
try "no domain is left" [ "$(wc -l <$pks/domains)" = 1 ]
try "unload pks.ko" rmmod pks
