# SPDX-License-Identifier: MIT
"""The real-time clock: what `utime` and `machine.RTC` both show."""

from qpysim import arith, clock, world

_UNSET_DAY = 10957  # 2000-01-01: what a clock shows that nobody has set. What a given module shows is not documented

_base = [0, 0, 0]  # UTC day, second of it, and the ms at which it was so
_zone_h = [0]


def start():
    """As it is at power-on."""
    facts = world.facts
    if facts["clock_set"]:
        _base[:] = [facts["days"], facts["seconds"], 0]
    else:
        _base[:] = [_UNSET_DAY, 0, 0]
    _zone_h[0] = facts["timezone_h"]


def zone_h():
    """Hours east of UTC."""
    return _zone_h[0]


def set_zone_h(hours):
    """The local time moves at once."""
    _zone_h[0] = hours


def local():
    """(days since 1970-01-01, second of the day) of the local time."""
    seconds = _base[1] + arith.split(clock.now_ms() - _base[2], 1000)[0] + _zone_h[0] * 3600
    days = _base[0]
    if seconds < 0:
        return days - 1, seconds + arith.DAY_S
    more, seconds = arith.split(seconds, arith.DAY_S)
    return days + more, seconds


def set_local(days, seconds):
    """Set it by local time."""
    _base[:] = [days, seconds - _zone_h[0] * 3600, clock.now_ms()]
