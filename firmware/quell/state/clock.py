# SPDX-License-Identifier: MIT
"""What time it is, and how far that can be believed (design: no trust in clocks).

The floor is the latest time that an authenticated message named; it only rises. The platform's own
clock is a hint: used for the time of a record when it does not lie before the floor, never to judge
an expiry.
"""

from quell.codec.divide import floor_divide

NONE = 0  # uptime and boot number
HINT = 1  # the platform's clock
AUTHENTICATED = 2  # an authenticated message of this boot, carried on by uptime

_EARLIEST_S = 1767225600  # 2026-01-01: a clock before this version existed is not set


class TrustedClock:
    """Wraps the port's Clock. `floor_s`: the stored floor, unix seconds, 0 when there is none."""

    def __init__(self, clock, floor_s=0):
        self._clock = clock
        self.floor_s = floor_s
        self._set_at_ms = clock.uptime_ms()
        self._authenticated = False

    def uptime_ms(self):
        return self._clock.uptime_ms()

    def _since_set_s(self):
        return floor_divide(self._clock.uptime_ms() - self._set_at_ms, 1000)

    def authenticated(self, time_s):
        """Take the time of an authenticated message: moves the floor up, never down."""
        if time_s >= self.floor_s + (self._since_set_s() if self._authenticated else 0):
            self.floor_s = time_s
            self._set_at_ms = self._clock.uptime_ms()
            self._authenticated = True

    def floor_now_s(self):
        """A lower bound of the time now: what expiry and retention are judged by. Late, never early."""
        return self.floor_s + self._since_set_s() if self.floor_s else 0

    def now(self):
        """(trust, seconds): unix seconds with HINT or AUTHENTICATED, seconds of uptime with NONE."""
        if self._authenticated:
            return AUTHENTICATED, self.floor_now_s()
        hint = self._clock.hint_s()
        if hint is not None and hint >= max(self.floor_s, _EARLIEST_S):
            return HINT, hint
        return NONE, floor_divide(self._clock.uptime_ms(), 1000)
