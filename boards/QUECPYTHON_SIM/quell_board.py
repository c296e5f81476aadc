# SPDX-License-Identifier: MIT
"""The simulated module, with the agent in files of its own instead of a package."""

from ports.quecpython.board import QuecBoard

_this = QuecBoard("QUECPYTHON_SIM", "littlefs1", 12, 4096)
start = _this.start
status = _this.status
