# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by kernel.sh: kernels built from Debian's linux-source packages.

FRAGMENTS=$PKS_ROOT/scripts

config_fragments() {
	echo "$FRAGMENTS/kernel.config"
	case $1 in
	full|prepared) return ;;
	esac
	[ -r "$FRAGMENTS/kernel-$1.config" ] ||
		die "there is no flavour '$1': see scripts/kernel-*.config for those there are"
	echo "$FRAGMENTS/kernel-$1.config"
}

# Prints "package version". `latest` is the highest X.Y that the current
# stable release, its backports or unstable carry.
source_resolve() {
	local package version suites='bookworm[a-z-]*'

	if [ "$1" != latest ]; then
		package=linux-source-$1
		echo "$package $(apt_newest "$suites" "$package")"
		return
	fi
	suites="$(cat "$APT_STATE/stable")[a-z-]*|sid"
	for package in $(apt_own apt-cache pkgnames linux-source- | sort -rV); do
		version=$(apt_newest "$suites" "$package")
		if [ -n "$version" ]; then
			echo "$package $version"
			return
		fi
	done
}

# The tarballs stay in the cache, newest version only: flavours share them.
source_fetch() {
	local package=$1 version=$2 work=$3 tarball=$4

	[ ! -r "$tarball" ] || return 0
	mkdir -p "${tarball%/*}"
	apt_download "$work/deb" "$package=$version"
	dpkg-deb --fsys-tarfile "$work"/deb/*.deb |
		tar -xO "./usr/src/$package.tar.xz" >"$work/source.tar.xz"
	rm -rf "$work/deb" "${tarball%/*}/${package}"_*
	mv "$work/source.tar.xz" "$tarball"
}

# Kept: what external modules need and vmlinux, with the sources that one reads
# while debugging. The rest is a gigabyte a kernel.
source_prune() {
	(
		cd "$1" || exit
		rm -rf Documentation certs crypto drivers fs io_uring ipc net rust samples security sound usr virt
		find arch -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
		find . \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name '*.ko' -o -name '.*.d' \) \
			! -path './scripts/*' ! -path './tools/*' -delete
		rm -rf arch/x86/boot/compressed arch/x86/boot/bzImage .tmp_* vmlinux.map
	)
}

count_objects() {
	echo "$(grep -cE '^  (CC|AS|LD)' "$1" || true) objects"
}

source_build() {
	make -C "$1" -j"$(nproc)" bzImage modules
	make -C "$1" modules_install INSTALL_MOD_PATH="$2/root" INSTALL_MOD_STRIP=1
	cp "$1/arch/x86/boot/bzImage" "$2/vmlinuz"
	make -s -C "$1" kernelrelease >"$2/release"
}

# source_configure <tree> <where .config is to be> <flavour> [variables of make]
source_configure() {
	local tree=$1 into=$2 flavour=$3 log=$PKS_CACHE/logs/config.log fragments

	shift 3
	mapfile -t fragments < <(config_fragments "$flavour")
	(
		set -e
		cd "$tree"
		make "$@" tinyconfig
		scripts/kconfig/merge_config.sh -m -O "$into" "$into/.config" "${fragments[@]}"
		make "$@" olddefconfig
	) >"$log" 2>&1 || die "configuring the kernel failed; see $log"
}

# A fragment's lines as "OPTION value", the last word on each option winning;
# those that a `#@ OPTION since|until X.Y` takes out of kernel <version> are not
# there.
wanted_options() {
	local version=$1

	shift
	awk -v kernel="$version" '
		function number(v, part) { split(v, part, "."); return part[1] * 1000 + part[2] }
		/^#@/ {
			if ($3 == "since" && number(kernel) < number($4)) gone[$2]
			if ($3 == "until" && number(kernel) > number($4)) gone[$2]
		}
		/^CONFIG_/ { i = index($0, "="); want[substr($0, 1, i - 1)] = substr($0, i + 1) }
		/^# CONFIG_.* is not set$/ { want[$2] = "n" }
		END { for (o in want) if (!(o in gone)) print o, want[o] }' "$@" | sort
}

# config_misses <config> <version> <fragment...>: the options that did not come
# out as the fragments want them.
config_misses() {
	local config=$1 version=$2 option value is

	shift 2
	wanted_options "$version" "$@" | while read -r option value; do
		is=$(sed -n "s/^$option=//p" "$config")
		[ "${is:-n}" = "$value" ] || echo "$option (wanted $value, is ${is:-n})"
	done
}

# A base option that did not come out is an error of ours. One of the flavour
# means that this kernel does not offer it: say so in the entry.
source_verify() {
	local config=$1 work=$2 version=$3 flavour=$4 fragments misses option

	mapfile -t fragments < <(config_fragments "$flavour")
	misses=$(config_misses "$config" "$version" "${fragments[@]}")
	[ -n "$misses" ] || return 0
	while read -r option _; do
		if [ ! -r "$FRAGMENTS/kernel-$flavour.config" ] || ! grep -qw "$option" "$FRAGMENTS/kernel-$flavour.config"; then
			die "kernel $version: options of scripts/kernel.config did not come out as written:" \
				"$(tr '\n' ';' <<<"$misses")"
		fi
	done <<<"$misses"
	echo "Linux $version has no flavour $flavour: $(paste -sd';' <<<"$misses")" >"$work/absent"
}

# All of it is a gigabyte and a half, most of which is needed to build a kernel only.
source_unpack() {
	local tarball=$1 tree=$2 top=$3 flavour=$4 without=() dir

	if [ "$flavour" = prepared ]; then
		for dir in 'arch/[!x]*' drivers fs net sound; do
			without+=(--exclude="$top/$dir/*.[chS]")
		done
		without+=(--exclude="$top/arch/*.dts*" --exclude="$top/Documentation/*/*"
			--exclude="$top/tools/[pt]*/*/*")
	fi
	mkdir "$tree"
	tar --anchored "${without[@]}" -xJf "$tarball" -C "$tree" --strip-components=1
}

