# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by kernel.sh: Debian's own kernels with their headers, unpacked into the cache
# instead of installed.

# Of Debian's modules a guest gets these, with what they depend on.
STOCK_MODULES='msr kvm_amd virtio_blk virtio_pci ext4 crc32c_generic'

# stock_release <kernel>: the Debian that has it.
stock_release() {
	case $1 in
	*13) echo trixie ;;
	*) echo bookworm ;;
	esac
}

# stock_resolve <kernel> <debian|rt|cloud>: "package version" of the image that
# linux-image-amd64, linux-image-rt-amd64 or linux-image-cloud-amd64 stands for.
stock_resolve() {
	local release suites meta version package

	release=$(stock_release "$1")
	case $1 in
	stock*) suites="$release|$release-updates|$release-security" ;;
	backports*) suites=$release-backports ;;
	esac
	case $2 in
	debian) meta=linux-image-amd64 ;;
	rt|cloud) meta=linux-image-$2-amd64 ;;
	*) die "Debian's own kernels have two flavours, rt and cloud" ;;
	esac
	version=$(apt_newest "$suites" "$meta")
	[ -n "$version" ] || return 0
	package=$(apt_depends "$meta" "$version" | grep '^linux-image-' | head -n 1)
	echo "$package $version"
}

# The headers' own dependencies name the shared half and the build tools.
stock_packages() {
	local headers=linux-headers-${1#linux-image-} version=$2 package

	echo "$1=$version" "$headers=$version"
	for package in $(apt_depends "$headers" "$version"); do
		case $package in
		linux-headers-*|linux-kbuild-*) echo "$package=$version" ;;
		esac
	done
}

# The compiler that headers want for modules.
stock_compiler() {
	apt_own apt-cache show "linux-headers-${1#linux-image-}=$2" |
		grep '^Depends: ' | grep -o 'gcc-[0-9]*' | head -n 1
}

# The header packages expect to live in /usr/src: make them find each other
# where they are.
stock_relocate() {
	local headers=$1/usr/src/linux-headers-$2

	# shellcheck disable=SC2016 # the $(...) is make's
	sed -i -e 's|^include /usr/src/|include $(dir $(abspath $(lastword $(MAKEFILE_LIST))))../|' \
		-e 's|^KBUILD_OUTPUT=/usr/src/\(.*\)|KBUILD_OUTPUT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../\1)|' \
		"$headers/Makefile"
	if grep -qs /usr/src "$headers/Makefile" "$headers/.kernelvariables"; then
		die "$headers/Makefile names /usr/src in a way that scripts/kernel-stock.sh does not know"
	fi
}

stock_modules() {
	local from=$1 to=$2 release=$3 file

	depmod -b "$from" "$release"
	mkdir -p "$to/lib/modules/$release"
	cp "$from/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} "$to/lib/modules/$release"
	# shellcheck disable=SC2086 # a list of words
	modprobe -d "$from" -S "$release" --show-depends -a $STOCK_MODULES |
		sed -n 's/^insmod //p' | sort -u | while read -r file _; do
		file=${file#"$from"/}
		install -D -m 644 "$from/$file" "$to/$file"
	done
	depmod -b "$to" "$release"
}

stock_make() {
	local work=$1 package=$2 version=$3 release=${2#linux-image-} packages deb

	mapfile -t packages < <(stock_packages "$package" "$version" | tr ' ' '\n')
	apt_download "$work/deb" "${packages[@]}"
	say "unpacking $package $version and its headers"
	for deb in "$work"/deb/*.deb; do
		dpkg-deb -x "$deb" "$work/unpacked"
	done
	# Debian 13 has them where /lib is a link to.
	if [ -d "$work/unpacked/usr/lib/modules" ]; then
		mkdir -p "$work/unpacked/lib"
		mv "$work/unpacked/usr/lib/modules" "$work/unpacked/lib"
	fi
	stock_relocate "$work/unpacked" "$release"
	stock_modules "$work/unpacked" "$work/root" "$release"
	mv "$work/unpacked/boot/vmlinuz-$release" "$work/vmlinuz"
	rm -rf "$work/unpacked/lib/modules" "$work/unpacked/boot" "$work/deb"
	ln -s "unpacked/usr/src/linux-headers-$release" "$work/build"
	echo "$release" >"$work/release"
	stock_compiler "$package" "$version" >"$work/compiler"
	printf '%s\n' "${packages[@]%%=*}" | grep '^linux-kbuild-' >"$work/kbuild"
	echo "$package $version, as Debian ships it" >"$work/about"
}
