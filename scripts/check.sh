#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/check.sh [kernels [scenario...]]
#
#   scripts/check.sh                      all of `make check` on 6.1
#   scripts/check.sh "6.1 latest"         on these kernels
#   scripts/check.sh 6.1 kunit            this scenario alone, no self-test
#   scripts/check.sh "6.1+none 6.12+rt"   other configurations: kernel-*.config
#   CPU=max,-pks SMP=1 MEM=2G THREAD=multi ...        instead of what scenarios ask for
#
# Kernels: 6.1, 6.12, latest (see kernel.sh) and stock. Scenarios: the scripts in
# guest/ (see scenario.sh for what they declare). Logs are kept in
# build/<kernel>-<flavour>/runs/<scenario>/. The last line is the tally.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"
# shellcheck source=scripts/selftest.sh
. "$PKS_ROOT/scripts/selftest.sh"

passed=0 failed=0 skipped=0

# result <ok|not ok|skip> <scenario> <case> [why]
result() {
	printf '%-6s  %s %s %s%s\n' "$1" "$label" "$2" "$3" "${4:+ ($4)}"
	case $1 in
	ok) passed=$((passed + 1)) ;;
	skip) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)) ;;
	esac
}

# One line of <dir>/cases (see cases.awk) becomes one result.
show_cases() {
	local scenario=$1 line status name why

	while IFS= read -r line; do
		if [[ $line == $'\t'* ]]; then
			printf '            %s\n' "${line#$'\t'}"
			continue
		fi
		status=${line%%$'\t'*} name=${line#*$'\t'} why=
		if [ "$status" = skip ]; then
			why=${name#*$'\t'} name=${name%%$'\t'*}
		fi
		result "$status" "$scenario" "$name" "$why"
	done <"$2"
}

show_end() {
	local scenario=$1 verdict=$2 dir=$3 seconds=$4

	case $verdict in
	good) result ok "$scenario" "console clean, machine ended by itself, $seconds s" ;;
	failing*) ;;
	*) result "not ok" "$scenario" "${verdict/ /: }" ;;
	esac
	[ "$verdict" = good ] || echo "            the console is in ${dir#"$PWD"/}/console.log"
}

run_scenario() {
	local script=$1 dir name start=$SECONDS verdict

	name=$(basename "$script" .sh)
	dir=$base/runs/$name
	scenario_prepare "$entry" "$script" "$dir" "${modules[@]}"
	scenario_run
	verdict=$(cat "$dir/verdict")
	show_cases "$name" "$dir/cases"
	show_end "$name" "$verdict" "$dir" $((SECONDS - start))
}

build_modules() {
	local log=$base/modules.log warnings=()

	mkdir -p "$base"
	if ! PKS_BENCH=m modules_build "$entry/build" "$base/tree" "$log"; then
		result "not ok" build "modules compile" "see ${log#"$PWD"/}"
		return 1
	fi
	mapfile -t warnings < <(modules_warnings "$log")
	if ((${#warnings[@]})); then
		result "not ok" build "modules compile without a warning, W=1" "see ${log#"$PWD"/}"
		printf '            %s\n' "${warnings[@]}"
	else
		result ok build "modules compile without a warning, W=1"
	fi
	mapfile -t modules < <(modules_list "$base/tree")
}

check_kernel() {
	local label=$1 kernel=${1%%+*} flavour=full entry base modules=() script

	[ "$label" = "$kernel" ] || flavour=${label#*+}
	base=$PKS_ROOT/build/$kernel-$flavour
	PKS_LABEL="check $label"
	if ! entry=$("$PKS_ROOT/scripts/kernel.sh" "$kernel" "$flavour"); then
		result "not ok" kernel "there is a kernel to test on" "the error is above"
		return
	elif [ -e "$entry/absent" ]; then
		result skip kernel "all of it" "$(cat "$entry/absent")"
		return
	fi
	say "$(cat "$entry/about")"
	build_modules || return 0
	if [ -n "$selftest_due" ]; then
		selftest_due=
		selftest "$entry" "$base"
	fi
	for script in "${scripts[@]}"; do
		if [ -n "$chosen" ] || scenario_fits "$script" "$kernel" "$flavour"; then
			run_scenario "$script"
		fi
	done
}

# The proof of the update protocol is the same for every kernel: once is enough. It
# has a CPU to itself while virtual machines have the other.
start_model() {
	model_log=$PKS_ROOT/build/model.log
	mkdir -p "$PKS_ROOT/build"
	start_group "$PKS_ROOT/docs/model/run.sh" >"$model_log" 2>&1 </dev/null
	model_pid=$!
}

check_model() {
	local label=model line before=$((passed + failed))

	PKS_LABEL="check model"
	say "waiting for the model of the update protocol"
	wait "$model_pid" || true
	while IFS= read -r line; do
		case $line in
		"ok "*" - model: "*) result ok spin "${line#* - model: }" ;;
		"not ok "*" - model: "*) result "not ok" spin "${line#* - model: }" ;;
		*) echo "            $line" ;;
		esac
	done <"$model_log"
	[ $((passed + failed)) != "$before" ] ||
		result "not ok" spin "not one configuration was checked"
}

# On the newest kernel alone: what costs more there than it did fails.
check_bench() {
	local label=bench line before=$((passed + failed))

	PKS_LABEL="check bench"
	say "measuring twice, which takes some minutes"
	while IFS= read -r line; do
		case $line in
		"ok - "*) result ok bench "${line#ok - }" ;;
		"not ok - "*) result "not ok" bench "${line#not ok - }" ;;
		*) echo "            ${line#\# }" ;;
		esac
	done < <("$PKS_ROOT/scripts/bench.sh" check || true)
	[ $((passed + failed)) = $((before + 2)) ] ||
		result "not ok" bench "it came to its end"
}

choose_scripts() {
	local name

	chosen=$*
	scripts=()
	selftest_due=
	for name; do
		scripts+=("$PKS_ROOT/scripts/guest/$name.sh")
		[ -r "${scripts[-1]}" ] || die "there is no scenario '$name' in scripts/guest"
	done
	if [ -z "$chosen" ]; then
		scripts=("$PKS_ROOT"/scripts/guest/*.sh)
		selftest_due=1
	fi
}

tally() {
	echo
	echo "$passed passed, $failed failed$( ((!skipped)) || echo ", $skipped skipped")"
	((failed == 0 && passed > 0))
}

PKS_LABEL=check
"$PKS_ROOT/scripts/deps.sh" check
kernels=${1:-6.1}
choose_scripts "${@:2}"
[ -n "$chosen" ] || start_model
for kernel in $kernels; do
	check_kernel "$kernel"
done
[ -n "$chosen" ] || check_model
if [ -z "$chosen" ] && [[ " $kernels " == *" latest "* ]]; then
	check_bench
fi
tally
