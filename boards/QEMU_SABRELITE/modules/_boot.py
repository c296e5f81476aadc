# SPDX-License-Identifier: MIT
"""Runs at each boot, before main.py: the file system."""

import os
import sys

from ports.qemu import parts

from quell.errors import FlashError

try:
    if parts.mount() is None:
        print("quell boot no file system on the chip: parts.format_usr(2)")
    else:
        os.chdir(parts.ROOT)
        sys.path.append(parts.ROOT)
except FlashError as error:
    print("quell boot", error)
