# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The benchmarks: scripts/bench.sh tells with which modules, and of what group.
# vm: cpu=max,-rdrand,-rdseed smp=1 mem=2G
# qemu: -icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm -machine max-ram-below-4g=1G
# cmdline: loglevel=4 nokaslr norandmaps
# kernel: any
# tool: mkfs.ext4
# expect: 0-9999 BUG: PKS: (read of|write to)
# timeout: 240
# check: no
. /guest/lib.sh

group=$(sed -n 's/.*guest\.group=\([^ ]*\).*/\1/p' /proc/cmdline)
if sh /modules/run.sh /modules "$group" >/tmp/results; then
	ok "bench/run.sh"
else
	not_ok "bench/run.sh"
fi
while read -r line; do
	report "@ bench $line"
done </tmp/results
