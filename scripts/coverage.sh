#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/coverage.sh [run [scenario...]|check|update]
#
#   run      which lines of pks.ko the KUnit suites run: a table, file by file; or which
#            ones other scenarios of guest/ run
#   check    the KUnit suites; each file with a line `ok - ...` or `not ok - ...`
#   update   the KUnit suites, and the table of docs/coverage.md
#
# The newest kernel, with gcov, runs them, with PKS and without; a line counts if it ran
# in one of them. build/coverage/ has the report with every line (html/index.html)
# and the list of those that did not run (lines.txt).

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

# Scenarios that run the suites. A machine with one CPU adds nothing.
COVERAGE_RUNS="kunit late nopks"
# Percent of a file's lines.
COVERAGE_LEAST=90

coverage=$PKS_ROOT/build/coverage
# As the compiler names it in what it leaves.
tree=$(realpath -m "$coverage/tree")

# The files whose lines are counted.
coverage_files() {
	(cd "$PKS_ROOT" && printf '%s\n' pks_*.c pks_*.h include/linux/*.h)
}

# coverage_script <scenario>: it, and at its end the counters go to a disk. As files of
# debugfs they have no size, and so have to be copied first.
coverage_script() {
	cat "$PKS_ROOT/scripts/guest/$1.sh"
	cat <<-'EOG'

		cd /sys/kernel/debug/gcov
		find . -name '*.gcda' | while read -r file; do
			mkdir -p "/tmp/gcov/${file%/*}"
			cat "$file" >"/tmp/gcov/$file"
		done
		disk=$(grep -lx counters /sys/block/vd*/serial | cut -d/ -f4)
		try "the counters can be read" tar -C /tmp/gcov -cf "/dev/$disk" .
	EOG
}

# coverage_boot <scenario>: its counters, in <scenario>/counters.tar.
coverage_boot() {
	local name=$1 dir=$coverage/$1 script=$coverage/scripts/$1.sh modules

	coverage_script "$name" >"$script"
	mapfile -t modules < <(modules_list "$tree")
	scenario_prepare "$entry" "$script" "$dir" "${modules[@]}"
	truncate -s 16M "$dir/counters.tar"
	VM_QEMU+=" -drive if=none,id=counters,format=raw,file=counters.tar"
	VM_QEMU+=" -device virtio-blk-pci,drive=counters,serial=counters"
	scenario_run
	scenario_good "$name"
}

# coverage_gcovr <arguments>: with the files that count, named as they are in the clone.
coverage_gcovr() {
	env -C "$tree" gcovr --root . --filter 'pks_[^/]*\.[ch]$' --filter 'include/linux/' "$@"
}

# coverage_collect <scenario>: <scenario>.json. Counters are read beside what the compiler
# has left for them.
coverage_collect() {
	tar -C / -xf "$coverage/$1/counters.tar" "./${tree#/}" ||
		die "$1: no counters came out of the machine"
	coverage_gcovr --delete --json "$coverage/$1.json" >"$coverage/gcovr.log" 2>&1 ||
		die "$1: gcovr failed: $(tail -n 1 "$coverage/gcovr.log")"
}

