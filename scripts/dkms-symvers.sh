#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Usage: dkms-symvers.sh <directory>
#
# Run by DKMS after a build, where that took place: the list of exported symbols is kept
# beside the module, in the directory that goes when DKMS removes it.

set -e
cp Module.symvers "$1/Module.symvers"
