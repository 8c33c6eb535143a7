#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/deps.sh <demo|check|measure|docs|top|lint>
#
# Installs what is missing of the Debian packages that `make demo` (and `make shell`)
# or `make check` (and `make bench`) need, or `make bench` on the machine itself, or
# scripts/top.sh, or `make lint`. Does nothing, as anyone, when nothing is missing.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# To build modules against Debian's headers, and to run the machine. Debian 12's
# kernel and headers ask for gcc-12; objtool is linked with libelf.
DEMO='gcc gcc-12 libelf-dev kmod cpio busybox-static qemu-system-x86 debian-archive-keyring'
# With a program of its own.
ATTACK="$DEMO libc6-dev"
# To build kernels (python3: kernel-doc, which W=1 runs), and to check the models.
# The last three are run in the guest, by guest/trace.sh.
CHECK="$DEMO libc6-dev bc flex bison libssl-dev xz-utils python3 spin e2fsprogs trace-cmd linux-perf bpftrace"
# checkpatch is in Perl, kernel-doc in Python.
LINT="gcc libelf-dev libc6-dev bc flex bison libssl-dev xz-utils debian-archive-keyring perl python3"
LINT+=" clang-$PKS_LLVM lld-$PKS_LLVM llvm-$PKS_LLVM sparse coccinelle shellcheck pyflakes3 codespell"
MEASURE='gcc libelf-dev libc6-dev kmod e2fsprogs'
# Man's own checks are made with groff. linux-kbuild has kernel-doc.
DOCS='perl linux-kbuild-6.1 python3-sphinx python3-myst-parser universal-ctags man-db'
# To test tools/pks-top.
TOP='python3 python3-jsonschema tmux mypy pycodestyle pyflakes3 mandoc'
COVERAGE="$CHECK gcovr"
# To build the packages, to try them in a chroot (mmdebstrap), and to look them over.
PACKAGE="$DEMO $DOCS dpkg-dev debhelper dh-dkms dh-python fakeroot lintian mmdebstrap openssl"
DKMS='dkms gcc make'

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_of() {
	local package

	for package; do
		installed "$package" || echo "$package"
	done
}

apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	# Fresh machines have no lists, or lists too old to find a file by.
	apt-get install -qy --no-install-recommends "$@" || {
		apt-get update -q && apt-get install -qy --no-install-recommends "$@"
	}
}

count_unpacked() {
	echo "$(grep -c '^Setting up' "$1" || true) installed"
}

case ${1:-} in
demo) wanted=$DEMO ;;
attack) wanted=$ATTACK ;;
check) wanted=$CHECK ;;
measure) wanted=$MEASURE ;;
docs) wanted=$DOCS ;;
top) wanted=$TOP ;;
lint) wanted=$LINT ;;
coverage) wanted=$COVERAGE ;;
package) wanted=$PACKAGE ;;
dkms) wanted=$DKMS ;;
*) die "usage: scripts/deps.sh <demo|check|measure|docs|top|lint>" ;;
esac

command -v dpkg-query >/dev/null || die "this needs Debian 12, or at least its packages: $wanted"
# shellcheck disable=SC2086 # a list of words
mapfile -t missing < <(missing_of $wanted)
((${#missing[@]})) || exit 0
[ "$(id -u)" = 0 ] || die "packages are missing; as root, run: apt-get install ${missing[*]}"
say "installing: ${missing[*]}"
mkdir -p "$PKS_CACHE/logs"
run_step "installing packages" "$PKS_CACHE/logs/deps.log" count_unpacked apt_install "${missing[@]}"
