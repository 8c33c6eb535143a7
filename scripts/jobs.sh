# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. Runs jobs beside one another, as many as there are CPUs (or PKS_LANES), and
# adds up their results. After PKS_DEADLINE minutes none is begun. A job is a command
# that says how its cases went, a line each on stdout:
#   ok - <case>
#   ok - <case> # SKIP <why>
#   not ok - <case>
#   # <more about the case before>
#   @ about <what was tested>             } for jobs_results
#   @ note <what is worth telling of it>  }

PKS_LANES=${PKS_LANES:-$(nproc)}
export PKS_LANES

jobs_dir=
jobs_failures=
jobs_running=()

jobs_init() {
	jobs_dir=$(mktemp -d)
	jobs_failures=$(mktemp)
	at_exit "rm -rf '$jobs_dir' '$jobs_failures'"
	at_exit jobs_kill
}

jobs_kill() {
	local pid

	for pid in "${jobs_running[@]}"; do
		kill -- "-$pid" 2>/dev/null || true
	done
}

job_run() {
	local label=$1 counts=$2 status=0

	export PKS_LABEL="check $label"
	shift 2
	{
		"$@" </dev/null || status=$?
		echo "@ ended $status"
	} | awk -v label="$label" -v counts="$counts" -v failures="$jobs_failures" \
		-f "$PKS_ROOT/scripts/jobs.awk"
}

# job <label> <command...>: as soon as there is a lane for it.
job() {
	local label=$1

	while ((${#jobs_running[@]} >= PKS_LANES)); do
		job_reap
	done
	shift
	if ((SECONDS > ${PKS_DEADLINE:-10000} * 60)); then
		set -- echo "ok - all of it # SKIP no time is left"
	fi
	set -m
	job_run "$label" "$jobs_dir/$label" "$@" &
	set +m
	jobs_running+=($!)
}

job_reap() {
	local pid running=() ended

	wait -n -p ended "${jobs_running[@]}" || true
	for pid in "${jobs_running[@]}"; do
		[ "$pid" = "$ended" ] || running+=("$pid")
	done
	jobs_running=("${running[@]}")
}

jobs_wait() {
	while ((${#jobs_running[@]})); do
		job_reap
	done
}

# jobs_tally: what failed, once more, since the end of a long log is what people are
# shown, and the last line of all; fails unless something passed and nothing failed.
jobs_tally() {
	local passed failed skipped

	read -r passed failed skipped < <(find "$jobs_dir" -type f -exec cat {} + |
		awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
	echo
	cat "$jobs_failures"
	((!skipped)) || echo "$skipped skipped"
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0))
}

# jobs_results: a line a job: label, "passed failed skipped", about, notes, with tabs.
jobs_results() {
	local file

	for file in "$jobs_dir"/*; do
		printf '%s\t%s\n' "${file##*/}" "$(cat "$file")"
	done
}
