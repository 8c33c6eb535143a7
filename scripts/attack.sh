#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/attack.sh [run [stock|backports...]]
#        scripts/attack.sh check|update
#
#   run      play the attacks of tests/attacks in QEMU, on Debian's own kernels (default:
#            stock). Print the table: what comes of each without protection, what should
#            come of it with pks, and what did. Fails unless they agree
#   check    on stock, each row a line `ok - ...` or `not ok - ...`; and docs/attacks.md is
#            up to date
#   update   on stock, and make that the table of docs/attacks.md

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/modules.sh
. "$PKS_ROOT/scripts/modules.sh"
# shellcheck source=scripts/scenario.sh
. "$PKS_ROOT/scripts/scenario.sh"

attacks=$PKS_ROOT/tests/attacks
page=$PKS_ROOT/docs/attacks.md

# table <format>
table() {
	awk -v format="$1" -f "$attacks/table.awk" "$attacks/expected" "$base/seen"
}

attack_build() {
	mkdir -p "$base"
	modules_build "$entry/build" "$base/tree" "$base/modules.log"
	gcc -O2 -Wall -Wextra -Werror -static -pthread -o "$base/deputy" "$attacks/deputy.c" ||
		die "tests/attacks/deputy.c does not compile"
}

# A disk for the attack by DMA, of a page.
attack_boot() {
	scenario_prepare "$entry" "$PKS_ROOT/scripts/guest/attack.sh" "$base/run" \
		"$base/tree"/{pks.ko,tests/attacks/attacks.ko,samples/ramdisk/ramdisk.ko} \
		"$base/deputy" "$attacks/expected"
	truncate -s 1M "$VM_DIR/disk.img"
	scenario_run
	tr -d '\r' <"$VM_DIR/report.log" | sed -n 's/^@ attack //p' >"$base/seen"
	scenario_good "the attacks"
}

# attack_play <kernel>
attack_play() {
	base=$PKS_ROOT/build/attack/$1
	"$PKS_ROOT/scripts/deps.sh" attack
	get_output entry "$PKS_ROOT/scripts/kernel.sh" "$1"
	attack_build
	say "booting $(cat "$entry/about"), to attack it"
	attack_boot
}

attack_check() {
	local page_now=$base/page.md failed=

	table cases || failed=1
	table markdown >"$base/attacks.md" || true
	cp "$page" "$page_now"
	put_table "$page_now" attacks "$base/attacks.md"
	if cmp -s "$page" "$page_now"; then
		echo "ok - docs/attacks.md has this table"
	else
		echo "not ok - docs/attacks.md has this table"
		diff "$page" "$page_now" | sed 's/^/# /' || true
		failed=1
	fi
	[ -z "$failed" ]
}

PKS_LABEL=attack
case ${1:-run} in
run)
	failed=
	for kernel in "${@:2}" $( (($# > 1)) || echo stock); do
		attack_play "$kernel"
		table text || failed=1
	done
	[ -z "$failed" ]
	;;
check)
	attack_play stock
	attack_check
	;;
update)
	attack_play stock
	table markdown >"$base/attacks.md" || true
	put_table "$page" attacks "$base/attacks.md"
	table verdict
	say "docs/attacks.md is up to date"
	;;
*)
	die "usage: scripts/attack.sh [run [stock|backports...]|check|update]"
	;;
esac
