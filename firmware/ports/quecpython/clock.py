# SPDX-License-Identifier: MIT
"""Uptime from the ticks, which wrap after 12.4 days; the time of day as a hint, from the network or the RTC.

`utime.time()` counts from power-on and `mktime` is eight hours off (Quectel's syslib/utime), so neither is used. The
network's time (NITZ) comes as Unix seconds, by the documentation those of the moment when the module registered: the
same again is no news. The RTC's calendar is local time in a zone that `utime.getTimeZone` tells. NTP is not asked: that
would tell a third party of the device. No hint is ever trusted (quell/state/clock.py); the time that a host's
authenticated message names is.
"""

from ports.calendar import FIRST_S, LAST_S, unix_s
from ports.quecpython.platform import ask, at, whole
from quell.codec.builtin import const
from quell.codec.divide import floor_divide
from quell.port import Clock

NITZ, RTC = "nitz", "rtc"
_NITZ_EVERY_MS = const(3600000)
_NITZ_KEEP_MS = const(86400000)


class QuecClock(Clock):
    """`utime`, `net`, `machine`: the modules, the last two may be None; `worker`: Worker."""

    def __init__(self, utime, net, machine, worker):
        self._utime = utime
        self._rtc = ask(machine, "RTC")
        self._seen = (0, utime.ticks_ms())  # uptime and ticks, replaced as a whole: threads ask too
        self._told = (None, 0)  # what the network told last, and the uptime when it was new
        self._nitz = worker.job(lambda: self._nitz_now(net), self.uptime_ms, _NITZ_EVERY_MS, _NITZ_KEEP_MS)
        self.hint_from = None  # NITZ, RTC or None: what the last hint was

    def uptime_ms(self):
        uptime_ms, last = self._seen
        now = self._utime.ticks_ms()
        passed_ms = self._utime.ticks_diff(now, last)
        if passed_ms > 0:  # else another thread looked later than this one
            uptime_ms += passed_ms
            self._seen = (uptime_ms, now)
        return uptime_ms

    def _nitz_now(self, net):
        """(unix seconds, uptime) when the network told them. Called by the worker's thread."""
        seconds = whole(at(ask(net, "nitzTime"), 1), FIRST_S, LAST_S)
        if seconds is None:
            return None
        if seconds != self._told[0]:
            self._told = (seconds, self.uptime_ms())
        return self._told

    def hint_s(self):
        """Unix seconds, or None. Returns at once."""
        heard = self._nitz.value()
        if heard is not None:
            self.hint_from = NITZ
            return heard[0] + floor_divide(self.uptime_ms() - heard[1], 1000)
        found = self._rtc_now()
        self.hint_from = None if found is None else RTC
        return found

    def _rtc_now(self):
        date = ask(self._rtc, "datetime")
        parts = [whole(at(date, i), 0, LAST_S) for i in (0, 1, 2, 4, 5, 6)]  # 3 is the day of the week
        if None in parts:
            return None
        seconds = unix_s(*parts)
        zone_h = whole(ask(self._utime, "getTimeZone"), -12, 14)
        return None if seconds is None or zone_h is None else seconds - zone_h * 3600
