#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/demo.sh
#
# Boots the kernel of this machine's Debian in an emulated machine, with its console here,
# and plays guest/demo.sh. Exit status 0 only if each of its steps was seen.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

PKS_LABEL=demo
"$PKS_ROOT/scripts/deps.sh" demo
kernel=$(own_kernel)
get_output entry "$PKS_ROOT/scripts/kernel.sh" "$kernel"
base=$PKS_ROOT/build/$kernel
mkdir -p "$base"
modules_build "$entry/build" "$base/tree" "$base/modules.log"
mapfile -t modules < <(modules_list "$base/tree")

say "booting $(cat "$entry/about"), as it is, in QEMU; this takes 10 seconds or so"
scenario_prepare "$entry" "$PKS_ROOT/scripts/guest/demo.sh" "$base/runs/demo" "${modules[@]}"
VM_LIVE=1
scenario_run
scenario_good "the demo did not go as it should"
say "each of $(grep -c '^ok' "$VM_DIR/cases") steps was seen, and the machine powered off cleanly"
