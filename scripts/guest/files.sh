# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Every file below debugfs pks is written and read as nobody should, first with nothing
# else going on, then while threads come and go with keys and domains.
# cmdline: panic_on_warn=1
# program: files.c
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 300
. /guest/lib.sh

pks=/sys/kernel/debug/pks
fuzz=/sys/kernel/debug/pks_fuzz

# files <quiet|busy> <when>
files() {
	if try "nonsense is refused, and changes nothing, $2" /modules/files "$1" $pks >/tmp/files; then
		report "# $(tail -n 1 /tmp/files)"
	fi
	cat /tmp/files
}

# What is not nonsense is seen by what files compares.
changes() {
	cat $pks/policy >/tmp/before
	echo "$1" >$pks/policy
	! cmp -s /tmp/before $pks/policy
}

# Rounds of the fuzzer, until it is told to stop.
rounds() {
	local seed=1

	while [ ! -e /tmp/stop ]; do
		echo $seed >/sys/module/pks_fuzz/parameters/seed
		cat $fuzz/run
		seed=$((seed + 1))
	done >/tmp/rounds
}

rounds_good() {
	[ "$(grep -c '^seed' /tmp/rounds)" -ge 3 ] && ! grep -q '^failed' /tmp/rounds
}

try "load pks.ko" insmod /modules/pks.ko
insmod /modules/vault.ko
insmod /modules/optable.ko
try "a policy can be set" changes "1 report"
try "and set back" changes "1 deny"
files quiet "with nothing else going on"
rmmod vault optable

insmod /modules/pks_fuzz.ko
rounds &
for nr in 1 2 3; do
	files busy "while keys come and go, $nr"
done
touch /tmp/stop
wait
try "the threads have seen nothing of it" rounds_good
rmmod pks_fuzz
try "unload pks" rmmod pks
