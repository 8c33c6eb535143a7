# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A domain takes all the memory that a small machine has, in each way that there is. It is
# told that there is no more; nobody is killed, and nothing waits for ever.
# vm: mem=512M
# cmdline: panic_on_warn=1
# expect: 0-0 (invoked oom-killer|Out of memory|System is deadlocked)
# timeout: 400
. /guest/lib.sh

greed=/sys/module/pks_greed/parameters

free_kib() {
	sed -n 's/^MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

try "load pks.ko" insmod /modules/pks.ko
try "load who takes it" insmod /modules/pks_greed.ko
for how in area areas pages objects; do
	before=$(free_kib)
	try "take all: $how" timeout 90 sh -c "echo $how >$greed/take"
	got=$(($(cat $greed/got) * 4))
	echo "$how: $got of $before KiB"
	try "that was most of it: $how" [ $got -gt $((before / 2)) ]
	sleep 2
	after=$(free_kib)
	try "and all of it came back: $how" [ "$after" -gt $((before - before / 10)) ]
done
try "unload who took it" rmmod pks_greed
try "unload pks" rmmod pks
