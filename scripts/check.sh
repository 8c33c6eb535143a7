#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/check.sh [kernels [scenario...]]
#
#   scripts/check.sh                      all of `make check` on 6.1
#   scripts/check.sh "6.1 latest"         on these kernels
#   scripts/check.sh 6.1 kunit            this scenario alone, nothing else
#   scripts/check.sh "6.1+none 6.12+rt"   other configurations: kernel-*.config
#   scripts/check.sh "latest@8cpus"       other machines: scripts/machines
#   CPU=max,-pks SMP=1 MEM=2G THREAD=multi CMDLINE=nosmp SLOWER=4 ...
#                                         instead of what scenarios ask for
#   PKS_RESULTS=<file> ...                a line of it for each job (see jobs.sh)
#   PKS_LANES=1 ...                       one after another (default: as many as CPUs)
#
# Kernels: 6.1, 6.12, latest, and Debian's own stock and backports (see kernel.sh).
# Scenarios: the scripts in guest/ (see scenario.sh for what they declare). Logs are kept
# in build/<kernel>-<flavour>/runs/<scenario>/. The last line is the tally.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/jobs.sh
. "$PKS_ROOT/scripts/jobs.sh"

# What is the same for every kernel: once is enough. The self-test needs KUnit.
check_once() {
	local kernel=${1%%[ +@]*}

	case $kernel in
	stock|backports) kernel=6.1 ;;
	esac
	job model "$PKS_ROOT/docs/model/run.sh"
	job selftest "$PKS_ROOT/scripts/selftest.sh" "$kernel"
}

PKS_LABEL=check
"$PKS_ROOT/scripts/deps.sh" check
kernels=${1:-6.1}
shift $(($# > 0))
jobs_init
[ $# != 0 ] || check_once "$kernels"
for kernel in $kernels; do
	job "$kernel" "$PKS_ROOT/scripts/check-kernel.sh" "$kernel" "$@"
	# What costs more than it did fails; on the newest kernel alone.
	if [ "$kernel" = latest ] && [ $# = 0 ]; then
		job bench "$PKS_ROOT/scripts/bench.sh" check
	fi
done
jobs_wait
[ -z "${PKS_RESULTS:-}" ] || jobs_results >"$PKS_RESULTS"
jobs_tally