# For each compiler what modules need to be built with it, and no kernel.
source_prepare() {
	local tree=$1 work=$2 version=$3 compiler with

	for compiler in gcc clang; do
		with=(O="$tree/$compiler")
		[ "$compiler" = gcc ] || with+=(LLVM="-$PKS_LLVM")
		mkdir "$tree/$compiler"
		source_configure "$tree" "$tree/$compiler" prepared "${with[@]}"
		source_verify "$tree/$compiler/.config" "$work" "$version" prepared
		run_step "preparing kernel $version for $compiler" \
			"$PKS_CACHE/logs/prepare-$version-$compiler.log" count_objects \
			make -C "$tree" "${with[@]}" -j"$(nproc)" modules_prepare
	done
}

source_make() {
	local work=$1 package=$2 version=$3 flavour=$4
	local tarball=$PKS_CACHE/sources/${2}_$3.tar.xz

	source_fetch "$package" "$version" "$work" "$tarball"
	say "unpacking $package $version"
	source_unpack "$tarball" "$work/build" "$package" "$flavour"
	if [ "$flavour" = prepared ]; then
		source_prepare "$work/build" "$work" "${package#linux-source-}"
		source_prune "$work/build"
		echo "$package $version, prepared for modules" >"$work/about"
		return
	fi
	source_configure "$work/build" "$work/build" "$flavour"
	source_verify "$work/build/.config" "$work" "${package#linux-source-}" "$flavour"
	if [ -e "$work/absent" ]; then
		rm -rf "$work/build"
		return
	fi
	run_step "building kernel $version ($flavour)" "$PKS_CACHE/logs/build-$version-$flavour.log" count_objects \
		source_build "$work/build" "$work"
	source_prune "$work/build"
	echo "$package $version, flavour $flavour" >"$work/about"
}
