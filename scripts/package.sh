#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/package.sh <build|check [stock|stock13]>
#
# build makes the Debian packages, in build/deb. check tries them as users would: installed
# into a Debian 12, or 13, which has that kernel (see chroot.sh), where DKMS builds for its own kernel and for that of
# backports; a sample built against them; loaded in QEMU; removed, without a trace. It prints
# `ok - <case>` or `not ok - <case>` with `# details`. Logs are in build/package.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"
# shellcheck source=scripts/kernel-stock.sh
. "$PKS_ROOT/scripts/kernel-stock.sh"

PKS_LABEL=package
base=$PKS_ROOT/build/package
debs=$PKS_ROOT/build/deb
mapfile -t packages < <(sed -n 's/^Package: //p' "$PKS_ROOT/debian/control")
samples=$(cd "$PKS_ROOT/samples" && echo *)
failed=0

# ok <case> [file with what speaks against it]
ok() {
	if [ $# = 1 ] || [ ! -s "$2" ]; then
		echo "ok - $1"
		return
	fi
	not_ok "$1" <"$2"
}

# not_ok <case>: the details are read from stdin.
not_ok() {
	echo "not ok - $1"
	sed 's/^/# /'
	failed=1
}

# try <case> <command...>: what it prints is shown if it fails.
try() {
	if "${@:2}" >"$base/output" 2>&1; then
		ok "$1"
	else
		not_ok "$1" <"$base/output"
	fi
}

# step <case> <log> <progress> <command...>: a long one, that what follows needs. What fails in
# a function does not end it: its last command has to tell.
step() {
	if run_step "$1" "$base/$2" "${@:3}"; then
		ok "$1"
		return
	fi
	tail -n 20 "$base/$2" | not_ok "$1"
	return 1
}

# version_findings <tree>: what there does not say what dkms.conf says.
version_findings() {
	local want debian changelog

	want=$(make -s --no-print-directory -C "$1" version)
	changelog=$(sed -n 's/^## \([^ ]*\).*/\1/p' "$1/CHANGELOG.md" | head -n 1)
	debian=$(dpkg-parsechangelog -l "$1/debian/changelog" -S Version)
	[ "$changelog" = "$want" ] || echo "dkms.conf says $want, CHANGELOG.md begins with $changelog"
	[ "$debian" = "$want" ] || echo "dkms.conf says $want, debian/changelog begins with $debian"
}

# The same question, asked of trees in which one file has another version.
version_unnoticed() {
	local file tree=$base/version

	for file in dkms.conf CHANGELOG.md debian/changelog; do
		rm -rf "$tree"
		mkdir -p "$tree/debian"
		cp "$PKS_ROOT"/{Makefile,dkms.conf,CHANGELOG.md} "$tree"
		cp "$PKS_ROOT/debian/changelog" "$tree/debian"
		sed -i "s/${version//./\\.}/$version.1/" "$tree/$file"
		[ -n "$(version_findings "$tree")" ] || echo "a $file of version $version.1 was not"
	done
}

check_version() {
	version_findings "$PKS_ROOT" >"$base/findings"
	ok "one version: $version in dkms.conf, CHANGELOG.md and debian/changelog" "$base/findings"
	version_unnoticed >"$base/findings"
	ok "another version in any of them is found" "$base/findings"
}

build_tree() {
	rm -rf "$debs"
	modules_copy "$debs/pks-$version"
}

count_debhelper() {
	echo "$(grep -c '^ *dh_' "$1" || true) steps"
}

build_packages() {
	env -C "$debs/pks-$version" dpkg-buildpackage -us -uc
}

# Anything that it has to say, however small.
run_lintian() {
	lintian --allow-root --display-info --pedantic "$debs"/*.changes >"$base/findings" 2>&1 ||
		echo "lintian ended with status $?" >>"$base/findings"
	ok "lintian has nothing to say" "$base/findings"
}

# The package lists are as new as kernel.sh has just found them, or made them.
prepare_chroot() {
	local suite

	suite=$(stock_release "$kernel")
	backport=$(chroot_backport "$suite")
	chroot_archive "$suite" "$release" "$backport"
	say "unpacking ${CHROOT_TAR##*/}"
	chroot_unpack "$base/root"
}

