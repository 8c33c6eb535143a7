# SPDX-License-Identifier: GPL-2.0
# expect pyflakes: 'os' imported but unused
import os
