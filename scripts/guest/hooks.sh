# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Hooks that are there and do not work: kprobes that are switched off, ftrace that somebody
# wants to switch off. pks says so, and does not take a machine down that panics when the
# kernel warns.
# cmdline: panic_on_warn=1
# expect: 0-9 BUG: PKS: .* in stray_
. /guest/lib.sh

pks=/sys/kernel/debug/pks
kprobes=/sys/kernel/debug/kprobes/enabled

try "kprobes are switched off" sh -c "echo 0 >$kprobes"
try "somebody takes do_kern_addr_fault()" insmod /modules/pks_ipmodify.ko
try "load pks.ko" insmod /modules/pks.ko
try "status: no fault hook, for the kernel's warning can't be left out" \
	has "^fault hook: +the kernel's warning of violations can't be left out" $pks/status
try "status: PKS is on" has "set on 4 of 4" $pks/status
try "status: interrupts are isolated" has "irq isolation: +on" $pks/status
try "unload pks" rmmod pks
rmmod pks_ipmodify
try "load pks.ko, with the function free" insmod /modules/pks.ko
try "status: the fault hook works without kprobes" has "^fault hook: +on$" $pks/status
try "unload pks, again" rmmod pks
try "kprobes are switched on" sh -c "echo 1 >$kprobes"

try "load pks.ko, with kprobes" insmod /modules/pks.ko
if refuse "ftrace can't be switched off" sh -c "echo 0 >/proc/sys/kernel/ftrace_enabled"; then
	try "status: the fault hook still works" has "^fault hook: +on" $pks/status
	try "status: interrupts are still isolated" has "irq isolation: +on" $pks/status
fi
try "unload pks, at last" rmmod pks
