# SPDX-License-Identifier: MIT
"""`machine.RTC`: the clock, and its alarm.

Documented: API_reference/en/peripherals/machine.RTC.md; machine_rtc.c (2021). Setting it writes the flash. Whether it
shows local time or UTC is not said: local time, as `utime.localtime()`. An alarm is for EC600U, EC200U, EC600N, EC800N
and BC25: -1 on others.
"""

from qpysim import arith, clock, rtc, world
from qpysim.faults import faulty

_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_alarm = {"ms": None, "event": None, "on": 0, "callback": None}


def _parse(given):
    """(days, second of the day) of [year, month, day, week, hour, minute, second, microsecond]; None for no time."""
    if len(given) < 7:
        return None
    year, month, day = given[:3]
    hour, minute, second = given[4:7]
    if not 2000 <= year <= 2099 or not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return None
    if not 0 <= hour <= 23 or not 0 <= minute <= 59 or not 0 <= second <= 59:
        return None
    return arith.day_number(year, month, day), hour * 3600 + minute * 60 + second


def _arm():
    if _alarm["event"] is not None:
        clock.cancel(_alarm["event"])
        _alarm["event"] = None
    if _alarm["on"] and _alarm["ms"] is not None and _alarm["callback"] is not None:
        _alarm["event"] = clock.at(_alarm["ms"], lambda: _alarm["callback"](None))


class RTC:
    """All of them are the one clock."""

    @faulty("machine.RTC.datetime")
    def datetime(self, *given):
        """-> (year, month, day, week with Sunday as 0, hour, minute, second, 0); with a list of these, 0 or -1."""
        if not given:
            year, month, day, hour, minute, second, weekday = arith.time_tuple(*rtc.local())[:7]
            return year, month, day, (weekday + 1) % 7, hour, minute, second, 0
        found = _parse(given[0])
        if found is None:
            return -1
        rtc.set_local(*found)
        return 0

    @faulty("machine.RTC.set_alarm")
    def set_alarm(self, data_e):
        """-> 0 or -1."""
        found = _parse(data_e)
        if found is None or not world.model_is("EC600U", "EC200U", "EC600N", "EC800N", "BC25"):
            return -1
        days, seconds = rtc.local()
        left_s = (found[0] - days) * arith.DAY_S + found[1] - seconds
        _alarm["ms"] = clock.now_ms() + left_s * 1000 if left_s >= 0 else None
        _arm()
        return 0

    @faulty("machine.RTC.register_callback")
    def register_callback(self, fun):
        """-> 0 or -1. `fun(args)` when the alarm comes."""
        _alarm["callback"] = fun
        _arm()
        return 0

    @faulty("machine.RTC.enable_alarm")
    def enable_alarm(self, on_off):
        """-> 0 or -1. On BC25 only with a callback."""
        if on_off not in (0, 1) or (world.model_is("BC25") and _alarm["callback"] is None):
            return -1
        _alarm["on"] = on_off
        _arm()
        return 0
