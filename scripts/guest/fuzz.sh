# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib-fuzz.sh
#
# Random calls from many threads, and from interrupts, against a model of what each of
# them may access (tests/fuzz). What is found is shrunk to the steps that it takes; that
# this works is seen by making rules of the model wrong.
# cmdline: panic_on_warn=1 oops=panic
# program: shrink.c
# kernel: 6.1 latest
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 900
. /guest/lib-fuzz.sh

pks=/sys/kernel/debug/pks

# rounds: with one seed after the other, until there were enough calls.
rounds() {
	calls=0 probes=0 exact=0 stopped=0 resets=0 interrupts=0
	while [ $calls -lt "$wanted" ]; do
		echo "$seed" >$set_to/seed
		round || break
		says "seed $seed, $calls calls"
		seed=$((seed + 1))
	done
	try "random calls do what the model says" [ $calls -ge "$wanted" ] || complain
	ok "seeds $first to $seed: $calls calls, $probes probes ($exact with one outcome possible), $stopped of them stopped, $resets resets, $interrupts interrupts"
}

# Mostly one step gives a key, one opens it, and one is wrong.
few() {
	left=$(sed -n "s/ steps are left.*//p" /tmp/shrink.log)
	[ "${left:-99}" -le 6 ]
}

# lie <nr> <rule>: with it wrong. By one thread, so that it goes wrong each time, unless it
# is an interrupt that comes at its own time.
lie() {
	local at=1000 end=1050

	echo "$1" >$set_to/lie
	echo 1 >$set_to/threads
	while [ $at -lt $end ]; do
		echo $at >$set_to/seed
		at=$((at + 1))
		round || ! shrink || ! few || break
	done
	cat /tmp/calls
	try "a model that thinks that $2 is found out (seed $((at - 1))), and that is shrunk to a few steps: $left" \
		[ $at -lt $end ]
	echo 0 >$set_to/lie
}

seed=$(option seed 1)
wanted=$(option calls 1000000)

try "load pks.ko" insmod /modules/pks.ko
try "load pks_fuzz.ko" insmod /modules/pks_fuzz.ko
option threads 5 >$set_to/threads
# With some steps alone: see scripts/fuzz.sh.
[ ! -e /modules/only ] || choose /modules/only
first=$seed
rounds
try "nearly all probes could have had only one outcome" [ $((exact * 100)) -ge $((probes * 95)) ]

if [ "$(option lies yes)" = yes ]; then
	lie 1 "a scope's end gives nothing back"
	lie 2 "rights outlive a reset"
	lie 3 "interrupts have the rights of their thread"
	lie 4 "what is read-only can be written"
	lie 5 "a domain that is in use can be destroyed"
	lie 6 "memory is handed out with something in it"
fi

try "unload pks_fuzz" rmmod pks_fuzz
try "no key is left taken" [ "$(wc -l <$pks/keys)" = 1 ]
try "the audit finds nothing" has "findings: 0" $pks/audit
try "unload pks" rmmod pks
