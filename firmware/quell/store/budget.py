# SPDX-License-Identifier: MIT
"""A budget of writes a day, for file systems that wear out under them (littlefs 1: its directory pair).

Counted in uptime, since no clock can be trusted; what is left is kept in the state, so that a boot gives nothing back.
"""

from quell.codec.divide import floor_divide

DAY_MS = 86400000


class Budget:
    """`per_day` writes, saved up for one day at most; 0 has no limit."""

    def __init__(self, per_day):
        self._price_ms = DAY_MS // per_day if per_day else 0  # 1.13: both are below 2^30
        self._credit_ms = DAY_MS
        self._at_ms = 0

    def restore(self, left):
        """Begin a boot with what the one before had left (writes)."""
        self._credit_ms = min(left * self._price_ms, DAY_MS)

    def left(self):
        """Writes that may be done now."""
        return floor_divide(self._credit_ms, self._price_ms) if self._price_ms else 0

    def tick(self, now_ms):
        """Time passes: `now_ms` of uptime."""
        self._credit_ms = min(self._credit_ms + now_ms - self._at_ms, DAY_MS)
        self._at_ms = now_ms

    def allows(self):
        """True when something is left."""
        return self._credit_ms >= self._price_ms

    def take(self):
        """Pay for one write -> False when nothing is left."""
        if not self.allows():
            return False
        self._credit_ms -= self._price_ms
        return True
