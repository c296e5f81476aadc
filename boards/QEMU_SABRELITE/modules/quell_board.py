# SPDX-License-Identifier: MIT
"""This board, as `quell flash`, `quell provision` and `quell device` ask for it."""

import board
from ports.qemu import parts
from ports.stock_board import StockBoard
from quell_hash import HASH as _HASH

from quell import __version__

NAME = "QEMU_SABRELITE"
VERSION = __version__
HASH = _HASH  # of the agent's sources
FROZEN = __file__[0] != "/"

_this = StockBoard(NAME, parts.parts, board.ModemUart, parts.TickEntropy(), parts.file_system(), parts.ROOT)
provision = _this.provision
provisioned = _this.provisioned
forget = _this.forget
configure = _this.configure
config = _this.config
lock = _this.lock
locked = _this.locked
info = _this.info
status = _this.status
run = _this.run
