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

entry=$("$PKS_ROOT/scripts/kernel.sh" "${1:?}")
base=$PKS_ROOT/build/selftest
mkdir -p "$base"
selftest_modules
for script in "$PKS_ROOT"/scripts/selftest/*.sh; do
	selftest_guest "$script"
done
exit "$failed"
