# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# The suites on a machine with a single CPU, and memory above what 32 bits reach.
# vm: smp=1 mem=5G
# expect: 0-9999 INFO: NMI handler .* took too long
# timeout: 900
# expect: 0-9999 BUG: PKS: (read of|write to)
. /guest/lib.sh

try "load pks.ko" insmod /modules/pks.ko
kunit /modules/pks_kunit.ko
try "unload pks_kunit" rmmod pks_kunit
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko
