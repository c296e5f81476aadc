# SPDX-License-Identifier: MIT
"""`utime`: seconds since power-on, calendars that do not fit together, ticks that wrap.

Documented: API_reference/en/stdlib/utime.md; modutime.c (2021).

- `time()` counts from power-on: it is no calendar time.
- `mktime` counts from 1970 and takes 8 hours off, whatever the time zone is set to.
- `localtime(seconds)`: the page's example counts from 2000 without any offset; the source, repaired in March 2021, from
  1970 with 8 hours added, so that it undoes `mktime`. The device says which, "localtime": 2000 is the default, since
  code that stands that stands both.
- `ticks_*` wrap at 0x3FFFFFFF. The device says where they start, "ticks_start".

Time is simulated (qpysim.clock). Not imitated: `localtime_ex` and `mktime_ex` of G2.
"""

from qpysim import arith, clock, rtc, world
from qpysim.faults import faulty

_MASK = 0x3FFFFFFF
_HALF = 0x20000000
_EIGHT_HOURS_S = 28800
_DAY_2000 = 10957


@faulty("utime.time")
def time():
    """-> int, seconds since the module was switched on."""
    return arith.split(clock.read()[0], 1000)[0]


@faulty("utime.localtime")
def localtime(secs=None):
    """-> (year, month, day, hour, minute, second, weekday with Monday as 0, day of the year)."""
    if secs is None:
        return arith.time_tuple(*rtc.local())
    if world.facts["localtime_epoch"] == 2000:
        days, seconds = arith.split(secs, arith.DAY_S)
        return arith.time_tuple(days + _DAY_2000, seconds)
    return arith.time_tuple(*arith.split(secs + _EIGHT_HOURS_S, arith.DAY_S))


@faulty("utime.mktime")
def mktime(date):
    """-> int, seconds since 1970 less 28800, of a tuple of 8 or 9."""
    if len(date) not in (8, 9):
        raise TypeError("mktime needs a tuple of length 8 or 9 (%d given)" % len(date))
    seconds = arith.day_number(date[0], date[1], date[2]) * arith.DAY_S
    seconds += date[3] * 3600 + date[4] * 60 + date[5] - _EIGHT_HOURS_S
    return seconds & 0xFFFFFFFF


@faulty("utime.getTimeZone")
def getTimeZone():
    """-> int, hours."""
    return rtc.zone_h()


@faulty("utime.setTimeZone")
def setTimeZone(offset):
    """-> 0. Raises ValueError beyond ±12."""
    if not -12 <= offset <= 12:
        raise ValueError("invalid value, timezone should be in [-12, +12].")
    rtc.set_zone_h(offset)
    return 0


@faulty("utime.ticks_ms")
def ticks_ms():
    """-> int below 0x40000000."""
    return (clock.read()[0] + world.facts["ticks_start"]) & _MASK


@faulty("utime.ticks_us")
def ticks_us():
    """-> int below 0x40000000."""
    ms, us = clock.read()
    return ((ms + world.facts["ticks_start"]) * 1000 + us) & _MASK


@faulty("utime.ticks_cpu")
def ticks_cpu():
    """-> int below 0x40000000; its unit is the platform's. Microseconds here."""
    ms, us = clock.read()
    return ((ms + world.facts["ticks_start"]) * 1000 + us) & _MASK


def ticks_add(ticks, delta):
    """-> ticks. Not in the page, but in the source."""
    return (ticks + delta) & _MASK


def ticks_diff(ticks1, ticks2):
    """-> ticks1 - ticks2, right while they are less than 0x20000000 apart."""
    return ((ticks1 - ticks2 + _HALF) & _MASK) - _HALF


@faulty("utime.sleep")
def sleep(seconds):
    """Sleep; a fraction is possible."""
    clock.sleep_ms(int(seconds * 1000))


@faulty("utime.sleep_ms")
def sleep_ms(ms):
    """Sleep."""
    clock.sleep_ms(ms)


@faulty("utime.sleep_us")
def sleep_us(us):
    """Sleep; below a millisecond without letting others run."""
    ms, rest = arith.split(us, 1000)
    if ms:
        clock.sleep_ms(ms)
    clock.spend(rest)
