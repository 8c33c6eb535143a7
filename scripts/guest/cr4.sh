# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The kernel changes CR4 for its own reasons; none of that may lose PKS.
# program: tsc.c
# vm: cpu=max,+svm
# expect: 0-9999 BUG: PKS: (read of|write to)
. /guest/lib.sh

pks=/sys/kernel/debug/pks

check_after() {
	hold_check "$1"
	try "PKS is on in every CPU $1" has "set on 4 of 4" $pks/status
	try "nothing had to be put right $1" has "PKRS 0, CR4.PKS 0" $pks/status
}

try "load pks.ko" insmod /modules/pks.ko
try "load pks_hold.ko" insmod /modules/pks_hold.ko
check_after "before CR4 is changed"

/modules/tsc 8 &
program=$!
sleep 2
check_after "while processes have CR4.TSD toggled"
wait $program
try "they did, to the end" [ $? = 0 ]
check_after "afterwards"

for round in 1 2 3; do
	try "load KVM, round $round" modprobe kvm_amd
	check_after "with KVM loaded, round $round"
	try "unload KVM, round $round" modprobe -r kvm_amd kvm
	check_after "with KVM unloaded, round $round"
done

rmmod pks_hold
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko
