# SPDX-License-Identifier: MIT
"""`machine.WDT`: a watchdog in software, which bites.

Documented: API_reference/en/peripherals/machine.WDT.md; machine_wdt.c (2021). The period is in **seconds**; there is
one watchdog, a second WDT(n) starts it anew; `stop` switches it off, which stock MicroPython's cannot be. It sees only
whether somebody feeds it: a dead thread beside one that feeds goes unseen. When it bites the process ends with code 70.

It bites in simulated time. A script that hangs where it calls no fake moves no time: it is bitten when the period has
passed in real time, too. The constructor returns False where the watchdog cannot be set (source): with a period that is
not above 0 here, which no document speaks of.
"""

import _thread as host_thread

import utime as host
from qpysim import arith, clock, ending
from qpysim.faults import faulty

_LOOK_MS = 100


class _Dog:
    """The one watchdog: `period_s` 0 while it sleeps; `fed`: the host's ms; `watched`: whether real time is, too."""

    period_s = 0
    fed = 0
    event = None
    watched = False


def _bite():
    seconds, ms = arith.split(clock.now_ms(), 1000)
    text = "watchdog: not fed for %d s, at %d.%03d s" % (_Dog.period_s, seconds, ms)
    ending.end(ending.WATCHDOG, text)


def _rest():
    if _Dog.event is not None:
        clock.cancel(_Dog.event)
        _Dog.event = None


def _feed():
    _rest()
    _Dog.fed = host.ticks_ms()
    if _Dog.period_s:
        _Dog.event = clock.at(clock.now_ms() + _Dog.period_s * 1000, _bite, True)


def _watch():
    """In a thread of its own: real time passes whatever the script does."""
    while True:
        host.sleep(_LOOK_MS / 1000)  # sleep_ms would not let the script run meanwhile
        if _Dog.period_s and host.ticks_diff(host.ticks_ms(), _Dog.fed) > _Dog.period_s * 1000 + _LOOK_MS:
            _bite()


@faulty("machine.WDT")
def WDT(period=0):
    """-> the watchdog, which runs from now on; False where it cannot."""
    if period <= 0:
        return False
    _Dog.period_s = period
    _feed()
    if not _Dog.watched:
        _Dog.watched = True
        host_thread.start_new_thread(_watch, ())
    return _handle


class _Handle:
    @faulty("machine.WDT.feed")
    def feed(self):
        """-> 0. The stub has -1 for failures, the page none."""
        _feed()
        return 0

    @faulty("machine.WDT.stop")
    def stop(self):
        """-> 0."""
        _Dog.period_s = 0
        _rest()
        return 0


_handle = _Handle()
