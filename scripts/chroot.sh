# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. A Debian in a directory, to install packages into and throw away. It is made
# once, with all the packages in it that a test will want, and kept in the cache as an
# archive; after that no network is needed. What runs in it has a /proc and processes of its
# own, which go with it.

# What the packages depend on, and openssl, which one recommends: to be there when they are installed.
CHROOT_DOWNLOADS='dkms make openssl libjs-sphinxdoc python3'

# Raise it when what is kept changes.
CHROOT_LAYOUT=1

# chroot_sources <code name>
chroot_sources() {
	local main security suite suites="$1 $1-updates $1-backports"

	main=$(apt_uri main)
	security=$(apt_uri security)
	[ -n "$main" ] || die "apt on this machine has no Debian source, so there is none to make a chroot from"
	[ "$1" != sid ] || suites=sid
	for suite in $suites; do
		echo "deb [signed-by=$APT_KEYRING] $main $suite main"
	done
	[ -z "$security" ] || [ "$1" = sid ] || echo "deb [signed-by=$APT_KEYRING] $security $1-security main"
}

# chroot_backport <code name>: the kernel that its backports have headers for, or nothing.
chroot_backport() {
	local version

	version=$(apt_newest "$1-backports" linux-headers-amd64)
	[ -n "$version" ] || return 0
	apt_depends linux-headers-amd64 "$version" | sed -n 's/^linux-headers-//p' | head -n 1
}

# chroot_bootstrap <tar> <code name> <kernel release> <backport>: downloads for the test stay
# in its archives.
chroot_bootstrap() {
	local wanted=$CHROOT_DOWNLOADS

	[ -z "$4" ] || wanted="$wanted linux-headers-$4"
	apt-config dump | grep '^Acquire::' >"$1.apt"
	# shellcheck disable=SC2016 # for mmdebstrap's shell
	chroot_sources "$2" | mmdebstrap --verbose --mode=root --variant=apt --format=tar \
		--aptopt="$1.apt" --include="linux-headers-amd64 linux-headers-$3" --skip=cleanup/apt \
		--customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qy --no-install-recommends \
			--download-only install '"$wanted" \
		--customize-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"' \
		--customize-hook='chmod 755 "$1/usr/sbin/policy-rc.d"' \
		"$2" "$1" -
}

count_set_up() {
	echo "$(grep -c '^Setting up' "$1" || true) packages"
}

# chroot_archive <code name> <kernel release> <backport>: sets CHROOT_TAR, which is made if
# need be.
chroot_archive() {
	local kept=$PKS_CACHE/chroots hash

	hash=$({ echo "$CHROOT_LAYOUT"; cat "$PKS_ROOT/scripts/chroot.sh"; } | sha256sum | cut -c1-12)
	CHROOT_TAR=$kept/$1-$2-${3:-none}-$hash.tar
	[ ! -r "$CHROOT_TAR" ] || return 0
	[ "$(id -u)" = 0 ] || die "making a chroot takes root"
	mkdir -p "$kept" "$PKS_CACHE/logs"
	at_exit "rm -f '$kept/making-$$.tar'*"
	run_step "making a chroot" "$PKS_CACHE/logs/chroot.log" count_set_up \
		chroot_bootstrap "$kept/making-$$.tar" "$1" "$2" "$3"
	rm -f "$kept/$1"-*.tar
	mv "$kept/making-$$.tar" "$CHROOT_TAR"
}

# chroot_unpack <directory>: it is removed at exit.
chroot_unpack() {
	CHROOT=$1
	rm -rf "$CHROOT"
	mkdir -p "$CHROOT"
	at_exit "rm -rf '$CHROOT'"
	tar -C "$CHROOT" --numeric-owner -xpf "$CHROOT_TAR"
}

in_chroot() {
	unshare --mount --pid --fork --kill-child --root="$CHROOT" --mount-proc \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive INITRD=No "$@"
}
