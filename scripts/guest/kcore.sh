# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# What the rest of the kernel does with all memory, on Debian's own: /proc/kcore reads
# it, and memory can be taken offline.
# kernel: stock
# program: kcore.c
# cmdline: nokaslr
# expect: 1-99 BUG: PKS: (read of|write to)
. /guest/lib.sh

secret='the eagle has landed'
pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault
disk=/sys/kernel/debug/ramdisk
memory=/sys/devices/system/memory

# kcore_has <address>: is the secret there? With an error it is not, either.
kcore_has() {
	/modules/kcore "$1" 4096 >/tmp/kcore
	grep -q "$secret" /tmp/kcore
}

# The direct map's address of a page that vmalloc() has elsewhere.
alias_of() {
	insmod /modules/scribble.ko address="$1" pages=1
	cat /sys/module/scribble/parameters/alias
	rmmod scribble
}

# kcore_check <what> <address>
kcore_check() {
	dmesg -c >/dev/null
	refuse "kcore: the secret is not to be had at $1" kcore_has "$2"
	dmesg >/tmp/log
	try "kcore: the attempt at $1 is reported, or nothing was read" \
		sh -c "grep -q 'BUG: PKS: read' /tmp/log || ! tr -d '\\0' </tmp/kcore | grep -q ."
}

# On a page, so that both of its addresses are known.
kcore() {
	address=$(cat $disk/address)
	alias=$(alias_of "$address")
	echo "$secret" | dd of=/dev/ramdisk bs=4k conv=sync 2>/dev/null
	sync
	kcore_check "the direct map's address of an area" "$alias"
	kcore_check "an area's own address" "$address"
	insmod /modules/litter.ko
	address=$(cat /sys/module/litter/parameters/area)
	kcore_check "an area that its owner had before" "$address"
	rmmod litter
	kcore_check "an object's address" "$(cat $vault/address)"
}

# It works where there is no protection, or all this would mean nothing.
kcore_works() {
	insmod /modules/ramdisk.ko size_mb=1 protect=0
	address=$(cat $disk/address)
	alias=$(alias_of "$address")
	echo "$secret" | dd of=/dev/ramdisk bs=4k conv=sync 2>/dev/null
	sync
	try "unprotected: kcore has it at the area's address" kcore_has "$address"
	try "unprotected: and at the direct map's" kcore_has "$alias"
	rmmod ramdisk
}

# block_of <address in the direct map>: its memory block. Without KASLR the direct map
# begins where it always does, with 5-level page tables or with 4.
block_of() {
	local size base

	size=$((0x$(cat $memory/block_size_bytes)))
	case $1 in
	0xff1*) base=0xff11000000000000 ;;
	*) base=0xffff888000000000 ;;
	esac
	echo $memory/memory$((($1 - base) / size))
}

hotremove() {
	local block

	block=$(block_of "$(cat $vault/address)")
	try "memory: there is a block of it" has online "$block/state"
	refuse "memory: it can't be taken offline with a domain in it" \
		sh -c "echo offline >$block/state"
	try "memory: it is online" has online "$block/state"
	try "memory: the secret is what it was" has "$secret" $vault/secret
}

try "load pks.ko" insmod /modules/pks.ko
kcore_works
insmod /modules/vault.ko
insmod /modules/ramdisk.ko size_mb=1
echo "$secret" >$vault/secret
hotremove
kcore
try "the audit finds nothing" has "findings: 0" $pks/audit
try "unload vault and ramdisk" rmmod vault ramdisk
try "unload pks.ko" rmmod pks
