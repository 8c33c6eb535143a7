#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# expect shellcheck: SC2086
echo $1
