# SPDX-License-Identifier: MIT
"""How a simulated module ends: one line on stderr, and the exit code of the process, from whatever thread."""

import sys

import ffi

# Below these: what the script itself gave to sys.exit, and 1 for an exception. docs/quecpython-sim.md has the table.
WATCHDOG = 70
RESTART = 71
POWER_DOWN = 72
POWER_CUT = 73
STUCK = 74

_exit = ffi.open(None).func("v", "_exit", "i")


def tell(text):
    """One line for the person who watches."""
    sys.stderr.write("quecpython-sim: " + text + "\n")


def end(code, text):
    """Say why and end the process at once: nothing that waits is written, no `finally` runs."""
    tell(text)
    _exit(code)
