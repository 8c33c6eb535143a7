# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Hibernation: an image goes to the disk, the machine is reset, a fresh kernel that
# knows nothing of keys boots, and puts the image in its own place.
# qemu: -drive if=virtio,format=raw,snapshot=on,file.driver=null-co,file.size=1G
# qemu: -action reboot=reset
# expect: 1-9999 BUG: PKS: (read of|write to)
# expect: 2-2 Linux version
# vm: mem=512M
# timeout: 300
. /guest/lib.sh

pks=/sys/kernel/debug/pks

# The second kernel comes here too, and does not get beyond this line.
cat /sys/block/vda/dev >/sys/power/resume

try "load pks.ko" insmod /modules/pks.ko
try "load pks_hold.ko" insmod /modules/pks_hold.ko
mkswap /dev/vda >/dev/null
try "there is a disk to hibernate to" swapon /dev/vda
echo reboot >/sys/power/disk

# The image would have to be read through mappings that a domain has closed.
try "load vault.ko, which has a domain" insmod /modules/vault.ko
refuse "hibernation is refused while there is one" sh -c "echo disk >/sys/power/state"
dmesg >/tmp/log
try "why is in the log" has "hibernation refused: [0-9]+ pages are in domains, as in vault of vault" /tmp/log
try "the vault is as it was" has "noaccess +stopped +stopped" /sys/kernel/debug/vault/rights
rmmod vault

try "hibernate and resume" sh -c "echo disk >/sys/power/state"
dmesg >/tmp/log
try "it is the first kernel that runs, restored" has "hibernation exit" /tmp/log
hold_check "after hibernation"
try "PKS is on in every CPU" has "set on 4 of 4" $pks/status
refuse "no register was found changed" grep -qE '!| OFF ' $pks/cpus
try "nothing had to be put right" has "PKRS 0, CR4.PKS 0" $pks/status
rmmod pks_hold
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko
