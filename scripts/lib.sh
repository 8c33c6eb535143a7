# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by the scripts here, which source it: where things are, how progress
# and errors are said, and what is undone at exit.

set -euo pipefail
shopt -s inherit_errexit

# shellcheck source=scripts/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

PKS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PKS_CACHE=${PKS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pks}
PKS_LABEL=${PKS_LABEL:-pks}
# One that Debian 12 has, and 13. The newest kernel takes none before 17.
PKS_LLVM=19
# For so many seconds a step may do nothing that can be seen.
PKS_PATIENCE=${PKS_PATIENCE:-900}
export PKS_ROOT PKS_CACHE PKS_LABEL PKS_LLVM

# Progress goes to stderr: stdout is kept for results, which callers read.
say() {
	printf '[%s] %s\n' "$PKS_LABEL" "$*" >&2
}

die() {
	say "error: $*"
	exit 1
}

case $PKS_ROOT in
*[[:space:]]*) die "the kernel's build system can't build where a blank is in the path: $PKS_ROOT" ;;
esac

# The kernel of this machine's Debian, as kernel.sh calls it; of the newest, if it has none.
own_kernel() {
	case $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) in
	bookworm) echo stock ;;
	*) echo stock13 ;;
	esac
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

# get_output <variable> <command...>: as variable=$(command), but a signal ends it at once:
# a shell that waits for a $() looks at signals only afterwards.
get_output() {
	local file status=0

	file=$(mktemp)
	at_exit "rm -f $file"
	start_group "${@:2}" >"$file"
	wait $! || status=$?
	unset 'PKS_UNDO[-1]'
	printf -v "$1" %s "$(cat "$file")"
	rm -f "$file"
	unset 'PKS_UNDO[-1]'
	return "$status"
}

# disk_full <file>: is there no room any more where that is?
disk_full() {
	[ "$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')" = 0 ]
}

# run_step <what> <log> <measure> <command...>: run a long command with its
# output in <log>; <measure> <log> prints how far it is. What does not move any more, or
# has no room on its disk, is ended. Not to be called in a
# subshell, where what is to be undone at exit would be forgotten.
run_step() {
	local what=$1 log=$2 measure=$3 start=$SECONDS pid status=0 far now last='' moved=$SECONDS

	shift 3
	start_progress
	start_group "$@" >"$log" 2>&1 </dev/null
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		far=$("$measure" "$log")
		say_progress "$what ... $far ($((SECONDS - start)) s)"
		now=$far,$(stat -c %s "$log" 2>/dev/null || true)
		[ "$now" = "$last" ] || moved=$SECONDS last=$now
		if ((SECONDS - moved > PKS_PATIENCE)) || disk_full "$log"; then
			kill -- "-$pid" 2>/dev/null || true
			sleep 2
			kill -KILL -- "-$pid" 2>/dev/null || true
			break
		fi
		sleep 1
	done
	wait "$pid" || status=$?
	unset 'PKS_UNDO[-1]'
	clear_progress
	if [ "$status" != 0 ]; then
		tail -n 12 "$log" | sed 's/^/    /' >&2
		! disk_full "$log" || die "$what failed: the disk that ${log%/*} is on is full"
		((SECONDS - moved <= PKS_PATIENCE)) || die "$what failed: nothing has come of it for $PKS_PATIENCE s; the whole output is in $log"
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
