#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/check.sh [what [scenario...]]
#
#   scripts/check.sh "6.1 latest"         all that fits these kernels
#   scripts/check.sh 6.1 kunit            this scenario alone
#   scripts/check.sh "6.1+none 6.12+rt"   other configurations: kernel-*.config
#   scripts/check.sh "latest@8cpus"       other machines: scripts/machines
#   scripts/check.sh "model selftest"     what is the same for every kernel: see below
#   CPU=max,-pks SMP=1 MEM=2G THREAD=multi CMDLINE=nosmp SLOWER=4 ...
#                                         instead of what scenarios ask for
#   PKS_RESULTS=<file> ...                a line of it for each job (see jobs.sh)
#   PKS_DEADLINE=60 ...                   what has not begun after so many minutes is skipped
#   PKS_LANES=1 ...                       one after another (default: as many as CPUs)
#
# Kernels: 6.1, 6.12, latest, and Debian's own: stock, stock13 and others (see kernel.sh).
# Scenarios: the scripts in guest/ (see scenario.sh for what they declare). Logs are kept
# in build/<kernel>-<flavour>/runs/<scenario>/. The last line is the tally.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/jobs.sh
. "$PKS_ROOT/scripts/jobs.sh"
# shellcheck source=scripts/label.sh
. "$PKS_ROOT/scripts/label.sh"

# The self-test needs a kernel with KUnit, and takes one that is tested anyway.
selftest_kernel() {
	local word

	for word in $what; do
		case $word in
		6.*|latest*) echo "${word%%[+@]*}"; return ;;
		esac
	done
	echo 6.1
}

# check <word> [scenario...]
check() {
	case $1 in
	model) job model "$PKS_ROOT/docs/model/run.sh" ;;
	selftest) job selftest "$PKS_ROOT/scripts/selftest.sh" "$(selftest_kernel)" ;;
	# $KERNELS, from make, are those to run on: lint has its own.
	lint) job lint env -u KERNELS "$PKS_ROOT/scripts/lint.sh" ;;
	package13) job package13 "$PKS_ROOT/scripts/package.sh" check stock13 ;;
	headers) job headers "$PKS_ROOT/scripts/headers.sh" check ;;
	headers-all) job headers "$PKS_ROOT/scripts/headers.sh" all ;;
	bench|docs|top|attack|coverage|package) job "$1" "$PKS_ROOT/scripts/$1.sh" check ;;
	*) job "$1" "$PKS_ROOT/scripts/check-kernel.sh" "$@" ;;
	esac
	# What costs more than it did fails; on the newest kernel alone.
	[ "$*" != latest ] || check bench
}

# Kernels are made beside the jobs, in their order, so that no lane stands still for one
# while another could run: whoever needs one that is not there yet waits for it, and
# says why if it can't be had.
make_kernels() {
	local word

	export PKS_LABEL=kernels
	# Machines do not matter here.
	for word in $(tr ' ' '\n' <<<"$what" | sed 's/@.*//' | awk '!seen[$0]++'); do
		case $word in
		[0-9]*|latest*|stock*|backports*) ;;
		*) continue ;;
		esac
		label_read "$word"
		nice -n 5 "$PKS_ROOT/scripts/kernel.sh" "$LABEL_KERNEL" "$LABEL_FLAVOUR" || true
	done >/dev/null
}

PKS_LABEL=check
"$PKS_ROOT/scripts/deps.sh" check
what=${1:-6.1}
shift $(($# > 0))
jobs_init
start_group make_kernels </dev/null
for word in $what; do
	check "$word" "$@"
done
jobs_wait
[ -z "${PKS_RESULTS:-}" ] || jobs_results >"$PKS_RESULTS"
jobs_tally
