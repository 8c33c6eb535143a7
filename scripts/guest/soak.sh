# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib-fuzz.sh
#
# As long as scripts/fuzz.sh says: rounds of the fuzzer with one seed after the other,
# while CPUs come and go, files are misused, samples and pks itself are loaded and
# unloaded, and the stress suite of KUnit runs. Ends at the first fault.
# cmdline: panic_on_warn=1 oops=panic
# program: shrink.c files.c
# expect: 0-999999 BUG: PKS: (read of|write to)
# expect: 0-999999 INFO: NMI handler .* took too long
# check: no
. /guest/lib-fuzz.sh

pks=/sys/kernel/debug/pks
cpu=/sys/devices/system/cpu/cpu3/online
glob=/sys/module/kunit/parameters/filter_glob

seed=$(option seed 1)
seconds=$(option seconds 60)
calls=0 probes=0 exact=0 stopped=0 resets=0 interrupts=0
nr_rounds=0 cycles=0
faulty=

elapsed() {
	cut -d. -f1 /proc/uptime
}

tell_progress() {
	says "cycle $cycles, $nr_rounds rounds, $calls calls, $stopped accesses stopped, now seed $seed"
}

# rounds <count>: of one thread, or two, up to eight.
rounds() {
	local left=$1

	while [ "$left" != 0 ] && [ -z "$faulty" ]; do
		echo "$seed" >$set_to/seed
		echo $((seed % 8 + 1)) >$set_to/threads
		tell_progress
		round || { faulty=1; not_ok "seed $seed: random calls do what the model says"; complain; return; }
		seed=$((seed + 1)) nr_rounds=$((nr_rounds + 1)) left=$((left - 1))
	done
}

# may <what> <command...>: a case is only made of what goes wrong.
may() {
	local what=$1

	shift
	"$@" >/tmp/out 2>&1 && return
	faulty=1
	not_ok "$what (before seed $seed)"
	tell /tmp/out
}

# The last CPU goes and comes, until it is told to stop.
hotplug() {
	while [ ! -e /tmp/stop ]; do
		echo 0 >$cpu
		usleep 100000
		echo 1 >$cpu
		usleep 400000
	done
}

misuse() {
	while [ ! -e /tmp/stop ]; do
		/modules/files busy $pks >/tmp/files || touch /tmp/misused
		sleep 1
	done
}

# rounds_with <what else goes on>
rounds_with() {
	rm -f /tmp/stop
	"$1" &
	rounds 20
	touch /tmp/stop
	wait
}

samples() {
	insmod /modules/vault.ko && insmod /modules/optable.ko && insmod /modules/ramdisk.ko size_mb=4 &&
		echo "soaked" >/sys/kernel/debug/vault/secret &&
		grep -q soaked /sys/kernel/debug/vault/secret &&
		dd if=/dev/urandom of=/dev/ramdisk bs=64k count=64 2>/dev/null && sync &&
		grep -q "findings: 0" $pks/audit && rmmod vault optable ramdisk
}

# Newer kernels filter the suites of modules, too. Its cases are judged from the console.
stress() {
	[ -w $glob ] || return 0
	printf 'pks_stress*' >$glob
	kunit /modules/pks_kunit.ko stress_toggles=50000
	! grep -q '^ *not ok' /sys/kernel/debug/kunit/*/results || faulty=1
	rmmod pks_kunit
}

# One cycle, from loading to unloading.
cycle() {
	tell_progress
	may "load pks.ko" insmod /modules/pks.ko
	may "samples work" samples
	may "load pks_fuzz.ko" insmod /modules/pks_fuzz.ko
	rounds 40
	rounds_with hotplug
	rounds_with misuse
	may "files can be misused" [ ! -e /tmp/misused ]
	rmmod pks_fuzz
	may "no key is left taken" [ "$(wc -l <$pks/keys)" = 1 ]
	may "the audit finds nothing" grep -q "findings: 0" $pks/audit
	[ -n "$faulty" ] || [ $((cycles % 4)) != 1 ] || stress
	may "unload pks" rmmod pks
	cycles=$((cycles + 1))
}

while [ "$(elapsed)" -lt "$seconds" ] && [ -z "$faulty" ]; do
	cycle
done
tell_progress
try "$cycles cycles, $nr_rounds rounds, $calls calls, $probes probes ($exact with one outcome possible), $stopped of them stopped, $resets resets, $interrupts interrupts; last seed $((seed - 1))" \
	[ -z "$faulty" ]
