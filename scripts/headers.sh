#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/headers.sh <check|all|list> [regular expression]
#
#   list     the packages of headers that this machine's mirror has for Debian 12, 13 and
#            sid, a line each: package, version, compiler
#   all      build all modules against each of them (whose names the expression fits)
#   check    against the oldest and the newest of each branch and suite alone
#
# Each is unpacked, not installed, and built against in a directory that has the compiler of
# its suite, with W=1: a line `ok - ...` or `not ok - ...` for each. A kernel that comes
# into the archive is among them from then on. Logs are in build/headers.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/kernel-stock.sh
. "$PKS_ROOT/scripts/kernel-stock.sh"

base=$PKS_ROOT/build/headers
failed=0

# Of metapackages there are names with fewer numbers. The compiler is what they depend on.
headers_list() {
	apt_own apt-cache dumpavail | awk '
		/^Package: / { package = $2; version = "" }
		/^Version: / { version = $2 }
		/^Depends: / && package ~ /^linux-headers-[0-9]+\.[0-9]+\.[0-9]+.*-amd64$/ {
			print package, version, match($0, /gcc-[0-9]+/) ? substr($0, RSTART, RLENGTH) : "-"
		}' | sort -Vr | awk '!seen[$1]++' | sort -V
}

# The first and the last of each branch and compiler.
headers_ends() {
	grep -vE -- '-(rt|cloud)-amd64 ' | awk '
		{
			split($1, part, /[-.]/)
			group = part[3] "." part[4] " " $3
			if (!(group in first)) first[group] = NR
			last[group] = NR
			line[NR] = $0
		}
		END {
			for (group in first) wanted[first[group]] = wanted[last[group]] = 1
			for (i = 1; i <= NR; i++) if (i in wanted) print line[i]
		}'
}

# An exact version of linux-kbuild there need not be: older headers take a newer one.
headers_packages() {
	local package

	for package in $(stock_packages "${1/headers/image}" "$2" |
			tr ' ' '\n' | grep -v '^linux-image-'); do
		apt_own apt-cache madison "${package%=*}" | tr -d ' ' | grep -qF "|${package#*=}|" ||
			package=${package%=*}
		echo "$package"
	done
}

# headers_unpack <package> <version> <directory>: the archives stay in the cache.
headers_unpack() {
	local debs=$PKS_CACHE/headers/$1_$2 deb packages

	if [ ! -d "$debs" ]; then
		mapfile -t packages < <(headers_packages "$1" "$2")
		rm -rf "$debs.making"
		apt_download "$debs.making" "${packages[@]}"
		mv "$debs.making" "$debs"
	fi
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$3"
	done
	stock_relocate "$3" "${1#linux-headers-}"
}

# headers_make <kernel release>: in the directory with the compiler. What a kernel without
# KUnit does not export is no fault of the tests.
headers_make() {
	# shellcheck disable=SC2016,SC2317 # for the shell there; run_step calls this
	in_tools "$dir" bash -c '
		. "$2/scripts/lib.sh"
		. "$2/scripts/modules.sh"
		export KBUILD_EXTRA_SYMBOLS=$2/Module.symvers
		modules_make "$1" "$2" &&
			make -C "$1" M="$2/kunit" -j"$(nproc)" W=1 CONFIG_KUNIT=m KBUILD_MODPOST_WARN=1 \
				KCFLAGS=-DCONFIG_KUNIT_MODULE modules &&
			make -C "$1" M="$2/bench" -j"$(nproc)" W=1 modules' \
		sh "$dir/usr/src/linux-headers-$1" "$dir/tree"
}

headers_warnings() {
	modules_warnings "$1" | grep -vE 'modpost: .* undefined!|unresolved symbol' || true
}

# headers_build <package> <version> <compiler>
headers_build() {
	local package=$1 version=$2 compiler=$3 dir=$base/$1 log=$base/$1.log name="$1 $2, $3"

	rm -rf "$dir"
	mkdir -p "$dir" "$PKS_CACHE/headers"
	headers_unpack "$package" "$version" "$dir"
	tools_have "$compiler" "$(headers_packages "$package" "$version" | sed -n 's/^\(linux-kbuild-[^=]*\).*/\1/p')"
	modules_copy "$dir/tree"
	if ! run_step "$name" "$log" count_compiled headers_make "${package#linux-headers-}"; then
		echo "not ok - $name: does not build"
		grep -E 'error:|Error ' "$log" | head -n 12 | sed 's/^/# /' || true
		failed=1
	elif [ -n "$(headers_warnings "$log")" ]; then
		echo "not ok - $name: compiles without a warning, W=1"
		headers_warnings "$log" | head -n 12 | sed 's/^/# /'
		failed=1
	else
		echo "ok - $name"
		built=$((built + 1))
	fi
	rm -rf "$dir"
}

PKS_LABEL=headers
"$PKS_ROOT/scripts/deps.sh" headers
apt_refresh
mkdir -p "$base"
case ${1:-} in
list|all) headers_list ;;
check) headers_list | headers_ends ;;
*) die "usage: scripts/headers.sh <check|all|list> [regular expression]" ;;
esac | { grep -E -- "${2:-}" || true; } >"$base/list"
if [ "$1" = list ]; then
	cat "$base/list"
	exit
fi
[ -s "$base/list" ] || die "there are no such headers"
built=0
while read -r package version compiler <&3; do
	headers_build "$package" "$version" "$compiler"
done 3<"$base/list"
echo "# $built of $(wc -l <"$base/list") kernels"
exit "$failed"
