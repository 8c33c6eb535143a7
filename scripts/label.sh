# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced. What KERNELS is made of: <kernel>[+<flavour>][@<machine>], as 6.1,
# 6.12+rt, latest@8cpus, latest+debug@1cpu.

LABEL_MACHINES=$PKS_ROOT/scripts/machines

# label_machine <name>: exports what its line in scripts/machines sets, if there is one.
label_machine() {
	local words word

	words=$(awk -v name="$1" '$1 == name { sub(/#.*/, ""); $1 = ""; print }' "$LABEL_MACHINES")
	for word in $words; do
		export "${word//,,/ }"
	done
	[ -n "$words" ]
}

# label_read <label>: sets LABEL_KERNEL, LABEL_FLAVOUR, LABEL_MACHINE (may be empty) and
# LABEL_SUFFIX, and exports what its flavour and its machine set.
label_read() {
	local rest=${1%%@*}

	LABEL_KERNEL=${rest%%+*} LABEL_FLAVOUR=full LABEL_MACHINE='' LABEL_SUFFIX=''
	[ "$rest" = "$LABEL_KERNEL" ] || LABEL_FLAVOUR=${rest#*+}
	label_machine "+$LABEL_FLAVOUR" || true
	[ "$1" != "$rest" ] || return 0
	# shellcheck disable=SC2034 # LABEL_SUFFIX is for those who source this
	LABEL_MACHINE=${1#*@} LABEL_SUFFIX=@${1#*@}
	label_machine "$LABEL_MACHINE" || die "there is no machine '$LABEL_MACHINE' in scripts/machines"
}
