#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Usage: bench/run.sh <directory> [group]
#
# Loads the modules found there, has them measure everything (or a group, see main.c),
# unloads them again, and prints a line for each row:
#   name,load,minimum,median,99th percentile
# in ticks of the TSC; in a build with PKS_COUNT_WRITES=y, in writes of PKRS. As root, on
# a machine with PKS that nobody else uses meanwhile. Runs in busybox, too.

set -eu

dir=$1 group=${2:-}
pks=/sys/kernel/debug/pks
bench=/sys/kernel/debug/pks_bench
work=$(mktemp -d)

undo() {
	for module in ramdisk pks_bench pks pks_bench_base pks_count; do
		if grep -q "^$module " /proc/modules; then rmmod "$module"; fi
	done
	rm -rf "$work"
}

# load <module> [parameters]; false where there is no such module.
load() {
	file=$(find "$dir" -name "$1.ko" | head -n 1)
	[ -n "$file" ] || return 1
	shift
	insmod "$file" "$@"
}

user() {
	"$dir/user" "$@"
}

# What the ramdisk is put to: the same files each time, written and read.
disk_work() {
	cat >"$work/disk" <<-EOF
		set -e
		mkfs.ext4 -q -F -U 00000000-0000-0000-0000-000000000001 \\
			-E hash_seed=00000000-0000-0000-0000-000000000002 /dev/ramdisk
		mount -t ext4 -o noatime /dev/ramdisk $work/mnt
		for nr in 1 2 3 4 5 6 7 8; do
			dd if=/dev/zero of=$work/mnt/\$nr bs=64k count=\$nr 2>/dev/null
		done
		sync
		echo 3 >/proc/sys/vm/drop_caches
		cat $work/mnt/[1-8] >/dev/null
		rm $work/mnt/[1-8]
		umount $work/mnt
	EOF
	mkdir -p "$work/mnt"
}

ramdisk() {
	load ramdisk size_mb=16 protect="$2" || return 0
	user run "ext4 on the ramdisk" "$1" 3 "sh $work/disk"
	rmmod ramdisk
}

with_ramdisk() {
	command -v mkfs.ext4 >/dev/null || return 0
	modprobe -q crc32c_generic 2>/dev/null || true
	modprobe -q ext4 || return 0
	disk_work
	ramdisk unprotected 0
	ramdisk protected 1
}

everything() {
	user rows "without pks"
	load pks
	load pks_bench
	user rows idle
	if echo 0 >$pks/irq_isolation; then
		echo "system isolation off" >$bench/run
		echo 1 >$pks/irq_isolation
	fi
	with_ramdisk
}

trap undo EXIT
if load pks_count; then
	BENCH_COUNT=1
	export BENCH_COUNT
fi
load pks_bench_base
if [ -n "$group" ]; then
	load pks
	load pks_bench only="$group"
	sed -n "/^[^,]*,[^,]*CPU/p" $bench/results
else
	everything
	cat $bench/results
fi
