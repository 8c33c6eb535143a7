# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Threads die where rights are open that no context keeps: in who is told of a violation,
# in what is printed of it, in its handler, in its audited instruction, in a write into a
# domain. Nothing stays open, on any CPU; nothing of pks hangs; and the next violation
# is seen and carried out like any other.
# machines: any
# flavours: full rt
# After the last one, in the middle of a line of the log, 6.1 has no log any more.
# expect: 4-5 BUG: kernel NULL pointer dereference, address: 0000000000000008
# expect: 5-6 Oops: (Oops: |general protection fault, )?.*\[#[1-6]\]|general protection fault, .*\[#[1-6]\]
# expect: 0-99 BUG: PKS: read of no-access domain "(dies|other)" in dies_
# timeout: 300
. /guest/lib.sh

pks=/sys/kernel/debug/pks
dies=/sys/module/pks_dies/parameters

try "load pks.ko" insmod /modules/pks.ko
try "load who dies" insmod /modules/pks_dies.ko

# What is asked comes in an interrupt, which is at the default itself: the last is what it
# has interrupted.
closed() {
	[ "$(grep -cE "on +0x55555554 +0x55555554 +0x55555554" $pks/cpus)" = "$(nproc)" ]
}

# dead: there is no thread any more that is about to die.
dead() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		grep -qx dies /proc/[0-9]*/comm 2>/dev/null || return 0
		sleep 1
	done
	return 1
}

# well <after what>
well() {
	local before after

	before=$(cat $dies/done)
	try "every CPU is at the default $1" closed
	try "nobody holds more $1" has "of which 0 hold more" $pks/status
	echo nowhere >$dies/die
	dead
	after=$(cat $dies/done)
	try "a violation is carried out $1" [ "$after" = $((before + 1)) ]
	sed '/^BUG: /!d' $pks/faults | head -n 1 >/tmp/last
	try "and reported $1" has 'read of no-access domain "dies"' /tmp/last
	try "policies can be set $1" timeout 20 sh -c \
		"echo 1 deny >$pks/policy; echo 1 report >$pks/policy"
}

well "at first"
for where in report nested handler step window print; do
	before=$(cat $dies/done)
	echo $where >$dies/die
	dead
	try "a thread dies: $where" [ "$(cat $dies/done)" = "$before" ]
	well "after a death: $where"
done
