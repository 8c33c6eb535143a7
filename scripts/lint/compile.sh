# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lint.sh: compilers, and sparse. Wherever there is a Kbuild, it says what
# the modules are; C that none of them has must be a program of its own.

# sparse 0.6.4 knows no __typeof_unqual__, without which newer kernels take it for too
# old, and does not count a string while it compiles.
SPARSE='sparse -D__typeof_unqual__=__typeof__ "-D__builtin_strlen(s)=(sizeof(s)-1)"'

declare -A compiled=()

# Directories that are compiled on their own: those below that their parent names are
# not. The first is that of pks.ko.
compile_dirs() {
	(
		cd "$LINT_TREE" || exit
		grep -rlE '^obj-' --include=Kbuild --include=Makefile . | sed 's,/[^/]*$,,' | sort -u |
		while IFS= read -r dir; do
			[ "$dir" != . ] && grep -qE "^obj-.*[ ,]${dir#./}/" Kbuild || echo "$dir"
		done
	)
}

# compile_make <kind> <copy of the tree> <dir>: with everything that is only built on
# demand. Symbols are resolved where there is a kernel: by make check.
compile_make() {
	local kind=$1 copy=$2 dir=$3 with=()

	case $kind in
	clang) with=(LLVM="-$PKS_LLVM") ;;
	sparse) with=(C=2 CHECK="$SPARSE") ;;
	esac
	make -C "$LINT_KDIR" O="$LINT_KDIR/${kind/sparse/gcc}" M="$copy/$dir" W=1 -j"$(nproc)" \
		PKS="$copy" PKS_BENCH=m PKS_COUNT_WRITES=y KBUILD_MODPOST_WARN=1 "${with[@]}" modules
}

# What the compiler, objtool, modpost and sparse complain about. What they call a
# warning that is none: that there is no kernel, and who wrote down its types.
compile_findings() {
	grep -E '(warning|error|WARNING|ERROR): | Error [0-9]' "$1" |
		grep -vE 'modpost: .*( undefined!|unresolved symbol)|Module\.symvers is missing|pahole version differs' |
		sed "s,$2/,,g; s,^\./,," || true
}

# compile_programs <compiler>: of what is left in the current directory.
compile_programs() {
	local file

	while IFS= read -r file; do
		echo "  PROGRAM $file"
		"$@" -O2 -Wall -Wextra -o /dev/null "$file" ||
			echo "$file: error: no Kbuild has it, and it is no program"
	done < <(find . -path "./$LINT_PLANTED" -prune -o -name '*.c' ! -name '*.mod.c' ! -name .module-common.c -printf '%P\n' |
		while IFS= read -r file; do [ -e "${file%.c}.o" ] || echo "$file"; done)
}

# compile_all <kind> <copy> <log of what is planted>
compile_all() {
	local kind=$1 copy=$2 planted=$3 dir

	: >"$planted"
	while IFS= read -r dir; do
		case $dir/ in
		"./$LINT_PLANTED/"*) compile_make "$kind" "$copy" "$dir" >>"$planted" 2>&1 || true ;;
		*) compile_make "$kind" "$copy" "$dir" || echo "$dir: error: not compiled" ;;
		esac
	done < <(compile_dirs)
	cd "$copy" || return
	case $kind in
	gcc) compile_programs gcc ;;
	clang) compile_programs "clang-$PKS_LLVM" ;;
	esac
}

# How much was looked at.
compile_count() {
	case $1 in
	sparse) grep -c '^  CHECK ' "$2" || true ;;
	*) grep -cE '^  (CC|AS|PROGRAM) ' "$2" || true ;;
	esac
}

compile_check() {
	local kind=$1 kernel=$2 dir=$LINT_OUT/$2-${1/sparse/gcc} name="$1 $2" log planted

	log=$LINT_OUT/$kind-$kernel.log planted=$LINT_OUT/$kind-$kernel.planted
	case $kind in
	clang) is_there "$name" "clang-$PKS_LLVM" ;;
	*) is_there "$name" "$kind" ;;
	esac || return 0
	# What is there already gets no warning again; only sparse looks at it all the same.
	if [ "$kind" != sparse ] || [ -z "${compiled[$dir]:-}" ]; then
		rm -rf "$dir"
		modules_copy "$dir"
		compiled[$dir]=1
	fi
	run_step "$name" "$log" count_compiled compile_all "$kind" "$dir" "$planted"
	compile_findings "$log" "$dir" >"$log.findings"
	compile_findings "$planted" "$dir" >"$planted.findings"
	judge_planted "$kind" "$name" "$planted.findings"
	judge "$name" "$(compile_count "$kind" "$log") files" "$log.findings"
}