# chroot_apt <install|purge> <package...>
chroot_apt() {
	in_chroot apt-get "$1" -qy --no-install-recommends -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-unsafe-io "${@:2}"
}

# With what they depend on, which apt finds out; and openssl, which DKMS signs with.
install_packages() {
	local files

	mkdir -p "$CHROOT/debs"
	cp "$debs"/*.deb "$CHROOT/debs"
	mapfile -t files < <(cd "$debs" && printf '/debs/%s\n' *.deb)
	chroot_apt install "${files[@]}" openssl && rm -r "$CHROOT/debs"
}

# says <regex> <command...>: a whole line of its output is like that.
says() {
	local out

	out=$("${@:2}")
	echo "$out"
	grep -qxE "$1" <<<"$out"
}

# Where DKMS has put it; compressed, if the kernel's own modules are.
module_of() {
	local files

	files=("$CHROOT/lib/modules/$1"/updates/dkms/pks.ko*)
	echo "${files[0]}"
}

check_module() {
	local kernel=$1 module exact

	module=$(module_of "$kernel")
	exact="pks/$version, $kernel, x86_64: installed"
	try "DKMS has installed it for $kernel" says "${exact//[.+]/\\&}" in_chroot dkms status -m pks
	try "its version is $version" says "${version//./\\.}" modinfo -F version "$module"
	try "it is a module for that kernel" says "${kernel//[.+]/\\&} .*" modinfo -F vermagic "$module"
	try "it is signed with DKMS's key" says "DKMS module signing key" modinfo -F signer "$module"
}

# build_sample <kernel> <name>: as a driver's author would, in a copy. `uname -r` says there
# what the machine runs.
build_sample() {
	in_chroot sh -c "mkdir -p /root/$1 && cp -r /usr/share/doc/pks-dev/examples/$2 /root/$1 &&
		make -C /root/$1/$2 W=1 KDIR=/lib/modules/$1/build" >"$base/sample.log" 2>&1 || {
		cat "$base/sample.log"
		return 1
	}
	modules_warnings "$base/sample.log" >"$base/findings"
	cat "$base/findings"
	[ ! -s "$base/findings" ]
}

check_samples() {
	local sample

	for sample in $samples; do
		try "the sample $sample builds for $1 in a copy, without a warning" build_sample "$1" "$sample"
	done
}

check_tools() {
	try "pks-top runs" says "usage: pks-top .*" in_chroot pks-top --help
	try "man has the interface, and pks-top" ls "$CHROOT"/usr/share/man/man9/pks_{enter,domain_create}.9.gz \
		"$CHROOT/usr/share/man/man1/pks-top.1.gz"
}

# Loaded as on a machine that has it installed: by name, from where DKMS put it.
boot_module() {
	local machine=$base/machine updates=lib/modules/$release/updates sample modules=()

	rm -rf "$machine"
	mkdir -p "$machine"
	ln -s "$entry/vmlinuz" "$machine/vmlinuz"
	cp -r "$entry/root" "$machine/root"
	cp -r "$CHROOT/$updates" "$machine/root/$updates"
	depmod -b "$machine/root" "$release"
	for sample in vault intruder; do
		modules+=("$CHROOT/root/$release/$sample/$sample.ko")
	done
	CMDLINE="guest.version=$version" scenario_prepare "$machine" "$PKS_ROOT/scripts/guest/package.sh" \
		"$base/guest" "${modules[@]}"
	scenario_run
}

check_guest() {
	local status name verdict

	boot_module
	while IFS=$'\t' read -r status name; do
		case $status in
		ok) ok "in QEMU: $name" ;;
		"not ok") not_ok "in QEMU: $name" </dev/null ;;
		'') echo "# $name" ;;
		esac
	done <"$base/guest/cases"
	verdict=$(cat "$base/guest/verdict")
	[ "$verdict" = good ] || verdict+="; the console is in ${base#"$PWD"/}/guest/console.log"
	grep -vx good <<<"$verdict" >"$base/findings" || true
	ok "in QEMU: the machine ended by itself, with a clean console" "$base/findings"
}

# What no package owns: anything by the name of pks, and what is in these directories, but for
# what depmod and DKMS keep there.
leftovers() {
	(
		cd "$CHROOT"
		comm -23 <(
			{
				find . -xdev -name '*pks*' -printf '/%P\n'
				find lib/modules/ usr/src/ var/lib/dkms/ -mindepth 1 ! -name 'modules.*' \
					! -name 'mok.*' -printf '/%H%P\n'
			} | sort -u
		) <(cat var/lib/dpkg/info/*.list | sort -u)
	)
}

# What was left is found: a source, a module, what DKMS keeps.
leftovers_unnoticed() {
	local file

	for file in usr/src/left.c "lib/modules/$release/updates/dkms/left.ko" var/lib/dkms/left etc/pks.conf; do
		install -D /dev/null "$CHROOT/$file"
		leftovers | grep -qx "/$file" || echo "$file was not"
		rm "$CHROOT/$file"
	done
	rmdir -p --ignore-fail-on-non-empty "$CHROOT/lib/modules/$release/updates/dkms"
}

check_removal() {
	step "the packages are removed and purged" purge.log count_set_up chroot_apt purge "${packages[@]}"
	rm -rf "$CHROOT/root"/*
	leftovers >"$base/findings"
	ok "nothing is left of them" "$base/findings"
	leftovers_unnoticed >"$base/findings"
	ok "what is left behind would be found" "$base/findings"
}

make_in_chroot() {
	in_chroot make -C /root/pks "$@"
}

modules_install_in_chroot() {
	make_in_chroot modules_install KDIR="/lib/modules/$release/build" INSTALL_MOD_PATH=/root/image \
		INSTALL_MOD_DIR=updates/pks
}

check_make_install() {
	local at=root/image/lib/modules/$release

	step "make modules_install" modules-install.log count_compiled modules_install_in_chroot
	try "the module is where INSTALL_MOD_PATH and INSTALL_MOD_DIR say" [ -s "$CHROOT/$at/updates/pks/pks.ko" ]
	try "modprobe would find it there" grep -q '^updates/pks/pks\.ko:' "$CHROOT/$at/modules.dep"
}

# From a clone, with no package.
check_make() {
	modules_copy "$CHROOT/root/pks"
	step "make dkms-install" dkms-install.log count_compiled make_in_chroot dkms-install KVERS="$release"
	check_module "$release"
	step "make dkms-remove" dkms-remove.log count_compiled make_in_chroot dkms-remove
	check_make_install
	rm -rf "$CHROOT/root"/*
	leftovers >"$base/findings"
	ok "nothing is left of it" "$base/findings"
}

check_installed() {
	check_module "$release"
	check_samples "$release"
	check_tools
	if [ -n "$backport" ]; then
		step "headers of a newer kernel come, $backport" headers.log count_set_up \
			chroot_apt install "linux-headers-$backport"
		check_module "$backport"
		check_samples "$backport"
	fi
	check_guest
	check_removal
	check_make
}

do_build() {
	mkdir -p "$base"
	build_tree
	step "the packages are built" build.log count_debhelper build_packages
}

version=$(make -s --no-print-directory -C "$PKS_ROOT" version)
case ${1:-} in
build)
	"$PKS_ROOT/scripts/deps.sh" package
	do_build >/dev/null
	ls "$debs"/*.deb
	;;
check)
	"$PKS_ROOT/scripts/deps.sh" package
	mkdir -p "$base"
	check_version
	do_build
	run_lintian
	kernel=${2:-stock}
	get_output entry "$PKS_ROOT/scripts/kernel.sh" "$kernel"
	release=$(cat "$entry/release")
	prepare_chroot
	step "the packages are installed" install.log count_set_up install_packages
	check_installed
	;;
*)
	die "usage: scripts/package.sh <build|check [stock|stock13]>"
	;;
esac
((failed == 0))
