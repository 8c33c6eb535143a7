# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Suspend: what the kernel's own tests of it do, step by step, and a real one to
# memory, from which the host wakes the machine. RESET and S3 clear PKRS, and the
# other CPUs come up anew.
# expect: 0-50 unable to wake up
# expect: 0-9999 BUG: PKS: (read of|write to)
. /guest/lib.sh

pks=/sys/kernel/debug/pks

suspend() {
	echo mem >/sys/power/state
}

check_after() {
	hold_check "after $1"
	try "PKS is on in every CPU after $1" has "set on 4 of 4" $pks/status
	refuse "no register was found changed after $1" grep -qE '!| OFF ' $pks/cpus
	try "nothing had to be put right after $1" has "PKRS 0, CR4.PKS 0" $pks/status
}

try "load pks.ko" insmod /modules/pks.ko
try "load pks_hold.ko" insmod /modules/pks_hold.ko
hold_check "before any suspend"

for level in freezer devices platform processors core; do
	echo $level >/sys/power/pm_test
	try "pm_test $level" suspend
	check_after "pm_test $level"
done

echo none >/sys/power/pm_test
monitor 4 system_wakeup
try "suspend to memory and wake" suspend
dmesg >/tmp/log
try "it really was in S3" has "Waking up from system sleep state S3" /tmp/log
check_after "S3"

try "unload pks_hold" rmmod pks_hold
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko
