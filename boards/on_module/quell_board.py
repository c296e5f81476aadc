# SPDX-License-Identifier: MIT
"""A QuecPython module, as main.py, the host tool and the customer's program see it. `quell.pack` lies beside it.

`ports/quecpython/board.py` says how to use it. What the module is, `make package` writes into quell_facts.
"""

import quell_pack

quell_pack.load(__file__[: __file__.rfind("/") + 1] + "quell.pack")

import quell_facts  # noqa: E402
from ports.quecpython.board import QuecBoard  # noqa: E402

from quell import __version__  # noqa: E402

NAME = quell_facts.NAME
VERSION = __version__
FROZEN = False

_this = QuecBoard(NAME, quell_facts.FILE_SYSTEM, quell_facts.SEGMENTS, quell_facts.SEGMENT_BYTES)
provision = _this.provision
provisioned = _this.provisioned
forget = _this.forget
configure = _this.configure
config = _this.config
lock = _this.lock
locked = _this.locked
info = _this.info
status = _this.status
start = _this.start
run = _this.run
