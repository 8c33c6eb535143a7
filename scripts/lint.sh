#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/lint.sh [tool...]
#
# Compilers and checkers over everything here: a line `ok - ...` or `not ok - ...` for
# each question, with what was found below it. Tools (default: all of them):
#
#   gcc clang sparse        every module, for each of $KERNELS (default: 6.1 6.12 latest)
#   checkpatch coccicheck kernel-doc      the newest kernel's own, over the C sources
#   exports                 has what is exported a comment for its users
#   pyflakes shellcheck codespell
#   form                    licences, and blanks
#
# No finding is let through but those of lint/allowed, each with its reason. In
# lint/planted are faults that a tool has to find in the same run: one that is not
# there, or looks at nothing, fails. Logs and all that was said: build/lint/.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/lint/judge.sh
. "$PKS_ROOT/scripts/lint/judge.sh"
# shellcheck source=scripts/lint/compile.sh
. "$PKS_ROOT/scripts/lint/compile.sh"
# shellcheck source=scripts/lint/text.sh
. "$PKS_ROOT/scripts/lint/text.sh"

COMPILERS='gcc clang sparse'
TEXT='checkpatch coccicheck kernel-doc exports shellcheck pyflakes codespell form'

LINT_OUT=$PKS_ROOT/build/lint
# What is looked at: copies, so that nothing that was built before is.
LINT_TREE=$LINT_OUT/tree

# lint_kernel <kernel>: sets LINT_KDIR, the tree that modules are compiled against.
lint_kernel() {
	if LINT_KDIR=$("$PKS_ROOT/scripts/kernel.sh" "$1" prepared); then
		LINT_KDIR+=/build
	else
		verdict "not ok" "there are sources of kernel $1 (the error is above)"
		return 1
	fi
}

lint_compilers() {
	local kernel tool

	for kernel in ${KERNELS:-6.1 6.12 latest}; do
		lint_kernel "$kernel" || continue
		for tool in $COMPILERS; do
			if chosen "$tool"; then
				compile_check "$tool" "$kernel"
			fi
		done
	done
}

lint_texts() {
	local tool

	lint_kernel latest || return 0
	for tool in $TEXT; do
		if chosen "$tool"; then
			text_check "$tool"
		fi
	done
}

chosen() {
	[[ -z $tools || " $tools " == *" $1 "* ]]
}

PKS_LABEL=${PKS_LABEL/#pks/lint}
tools=$*
for tool; do
	[[ " $COMPILERS $TEXT " == *" $tool "* ]] || die "lint.sh knows no '$tool': $COMPILERS $TEXT"
done
# What can't be installed is missed below, by name.
"$PKS_ROOT/scripts/deps.sh" lint || true
rm -rf "$LINT_TREE"
modules_copy "$LINT_TREE"
lint_texts
lint_compilers
summary
