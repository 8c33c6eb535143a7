# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# `scripts/top.sh capture`: copies of /sys/kernel/debug/pks, for tests/top. The files
# have no size that tar could go by: they are copied first.
# check: no
# kernel: any
# expect: 0-99 BUG: PKS: (read of|write to)
. /guest/lib.sh

pks=/sys/kernel/debug/pks

# capture <name>: an archive, of which each line goes to the report port. Where
# violations come by the thousand the three newest are enough.
capture() {
	mkdir -p "/tmp/$1"
	cp -r $pks/. "/tmp/$1"
	awk '/^=+$/ && ++rules > 6 { exit } { print }' $pks/faults >"/tmp/$1/faults"
	tar -C /tmp -czf - "$1" | base64 | sed "s/^/@ capture $1 /" >/dev/ttyS1
	ok "captured: $1"
}

# stray <debugfs directory of a sample>: its functions have names while it is loaded.
stray() {
	! loaded intruder || rmmod intruder
	insmod /modules/intruder.ko address="$(cat "/sys/kernel/debug/$1/address")"
}

insmod /modules/pks.ko
if grep -q "PKS: *the CPU has no PKS" $pks/status; then
	insmod /modules/vault.ko
	capture nopks
	exit
fi
capture empty
for module in vault optable ramdisk; do
	insmod /modules/$module.ko
done
echo "the eagle has landed" >/sys/kernel/debug/vault/secret
cat /sys/kernel/debug/vault/secret
stray vault
echo "2 report" >$pks/policy
stray optable
capture samples
insmod /modules/pks_hold.ko
sleep 2
capture holders
