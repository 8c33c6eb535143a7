# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by check.sh: the harness tested. Each script in selftest/ is a guest
# that goes wrong in one way, or right, and declares the verdict that must come
# out, and possibly cases that must be among the results (`# case: ok name`).
# The cases themselves are not shown: they are there to fail.

# Modules that oops, warn and fail KUnit cases, as nothing in busybox can.
selftest_module() {
	run_step "building the self-test's modules" "$2/provoke.log" count_compiled \
		make -C "$1/build" M="$2/tree/scripts/selftest/provoke" modules
}

# selftest_guest <kernel entry> <build dir> <script>
selftest_guest() {
	local script=$3 name dir verdict wanted missing

	name=$(basename "$script" .sh)
	dir=$2/runs/selftest-$name
	wanted=$(meta "$script" verdict)
	scenario_prepare "$1" "$script" "$dir" "$2"/tree/scripts/selftest/provoke/*.ko
	scenario_run
	verdict=$(cat "$dir/verdict")
	missing=$(meta "$script" case | grep -vxFf <(tr '\t' ' ' <"$dir/cases") || true)
	if [ "${verdict%% *}" != "$wanted" ]; then
		result "not ok" selftest "$name: judged ${verdict/ /: }" "should be $wanted"
	elif [ -n "$missing" ]; then
		result "not ok" selftest "$name: a case is missing" "$missing"
	else
		result ok selftest "$name: judged ${verdict/ /: }"
		return
	fi
	echo "            the console is in ${dir#"$PWD"/}/console.log"
}

selftest() {
	local entry=$1 base=$2 script

	if ! selftest_module "$entry" "$base"; then
		result "not ok" selftest "its modules compile" "see ${base#"$PWD"/}/provoke.log"
		return
	fi
	for script in "$PKS_ROOT"/scripts/selftest/*.sh; do
		selftest_guest "$entry" "$base" "$script"
	done
}