# coverage_measure <scenario...>
coverage_measure() {
	local name start=$SECONDS merge=()

	"$PKS_ROOT/scripts/deps.sh" coverage
	get_output entry "$PKS_ROOT/scripts/kernel.sh" latest gcov
	say "$(cat "$entry/about")"
	mkdir -p "$coverage"/{scripts,html}
	PKS_GCOV=y modules_build "$entry/build" "$tree" "$coverage/modules.log"
	find "$tree" -name '*.gcda' -delete
	cp "$PKS_ROOT"/scripts/guest/*.txt "$coverage/scripts"
	for name; do
		coverage_boot "$name"
		coverage_collect "$name"
		merge+=(--add-tracefile "$coverage/$name.json")
	done
	coverage_gcovr "${merge[@]}" --csv "$coverage/lines.csv" --txt "$coverage/lines.txt" \
		--html-details "$coverage/html/index.html"
	say "measured ($((SECONDS - start)) s)"
}

# coverage_table: "<file>|<lines>|<run>|<percent>" for each file that counts, with 0 lines
# where the compiler knows of none. The percentage is rounded down.
coverage_table() {
	awk -F, '
		FNR == NR { lines[$1] = $2; run[$1] = $3; next }
		{
			permille = lines[$1] ? int(1000 * run[$1] / lines[$1]) : 0
			printf "%s|%d|%d|%.1f\n", $1, lines[$1], run[$1], permille / 10
		}' "$coverage/lines.csv" <(coverage_files)
}

coverage_show() {
	coverage_table | awk -F'|' '
		BEGIN { printf "%-28s  %5s  %5s  %7s\n", "file", "lines", "run", "percent" }
		{ printf "%-28s  %5d  %5d  %7.1f\n", $1, $2, $3, $4; lines += $2; run += $3 }
		END { printf "%-28s  %5d  %5d  %7.1f\n", "all", lines, run, 100 * run / lines }'
	echo
	echo "each line: ${coverage#"$PWD"/}/html/index.html; those that did not run: ${coverage#"$PWD"/}/lines.txt"
}

# coverage_reasons: "<file>|<lowest percent>|<why>".
coverage_reasons() {
	sed -E '/^(#|$)/d; s/ *\| */|/g' "$PKS_ROOT/scripts/coverage.reasons"
}

# coverage_judge: a line `ok - ...` or `not ok - ...` for each file, and for each reason
# that is given for none of them.
coverage_judge() {
	awk -F'|' -v least="$COVERAGE_LEAST" '
		function result(good, text) {
			print (good ? "ok - " : "not ok - ") file ": " text
			failed = failed || !good
		}
		{ file = $1 }
		part == "reasons" {
			accepted[$1] = $2 + 0
			if ($2 !~ /^[0-9]+$/ || $3 == "")
				result(0, "is in coverage.reasons without a percentage or a reason")
			next
		}
		{
			text = $4 " % of " $2 " lines"
			if (!$2)
				result(0, "nothing of it was measured")
			else if ($4 >= least)
				result(!($1 in accepted), text ($1 in accepted ? ", so it needs no reason" : ""))
			else if ($1 in accepted)
				result($4 >= accepted[$1], text ", of which " accepted[$1] " are accepted")
			else
				result(0, text ", and no reason is given")
			delete accepted[$1]
		}
		END {
			for (file in accepted)
				result(0, "is in coverage.reasons, and is not counted")
			exit failed
		}' part=reasons <(coverage_reasons) part=files <(coverage_table)
}

coverage_markdown() {
	echo
	echo "| File | Lines | Run | % | What does not run |"
	echo "|---|--:|--:|--:|---|"
	awk -F'|' '
		part == "reasons" { why[$1] = $3; next }
		{
			printf "| %s | %d | %d | %.1f | %s |\n", $1, $2, $3, $4, why[$1]
			lines += $2
			run += $3
		}
		END { printf "| all | %d | %d | %.1f | |\n", lines, run, 100 * run / lines }
		' part=reasons <(coverage_reasons) part=files <(coverage_table)
	echo
}

coverage_document() {
	coverage_markdown >"$coverage/table.md"
	put_table "$PKS_ROOT/docs/coverage.md" table "$coverage/table.md"
}

PKS_LABEL=coverage
case ${1:-run} in
run)
	# shellcheck disable=SC2086 # a list of words
	if [ $# -lt 2 ]; then set -- run $COVERAGE_RUNS; fi
	coverage_measure "${@:2}"
	coverage_show
	;;
check)
	# shellcheck disable=SC2086 # likewise
	coverage_measure $COVERAGE_RUNS
	coverage_judge
	;;
update)
	# shellcheck disable=SC2086 # likewise
	coverage_measure $COVERAGE_RUNS
	coverage_document
	coverage_show
	say "docs/coverage.md is up to date"
	;;
*)
	die "usage: scripts/coverage.sh [run [scenario...]|check|update]"
	;;
esac
