# SPDX-License-Identifier: GPL-2.0
#
# For people; what the kernel's build system reads is in Kbuild.

ifneq ($(words $(CURDIR)),1)
$(error The kernel's build system can't build where a blank is in the path: $(CURDIR))
endif

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNELS ?= 6.1
# What is the same for every kernel: the proof of the update protocol, the harness, the
# manual, pks-top.
CHECKS ?= model selftest docs top
KBUILD = $(MAKE) -C $(KDIR) M=$(CURDIR)
# Not from kernel.release, which in Debian's headers is another name.
RELEASE = $$(sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' $(KDIR)/include/generated/utsrelease.h)

modules: kdir ## build pks.ko for the running kernel, or for KDIR=<headers or build tree>
	+$(KBUILD) modules

install: modules ## install it for that kernel (below INSTALL_MOD_PATH, if given) and run depmod
	$(KBUILD) modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(RELEASE)

# As the kernel itself calls it.
modules_install: install

dkms-install: ## have DKMS install it and rebuild it for each new kernel (KVERS="..." or the running one)
	@scripts/dkms.sh install $(KVERS)

dkms-remove: ## undo that
	@scripts/dkms.sh remove

deb: ## build Debian packages into build/deb
	@scripts/package.sh build

package-check: ## install them into a chroot, try them there and in QEMU, and remove them
	@scripts/package.sh check

# The one place that has it.
version: ## what version this is
	@sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf

demo: ## see it work: Debian's own kernel, emulated, with its console here
	@scripts/demo.sh

shell: ## the same machine with a prompt (Ctrl-A x kills it)
	@scripts/shell.sh

check: ## run all tests on KERNELS="6.1 6.12 latest 6.12+rt latest@8cpus" (default: 6.1)
	@scripts/check.sh "$(CHECKS) $(KERNELS)"

check-all: ## run them on everything that scripts/matrix has, which takes some hours
	@scripts/matrix.sh run

check-headers: ## build it against all kernels' headers that Debian 12, 13 and sid have
	@scripts/check.sh headers-all

lint: ## have compilers and checkers look at all of it: gcc, LLVM, sparse, checkpatch ...
	@scripts/lint.sh

attack: ## attack it, in ways that are known, and see what is stopped
	@scripts/attack.sh run $(if $(filter command,$(origin KERNELS)),$(KERNELS))

fuzz: ## random calls against a model: SEED=, CALLS=, THREADS=, ONLY=<steps>, KERNEL= (latest)
	@SEED="$(SEED)" CALLS="$(CALLS)" THREADS="$(THREADS)" ONLY="$(ONLY)" KERNEL="$(KERNEL)" \
		scripts/fuzz.sh run

soak: ## everything at once for HOURS=4 (or MINUTES=), with a line that tells how far it is
	@SEED="$(SEED)" HOURS="$(HOURS)" MINUTES="$(MINUTES)" KERNEL="$(KERNEL)" scripts/fuzz.sh soak

# A KDIR that was asked for: then it is this machine that is meant.
bench: ## measure it: instructions, emulated; with KDIR=... in cycles, on this machine, as root
ifeq ($(origin KDIR),command line)
	@KDIR="$(KDIR)" scripts/bench.sh here
else
	@scripts/bench.sh run
endif

coverage: ## which lines of pks.ko the KUnit suites run, file by file
	@scripts/coverage.sh run

docs: ## the manual: build/docs/html/index.html, and build/docs/man for man -M
	@scripts/docs.sh build

clean: ## remove what was built here (downloads and kernels stay in ~/.cache/pks)
	rm -rf build
	if [ -e "$(KDIR)/include/generated/utsrelease.h" ]; then $(KBUILD) clean; fi

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

kdir:
	@[ -e "$(KDIR)/include/generated/utsrelease.h" ] || { \
		echo "There is nothing to build against in KDIR=$(KDIR): it has no include/generated/utsrelease.h."; \
		echo "Install linux-headers-$$(uname -r), or name a kernel's headers or build tree: make KDIR=..."; \
		exit 1; }

.PHONY: modules install modules_install dkms-install dkms-remove deb package-check version \
	demo shell check check-all check-headers lint attack fuzz soak bench coverage docs clean help kdir
