# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Each allocation fails once, in everything that allocates: then there is a clean error,
# or it is done without, and nothing is left behind.
# cmdline: panic_on_warn=1
# program: failnth.c
# kernel: 6.1 latest
# flavours: full debug
# timeout: 900
. /guest/lib.sh

pks=/sys/kernel/debug/pks
inject=/sys/kernel/debug/pks_inject

# fails <what> <arguments of failnth>
fails() {
	local what=$1

	shift
	if try "each allocation may fail: $what" /modules/failnth "$@" >/tmp/failnth; then
		report "# $(tail -n 1 /tmp/failnth)"
	fi
	cat /tmp/failnth
}

for what in failslab fail_page_alloc; do
	echo N >/sys/kernel/debug/$what/ignore-gfp-wait
	echo 0 >/sys/kernel/debug/$what/verbose
done
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order

try "load pks_failinit.ko" insmod /modules/pks_failinit.ko
fails "loading pks.ko" insmod /modules/pks.ko /proc/modules
try "unload pks_failinit" rmmod pks_failinit
try "load pks.ko" insmod /modules/pks.ko
try "load pks_inject.ko" insmod /modules/pks_inject.ko
for op in "$inject"/*; do
	fails "${op##*/}" write "$op" $pks/keys $pks/domains $pks/policy $pks/audit
done
insmod /modules/vault.ko
find $pks -type f >/tmp/all
while read -r file; do
	fails "reading ${file#"$pks"/}" read "$file" $pks/keys $pks/domains $pks/policy
done </tmp/all
rmmod vault
try "unload pks_inject" rmmod pks_inject
try "no key is left taken" [ "$(wc -l <$pks/keys)" = 1 ]
try "the audit finds nothing" has "findings: 0" $pks/audit
try "unload pks" rmmod pks
[ ! -e /sys/kernel/debug/kmemleak ] || try "nothing has leaked" no_leaks
kunit /modules/pks_off_kunit.ko
