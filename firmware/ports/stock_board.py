# SPDX-License-Identifier: MIT
"""A board with stock MicroPython and a modem on a UART.

`boards/QEMU_SABRELITE/modules/quell_board.py` is one in a few lines.
"""

import gc
import os
import time

from ports import status
from ports.at_modem.assemble import at_port
from ports.at_modem.clock import AtClock
from ports.at_modem.config import checked
from ports.board import Board
from ports.catalogue import IDS
from ports.console import Console
from ports.traceback import traceback
from quell.agent import Agent
from quell.counters import BAD_VALUE, LINK_FAILED, WIRE_MALFORMED

_POLL_MS = 5
_COLLECT_EVERY_BYTES = 65536


class StockBoard(Board):
    """`uart`: callable() -> the modem's; `app`: name of the application's module with `step(agent)`, if there is one.

    `parts`, `entropy`, `store`, `root`: see Board; `hard_reset`: see ports/at_modem/modem.py.
    """

    def __init__(self, name, parts, uart, entropy, store, root, app="app", hard_reset=None):
        Board.__init__(self, name, parts, entropy, store, root)
        self._uart = uart
        self._app = app
        self._hard_reset = hard_reset
        self._modem = None
        self._link = None  # what its status said of the connection when it was stopped

    def check(self, config):
        checked(config)

    def link_part(self):
        return self._link or status.link(self.agent.session, self._modem)

    def assemble(self):
        # collected early and often, what stays lies together, and not all over a heap that has no large piece left then
        gc.threshold(_COLLECT_EVERY_BYTES)
        flash, keystore, store = self._parts()
        clock = AtClock(time.ticks_ms, time.ticks_diff)
        port, self._modem = at_port(
            self._uart(), clock, time.sleep_ms, self._config(), flash, keystore, store, self._entropy,
            self.counting(WIRE_MALFORMED), self.counting(BAD_VALUE), self._hard_reset, self.counting(LINK_FAILED),
        )  # fmt: skip
        self._link = None
        return Agent(port, IDS, traceback)

    def loop(self):
        """The application beside it: what it raises is collected as an exception."""
        agent, modem = self.agent, self._modem
        console = Console(agent, modem)
        app = self._load_app()
        try:
            while True:
                modem.step()
                agent.step()
                if app is not None:
                    try:
                        app.step(agent)
                    except Exception as error:
                        agent.note(error)
                console.step()
                time.sleep_ms(_POLL_MS)
        except KeyboardInterrupt:
            pass
        self._link = status.link(agent.session, modem)
        agent.close()

    def _load_app(self):
        try:
            os.stat(self._path(self._app + ".py"))
        except OSError:
            return None
        return __import__(self._app)
