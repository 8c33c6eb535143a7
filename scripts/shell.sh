#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/shell.sh [kernel]
#
# The machine of `make demo` (or with a kernel of `make check`: 6.1, 6.12,
# latest) with a prompt. CPU=, SMP= and MEM= as in check.sh.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

PKS_LABEL=shell
kernel=${1:-$(own_kernel)}
if [ "$kernel" = "$(own_kernel)" ]; then set -- demo; else set -- check; fi
"$PKS_ROOT/scripts/deps.sh" "$1"
get_output entry "$PKS_ROOT/scripts/kernel.sh" "$kernel" full
base=$PKS_ROOT/build/$kernel-full
mkdir -p "$base"
modules_build "$entry/build" "$base/tree" "$base/modules.log"
mapfile -t modules < <(modules_list "$base/tree")

say "booting $(cat "$entry/about")"
scenario_prepare "$entry" "$PKS_ROOT/scripts/guest/shell.sh" "$base/runs/shell" "${modules[@]}"
vm_start -serial mon:stdio -serial file:report.log
