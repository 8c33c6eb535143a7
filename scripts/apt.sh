# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Reaches Debian packages of other suites without touching the
# system: an apt state of our own in the cache (lists, sources, archives),
# with the mirror, proxy and other settings that the machine's apt has.

APT_STATE=$PKS_CACHE/apt
APT_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
APT_MAX_AGE_MIN=720

apt_own() {
	"$1" -c="$APT_STATE/apt.conf" "${@:2}"
}

# apt_uri main|security: the URI from which this machine's apt gets it.
apt_uri() {
	# shellcheck disable=SC2016 # the $(...) are apt's
	apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' \
		'Created-By: Packages' |
		awk -F'|' -v want="$1" '
			$1 != "Debian" && $1 !~ /^\$|^$/ { next }
			$2 != "main" || $3 !~ /^[a-z]/ { next }
			($3 ~ /-security$/) == (want == "security") && !seen++ { print $4 }'
}

# The code name of the stable release, kept in <state>/stable. Mirrors are seen
# to serve lists under the alias that are weeks older than under the name.
apt_find_stable() {
	local name

	/usr/lib/apt/apt-helper download-file "${1%/}/dists/stable/Release" "$APT_STATE/Release" \
		>"$APT_STATE/stable.log" 2>&1 || true
	name=$(sed -n 's/^Codename: //p' "$APT_STATE/Release" 2>/dev/null) || true
	rm -f "$APT_STATE/Release"
	if [ -n "$name" ]; then
		echo "$name" >"$APT_STATE/stable"
	elif [ ! -s "$APT_STATE/stable" ]; then
		echo stable >"$APT_STATE/stable"
	fi
}

# The releases, the oldest first: those that are known here, and what has come since.
apt_suites() {
	printf '%s\n' bookworm trixie "$(cat "$APT_STATE/stable")" | awk '!seen[$0]++'
}

apt_sources() {
	local main=$1 security=$2 release suite

	for release in $(apt_suites); do
		for suite in "$release"{,-updates,-backports}; do
			echo "deb [signed-by=$APT_KEYRING] $main $suite main"
		done
	done
	echo "deb [signed-by=$APT_KEYRING] $main sid main"
	[ -n "$security" ] || return 0
	for suite in $(apt_suites | sed 's/$/-security/'); do
		echo "deb [signed-by=$APT_KEYRING] $security $suite main"
	done
}

apt_write_state() {
	local main security

	main=$(apt_uri main)
	security=$(apt_uri security)
	[ -n "$main" ] || die "apt on this machine has no Debian source, so there is none to fetch kernels from"
	mkdir -p "$APT_STATE"/lists/partial "$APT_STATE"/cache/archives/partial
	cat >"$APT_STATE/apt.conf" <<-EOC
		Dir::Etc::sourcelist "$APT_STATE/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::lists "$APT_STATE/lists";
		Dir::Cache "$APT_STATE/cache";
		Acquire::Languages "none";
		Acquire::Retries "3";
		APT::Sandbox::User "root";
	EOC
	apt_find_stable "$main"
	apt_sources "$main" "$security" >"$APT_STATE/sources.list"
}

apt_megabytes() {
	du -sk "$APT_INTO" | awk '{ printf "%d MB", $1 / 1024 }'
}

# One suite that a mirror does not carry fails the whole update, though the
# others are there; whether something is missing shows when it is looked up.
apt_update() {
	apt_own apt-get update --allow-releaseinfo-change -o APT::Update::Error-Mode=any ||
		echo "some package lists could not be refreshed"
}

apt_recent() {
	[ -n "$(find "$APT_STATE/stamp" -mmin "-$APT_MAX_AGE_MIN" 2>/dev/null)" ]
}

apt_refresh() {
	! apt_recent || return 0
	apt_write_state
	APT_INTO=$APT_STATE/lists
	run_step "package lists" "$APT_STATE/update.log" apt_megabytes apt_update
	if grep -q 'could not be refreshed' "$APT_STATE/update.log"; then
		say "note: not every package list could be refreshed (see $APT_STATE/update.log)"
	else
		touch "$APT_STATE/stamp"
	fi
}

# apt_newest <suite regex> <package>: its newest version there, or nothing.
# Release candidates are left out.
apt_newest() {
	apt_own apt-cache madison "$2" | tr -d ' ' |
		awk -F'|' -v suite="^.*($1)/main" '$2 !~ /~rc/ && $3 ~ suite { print $2 }' |
		sort -V | tail -n 1
}

# apt_depends <package> <version>: what that version depends on, one a line.
apt_depends() {
	apt_own apt-cache show "$1=$2" | sed -n 's/^Depends: //p' | head -n 1 |
		tr ',' '\n' | sed 's/^ *//; s/[ |].*//'
}

# apt_download <dir> <package=version...>: the .deb files, into <dir>.
apt_download() {
	APT_INTO=$1
	shift
	mkdir -p "$APT_INTO"
	run_step "downloading ${1%%=*} ${1#*=}" "$PKS_CACHE/logs/download.log" apt_megabytes \
		env -C "$APT_INTO" apt-get -c="$APT_STATE/apt.conf" download "$@"
}
