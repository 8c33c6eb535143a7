#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/bench.sh [run|check|update|here]
#
#   run      measure once; print the table, and write it as build/bench/results.csv
#   check    measure twice and compare, a third time where they differ; compare with
#            bench/results.csv: each with a line `ok - ...` or `not ok - ...`, and what
#            differs below it
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
# By how much a row may grow over the committed table, in percent.
BENCH_SLACK=2

bench=$PKS_ROOT/build/bench
rows=$PKS_ROOT/bench/rows
committed=$PKS_ROOT/bench/results.csv

# table <assignments and files as table.awk says>
table() {
	awk -f "$PKS_ROOT/bench/table.awk" "$@"
}

# bench_make <what to build against> <tree> [variables]: without the tests.
bench_make() {
	make -C "$2" -j"$(nproc)" KDIR="$1" PKS_BENCH=m CONFIG_KUNIT= "${@:3}" &&
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
		bench_make "$kdir" "$bench/count-tree" PKS_COUNT_WRITES=y \
		KCFLAGS="-include $bench/count-tree/bench/count.h"
}

# bench_modules <time|count>
bench_modules() {
	find "$bench/$1-tree" -name 'pks.ko' -o -name 'ramdisk.ko' -o -path '*/bench/*.ko'
}

# With what figures are made: others can't be compared one by one.
bench_about() {
	echo "# $1"
	echo "# compiler: $(gcc --version | head -n 1)"
}

# bench_boot <time|count> <number of CPUs> <run>: the lines of its results.
bench_boot() {
	local what=$1 cpus=$2 dir=$bench/$3/$1-$2 group=keys modules

	[ "$cpus" != 1 ] || group=
	mapfile -t modules < <(bench_modules "$what")
	SMP=$cpus TOKEN=bench CMDLINE="guest.group=$group" \
		scenario_prepare "$entry" "$PKS_ROOT/scripts/guest/bench.sh" "$dir" \
		"${modules[@]}" "$bench/user" "$PKS_ROOT/bench/run.sh"
	VM_NAME="$3: $what, CPUs: $cpus"
	scenario_run
	scenario_good "$VM_NAME"
	tr -d '\r' <"$dir/report.log" | sed -n 's/^@ bench //p'
}

# bench_measure <run>: <run>.csv
bench_measure() {
	local what cpus start=$SECONDS

	for what in time count; do
		for cpus in $BENCH_CPUS; do
			bench_boot "$what" "$cpus" "$1" >"$bench/$1.$what.$cpus"
		done
		cat "$bench/$1.$what".[0-9]* >"$bench/$1.$what"
	done
	bench_about "$(cat "$entry/about")" >"$bench/$1.csv"
	table format=csv "$rows" part=time "$bench/$1.time" part=count "$bench/$1.count" \
		>>"$bench/$1.csv" || die "$1: rows and measurements do not agree"
	say "$1: measured ($((SECONDS - start)) s)"
}

bench_emulated() {
	"$PKS_ROOT/scripts/deps.sh" check
	get_output entry "$PKS_ROOT/scripts/kernel.sh" latest
	say "$(cat "$entry/about")"
	bench_build "$entry/build"
}

# bench_here: the same modules and commands, on the machine itself.
bench_here() {
	local kdir=${KDIR:-/lib/modules/$(uname -r)/build} what modules

	[ "$(id -u)" = 0 ] || die "as root only: modules are loaded"
	"$PKS_ROOT/scripts/deps.sh" measure
	bench_build "$kdir"
	for what in time count; do
		mkdir -p "$bench/$what-here"
		mapfile -t modules < <(bench_modules "$what")
		cp "${modules[@]}" "$bench/user" "$bench/$what-here"
		say "measuring: $what"
		sh "$PKS_ROOT/bench/run.sh" "$bench/$what-here" >"$bench/here.$what" ||
			die "nothing could be measured; if pks.ko says why, dmesg has it"
	done
	bench_about "Linux $(uname -r), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		>"$bench/results.csv"
	table format=csv unit=cycles "$rows" part=time "$bench/here.time" \
		part=count "$bench/here.count" >>"$bench/results.csv"
}

bench_show() {
	table format=text "$rows" part=new "$bench/results.csv"
	echo
	echo "the same as CSV: ${bench#"$PWD"/}/results.csv"
}

# bench_case <name> <file with what speaks against it>
bench_case() {
	if [ ! -s "$2" ]; then
		echo "ok - $1"
		return
	fi
	echo "not ok - $1"
	sed 's/^/# /' "$2"
	bench_failed=1
}

# bench_disagree <tables>: the rows whose figures were not the same in two of the tables.
# A ratio is left out: its row would have to agree and the row it refers to, at once.
bench_disagree() {
	awk -F, '
		/^#/ || /^row,/ { next }
		{
			row = $1 "," $2
			seen[row] = seen[row] "  " $3 "," $4
			if (++count[row, $3, $4] == 2)
				agreed[row] = 1
		}
		END {
			for (row in seen)
				if (!(row in agreed))
					print row ":" seen[row]
		}' "$@"
}

# The guest's clock counts instructions, but its devices complete when the host's do: now
# and then a timer of the guest meets another instruction than in the run before, and a
# median falls on a neighbouring path. So where two runs differ, a third decides.
bench_check() {
	local runs=("$bench/first.csv" "$bench/second.csv")

	bench_measure first
	bench_measure second
	bench_disagree "${runs[@]}" >"$bench/differences"
	if [ -s "$bench/differences" ]; then
		sed "s/^/not the same twice: /" "$bench/differences" >&2
		bench_measure third
		runs+=("$bench/third.csv")
		bench_disagree "${runs[@]}" >"$bench/differences"
	fi
	bench_case "each figure is the same in two runs" "$bench/differences"
	table format=guard slack="$BENCH_SLACK" "$rows" part=old "$committed" \
		part=new "$bench/first.csv" >"$bench/grown"
	bench_case "no row has grown by more than $BENCH_SLACK % over bench/results.csv" "$bench/grown"
	[ -z "${bench_failed:-}" ]
}

# bench_document <format> <mark>
bench_document() {
	table format="$1" "$rows" part=new "$committed" >"$bench/$1.md"
	put_table "$PKS_ROOT/docs/performance.md" "$2" "$bench/$1.md"
}

PKS_LABEL=bench
case ${1:-run} in
run)
	bench_emulated
	bench_measure results
	bench_show
	;;
check)
	bench_emulated
	bench_check
	;;
update)
	bench_emulated
	bench_measure results
	cp "$bench/results.csv" "$committed"
	bench_document markdown tables
	bench_document predictions predictions
	say "bench/results.csv and docs/performance.md are up to date"
	;;
here)
	bench_here
	bench_show
	;;
*)
	die "usage: scripts/bench.sh [run|check|update|here]"
	;;
esac
