# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The attacks of tests/attacks, twice: with nothing protected, and with pks. scripts/attack.sh
# brings the module, the program and the list, and tells what is to come of each.
# kernel: stock backports
# program: kcore.c
# qemu: -drive if=virtio,format=raw,file=disk.img
# expect: 1-9999 BUG: PKS: (read of|write to)
# expect: 0-9999 INFO: NMI handler .* took too long
# expect: 3-3 BUG: unable to handle page fault for address
# expect: 3-3 Oops: 002[13] \[
# timeout: 400
# check: no
. /guest/lib.sh

pks=/sys/kernel/debug/pks
attacks=/sys/kernel/debug/attacks
victim=$attacks/victim
tracing=/sys/kernel/tracing

# address <of what>
address() {
	sed -n "s/^$1 //p" $victim/memory
}

# patiently <command...>: who dies of an oops may not get to its end.
patiently() {
	local waited=0

	"$@" >/tmp/got 2>/tmp/error &
	while kill -0 $! 2>/dev/null && [ $waited -lt 10 ]; do
		sleep 0.5
		waited=$((waited + 1))
	done
	[ $waited = 10 ] || wait $!
}

# gets <command...>: the secret?
gets() {
	patiently "$@"
	if [ $? = 1 ]; then
		cat /tmp/error
	elif grep -qF "$(cat $victim/secret)" /tmp/got; then
		echo through
	else
		echo stopped
	fi
}

# says <command...>: what it comes to, by its own word.
says() {
	if patiently "$@"; then cat /tmp/got; else cat /tmp/error; fi
}

# kcore has an error where there is nothing to be read.
kcore() {
	/modules/kcore "$1" 8 || [ $? = 1 ]
}

play_alias_kcore() { gets kcore "$(address alias)"; }
play_kcore_area() { gets kcore "$(address area)"; }
play_kcore_object() { gets kcore "$(address object)"; }
play_user_mapping() { gets /modules/deputy user; }
play_dev_mem() { gets /modules/deputy dev_mem "$(address frame)"; }
play_bpf_outside() { gets /modules/deputy bpf_outside "$(address object)"; }
play_bpf_in_scope() { gets /modules/deputy bpf_in_scope "$(address object)"; }
play_vm_readv() { gets /modules/deputy vm_readv; }
play_ptrace() { gets /modules/deputy ptrace; }
play_pointers() { gets /modules/deputy pointers "$(address object)"; }
play_dma() { gets /modules/deputy dma; }
play_msr_device() { says /modules/deputy msr_device; }
play_next_call() { says /modules/deputy next_call; }
play_child() { says /modules/deputy child; }
play_uffd() { says /modules/deputy uffd; }

# A disk in memory, to which its driver copies.
play_direct() {
	local outcome

	insmod /modules/ramdisk.ko size_mb=1 protect=0
	outcome=$(gets /modules/deputy direct)
	[ "$outcome" != through ] || rmmod ramdisk
	echo "$outcome"
}

fetch_by_event() {
	echo "p:attack/fetch do_sys_openat2 secret=@$(address object):string" >$tracing/kprobe_events
	echo 1 >$tracing/events/attack/enable
	cat /dev/null
	echo 0 >$tracing/events/attack/enable
	grep -m 1 'fetch:' $tracing/trace
	echo >$tracing/kprobe_events
}

play_kprobe_event() { gets fetch_by_event; }

play_suspend() {
	monitor 4 system_wakeup
	echo mem >/sys/power/state
	cat $victim/plain
}

# play <name>: "through", "stopped" or what went wrong.
play() {
	if [ -e "$attacks/play/$1" ]; then
		cat "$attacks/play/$1"
	else
		"play_$1"
	fi
}

tampering() {
	sed -n 's/^tampering: *//p' $pks/status
}

findings() {
	sed -n 's/^findings: //p' $pks/audit
}

# noticed <tampering before>: where, if anywhere. The owner comes by first, as owners do.
noticed() {
	cat $victim/visit >/dev/null
	[ "$(tampering)" = "$1" ] || echo status
	[ "$(findings)" = 0 ] || echo audit
	cat $attacks/undo
	dmesg -c >/tmp/log
	! grep -q 'was written to beyond its end' /tmp/log || echo log
	! grep -q '] Oops: ' /tmp/log || echo oops
}

unprotected() {
	report "@ attack unprotected $1 $(play "$1" 2>&1)"
	cat $attacks/undo
}

protected() {
	local before outcome

	before=$(tampering)
	dmesg -c >/dev/null
	outcome=$(play "$1" 2>&1)
	report "@ attack protected $1 $outcome" "$(noticed "$before" | tr '\n' ' ')"
	[ "$(cat $victim/visit)" = stopped ] || not_ok "all is closed again after $1"
	[ "$(findings)" = 0 ] || not_ok "the audit finds nothing after $1"
}

# all <function>: those last after which the machine is not what it was.
all() {
	local name expected

	grep -v '^#' /modules/expected >/tmp/attacks
	{ grep -v '|killed|' /tmp/attacks; grep '|killed|' /tmp/attacks; } >/tmp/ordered
	while IFS='|' read -r name _ expected _; do
		[ "$expected" = unplayed ] || $1 "$name" </dev/null
	done </tmp/ordered
}

try "load msr and virtio_blk" modprobe -a msr virtio_pci virtio_blk
text_mutex=0x$(sed -n 's/ [dDbB] text_mutex$//p' /proc/kallsyms)

try "load pks.ko enforce=0" insmod /modules/pks.ko enforce=0
try "load attacks.ko" insmod /modules/attacks.ko text_mutex="$text_mutex"
try "nothing is protected" [ "$(cat $victim/plain)" = through ]
all unprotected
try "unload attacks.ko" rmmod attacks
try "unload pks.ko" rmmod pks

try "load pks.ko" insmod /modules/pks.ko
try "load attacks.ko, protected" insmod /modules/attacks.ko text_mutex="$text_mutex"
try "the victim is protected" [ "$(cat $victim/plain)" = stopped ]
all protected
