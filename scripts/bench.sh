#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/bench.sh [run|check|update]
#
#   run      measure once; print the table, and write it as build/bench/results.csv
#   check    measure twice and compare; compare with bench/results.csv: each with a line
#            `ok - ...` or `not ok - ...`
#   update   measure once, and make that bench/results.csv and the tables of
#            docs/performance.md
#   here     on this machine, with the kernel that runs (KDIR: what to build against),
#            in cycles; as root, where there is PKS
#
# The first three boot the newest kernel in QEMU with -icount, where the time-stamp
# counter counts instructions: once for each number of CPUs with the modules as they
# are, and once with modules that count their writes of PKRS.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

BENCH_CPUS="1 2 8"
# What may differ from the committed table, in percent.
BENCH_SLACK=2

bench=$PKS_ROOT/build/bench

table() {
	awk -f "$PKS_ROOT/bench/table.awk" "$@"
}

# bench_make <what to build against> <tree> [variables]
bench_make() {
	make -C "$2" KDIR="$1" PKS_BENCH=m "${@:3}" &&
		make -C "$2/samples/ramdisk" KDIR="$1" "${@:3}"
}

bench_build() {
	local kdir=$1

	mkdir -p "$bench"
	gcc -O2 -Wall -Werror -static -o "$bench/user" "$PKS_ROOT/bench/user.c" ||
		die "bench/user.c does not compile"
	modules_copy "$bench/time-tree"
	modules_copy "$bench/count-tree"
	run_step "building modules" "$bench/time.log" count_compiled \
		bench_make "$kdir" "$bench/time-tree"
	run_step "building modules that count" "$bench/count.log" count_compiled \
		bench_make "$kdir" "$bench/count-tree" PKS_COUNT_WRITES=y
}

# bench_boot <time|count> <number of CPUs> <run>: the lines of its results.
bench_boot() {
	local what=$1 cpus=$2 dir=$bench/$3/$1-$2 group=keys verdict modules

	[ "$cpus" != 1 ] || group=
	mapfile -t modules < <(find "$bench/$what-tree" -name 'pks.ko' -o -name 'ramdisk.ko' \
		-o -path '*/bench/*.ko')
	SMP=$cpus TOKEN=bench CMDLINE="guest.group=$group" \
		scenario_prepare "$entry" "$PKS_ROOT/scripts/guest/bench.sh" "$dir" \
		"${modules[@]}" "$bench/user" "$PKS_ROOT/bench/run.sh"
	VM_NAME="$what, $cpus CPUs"
	scenario_run
	verdict=$(cat "$dir/verdict")
	if [ "$verdict" != good ]; then
		sed -n 's/^\t/    /p' "$dir/cases" >&2
		die "$what, $cpus CPUs: ${verdict/ /: }; the console is in $dir/console.log"
	fi
	tr -d '\r' <"$dir/report.log" | sed -n 's/^@ bench //p'
}

# bench_measure <run>: <run>.csv
bench_measure() {
	local what cpus

	for what in time count; do
		for cpus in $BENCH_CPUS; do
			bench_boot "$what" "$cpus" "$1" || exit
		done >"$bench/$1.$what"
	done
	table -v format=csv "$PKS_ROOT/bench/rows" "$bench/$1.time" "$bench/$1.count" >"$bench/$1.csv"
}

bench_emulated() {
	entry=$("$PKS_ROOT/scripts/kernel.sh" latest)
	say "$(cat "$entry/about")"
	bench_build "$entry/build"
}

# bench_here: the same modules and commands, on the machine itself.
bench_here() {
	local kdir=${KDIR:-/lib/modules/$(uname -r)/build} what

	bench_build "$kdir"
	for what in time count; do
		mkdir -p "$bench/$what-here"
		find "$bench/$what-tree" -name 'pks.ko' -o -name 'ramdisk.ko' -o -path '*/bench/*.ko' |
			xargs cp "$bench/user" -t "$bench/$what-here"
		say "measuring: $what"
		"$PKS_ROOT/bench/run.sh" "$bench/$what-here" >"$bench/here.$what" ||
			die "nothing could be measured; if pks.ko says why, dmesg has it"
	done
	table -v format=csv -v unit=cycles "$PKS_ROOT/bench/rows" "$bench"/here.{time,count} \
		>"$bench/results.csv"
	table -v format=text "$PKS_ROOT/bench/rows" "$bench/results.csv"
}

# What is not exact is shown, row by row.
bench_check() {
	local grown

	bench_measure first
	bench_measure second
	if diff "$bench/first.csv" "$bench/second.csv" >"$bench/differences"; then
		echo "ok - two runs give the same $(grep -c . "$bench/first.csv") rows"
	else
		echo "not ok - two runs give the same figures"
		sed 's/^/# /' "$bench/differences"
	fi
	grown=$(table -v format=guard -v slack="$BENCH_SLACK" "$PKS_ROOT/bench/rows" \
		"$PKS_ROOT/bench/results.csv" "$bench/first.csv")
	if [ -z "$grown" ]; then
		echo "ok - no row has grown by more than $BENCH_SLACK %"
	else
		echo "not ok - no row has grown by more than $BENCH_SLACK %"
		sed 's/^/# /' <<<"$grown"
	fi
}

# The tables in docs/performance.md stand between two comments.
bench_document() {
	local doc=$PKS_ROOT/docs/performance.md

	table -v format=markdown "$PKS_ROOT/bench/rows" "$PKS_ROOT/bench/results.csv" >"$bench/tables.md"
	sed -i -e "/<!-- tables -->/,/<!-- end of tables -->/{
		/<!-- tables -->/{p;r $bench/tables.md
		}
		/<!-- end of tables -->/p
		d
		}" "$doc"
}

PKS_LABEL=bench
"$PKS_ROOT/scripts/deps.sh" check
case ${1:-run} in
run)
	bench_emulated
	bench_measure results
	table -v format=text "$PKS_ROOT/bench/rows" "$bench/results.csv"
	say "the same as CSV: ${bench#"$PWD"/}/results.csv"
	;;
check)
	bench_emulated
	bench_check
	;;
update)
	bench_emulated
	bench_measure results
	{ sed 's/^/# /' "$entry/about"; cat "$bench/results.csv"; } >"$PKS_ROOT/bench/results.csv"
	bench_document
	;;
here)
	bench_here
	;;
*)
	die "usage: scripts/bench.sh [run|check|update|here]"
	;;
esac
