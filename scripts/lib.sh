# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the scripts here, which source it: where things are, how progress
# and errors are said, and what is undone at exit.

set -euo pipefail
shopt -s inherit_errexit

PKS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PKS_CACHE=${PKS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pks}
PKS_LABEL=${PKS_LABEL:-pks}
# The newest LLVM that Debian 12 has. The newest kernel takes none before 17.
PKS_LLVM=19
export PKS_ROOT PKS_CACHE PKS_LABEL PKS_LLVM

# Progress goes to stderr: stdout is kept for results, which callers read.
say() {
	printf '[%s] %s\n' "$PKS_LABEL" "$*" >&2
}

die() {
	say "error: $*"
	exit 1
}

PKS_UNDO=()
at_exit() {
	PKS_UNDO+=("$1")
}

run_undo() {
	local i

	for ((i = ${#PKS_UNDO[@]} - 1; i >= 0; i--)); do
		eval "${PKS_UNDO[i]}" || true
	done
}
trap run_undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# With lanes (see jobs.sh) several write to the terminal at once.
in_place() {
	[ -t 2 ] && [ "${PKS_LANES:-1}" = 1 ]
}

start_progress() {
	PKS_SAID=$SECONDS
}

# say_progress <text>: in place on a terminal that nobody else writes to, else a line
# every 15 seconds, so that neither a person nor a CI log has to wonder.
say_progress() {
	if in_place; then
		printf '\r[%s] %s\e[K' "$PKS_LABEL" "$1" >&2
	elif ((SECONDS - PKS_SAID >= 15)); then
		say "$1"
		PKS_SAID=$SECONDS
	fi
}

clear_progress() {
	! in_place || printf '\r\e[K' >&2
}

# start_group <command...>: in the background ($!), in a process group of its
# own that is taken down with us, down to the last compiler. The caller unsets
# PKS_UNDO[-1] once it has ended.
start_group() {
	set -m
	"$@" &
	set +m
	at_exit "kill -- -$! 2>/dev/null"
}

# run_step <what> <log> <measure> <command...>: run a long command with its
# output in <log>; <measure> <log> prints how far it is. Not to be called in a
# subshell, where what is to be undone at exit would be forgotten.
run_step() {
	local what=$1 log=$2 measure=$3 start=$SECONDS pid status=0

	shift 3
	start_progress
	start_group "$@" >"$log" 2>&1 </dev/null
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		say_progress "$what ... $("$measure" "$log") ($((SECONDS - start)) s)"
		sleep 1
	done
	wait "$pid" || status=$?
	unset 'PKS_UNDO[-1]'
	clear_progress
	if [ "$status" != 0 ]; then
		tail -n 12 "$log" | sed 's/^/    /' >&2
		say "error: $what failed (status $status); the whole output is in $log"
		return 1
	fi
	say "$what: done ($((SECONDS - start)) s)"
}

# put_table <page> <mark> <file>: what the page has between the comments <mark> and
# "end of <mark>" becomes what is in the file.
put_table() {
	sed -i -e "/^<!-- $2 -->/,/^<!-- end of $2 -->/{
		/^<!-- $2 -->/{p;r $3
		}
		/^<!-- end of $2 -->/p
		d
		}" "$1"
}
