#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/top.sh [check|capture]
#
#   check     test tools/pks-top on this machine: what it makes of copies of debugfs, in
#             a real terminal (tmux) and printed; its code, its manual page, its schema.
#             A line `ok - ...` or `not ok - ...` each. On the real files it is tested by
#             guest/top.sh
#   capture   make tests/top/trees anew, from virtual machines

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tests=$PKS_ROOT/tests/top
tools=$PKS_ROOT/tools
# The machine's own, whatever else there is in PATH.
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1

# top_case <name> <command...>: passes if it says nothing and succeeds.
top_case() {
	local name=$1 out status=0

	shift
	out=$("$@" 2>&1) || status=$?
	if [ "$status" = 0 ] && [ -z "$out" ]; then
		echo "ok - $name"
		return
	fi
	echo "not ok - $name"
	printf '%s\n' "${out:-status $status}" | sed 's/^/# /'
	top_failed=1
}

top_mypy() {
	(cd "$tools" && mypy --strict --no-error-summary --cache-dir=/dev/null pks_top)
}

# Its database, which has what other pages there are, need not be there.
top_manual() {
	mandoc -T lint "$tools/pks-top.1" 2>&1 | grep -v 'outdated mandoc.db' || true
}

top_check() {
	"$PKS_ROOT/scripts/deps.sh" top
	top_case "the code is as PEP 8 wants it" pycodestyle "$tools/pks-top" "$tools/pks_top" "$tests"
	top_case "nothing in the code is undefined or unused" pyflakes3 "$tools/pks-top" "$tools/pks_top" "$tests"
	top_case "types are what they are said to be" top_mypy
	top_case "the manual page has no mistakes" top_manual
	"$python" "$tests/run.py" || top_failed=1
	[ -z "${top_failed:-}" ]
}

# top_unpack <tree...>: from the last run.
top_unpack() {
	local log=$PKS_ROOT/build/latest-full/runs/capture/report.log name

	mkdir -p "$tests/trees"
	for name; do
		rm -rf "${tests:?}/trees/$name"
		tr -d '\r' <"$log" | sed -n "s/^@ capture $name //p" | base64 -d |
			tar -C "$tests/trees" -xzf -
		chmod -R u+w,go+r "$tests/trees/$name"
		# These are never read; and git does not keep an empty directory.
		rm -f "$tests/trees/$name"/{audit,matrix}
		rmdir --ignore-fail-on-non-empty "$tests/trees/$name/domain"
	done
}

top_capture() {
	"$PKS_ROOT/scripts/check.sh" latest capture
	top_unpack empty samples holders
	CPU=max,-pks "$PKS_ROOT/scripts/check.sh" latest capture
	top_unpack nopks
}

PKS_LABEL=top
case ${1:-check} in
check) top_check ;;
capture) top_capture ;;
*) die "usage: scripts/top.sh [check|capture]" ;;
esac
