# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Others that change the kernel while it runs: a livepatch, kprobes and tracers, on
# the path of faults among other places, before and after pks.ko comes and while
# violations happen all the time.
# cmdline: panic_on_warn=1
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 300
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault
stray=/sys/kernel/debug/pks_stray
tracing=/sys/kernel/tracing
patch=/sys/kernel/livepatch/pks_livepatch

# soon <command...>: it succeeds within half a minute.
soon() {
	local left=300

	until "$@"; do
		left=$((left - 1))
		[ $left != 0 ] || return 1
		usleep 100000
	done
}

livepatch_on() {
	try "load a livepatch $1" insmod /modules/pks_livepatch.ko
	try "it is complete $1" soon grep -qs 0 $patch/transition
	try "it works $1" has "^livepatched" /proc/cmdline
}

livepatch_off() {
	echo 0 >$patch/enabled
	try "the livepatch can be taken away $1" soon test ! -e $patch
	try "and be unloaded $1" soon rmmod pks_livepatch
	try "and is gone $1" has "guest.token" /proc/cmdline
}

counted() {
	awk -v column="$1" 'NR > 1 { sum += $column } END { print sum }' $stray/state
}

# stopped <when>: violations arrive, are stopped, and reported.
stopped() {
	local before after through

	before=$(counted 2) through=$(counted 3)
	sleep 1
	after=$(counted 2)
	try "violations are stopped $1" [ "$after" -gt "$before" ]
	try "all of them $1" [ "$(counted 3)" = "$through" ]
	try "and the vault can be used $1" sh -c "echo secret >$vault/secret && grep -q secret $vault/secret"
}

# probe <name> <r or p> <place>: a kprobe or kretprobe that counts.
probe() {
	try "probe $3" sh -c "echo '$2:$1 $3' >>$tracing/kprobe_events"
}

# hits <name> <place>
hits() {
	try "the probe of $2 is hit" has "^ *$1 +[1-9]" $tracing/kprobe_profile
}

# The first place in a report is the instruction that was stopped.
violator() {
	sed -n 's/^BUG: PKS: .* in \([^ ]*\)+\(0x[^/]*\)\/.* \[\(.*\)\]/\3:\1+\2/p' $pks/faults | head -n 1
}

livepatch_on "without pks"
try "load pks.ko beside it" insmod /modules/pks.ko
try "status: the fault hook works" has "fault hook: +on" $pks/status
insmod /modules/vault.ko
insmod /modules/pks_stray.ko address="$(cat $vault/address)" pause=20000
echo hammer >$stray/do
stopped "with a livepatch"
livepatch_off "while violations happen"
stopped "without a livepatch"
livepatch_on "while violations happen"
stopped "with a livepatch that came later"

probe bad p bad_area_nosemaphore
probe bad_return r bad_area_nosemaphore
probe fault p pks:pks_fault
probe fault_return r pks:pks_fault
probe decide p pks:pks_decide
probe vault_read p vault:secret_read
probe vault_write r vault:secret_write
probe violator p "$(violator)"
refuse "the hook itself can't be probed" sh -c "echo p:hook pks:pks_fault_hook 2>/dev/null >>$tracing/kprobe_events"
echo 1 >$tracing/events/kprobes/enable
stopped "with kprobes"
cat $vault/secret
hits bad "bad_area_nosemaphore()"
hits bad_return "the end of bad_area_nosemaphore()"
hits fault "pks's own fault function"
hits fault_return "the end of pks's own fault function"
hits decide "its decision"
hits vault_read "the vault being read"
hits vault_write "the end of the vault being written"
hits violator "the very instruction that violates"
echo 0 >$tracing/events/kprobes/enable
try "the probes can be taken away" sh -c "echo >$tracing/kprobe_events"
stopped "without kprobes"

printf '%s\n' do_kern_addr_fault bad_area_nosemaphore fixup_exception >$tracing/set_ftrace_filter
echo ':mod:pks' >>$tracing/set_ftrace_filter
for tracer in function function_graph; do
	try "tracer $tracer, on the path of faults" sh -c "echo $tracer >$tracing/current_tracer"
	stopped "with tracer $tracer"
	# A trace that grows while it is read has no end.
	echo 0 >$tracing/tracing_on
	try "it has seen pks_fault()" grep -q pks_fault $tracing/trace
	echo nop >$tracing/current_tracer
	echo 1 >$tracing/tracing_on
done
stopped "without a tracer"

try "status: the fault hook works still" has "fault hook: +on" $pks/status
echo stop >$stray/do
rmmod pks_stray
rmmod vault
try "unload pks beside the livepatch" rmmod pks
try "the livepatch works still" has "^livepatched" /proc/cmdline
livepatch_off "without pks"
kunit /modules/pks_off_kunit.ko
