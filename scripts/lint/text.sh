# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lint.sh: what reads the sources as they are. Each run_<tool> is called in
# the copy of the tree with the files that are its own, and prints what it found as
# "<file>:<line>: <text>".

# text_files <tool>
text_files() {
	case $1 in
	checkpatch) text_named '*.[chS]' '*Kbuild*' '*Makefile' ;;
	coccicheck|kernel-doc|exports) text_named '*.[ch]' ;;
	shellcheck) text_script 'sh|bash|dash' '*.sh' ;;
	pyflakes) text_script python3 '*.py' ;;
	*) text_named '*' ;;
	esac
}

# text_named <name...>: any of them.
text_named() {
	local name names=()

	for name; do
		names+=(-o -name "$name")
	done
	find . -type f \( "${names[@]:1}" \) -printf '%P\n' | sort
}

# text_script <interpreter> <name>: by name, or by their first line.
text_script() {
	{
		text_named "$2"
		grep -rlEm1 "^#! ?/(usr/)?bin/(env )?($1)\b" . | while IFS= read -r file; do
			! head -n 1 "$file" | grep -qE "^#!.*($1)\b" || echo "${file#./}"
		done
	} | sort -u
}

run_checkpatch() {
	printf '%s\0' "$@" | xargs -0 -n 8 -P "$(nproc)" perl "$LINT_KDIR/scripts/checkpatch.pl" \
		--no-tree --root="$LINT_KDIR" --strict --terse --show-types --no-summary --color=never -f
	# What it keeps of the kernel's headers.
	rm -f .checkpatch-camelcase.*
}

# Semantic patches that don't say what they match in report mode, or are written in
# OCaml, for which there would have to be a compiler.
coccicheck_patches() {
	grep -rl --include='*.cocci' '^virtual report' "$LINT_KDIR/scripts/coccinelle" |
		xargs grep -LE '^(initialize|script):ocaml|@.*script:ocaml' | sort
}

run_coccicheck() {
	# shellcheck disable=SC2016 # for the shell that is run
	coccicheck_patches | xargs -P "$(nproc)" -I{} sh -c '
		spatch -D report --no-show-diff --very-quiet --cocci-file "$1" \
			$(sed -n "s/.*Options: *//p" "$1") --dir . 2>"$2/${1##*/}.err" ||
			echo "${1##*/}: error: spatch failed: $(tail -n 1 "$2/${1##*/}.err")"
	' -- {} "$LINT_OUT/coccicheck"
}

run_kernel-doc() {
	python3 "$LINT_KDIR/scripts/kernel-doc" -none -Wall "$@" 2>&1
}

run_exports() {
	awk -f "$PKS_ROOT/scripts/lint/exports.awk" "$@"
}

run_shellcheck() {
	printf '%s\0' "$@" | xargs -0 -n 8 -P "$(nproc)" shellcheck -x -f gcc
}

run_pyflakes() {
	pyflakes3 "$@"
}

run_codespell() {
	codespell "$@"
}

run_form() {
	awk -f "$PKS_ROOT/scripts/lint/form.awk" "$@"
}

text_command() {
	case $1 in
	checkpatch) echo perl ;;
	coccicheck) echo spatch ;;
	kernel-doc) echo python3 ;;
	exports|form) echo awk ;;
	pyflakes) echo pyflakes3 ;;
	*) echo "$1" ;;
	esac
}

# A tool says by its status, too, that it found something, or by its output alone.
text_run() {
	local tool=$1

	shift
	cd "$LINT_TREE" || return
	"run_$tool" "$@" || true
}

count_found() {
	echo "$(wc -l <"$1") findings"
}

text_check() {
	local tool=$1 files log=$LINT_OUT/$1.log

	is_there "$tool" "$(text_command "$tool")" || return 0
	mkdir -p "$LINT_OUT/coccicheck"
	mapfile -t files < <(cd "$LINT_TREE" && text_files "$tool")
	run_step "$tool" "$log" count_found text_run "$tool" "${files[@]}"
	grep -F "$LINT_PLANTED/" "$log" >"$log.planted" || true
	grep -vF "$LINT_PLANTED/" "$log" | sed '/^$/d; s,^\./,,; s/^Warning: //' >"$log.findings" || true
	judge_planted "$tool" "$tool" "$log.planted"
	judge "$tool" "$((${#files[@]} - $(printf '%s\n' "${files[@]}" | grep -cF "$LINT_PLANTED/"))) files" \
		"$log.findings"
}
