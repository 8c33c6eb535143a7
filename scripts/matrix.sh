#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/matrix.sh <run|record|table|ci> [labels]
#
#   run      test every label of scripts/matrix (or those named), as check.sh does
#   record   the same, and take the results into docs/tested.tsv and docs/tested.md
#   table    print what docs/tested.md has to be, from docs/tested.tsv
#   ci       print the labels that CI runs

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

matrix=$PKS_ROOT/scripts/matrix
recorded=$PKS_ROOT/docs/tested.tsv
page=$PKS_ROOT/docs/tested.md
results=$PKS_ROOT/build/matrix.tsv

labels_all() {
	sed 's/^\*//; /^#/d' "$matrix" | awk '{ print $1 }'
}

# What has the most scenarios first: time may run out.
labels_ci() {
	awk '/^\*/ { print ($2 ~ /[+@]/), NR, $2 }' "$matrix" | sort -n | awk '{ print $3 }' | paste -sd' '
}

matrix_run() {
	mkdir -p "$PKS_ROOT/build"
	PKS_RESULTS=$results "$PKS_ROOT/scripts/check.sh" "${labels:-$(labels_all | paste -sd' ')}"
}

# What is new takes the place of what there was, label by label. A tree with changes
# has no name that anyone could look up.
matrix_merge() {
	local stamp

	stamp="$(date -u +%F)"$'\t'"$(git -C "$PKS_ROOT" describe --always --dirty=+changes)"
	touch "$recorded"
	awk -F'\t' -v OFS='\t' -v stamp="$stamp" '
		FILENAME == ARGV[1] { row[$1] = $1 OFS $2 OFS $3 OFS $4 OFS stamp; next }
		!($1 in row) { row[$1] = $0 }
		END { for (label in row) print row[label] }' "$results" "$recorded" |
		sort >"$recorded.new"
	mv "$recorded.new" "$recorded"
}

# In the order of the matrix; a label never tested has a row that says so.
matrix_table() {
	cat <<-'EOF'
	# What was tested where

	<!-- Made by scripts/matrix.sh from docs/tested.tsv; scripts/matrix says what there is to test. -->

	`make check-all` runs all of it in QEMU, `make check KERNELS="..."` any of it by its name. Each
	name is a kernel, what is configured otherwise than usual (`+`), and the machine (`@`). A result is
	the number of test cases that passed, of those that failed, and of those that were skipped, as
	a case for a machine without PKS is on one that has it. No kernel message that was not expected is
	in any of them. Where a feature is absent, it says so itself.

	| what | kernel | passed | failed | skipped | absent, and remarks | tested | commit |
	|---|---|---:|---:|---:|---|---|---|
	EOF
	awk -F'\t' '
		FILENAME == ARGV[1] { result[$1] = $2; about[$1] = $3; notes[$1] = $4; date[$1] = $5; commit[$1] = $6; next }
		/^#/ { next }
		{
			split($2, words, " ")
			label = words[1]
			remark = substr($0, index($0, label) + length(label))
			gsub(/^[ \t]+/, "", remark)
			if (!(label in result)) {
				printf "| `%s` | | | | | %s | never | |\n", label, remark
				next
			}
			split(result[label], n, " ")
			if (notes[label] != "")
				remark = remark (remark != "" ? ". " : "") "Absent: " notes[label]
			printf "| `%s` | %s | %d | %d | %d | %s | %s | %s |\n", label, about[label],
				n[1], n[2], n[3], remark, date[label], commit[label]
		}' "$recorded" "$matrix"
}

PKS_LABEL=matrix
what=${1:-}
labels=${2:-}
case $what in
run)
	matrix_run
	;;
record)
	status=0
	matrix_run || status=$?
	matrix_merge
	matrix_table >"$page"
	exit "$status"
	;;
table)
	matrix_table
	;;
ci)
	labels_ci
	;;
*)
	die "usage: scripts/matrix.sh <run|record|table|ci> [labels]"
	;;
esac
