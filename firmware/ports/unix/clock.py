# SPDX-License-Identifier: MIT
"""Clock and entropy of a Linux host."""

import os
import time

from quell.port import Clock, Entropy


class UnixClock(Clock):
    """`ticks_ms` made non-wrapping; the system's time as the hint."""

    def __init__(self):
        self._last = time.ticks_ms()
        self._uptime_ms = 0

    def uptime_ms(self):
        now = time.ticks_ms()
        self._uptime_ms += time.ticks_diff(now, self._last)
        self._last = now
        return self._uptime_ms

    def hint_s(self):
        return int(time.time())


class UnixEntropy(Entropy):
    """getrandom(2) through os.urandom: a real CSPRNG."""

    trusted = True

    def read(self, length):
        return os.urandom(length)
