# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Compilers of other suites, each in a directory with what the programs among its
# kernels' headers want, which is kept in the cache: modules for Debian 13's kernel are
# compiled by Debian 13's compiler, on whatever Debian. Making one takes root.

# shellcheck source=scripts/apt.sh
. "$PKS_ROOT/scripts/apt.sh"
# shellcheck source=scripts/chroot.sh
. "$PKS_ROOT/scripts/chroot.sh"

# The oldest suite that has a compiler.
compiler_suite() {
	local suite

	for suite in $(apt_suites) sid; do
		if [ -n "$(apt_newest "$suite|$suite-security" "$1")" ]; then
			echo "$suite"
			return
		fi
	done
	die "no suite has $1"
}

# tools_make <directory> <suite> <packages>
tools_make() {
	apt-config dump | grep '^Acquire::' >"$1.apt"
	chroot_sources "$2" | mmdebstrap --verbose --mode=root --variant=apt --format=directory \
		--aptopt="$1.apt" --include="${*:3}" "$2" "$1" -
}

# tools_have <compiler> <linux-kbuild>: sets TOOLS to the directory.
tools_have() {
	local compiler=$1 kbuild=$2 suite hash making

	suite=$(compiler_suite "$compiler")
	hash=$({ cat "$PKS_ROOT/scripts/tools.sh"; echo "$kbuild"; } | sha256sum | cut -c1-12)
	TOOLS=$PKS_CACHE/chroots/tools-$suite-$compiler-$hash
	[ ! -d "$TOOLS" ] || return 0
	mkdir -p "$PKS_CACHE"/{chroots,logs}
	exec 7>"$PKS_CACHE/chroots/lock"
	flock 7
	if [ ! -d "$TOOLS" ]; then
		[ "$(id -u)" = 0 ] || die "making a chroot takes root"
		making=$PKS_CACHE/chroots/making-tools
		rm -rf "$PKS_CACHE/chroots/tools-$suite-$compiler"-* "$making"*
		at_exit "rm -rf '$making'*"
		run_step "$compiler of $suite" "$PKS_CACHE/logs/tools.log" count_set_up \
			tools_make "$making" "$suite" "$compiler" make perl python3-minimal libelf1 "$kbuild"
		mv "$making" "$TOOLS"
	fi
	exec 7>&-
}

# in_tools "<directory...>" <command...>: in TOOLS, where these directories are as they are
# here.
in_tools() {
	# shellcheck disable=SC2016 # for the shell in the namespaces
	unshare --mount --pid --fork --kill-child bash -c '
		set -e
		for dir in $2; do
			mkdir -p "$1$dir"
			mount --bind "$dir" "$1$dir"
		done
		mount -t proc proc "$1/proc"
		exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "${@:3}"' \
		sh "$TOOLS" "$@"
}
