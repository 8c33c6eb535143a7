# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# For scenarios with pks_fuzz.ko; they need shrink.c. Sources lib.sh.
# check: no
. /guest/lib.sh

fuzz=/sys/kernel/debug/pks_fuzz
set_to=/sys/module/pks_fuzz/parameters
wrong=/tmp/wrong.sh

# option <name> <default>: from the kernel's command line, guest.<name>=
option() {
	sed -n "s/.*guest\.$1=\([^ ]*\).*/\1/p; t; s/.*/$2/p" /proc/cmdline
}

# choose <list>: these steps alone are made from now on. It has to be one write.
choose() {
	dd if="$1" of=$fuzz/only bs=4M 2>/dev/null
}

# number <name>: of the line that a round begins with.
number() {
	sed -n "1s/.* $1 \([0-9]*\).*/\1/p" /tmp/round
}

# round: with the parameters as they are.
round() {
	cat $fuzz/run >/tmp/round || echo "failed: no round could be made" >>/tmp/round
	calls=$((calls + $(number calls))) probes=$((probes + $(number probes)))
	exact=$((exact + $(number exact))) stopped=$((stopped + $(number stopped)))
	resets=$((resets + $(number resets))) interrupts=$((interrupts + $(number interrupts)))
	! grep -q '^failed: ' /tmp/round
}

# shrink: to /tmp/list, with the last failed round; then once more, with each call told.
shrink() {
	sed -n 's/^reached: //p' /tmp/round | tr ' ' '\n' >/tmp/list
	/modules/shrink /tmp/list sh $wrong 2>/tmp/shrink.log || return 1
	echo 1 >$set_to/trace
	choose /tmp/list
	dmesg -c >/dev/null
	cat $fuzz/run >/tmp/round
	echo 0 >$set_to/trace
	echo all >$fuzz/only
	dmesg | sed -n 's/^.*pks_fuzz: //p' >/tmp/calls
}

# tell: a file, to the console and to the report.
tell() {
	cat "$1"
	sed 's/^/# /' "$1" >/dev/ttyS1
}

# What was found, and how it is found again.
complain() {
	tell /tmp/round
	if shrink; then
		tell /tmp/calls
	else
		tell /tmp/shrink.log
	fi
	echo "again: make fuzz SEED=$(cat $set_to/seed) THREADS=$(cat $set_to/threads) ONLY='$(tr '\n' ' ' </tmp/list)'" >/tmp/again
	tell /tmp/again
}

cat >$wrong <<EOF
dd if="\$1" of=$fuzz/only bs=4M 2>/dev/null
for attempt in 1 2; do
	cat $fuzz/run | grep -q '^failed: ' && exit 0
done
exit 1
EOF
