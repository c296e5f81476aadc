# SPDX-License-Identifier: MIT
"""The simulated module's quell_board, with the agent in files of its own instead of a package."""

import quell_facts
from ports.quecpython.board import QuecBoard

_this = QuecBoard(quell_facts.NAME, quell_facts.FILE_SYSTEM, quell_facts.SEGMENTS, quell_facts.SEGMENT_BYTES)
start = _this.start
status = _this.status
