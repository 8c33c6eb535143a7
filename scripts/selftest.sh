#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/selftest.sh <kernel>
#
# The harness tested, as a job (see jobs.sh). Each script in selftest/ is a guest that
# goes wrong in one way, or right, and declares the verdict that must come out, and
# possibly cases that must be among the results (`# case: ok name`). The cases
# themselves are not shown: they are there to fail.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

failed=0

# Modules that oops, warn and fail KUnit cases, as nothing in busybox can.
selftest_modules() {
	modules_copy "$base/tree"
	run_step "building the self-test's modules" "$base/provoke.log" count_compiled \
		make -C "$entry/build" M="$base/tree/scripts/selftest/provoke" modules
}

selftest_guest() {
	local script=$1 name dir verdict wanted missing

	name=$(basename "$script" .sh)
	dir=$base/runs/$name
	wanted=$(meta "$script" verdict)
	scenario_prepare "$entry" "$script" "$dir" "$base"/tree/scripts/selftest/provoke/*.ko
	scenario_run
	verdict=$(cat "$dir/verdict")
	missing=$(meta "$script" case | grep -vxFf <(tr '\t' ' ' <"$dir/cases") || true)
	if [ "${verdict%% *}" = "$wanted" ] && [ -z "$missing" ]; then
		echo "ok - $name: judged ${verdict/ /: }"
		return
	fi
	failed=1
	echo "not ok - $name: judged ${verdict/ /: }, should be $wanted"
	[ -z "$missing" ] || echo "# a case is missing: $missing"
	echo "# the console is in ${dir#"$PWD"/}/console.log"
}

# What a script says must not depend on who calls it: the same, in another environment. That
# a language is not installed, bash says before it reads the script.
# selftest_under <what> <command...>: the command is given the script and its arguments.
selftest_under() {
	local what=$1 out

	shift
	out=$("$@" "$PKS_ROOT/scripts/selftest/environment" "$selftest_kernel" 2>&1 |
		grep -v 'warning: setlocale:') || true
	if [ "$out" = "$selftest_plain" ]; then
		echo "ok - environment: $what"
		return
	fi
	failed=1
	echo "not ok - environment: $what"
	diff <(echo "$selftest_plain") <(echo "$out") | sed 's/^/# /' || true
}

# With functions that are called like programs.
# shellcheck disable=SC2317 # they are called by the scripts that are tested
selftest_functions() {
	(
		cd() { :; }
		sed() { :; }
		git() { false; }
		export -f cd sed git
		exec bash "$@"
	)
}

# shellcheck disable=SC2317 # called by selftest_under
selftest_umask() (
	umask 077
	exec bash "$@"
)

# shellcheck disable=SC2317 # called by selftest_under
selftest_ignoring() (
	trap '' INT HUP TERM PIPE
	exec bash "$@"
)

# shellcheck disable=SC2317 # called by selftest_under
selftest_link() {
	local link=$PKS_ROOT/build/selftest/link

	ln -sfn "$PKS_ROOT" "$link"
	(cd "$link" && bash scripts/selftest/environment "$2")
}

selftest_environments() {
	selftest_plain=$(bash "$PKS_ROOT/scripts/selftest/environment" "$selftest_kernel" 2>&1)
	echo "# ${selftest_plain//$'\n'/$'\n# '}"
	selftest_under "an exported CDPATH" env CDPATH=/:/tmp:. bash
	selftest_under "no HOME" env -u HOME PKS_CACHE="$PKS_CACHE" bash
	selftest_under "no PATH to speak of" env PATH=/usr/bin:/bin bash
	selftest_under "variables of other programs" env GREP_OPTIONS=-v POSIXLY_CORRECT=1 \
		TAR_OPTIONS=--verbose ENV=/none BASH_ENV=/dev/null MAKEFLAGS=-j7 MAKELEVEL=7 ARCH=arm64 \
		CROSS_COMPILE=arm- KBUILD_OUTPUT=/none CC=false CFLAGS=-Werror TMPDIR=/none V=1 bash
	selftest_under "another language" env LC_ALL=tr_TR.UTF-8 LANGUAGE=tr LANG=C bash
	selftest_under "functions that are called like programs" selftest_functions
	selftest_under "a strict umask" selftest_umask
	selftest_under "signals that are ignored" selftest_ignoring
	selftest_under "a link to the clone" selftest_link
	selftest_under "no terminal, and nothing to read" setsid -w bash
	# A check that can't fail is none.
	if (selftest_under "a cache of somebody else's" env PKS_CACHE=/none bash) | grep -q '^not ok'; then
		echo "ok - environment: another output is noticed"
	else
		failed=1
		echo "not ok - environment: another output is noticed"
	fi
}

# A signal ends a script that waits for another one, and that one, too.
selftest_ended() {
	local pid status=0

	bash -c '. "$1/scripts/lib.sh"; get_output x sleep 1000' sh "$PKS_ROOT" &
	pid=$!
	sleep 1
	kill -TERM "$pid"
	timeout 10 tail --pid="$pid" -f /dev/null || status=$?
	if [ "$status" = 0 ] && ! pgrep -f '^sleep 1000$' >/dev/null; then
		echo "ok - environment: SIGTERM ends a script that waits for another"
	else
		failed=1
		pkill -f '^sleep 1000$' || true
		echo "not ok - environment: SIGTERM ends a script that waits for another"
	fi
}

selftest_kernel=${1:?}
get_output entry "$PKS_ROOT/scripts/kernel.sh" "$selftest_kernel"
base=$PKS_ROOT/build/selftest
mkdir -p "$base"
selftest_modules
for script in "$PKS_ROOT"/scripts/selftest/*.sh; do
	selftest_guest "$script"
done
selftest_environments
selftest_ended
exit "$failed"
