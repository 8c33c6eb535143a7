# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# pks.ko comes and goes while faults arrive on all CPUs: the owner of a key has left
# its page mapped, and on each CPU someone reads and writes there all the time.
# cmdline: panic_on_warn=1
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 300
. /guest/lib.sh

pks=/sys/kernel/debug/pks
stray=/sys/kernel/debug/pks_stray
owned=/sys/module/pks_owner/parameters/address
ftrace=/proc/sys/kernel/ftrace_enabled

# on_each_cpu <column that grows> <column that does not>: of pks_stray/state.
on_each_cpu() {
	cat $stray/state >/tmp/before
	usleep 500000
	cat $stray/state >/tmp/after
	cat /tmp/before /tmp/after
	[ "$(wc -l </tmp/after)" = 5 ] || return 1
	awk -v grows="$1" -v stays="$2" '
		FNR == 1 { next }
		NR == FNR { grown[$1] = $grows; stayed[$1] = $stays; next }
		$grows <= grown[$1] || $stays != stayed[$1] { exit 1 }
	' /tmp/before /tmp/after
}

stopped() {
	try "all accesses are stopped, on each CPU, $1" on_each_cpu 2 3
}

unhindered() {
	try "all accesses succeed, on each CPU, $1" on_each_cpu 3 2
}

# carried_out <when>: one by one, in audit mode.
carried_out() {
	local before after

	before=$(stepped)
	unhindered "$1"
	after=$(stepped)
	try "and are reported $1" [ "$after" -gt "$before" ]
}

stepped() {
	awk '$1 == 1 { print $7 }' $pks/policy
}

# audit <policy afterwards> <round>: back and forth while violations are under way.
audit() {
	local nr

	for nr in 1 2; do
		echo 1 report >$pks/policy
		carried_out "with policy report, time $nr, round $2"
		echo 1 deny >$pks/policy
		stopped "with policy deny, time $nr, round $2"
	done
	echo "1 $1" >$pks/policy
}

# round <number> <handler of the owner> <policy with which pks is unloaded>
round() {
	try "load pks.ko, round $1" insmod /modules/pks.ko || return
	[ "$1" = 1 ] || stopped "with pks loaded again, round $1"
	insmod /modules/pks_owner.ko leave=1 handler="$2"
	if [ "$1" = 1 ]; then
		insmod /modules/pks_stray.ko address="$(cat $owned)"
		echo hammer >$stray/do
	else
		cat $owned >/sys/module/pks_stray/parameters/address
	fi
	stopped "with handler $2, round $1"
	dmesg -c >/dev/null
	rmmod pks_owner
	dmesg >/tmp/log
	try "its owner leaves the page behind, round $1" has "pks: key 1 \(owned\): its owner pks_owner left" /tmp/log
	stopped "after its owner has left, round $1"
	refuse "ftrace can't be switched off, round $1" sh -c "echo 0 >$ftrace 2>/dev/null"
	stopped "after the attempt, round $1"
	[ "$2" = fixup ] || audit "$3" "$1"
	try "status: the fault hook works, round $1" has "fault hook: +on" $pks/status
	try "unload pks, round $1" rmmod pks
	unhindered "without pks, round $1"
}

round 1 none deny
round 2 fixup deny
round 3 deny report
round 4 none report
for nr in 1 2 3 4 5; do
	try "load and unload pks quickly, $nr" sh -c "insmod /modules/pks.ko && rmmod pks"
done
unhindered "after all that"
# Newer kernels refuse it to everyone.
if sh -c "echo 0 >$ftrace" 2>/tmp/error; then
	ok "ftrace can be switched off without pks"
	echo 1 >$ftrace
else
	try "ftrace can't be switched off without pks either" has "not supported" /tmp/error
fi
echo stop >$stray/do
try "unload pks_stray" rmmod pks_stray
kunit /modules/pks_off_kunit.ko
