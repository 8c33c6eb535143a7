# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced, first of all. What whoever calls a script has set for himself changes nothing of
# what it does: variables, functions that are called like programs, the mask of new files,
# the language. What he may set is said at the scripts that look at it.

# With an exported one, cd says where it has gone, to who wanted something else.
unset CDPATH
# Other programs' defaults, and what the kernel's build system takes for its own.
unset GREP_OPTIONS GREP_COLORS TAR_OPTIONS XZ_OPT XZ_DEFAULTS GZIP POSIXLY_CORRECT ENV BASH_ENV LS_COLORS
unset MAKEFLAGS MFLAGS GNUMAKEFLAGS MAKEFILES ARCH SUBARCH CROSS_COMPILE KBUILD_OUTPUT KBUILD_EXTMOD
unset KBUILD_EXTRA_SYMBOLS INSTALL_MOD_PATH CC CFLAGS CPPFLAGS LDFLAGS KCFLAGS LLVM V W C
unset PYTHONPATH PYTHONHOME PYTHONWARNINGS PERL5LIB PERL5OPT
while read -r _ _ PKS_NAME; do
	unset -f "$PKS_NAME"
done < <(declare -Fx)
unset PKS_NAME

export LC_ALL=C.UTF-8
umask 022
# What only root is meant to need has its own directories.
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
# A cron job or a service may have none.
[ -n "${HOME:-}" ] || HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
export PATH HOME=${HOME:-/}
[ -w "${TMPDIR:-/tmp}" ] || unset TMPDIR
