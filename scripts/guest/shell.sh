# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# `make shell`: a prompt instead of a test.
# check: no
# kernel: any
# cmdline: quiet

cat <<'HINT'

The modules are in /modules (try: insmod /modules/pks.ko); debugfs is in /sys/kernel/debug.
This machine is emulated and forgets everything: nothing here can do harm.
Ctrl-D or `exit` powers it off; Ctrl-A x kills it.

HINT
cd /modules || exit
PS1='pks-test:\w# ' setsid cttyhack sh
