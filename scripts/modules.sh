# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Builds the modules for one kernel in a copy of the sources, so that
# the clone stays as it is and kernels do not mix.

# shellcheck source=scripts/tools.sh
. "$PKS_ROOT/scripts/tools.sh"

# Everything that is or could be committed; where there is no repository, as in a source
# package, everything.
modules_sources() {
	# A clone made by another user is refused without this.
	git() { command git -c safe.directory='*' "$@"; }

	if [ -e .git ]; then
		comm -z -23 <(git ls-files -coz --exclude-standard | sort -zu) <(git ls-files -dz | sort -z)
	else
		find . -path ./build -prune -o -type f -print0
	fi
}

# Time stamps are kept, so that only what changed is compiled again.
modules_copy() {
	local tree=$1

	mkdir -p "$tree"
	(cd "$PKS_ROOT" && modules_sources | tar --null -T - -cf -) | tar -xf - -C "$tree"
}

modules_make() {
	local kdir=$1 tree=$2 makefile

	make -C "$tree" -j"$(nproc)" KDIR="$kdir" W=1 || return
	for makefile in "$tree"/{samples/*,scripts/guest/modules,tests/{attacks,fuzz}}/Makefile; do
		[ -e "$makefile" ] || continue
		make -C "${makefile%/*}" -j"$(nproc)" KDIR="$kdir" W=1 || return
	done
}

# Has this machine the compiler of an entry of kernel.sh, and what its headers' programs want?
modules_native() {
	[ ! -e "$1/compiler" ] || {
		command -v "$(cat "$1/compiler")" && ! ldd "$1/build/scripts/mod/modpost" | grep 'not found'
	} >/dev/null 2>&1
}

# modules_compile <what to build against> <tree>: the first is build/ in an entry of kernel.sh.
modules_compile() {
	local entry=${1%/build}

	if modules_native "$entry"; then
		modules_make "$@"
		return
	fi
	# shellcheck disable=SC2016 # for the shell there
	in_tools "$entry $2" bash -c '
		. "$2/scripts/lib.sh"
		. "$2/scripts/modules.sh"
		PKS_BENCH=$3 modules_make "$1" "$2"' sh "$1" "$2" "${PKS_BENCH:-}"
}

count_compiled() {
	echo "$(grep -cE '^ +(CC|LD)' "$1" || true) objects"
}

# modules_build <what to build against> <tree> <log>
modules_build() {
	local entry=${1%/build}

	modules_copy "$2" || return
	if ! modules_native "$entry"; then
		"$PKS_ROOT/scripts/deps.sh" headers
		apt_refresh
		tools_have "$(cat "$entry/compiler")" "$(cat "$entry/kbuild")"
	fi
	run_step "building modules" "$3" count_compiled modules_compile "$1" "$2"
}

# What the compiler, modpost and objtool complained about, though it worked.
modules_warnings() {
	grep -iE 'warning:' "$1" | grep -vE 'the compiler differs from the one|pahole version differs' || true
}

# modules_list <tree>: the .ko files that scenarios may load.
modules_list() {
	find "$1" -name '*.ko' ! -path "$1/scripts/selftest/*" ! -path "$1/bench/*"
}
