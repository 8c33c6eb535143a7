# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The trace events, with the tools that people will look at them with. Each parses
# an event's format by itself: what is right in tracefs may be wrong in all of them.
# On Debian's own kernel, for the others here have no BPF.
# kernel: stock
# expect: 1-40 BUG: PKS: (read of|write to)
# tool: trace-cmd perf bpftrace
. /guest/lib.sh

vault=/sys/kernel/debug/vault
events=/sys/kernel/tracing/events/pks
# One stray read and one stray write.
stray="insmod /modules/intruder.ko address=\$(cat $vault/address)"

# show <command>: as a person would type it; what it prints is also in /tmp/shown.
show() {
	echo
	echo "# $1"
	eval "$1" >/tmp/shown 2>&1
	cat /tmp/shown
}

# lines <number> <regex> <file>: for try; so many lines match.
lines() {
	[ "$(grep -cE "$2" "$3")" = "$1" ] && return
	echo "not $1 lines of $3 match: $2"
	cat "$3"
	return 1
}

# fault <read|write>: what it looks like in tracefs, trace-cmd and perf.
fault() {
	echo "pks_fault: +$1 of $address by .* pkey=1 domain=vault held=noaccess .*: stopped"
}

both_faults() {
	try "$1: the stray read" lines 1 "$(fault read)" /tmp/shown
	try "$1: the stray write" lines 1 "$(fault write)" /tmp/shown
	try "$1: who it was" lines 2 "^ *insmod" /tmp/shown
	rmmod intruder
}

trace_kernel() {
	echo 1 >$events/enable
	eval "$stray"
	echo 0 >$events/enable
	show "grep pks_ /sys/kernel/tracing/trace"
	both_faults "tracefs"
}

trace_trace_cmd() {
	show "trace-cmd record -e pks -o /tmp/trace.dat $stray"
	show "trace-cmd report /tmp/trace.dat"
	both_faults "trace-cmd"
	show "trace-cmd record -e pks -o /tmp/trace.dat sh -c 'cat $vault/secret; rmmod vault'"
	show "trace-cmd report /tmp/trace.dat"
	try "trace-cmd: the owner opens its domain" has "pks_rights: +pkey=1 noaccess -> readonly" /tmp/shown
	try "trace-cmd: and closes it" has "pks_rights: +pkey=1 readonly -> noaccess" /tmp/shown
	try "trace-cmd: and gives it back" has "pks_key_free: +pkey=1 name=vault owner=vault" /tmp/shown
	show "trace-cmd record -e pks -o /tmp/trace.dat insmod /modules/vault.ko"
	show "trace-cmd report /tmp/trace.dat"
	try "trace-cmd: a key is taken" has "pks_key_alloc: +pkey=1 name=vault owner=vault" /tmp/shown
	address=$(cat $vault/address)
}

# vault has no default to change; a key that is freed is closed for everyone.
trace_reset() {
	show "trace-cmd record -e pks:pks_key_reset -e pks:pks_tag -o /tmp/trace.dat sh -c 'rmmod vault; insmod /modules/vault.ko'"
	show "trace-cmd report /tmp/trace.dat"
	try "trace-cmd: its memory loses the key" has "pks_tag: +0x[0-9a-f]+-0x[0-9a-f]+ pkey=0" /tmp/shown
	try "trace-cmd: the new one's gets it" has "pks_tag: +0x[0-9a-f]+-0x[0-9a-f]+ pkey=1" /tmp/shown
	try "trace-cmd: the key is closed for everyone" has "pks_key_reset: +pkey=1 access=noaccess" /tmp/shown
	address=$(cat $vault/address)
}

trace_perf() {
	show "perf record -e pks:pks_fault -a -o /tmp/perf.data $stray"
	show "perf script -i /tmp/perf.data"
	both_faults "perf record"
	show "perf stat -e pks:pks_fault $stray"
	try "perf stat counts both" has "^ +2 +pks:pks_fault" /tmp/shown
	rmmod intruder
}

trace_bpftrace() {
	show "bpftrace -c \"$stray\" -e 'tracepoint:pks:pks_fault {
	printf(\"%s: 0x%lx key %d domain %s\\n\", comm, args->address, args->pkey, args->domain);
	@[args->domain, ksym(args->ip)] = count(); }'"
	try "bpftrace: both faults" lines 2 "^insmod: $address key 1 domain vault" /tmp/shown
	try "bpftrace: counted by domain and place" has "^@\[vault, [a-z_]+[^]]*\]: [12]" /tmp/shown
	rmmod intruder
}

try "load pks.ko" insmod /modules/pks.ko
try "load vault.ko" insmod /modules/vault.ko
address=$(cat $vault/address)
trace_kernel
trace_trace_cmd
trace_reset
trace_perf
trace_bpftrace
rmmod vault
try "unload pks.ko" rmmod pks
refuse "the events are gone" test -e $events
