# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# A violation by an instruction that has no exception-table entry is the end of
# whoever did it, as of any bad access, and of nobody else. What stands on the
# console meanwhile is compared line by line.
# cmdline: panic_on_warn=1
# console: oops.txt
# expect: 0-99 BUG: PKS: .* in rights_row
. /guest/lib.sh

pks=/sys/kernel/debug/pks
vault=/sys/kernel/debug/vault
stray=/sys/kernel/debug/pks_stray/do

# killed <what> <command>: a shell that does this is killed.
killed() {
	local status

	sh -c "$2" 2>/dev/null
	status=$?
	try "killed: $1" [ $status = 137 ]
}

# well <after what>: the machine is, and pks.
well() {
	try "every CPU is at the default $1" [ "$(grep -cE "on +0x55555554 +0x55555554 +0x55555554" $pks/cpus)" = 4 ]
	refuse "no register was found changed $1" grep -qE '!| OFF ' $pks/cpus
	echo "secret $1" >$vault/secret
	try "the vault can be used $1" has "^secret $1" $vault/secret
	try "the vault is closed $1" has "noaccess +stopped +stopped" $vault/rights
}

# faults_has <regex>: of the last violation that is kept.
faults_has() {
	sed '/^BUG: /!d' $pks/faults | head -n 1 >/tmp/last
	has "$1" /tmp/last
}

insmod /modules/pks.ko
insmod /modules/vault.ko
insmod /modules/pks_stray.ko address="$(cat $vault/address)"

killed "a process whose system call reads" "echo read >$stray"
try "debugfs: the read" faults_has 'read of no-access domain "vault" in stray_read'
well "after a read"
killed "a process whose system call writes" "echo write >$stray"
try "debugfs: the write" faults_has 'write to no-access domain "vault" in stray_write'
well "after a write"
echo kthread >$stray
sleep 1
try "debugfs: the kernel thread's read" faults_has 'read of no-access domain "vault" in stray_read'
well "after a kernel thread's read"

insmod /modules/pks_owner.ko handler=fixup
cat /sys/module/pks_owner/parameters/address >/sys/module/pks_stray/parameters/address
killed "one whose fault the handler leaves to the exception table" "echo read >$stray"
try "debugfs: the read" faults_has 'read of no-access domain "owned" in stray_read'
well "after a handler had nowhere to leave it to"
try "unload pks_owner" rmmod pks_owner
try "unload vault" rmmod vault
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko

insmod /modules/pks.ko
insmod /modules/vault.ko
killed "one with a key of its own open" "exec insmod /modules/pks_owner.ko pry=$(cat $vault/address)"
well "after the end of one with a key open"
try "nobody is left that holds anything" has "of which 0 hold more" $pks/status
