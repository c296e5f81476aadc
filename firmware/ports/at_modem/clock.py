# SPDX-License-Identifier: MIT
"""Uptime from the board's ticks; the time of day from the modem, as a hint.

`AT+QLTS=1` gives the network's time as UTC, with the zone only for information; `AT+CCLK?` gives local time, with the
zone in quarters of an hour to subtract. Neither is authenticated. A modem that never heard a network says 1980 or 2099:
outside 2024 to 2090 there is no hint.
"""

from ports.at_modem.at import QUICK_MS
from ports.at_modem.background import Background
from ports.at_modem.fields import number
from ports.calendar import unix_s
from quell.codec.builtin import const
from quell.codec.divide import floor_divide
from quell.port import Clock

_ASK_EVERY_MS = const(3600000)
_KEEP_MS = const(86400000)


def parse_time(line, local):
    """`"2026/03/01,12:00:00+04,0"` or `"26/03/01,…"` (bytes) -> unix seconds, or None.

    `local`: the zone, in quarters of an hour, is to be subtracted.
    """
    cleaned = line.replace(b'"', b"").strip()
    if not 17 <= len(cleaned) <= 24:
        return None
    body = cleaned.split(b",")
    if len(body) < 2:
        return None
    date = [number(str(part, "ascii")) for part in body[0].split(b"/")]
    clock = [number(str(part, "ascii")) for part in body[1][:8].split(b":")]
    if len(date) != 3 or len(clock) != 3 or None in date or None in clock:
        return None
    # of two digits, those from 70 on are a clock that was never set: 1970 or 1980
    year = date[0] + 2000 if 0 <= date[0] < 70 else date[0]
    seconds = unix_s(year, date[1], date[2], clock[0], clock[1], clock[2])
    if seconds is None or not local:
        return seconds
    zone = number(str(body[1][8:], "ascii")) if len(body[1]) > 8 else 0
    if zone is None or not -96 <= zone <= 96:
        return None
    return seconds - zone * 900


def reading(local):
    """A function of a reply's lines: `parse_time` of the first, None whatever else that holds."""

    def parse(lines):
        try:
            return parse_time(lines[0], local)
        except (UnicodeError, ValueError):
            return None

    return parse


class AtClock(Clock):
    """`ticks_ms` and `ticks_diff` as in MicroPython's time; ask it more often than its ticks wrap (149 hours)."""

    def __init__(self, ticks_ms, ticks_diff):
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = ticks_ms()
        self._uptime_ms = 0
        self._sources = ()

    def watch(self, at, modem):
        """Take the hint from `modem` (Modem) behind `at`."""
        self._sources = tuple(
            [
                Background(at, self.uptime_ms, lambda: modem.ready, command, parse, _ASK_EVERY_MS, _KEEP_MS)
                for command, parse in (
                    (("AT+QLTS=1", "+QLTS", QUICK_MS), reading(False)),
                    (("AT+CCLK?", "+CCLK", QUICK_MS), reading(True)),
                )
            ]
        )
        modem.background.extend(self._sources)

    def uptime_ms(self):
        now = self._ticks_ms()
        self._uptime_ms += self._ticks_diff(now, self._last)
        self._last = now
        return self._uptime_ms

    def hint_s(self):
        """Unix seconds by the modem's clock, carried on by uptime; None until it has answered. Returns at once."""
        for source in self._sources:
            heard_s = source.value()
            if heard_s is not None:
                return heard_s + floor_divide(self.uptime_ms() - source.heard_ms, 1000)
        return None
