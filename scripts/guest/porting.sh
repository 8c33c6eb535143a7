# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The example of docs/porting.md: the driver as it was, which another module spoils, and
# as it is with its data in a domain.
# kernel: any
# expect: 1-4 BUG: PKS: (read of|write to) no-access domain "door"
. /guest/lib.sh

door=/sys/kernel/debug/door
pks=/sys/kernel/debug/pks

pass() {
	echo "$1" >$door/pass
}

# used <name>: what both can do.
used() {
	try "$1: a badge" sh -c "echo '+4711 100' >$door/badges"
	try "$1: and one more" sh -c "echo '+1 100' >$door/badges"
	try "$1: they are there" [ "$(paste -sd' ' $door/badges)" = "4711 1" ]
	refuse "$1: a stranger does not pass" pass 42
	try "$1: who has a badge does" pass 4711
	try "$1: the door is open" has "^open" $door/state
	sleep 1
	try "$1: and shuts again" has "^shut" $door/state
	try "$1: a badge less" sh -c "echo -1 >$door/badges"
	refuse "$1: who had it does not pass any more" pass 1
}

protected() {
	try "load pks.ko" insmod /modules/pks.ko
	try "load door.ko" insmod /modules/door.ko
	used "protected"
	stray_at "$(cat $door/address)"
	try "protected: a stray read is stopped" has "stray read: stopped" /tmp/stray
	try "protected: a stray write is stopped" has "stray write: stopped" /tmp/stray
	try "protected: there were two alarms" has "^shut, alarms: 2" $door/state
	try "protected: the door still opens" pass 4711
	try "protected: the audit finds nothing" has "findings: 0" $pks/audit
	try "protected: unload it" rmmod door
	try "protected: nothing is left" [ "$(wc -l <$pks/domains)" = 1 ]
	try "unload pks.ko" rmmod pks
}

unprotected() {
	try "unprotected: load pks.ko with enforce=0" insmod /modules/pks.ko enforce=0
	try "unprotected: load door.ko" insmod /modules/door.ko
	used "unprotected"
	try "unprotected: unload it" rmmod door
	try "unprotected: unload pks.ko" rmmod pks
}

try "load door_plain.ko" insmod /modules/door_plain.ko
used "as it was"
stray_at "$(cat $door/address)"
try "as it was: a stray write goes through" has "stray write: done" /tmp/stray
try "as it was: so the door is open, without a badge" has "^open" $door/state
try "as it was: unload it" rmmod door_plain
protected
unprotected
