# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash source=scripts/guest/lib.sh
#
# Every KUnit suite, on a machine that has protection keys.
# cmdline: panic_on_warn=1
# expect: 0-9999 BUG: PKS: (read of|write to)
# flavours: full none voluntary lazy rt debug kcsan pti gcov
# machines: any
# Races of the kernel with itself are its own; those with our modules in them count.
# expect: 0-999 BUG: KCSAN: data-race in [^[]*$
# expect: 0-9999 INFO: NMI handler .* took too long
# timeout: 900
. /guest/lib.sh

pks=/sys/kernel/debug/pks

try "load pks.ko" insmod /modules/pks.ko
try "status: PKS is on in every CPU" has "set on $(nproc) of $(nproc) CPUs" $pks/status
try "status: the fault hook works" has "fault hook: +on" $pks/status
try "status: interrupts are isolated" has "irq isolation: +on" $pks/status
try "status: violations can be carried out" has "audit: +on" $pks/status
kunit /modules/pks_kunit.ko
refuse "pks.ko stays while a user is loaded" rmmod pks
try "unload pks_kunit" rmmod pks_kunit
try "no key is left taken" [ "$(wc -l <$pks/keys)" = 1 ]
try "unload pks" rmmod pks
kunit /modules/pks_off_kunit.ko
