# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# For scenario scripts, which start with `. /guest/lib.sh`. They run as root in
# busybox; the modules built for this kernel are in /modules. Each ok/not_ok is
# a test case: it goes to the report port, where no kernel message can garble
# it, and to the console, where it stands between the messages it belongs to.
# check: no

report() {
	echo "$*" >/dev/ttyS1
}

ok() {
	report "ok - $*"
	echo "ok - $*"
}

not_ok() {
	report "not ok - $*"
	echo "not ok - $*"
}

# skip <what> <why>
skip() {
	report "ok - $1 # SKIP $2"
	echo "skipped - $1: $2"
}

# note <text>: for the table of what was tested where (see matrix.sh).
note() {
	report "@ note $*"
	echo "note: $*"
}

# kmsg <line...>: as if the kernel said so.
kmsg() {
	printf '%s\n' "$@" | while read -r line; do
		echo "$line" >/dev/kmsg
	done
}

# try <what> <command...>: the case passes if the command does; its output is
# shown with a failure.
try() {
	local what=$1 out

	shift
	if out=$("$@" 2>&1); then
		ok "$what"
		[ -z "$out" ] || echo "$out"
		return 0
	fi
	not_ok "$what"
	echo "$out"
	echo "$out" | sed 's/^/# /' >/dev/ttyS1
	return 1
}

# refuse <what> <command...>: the case passes if the command fails.
refuse() {
	local what=$1

	shift
	if "$@"; then
		not_ok "$what"
		return 1
	fi
	ok "$what"
}

# has <regex> <file>: for try and refuse; shows the file when it does not match.
has() {
	grep -qE "$1" "$2" && return
	echo "no line of $2 matches: $1"
	cat "$2"
	return 1
}

loaded() {
	grep -q "^$1 " /proc/modules
}

# kunit <module file> [parameters]: load a KUnit module, whose cases run before
# insmod returns, and report how every suite that it brought ended. The cases
# are read from the console (see cases.awk), and without debugfs the suites too.
kunit() {
	local results=/sys/kernel/debug/kunit before suite found=

	if [ ! -d $results ]; then
		dmesg -c >/dev/null
		try "load $(basename "$1")" insmod "$@" &&
			try "it has suites" sh -c "dmesg | grep -q '# Subtest: '"
		return
	fi
	before=" $(cd $results && echo *) "
	try "load $(basename "$1")" insmod "$@" || return 1
	for suite in "$results"/*; do
		case "$before" in
		*" ${suite##*/} "*) continue ;;
		esac
		found=1
		report "@ kunit ${suite##*/} $(tail -n 1 "$suite/results")"
	done
	[ -n "$found" ] || not_ok "$(basename "$1") has no suite in $results"
}

# monitor <seconds> <command>: have the host give QEMU's monitor a command, such
# as system_wakeup, after so many seconds. Returns at once.
monitor() {
	report "@ monitor $*"
}

# stray_at <address>: a module of its own reads and writes there; what the log says of it
# is in /tmp/stray.
stray_at() {
	dmesg -c >/dev/null
	insmod /modules/intruder.ko address="$1"
	rmmod intruder
	dmesg >/tmp/stray
}

# says <what>: for the progress line of the host.
says() {
	report "@ says $*"
}

# hold_check <when>: the threads of pks_hold.ko have gone on, and have nothing to
# complain of.
hold_check() {
	local hold=/sys/kernel/debug/pks_hold before after

	before=$(sed -n 's/^rounds: //p' $hold)
	sleep 1
	after=$(sed -n 's/^rounds: //p' $hold)
	try "threads with rights run on $1" [ "$after" -gt "$before" ]
	try "each has its own rights and no other $1" has "errors: 0" $hold
}

# What was not freed becomes visible in the second scan, when it has been for a while.
no_leaks() {
	local kmemleak=/sys/kernel/debug/kmemleak

	echo scan >$kmemleak
	sleep 6
	echo scan >$kmemleak
	! grep . $kmemleak
}
