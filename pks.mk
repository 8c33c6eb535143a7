# SPDX-License-Identifier: GPL-2.0
#
# For the Makefiles of modules that use pks: include it, and give $(PKS_KBUILD) to the
# kernel's build system. Beside this file are the headers, in include/: it is at the top of a
# tree in which pks was built, or in /usr/src/pks-headers, from package pks-dev.

KDIR ?= /lib/modules/$(shell uname -r)/build
override PKS := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

# The kernel in KDIR; its kernel.release is another name in Debian's headers.
pks_release := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' $(KDIR)/include/generated/utsrelease.h)
# What pks.ko exports, with checksums: the tree's, or that of the one which DKMS installed.
pks_symvers := $(if $(wildcard $(PKS)/Kbuild),$(PKS),/var/lib/dkms/pks/kernel-$(pks_release)-x86_64)/Module.symvers

ifeq ($(filter clean,$(MAKECMDGOALS))$(wildcard $(pks_symvers)),)
$(error pks was not built for what is in $(KDIR): there is no $(pks_symvers))
endif

PKS_KBUILD := PKS=$(PKS) KBUILD_EXTRA_SYMBOLS=$(pks_symvers)
