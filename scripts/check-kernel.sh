#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/check-kernel.sh <kernel[+flavour][@machine]> [scenario...]
#
# One kernel's part of `make check`, as a job (see jobs.sh): compiles the modules for it
# and runs the scenarios that fit, or those that are named. On a machine of
# scripts/machines the others are not run: they ask for machines of their own.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"
# shellcheck source=scripts/label.sh
. "$PKS_ROOT/scripts/label.sh"

failed=0

# result <ok|not ok> <case> [detail...]
result() {
	[ "$1" = ok ] || failed=1
	echo "$1 - $2"
	shift 2
	[ $# = 0 ] || printf '# %s\n' "$@"
}

# The lines of <dir>/cases (see cases.awk).
show_cases() {
	awk -F'\t' -v scenario="$1" '
		$1 == "" { print "# " $2; next }
		{ print ($1 == "not ok" ? $1 : "ok") " - " scenario " " $2 ($1 == "skip" ? " # SKIP " $3 : "") }' "$2"
	! grep -q '^not ok' "$2" || failed=1
}

show_end() {
	local scenario=$1 verdict=$2 dir=$3 seconds=$4 where

	where="the console is in ${dir#"$PWD"/}/console.log"
	case $verdict in
	good) result ok "$scenario console clean, machine ended by itself, $seconds s" ;;
	failing*) echo "# $where" ;;
	*)
		result "not ok" "$scenario ${verdict/ /: }" "$where:"
		tail -n 6 "$dir/console.log" | sed 's/^/# /'
		;;
	esac
}

run_scenario() {
	local script=$1 dir name start=$SECONDS verdict

	name=$(basename "$script" .sh)
	dir=$base/runs$LABEL_SUFFIX/$name
	scenario_prepare "$entry" "$script" "$dir" "${modules[@]}"
	scenario_run
	verdict=$(cat "$dir/verdict")
	show_cases "$name" "$dir/cases"
	tr -d '\r' <"$dir/report.log" | grep '^@ note ' || true
	show_end "$name" "$verdict" "$dir" $((SECONDS - start))
}

build_modules() {
	local log=$base/modules.log warnings=()

	if ! PKS_BENCH=m modules_build "$entry/build" "$base/tree" "$log"; then
		result "not ok" "build modules compile" "see ${log#"$PWD"/}"
		return 1
	fi
	mapfile -t warnings < <(modules_warnings "$log")
	if ((${#warnings[@]})); then
		result "not ok" "build modules compile without a warning, W=1" "${warnings[@]}"
	else
		result ok "build modules compile without a warning, W=1"
	fi
	mapfile -t modules < <(modules_list "$base/tree")
}

# Jobs for the same kernel on several machines share what is compiled.
build_locked() {
	mkdir -p "$base"
	exec 8>"$base/lock"
	flock 8
	build_modules
	exec 8>&-
}

choose_scripts() {
	local script

	for script; do
		[ -r "$PKS_ROOT/scripts/guest/$script.sh" ] || die "there is no scenario '$script' in scripts/guest"
		scripts+=("$PKS_ROOT/scripts/guest/$script.sh")
	done
	[ $# = 0 ] || return 0
	for script in "$PKS_ROOT"/scripts/guest/*.sh; do
		if scenario_fits "$script" "$LABEL_KERNEL" "$LABEL_FLAVOUR" &&
			{ [ -z "$LABEL_MACHINE" ] || scenario_any_machine "$script"; }; then
			scripts+=("$script")
		fi
	done
}

label_read "${1:?}"
shift
scripts=() modules=()
choose_scripts "$@"
get_output entry "$PKS_ROOT/scripts/kernel.sh" "$LABEL_KERNEL" "$LABEL_FLAVOUR"
if [ -e "$entry/absent" ]; then
	echo "@ about $(cat "$entry/absent")"
	echo "ok - all of it # SKIP $(cat "$entry/absent")"
	exit
fi
say "$(cat "$entry/about")"
echo "@ about $(cat "$entry/about")"
base=$PKS_ROOT/build/$LABEL_KERNEL-$LABEL_FLAVOUR
build_locked
for script in "${scripts[@]}"; do
	run_scenario "$script"
done
exit "$failed"
