#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/deps.sh <what for>
#
# Installs what is missing of the Debian packages that something needs: demo (and `make
# shell`), check, measure (`make bench` on the machine itself), and the other lists below,
# each called like its script. Does nothing, as anyone, when nothing is missing.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A NEEDS

# To build modules against the headers of this Debian's kernel, whose compiler is gcc, and to
# run the machine. objtool is linked with libelf.
NEEDS[demo]='gcc libelf-dev kmod cpio busybox-static qemu-system-x86 debian-archive-keyring'
# With a program of its own. The headers of backports have pahole write types down.
NEEDS[attack]="${NEEDS[demo]} libc6-dev pahole"
# To build kernels (python3: kernel-doc, which W=1 runs), and to check the models.
# The last three are run in the guest, by guest/trace.sh.
NEEDS[check]="${NEEDS[demo]} libc6-dev bc flex bison libssl-dev xz-utils python3 spin e2fsprogs trace-cmd linux-perf bpftrace pahole"
# checkpatch is in Perl, kernel-doc in Python.
NEEDS[lint]="gcc libelf-dev libc6-dev bc flex bison libssl-dev xz-utils debian-archive-keyring perl python3\
 clang-$PKS_LLVM lld-$PKS_LLVM llvm-$PKS_LLVM sparse coccinelle shellcheck pyflakes3 codespell"
NEEDS[measure]='gcc libelf-dev libc6-dev kmod e2fsprogs'
# Man's own checks are made with groff. Headers come with linux-kbuild, which has kernel-doc.
NEEDS[docs]='perl linux-headers-amd64 python3-sphinx python3-myst-parser universal-ctags man-db'
# To test tools/pks-top.
NEEDS[top]='python3 python3-jsonschema tmux mypy pycodestyle pyflakes3 mandoc'
NEEDS[coverage]="${NEEDS[check]} gcovr"
# To build the packages, to try them in a chroot (mmdebstrap), and to look them over.
NEEDS[package]="${NEEDS[demo]} ${NEEDS[docs]} dpkg-dev debhelper dh-dkms dh-python fakeroot lintian mmdebstrap openssl"
# To build against headers of other suites, with their compilers.
NEEDS[headers]='debian-archive-keyring mmdebstrap kmod'
NEEDS[dkms]='dkms gcc make'

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

wanted=${NEEDS[${1:-nothing}]:-}
[ -n "$wanted" ] || die "usage: scripts/deps.sh <what for>, one of: ${!NEEDS[*]}"
command -v dpkg-query >/dev/null || die "this needs Debian 12 or 13, or at least its packages: $wanted"
# shellcheck disable=SC2086 # a list of words
mapfile -t missing < <(missing_of $wanted)
((${#missing[@]})) || exit 0
[ "$(id -u)" = 0 ] || die "packages are missing; as root, run: apt-get install ${missing[*]}"
mkdir -p "$PKS_CACHE/logs"
# Others may be about to install the same.
exec 9>"$PKS_CACHE/deps.lock"
flock 9
say "installing: ${missing[*]}"
run_step "installing packages" "$PKS_CACHE/logs/deps.log" count_unpacked apt_install "${missing[@]}"
