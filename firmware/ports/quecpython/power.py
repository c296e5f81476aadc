# SPDX-License-Identifier: MIT
"""Notices that power is about to go, so that what is in RAM is in flash before: a low supply, or the power key.

The platform calls back in a thread of its own, so nothing is done there but a note; `due` is asked by the runner.
"""

from ports.quecpython.platform import ask, whole
from quell.codec.builtin import const

_LOOK_EVERY_MS = const(10000)
_AGAIN_ABOVE_MV = const(100)  # a supply that recovers by this may warn again


class Power:
    """`misc`: the module or None; `below_mv`: None to leave the supply alone."""

    def __init__(self, misc, now_ms, below_mv):
        self.supply = getattr(misc, "Power", None)
        self._now_ms = now_ms
        self._below_mv = below_mv
        self._look_ms = 0
        self._warned = False
        self._pressed = False
        self._tells_down = False
        self._key = ask(misc, "PowerKey")
        self.watches_key = ask(self._key, "powerKeyEventRegister", self._event) == 0

    def _event(self, state):
        """Of the power key, in another thread: 1 is down, 0 is up. EC200U and EC600U tell only the second."""
        if state == 1:
            self._tells_down = True
        if state == 1 or not self._tells_down:
            self._pressed = True

    def due(self):
        """True once for each time that power may go soon."""
        if self._pressed:
            self._pressed = False
            return True
        now_ms = self._now_ms()
        if self._below_mv is None or now_ms < self._look_ms:
            return False
        self._look_ms = now_ms + _LOOK_EVERY_MS
        supply_mv = whole(ask(self.supply, "getVbatt"), 1000, 60000)
        if supply_mv is None:
            return False
        if supply_mv >= self._below_mv + _AGAIN_ABOVE_MV:
            self._warned = False
        if self._warned or supply_mv >= self._below_mv:
            return False
        self._warned = True
        return True
