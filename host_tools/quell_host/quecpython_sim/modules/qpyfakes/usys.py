# SPDX-License-Identifier: MIT
"""`usys`, and `sys` on older firmware: both are there.

Documented: quecpython_stubs/usys.pyi, sys.pyi. `implementation` says 1.13 as a module does; there is no `exc_info`,
`atexit` or `settrace`.
"""

import sys

from qpysim import world

argv = sys.argv
byteorder = sys.byteorder
exit = sys.exit
maxsize = 0x7FFFFFFF
modules = sys.modules
path = sys.path
platform = world.facts["model"] or "quectel"
print_exception = sys.print_exception
stderr = sys.stderr
stdin = sys.stdin
stdout = sys.stdout
version = "3.4.0"
implementation = ("micropython", (1, 28, 0)) if world.g2() else ("micropython", (1, 13, 0))
