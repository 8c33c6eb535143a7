# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Kernels that lack what the module stands on: it loads, says what is absent and why, does
# what can be done without it, and the suites skip what can't.
# flavours: noprobes nokvm nodebugfs
# expect: 0-9999 BUG: PKS: (read of|write to)
# Where its fault path can't be hooked, the kernel says once that it did not expect this.
# expect: 0-1 WARNING: .*(exc_page_fault|do_kern_addr_fault)
# expect: 0-9999 INFO: NMI handler .* took too long
# timeout: 900
. /guest/lib.sh

pks=/sys/kernel/debug/pks

# What status has of a feature that is not on: a reason, in words.
feature() {
	local is

	is=$(sed -n "s/^$1: *//p" $pks/status)
	case $is in
	on|'') ;;
	*' '*) note "$1 ($is)"; ok "$1: status says why it is not on" ;;
	*) not_ok "$1: status says '$is' and no reason" ;;
	esac
}

features() {
	if ! grep -qw debugfs /proc/filesystems; then
		note "debugfs"
		return
	fi
	for name in PKS "irq isolation" "fault hook" audit; do
		feature "$name"
	done
}

dmesg -c >/dev/null
try "load pks.ko" insmod /modules/pks.ko
dmesg >/tmp/log
try "it says what it is" has "pks: (on|not available)" /tmp/log
features
kunit /modules/pks_kunit.ko
try "unload pks_kunit" rmmod pks_kunit
for sample in vault optable ramdisk; do
	try "load $sample.ko" insmod /modules/$sample.ko
	try "unload $sample.ko" rmmod $sample
done
try "unload pks" rmmod pks
