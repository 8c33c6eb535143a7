# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The benchmarks: scripts/bench.sh tells with which modules, and of what group.
# vm: cpu=max,-rdrand,-rdseed smp=1 mem=2G
# qemu: -icount shift=0,sleep=off -rtc base=2026-01-01,clock=vm
# cmdline: loglevel=4 nokaslr
# kernel: any
# tool: mkfs.ext4
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 600
# check: no
. /guest/lib.sh

group=$(sed -n 's/.*guest\.group=\([^ ]*\).*/\1/p' /proc/cmdline)
sh /modules/run.sh /modules $group >/tmp/results || not_ok "bench/run.sh"
while read -r line; do
	report "@ bench $line"
done </tmp/results
