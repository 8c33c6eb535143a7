#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/dkms.sh install [kernel release...]
#        scripts/dkms.sh remove
#        scripts/dkms.sh source <directory>
#
# install has DKMS build and install pks.ko from this tree, for the running kernel or those
# named, in place of what an earlier install left. remove takes that away, sources included.
# source copies what DKMS builds from into pks-<version> there; packages use it.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PKS_LABEL=dkms
version=$(make -s --no-print-directory -C "$PKS_ROOT" version)

# What a build left in the tree is no source.
source_files() {
	(
		cd "$PKS_ROOT" || exit
		printf '%s\n' Kbuild Kbuild.compat dkms.conf scripts/dkms-symvers.sh *.[chS] | grep -v '\.mod\.c$'
		find include -name '*.h'
	)
}

copy_source() {
	mkdir -p "$1/pks-$version"
	source_files | tar -C "$PKS_ROOT" --owner=root:0 --group=root:0 -cf - -T - |
		tar -C "$1/pks-$version" -xf -
}

# Every version that DKMS knows.
registered() {
	dkms status -m pks | sed -n 's|^pks/\([^,: ]*\).*|\1|p' | sort -u
}

# What a package put there is the package's to remove.
refuse_packaged() {
	local owner

	owner=$(dpkg-query -S "/usr/src/pks-$1/dkms.conf" 2>/dev/null) || return 0
	die "pks $1 is installed by package ${owner%%:*}: remove that first"
}

remove_all() {
	local each

	for each in $(registered) "$version"; do
		refuse_packaged "$each"
	done
	for each in $(registered); do
		dkms remove -m pks -v "$each" --all
		rm -rf "/usr/src/pks-$each"
	done
}

# Where `uname -r` is the host's, as in a container, or in a chroot for an image.
need_headers() {
	[ -e "/lib/modules/$1/build" ] ||
		die "there are no headers of $1 here, which is what runs; for another kernel: make dkms-install KVERS=<release>"
}

install_for() {
	local kernel

	for kernel; do
		need_headers "$kernel"
	done
	remove_all
	rm -rf "/usr/src/pks-$version"
	copy_source /usr/src
	dkms add -m pks -v "$version"
	for kernel; do
		dkms install -m pks -v "$version" -k "$kernel"
	done
}

need_dkms() {
	[ "$(id -u)" = 0 ] || die "DKMS installs for the machine: this takes root"
	command -v dkms >/dev/null || "$PKS_ROOT/scripts/deps.sh" dkms
}

case ${1:-} in
install)
	need_dkms
	[ $# -gt 1 ] || set -- install "$(uname -r)"
	install_for "${@:2}"
	dkms status -m pks
	;;
remove)
	need_dkms
	remove_all
	;;
source)
	copy_source "${2:?where to}"
	;;
*)
	die "usage: scripts/dkms.sh <install [kernel release...]|remove|source <directory>>"
	;;
esac
