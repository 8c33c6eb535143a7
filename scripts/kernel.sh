#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/kernel.sh <6.1|6.12|latest|stock|backports|stock13|backports13> [flavour]
#
# Makes sure that a kernel is in the cache and prints the path of its entry:
#   build/    what KDIR takes to build modules for it (vmlinux in it, too)
#   vmlinuz   what QEMU boots
#   root/     its own modules, /lib/modules/<release>
#   release   what uname -r says there
#   about     one line for people
#   compiler, kbuild    of Debian's own: what modules are compiled with, see tools.sh
#   absent    instead of all these: why this kernel has no such flavour
#
# 6.1, 6.12 and latest are built from Debian's linux-source with the KUnit
# configuration in kernel.config (see there for flavours); stock is Debian 12's
# own kernel with its headers, unpacked and not installed, backports the one of
# its backports, and stock13 and backports13 are Debian 13's. Of these there are the
# flavours rt and cloud. Of the others there is
# one more, `prepared`, to compile modules and not to boot: its build/ has the sources,
# build/gcc and build/clang (LLVM) what modules take with O=.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/apt.sh
. "$PKS_ROOT/scripts/apt.sh"
# shellcheck source=scripts/kernel-source.sh
. "$PKS_ROOT/scripts/kernel-source.sh"
# shellcheck source=scripts/kernel-stock.sh
. "$PKS_ROOT/scripts/kernel-stock.sh"

# Raise it when what is kept in an entry changes: older entries are then left.
LAYOUT=2
KEEP_DAYS=60

is_debians() {
	[[ $kernel =~ ^(stock|backports) ]]
}

# What, besides the version, decides what an entry holds.
recipe_hash() {
	local files=()

	if is_debians; then
		files=("$PKS_ROOT/scripts/kernel-stock.sh")
	else
		mapfile -t files < <(config_fragments "$flavour")
	fi
	{
		echo "$LAYOUT"
		[ "$flavour" != prepared ] || echo "$PKS_LLVM"
		cat "${files[@]}"
	} | sha256sum | cut -c1-12
}

# Used when a version cannot be resolved or fetched, as without a network.
newest_entry() {
	printf '%s\n' "$PKS_CACHE/kernels/$kernel-$flavour-"*"-$hash" |
		grep -v '\*' | sort -V | tail -n 1 || true
}

resolve() {
	if is_debians; then
		stock_resolve "$kernel" "$flavour"
	else
		source_resolve "$kernel"
	fi
}

# All or nothing: the entry appears under its name when it is complete.
make_entry() {
	local package=$1 version=$2 entry=$3 work

	work=$(mktemp -d "$PKS_CACHE/kernels/.making-XXXXXX")
	chmod 755 "$work"
	at_exit "rm -rf '$work'"
	if is_debians; then
		stock_make "$work" "$package" "$version"
	else
		source_make "$work" "$package" "$version" "$flavour"
	fi
	mv "$work" "$entry"
	find "$PKS_CACHE/kernels" -mindepth 1 -maxdepth 1 -mtime "+$KEEP_DAYS" -exec rm -rf {} +
}

take_lock() {
	exec 9>"$PKS_CACHE/lock"
	if ! flock -n 9; then
		say "waiting for another run to finish with $PKS_CACHE"
		flock 9
	fi
}

# The common case, which waits for nobody: lists are recent, the entry is there.
find_ready() {
	local package version entry

	apt_recent || return 0
	read -r package version < <(resolve) || true
	entry=$PKS_CACHE/kernels/$kernel-$flavour-$version-$hash
	[ ! -d "$entry" ] || echo "$entry"
}

# Sets `entry`: run_step would not work in a $(...).
find_or_make() {
	local package version

	apt_refresh
	read -r package version < <(resolve) || true
	if [ -z "${version:-}" ]; then
		entry=$(newest_entry)
		[ -n "$entry" ] || die "no package of kernel '$kernel' was found (see $APT_STATE/update.log)"
		say "note: no package list names kernel '$kernel'; going on with ${entry##*/} from the cache"
	else
		entry=$PKS_CACHE/kernels/$kernel-$flavour-$version-$hash
		[ -d "$entry" ] || make_entry "$package" "$version" "$entry"
	fi
}

case ${1:-} in
[6-9].[0-9]*|latest|stock|backports|stock13|backports13) kernel=$1 ;;
*) die "usage: scripts/kernel.sh <6.1|6.12|latest|stock|backports|stock13|backports13> [flavour]" ;;
esac
flavour=${2:-full}
if is_debians && [ "$flavour" = full ]; then
	flavour=debian
fi
hash=$(recipe_hash)
mkdir -p "$PKS_CACHE"/{kernels,logs}
entry=$(find_ready)
if [ -z "$entry" ]; then
	take_lock
	find_or_make
fi
touch "$entry"
echo "$entry"
