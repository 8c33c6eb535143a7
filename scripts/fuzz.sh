#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/fuzz.sh <run|soak>
#
#   run      random calls against a model (guest/fuzz.sh), from SEED (1) on, CALLS of
#            them (1000000) by THREADS (5); with ONLY="0:17 2:100-120" the one round of
#            SEED with just these steps
#   soak     all kinds of things at once, with seeds that were not there before (or from
#            SEED on), for MINUTES, or HOURS (4); ends at the first fault
#
# On KERNEL (latest), such as 6.1, latest+debug or latest@8cpus. What disagrees with the model is
# shrunk in the machine, and told with a command to have it again. What kills the machine
# is shrunk here, with a new machine for each attempt: that takes its time.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/label.sh
. "$PKS_ROOT/scripts/label.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

# With part of the steps a round takes a second, and a machine some to boot.
FUZZ_ATTEMPT=60
# Steps of each thread in a round, as pks_fuzz.ko has it.
FUZZ_STEPS=2000

fuzz_prepare() {
	label_read "${KERNEL:-latest}"
	"$PKS_ROOT/scripts/deps.sh" check
	get_output entry "$PKS_ROOT/scripts/kernel.sh" "$LABEL_KERNEL" "$LABEL_FLAVOUR"
	say "$(cat "$entry/about")"
	base=$PKS_ROOT/build/$LABEL_KERNEL-$LABEL_FLAVOUR$LABEL_SUFFIX
	mkdir -p "$base"
}

fuzz_build() {
	modules_build "$entry/build" "$base/tree" "$base/modules.log"
}

# fuzz_boot <scenario> <seconds> <options> [file...]: the verdict is in $verdict.
fuzz_boot() {
	local script=$PKS_ROOT/scripts/guest/$1.sh modules

	mapfile -t modules < <(modules_list "$base/tree")
	CMDLINE="$3 ${CMDLINE:-}" scenario_prepare "$entry" "$script" "$base/runs/${FUZZ_DIR:-$1}" \
		"${modules[@]}" "${@:4}"
	VM_TIMEOUT=$(($2 * ${SLOWER:-1}))
	scenario_run
	verdict=$(cat "$VM_DIR/verdict")
}

fuzz_tell() {
	sed -n 's/^ok\t/ok - /p; s/^not ok\t/not ok - /p; s/^\t/# /p' "$VM_DIR/cases"
}

# The last seed that the machine told of.
fuzz_last() {
	tr -d '\r' <"$VM_DIR/console.log" | sed -n "s/.*pks_fuzz: seed \([0-9]*\), threads \([0-9]*\).*/\\$1/p" |
		tail -n 1
}

# Is it the machine that went, and not the model that disagreed?
fuzz_crashed() {
	[ "$verdict" != good ] && [[ $verdict != failing* ]] && [ -n "$(fuzz_last 1)" ]
}

# fuzz_shrink: the round in which the machine went.
fuzz_shrink() {
	local seed threads list=$base/only thread

	seed=$(fuzz_last 1) threads=$(fuzz_last 2)
	say "the machine did not survive seed $seed (${verdict/ /: }); the console is in $VM_DIR/console.log"
	for ((thread = 0; thread < threads; thread++)); do
		echo "$thread:0-$((FUZZ_STEPS - 1))"
	done >"$list"
	gcc -O2 -Wall -Werror -o "$base/shrink" "$PKS_ROOT/scripts/guest/shrink.c"
	SEED=$seed THREADS=$threads "$base/shrink" "$list" "$0" attempt ||
		die "with the round of seed $seed alone it survives: try make fuzz SEED=$((seed > 20 ? seed - 20 : 1))"
	echo "# again: make fuzz SEED=$seed THREADS=$threads ONLY='$(tr '\n' ' ' <"$list")'"
}

# fuzz_attempt <list>: does the machine go with these steps?
fuzz_attempt() {
	FUZZ_DIR=attempt
	mkdir -p "$base/trial"
	cp "$1" "$base/trial/only"
	fuzz_boot fuzz $FUZZ_ATTEMPT \
		"guest.seed=$SEED guest.threads=${THREADS:-5} guest.calls=1 guest.lies=no" \
		"$base/trial/only"
	fuzz_crashed
}

fuzz_end() {
	fuzz_tell
	! fuzz_crashed || fuzz_shrink
	[ "$verdict" = good ] || die "${verdict/ /: }; the console is in $VM_DIR/console.log"
}

fuzz_run() {
	local calls=${CALLS:-1000000} lies=yes files=()

	if [ -n "${ONLY:-}" ]; then
		tr ' ' '\n' <<<"$ONLY" >"$base/only"
		files=("$base/only") calls=1
	fi
	# Rules are made wrong in make check, and by who asks for nothing.
	[ -z "${SEED:-}${ONLY:-}${CALLS:-}" ] || lies=no
	fuzz_boot fuzz $((600 + calls / 1000)) \
		"guest.seed=${SEED:-1} guest.threads=${THREADS:-5} guest.calls=$calls guest.lies=$lies" \
		"${files[@]}"
	fuzz_end
}

# Seeds that fit into 31 bits with all that follow.
fuzz_soak() {
	local seconds=$((${MINUTES:-$((${HOURS:-4} * 60))} * 60)) seed

	seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
	say "soaking for $((seconds / 60)) minutes, from seed $seed on"
	fuzz_boot soak $((seconds + 900)) "guest.seed=$seed guest.seconds=$seconds"
	fuzz_end
	say "no fault in $((seconds / 60)) minutes"
}

PKS_LABEL=${1:-fuzz}
case ${1:-} in
run|soak)
	fuzz_prepare
	fuzz_build
	"fuzz_$1"
	;;
attempt)
	PKS_LABEL=fuzz
	fuzz_prepare
	fuzz_attempt "$2"
	;;
*)
	die "usage: scripts/fuzz.sh <run|soak>"
	;;
esac
