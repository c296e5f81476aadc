# SPDX-License-Identifier: MIT
"""Simulated time: it passes when every thread of the script waits, and then at once.

One thread alone never really sleeps. While another thread computes or waits for the network, time is real for those
who sleep. With `real_time` it always is. Reading the clock and calling a fake cost some microseconds, so that a loop
which waits for a time to come gets there.
"""

import _thread as host_thread
import sys

import utime as host
from qpysim import ending, threads

READ_US = 50
FOREVER = 1 << 60
_PAUSE_S = 0.0001
_PACE_MS = 5

_mutex = host_thread.allocate_lock()
_waiting = {}  # Thread -> (until ms, ready)
_events = []  # [ms, action, hard], the next one first
_held = []  # events that came while a callback ran


class _Time:
    """`ms` since the module was switched on, `us` beyond that; `mark`: the host's ms when real time was last added."""

    ms = 0
    us = 0
    real = False
    start = 0
    mark = 0
    firing = False


def start(real_time):
    """The module is switched on."""
    _Time.real = real_time
    _Time.start = _Time.mark = host.ticks_ms()


def now_ms():
    """Milliseconds since the module was switched on. Costs no time."""
    if _Time.real:
        _Time.ms = host.ticks_diff(host.ticks_ms(), _Time.start)
    return _Time.ms


def read():
    """(ms, us of the millisecond) since the module was switched on, as a script reads them."""
    spend(READ_US)
    return now_ms(), _Time.us


def spend(us):
    """A call takes so many microseconds, less than a million; what is due happens."""
    if not _Time.real:
        _Time.us += us
        if _Time.us >= 1000:
            _Time.ms += _Time.us // 1000
            _Time.us %= 1000
    if _events and _events[0][0] <= now_ms():
        _fire(_due())


def at(ms, action, hard=False):
    """Call `action()` at a time -> the event, for `cancel`. `hard`: of the module, not of the script's callbacks."""
    event = [ms, action, hard]
    with _mutex:
        place = 0
        while place < len(_events) and _events[place][0] <= ms:
            place += 1
        _events.insert(place, event)
    return event


def soon(action):
    """Call back into the script, as the module's scheduler does: not inside another callback."""
    at(now_ms(), action)


def cancel(event):
    """An event that has not come yet does not come."""
    with _mutex:
        for place in range(len(_events)):
            if _events[place] is event:
                del _events[place]
                return


def _due():
    now = now_ms()
    found = []
    with _mutex:
        while _events and _events[0][0] <= now:
            found.append(_events.pop(0))
    return found


def _fire(due):
    """Run what is due. The script's callbacks run one after the other, never one inside another."""
    for event in due:
        if event[2]:
            event[1]()
        else:
            _held.append(event)
    while _held and not _Time.firing:
        _Time.firing = True
        try:
            _held.pop(0)[1]()
        except Exception as error:
            sys.print_exception(error, sys.stderr)
        finally:
            _Time.firing = False


def sleep_ms(ms):
    """The calling thread sleeps."""
    wait(_never, ms)


def _never():
    return False


def wait(ready, timeout_ms=None):
    """Wait until `ready()` -> True, or for `timeout_ms` -> False. `ready` must be quick and must not wait itself."""
    thread = threads.me()
    until = FOREVER if timeout_ms is None else now_ms() + timeout_ms
    try:
        while True:
            threads.check()
            with _mutex:
                if ready():
                    return True
                if now_ms() >= until and not _overdue():
                    return False
                _waiting[thread] = (until, ready)
                moved = _move()
            if _events and _events[0][0] <= now_ms():
                with _mutex:
                    _waiting.pop(thread, None)
                _fire(_due())
            elif not moved:
                host.sleep(_PAUSE_S)
    finally:
        with _mutex:
            _waiting.pop(thread, None)


def _overdue():
    """Whether an event should have come before this very moment: it goes first."""
    return len(_events) > 0 and _events[0][0] < now_ms()


def _move():
    """Let time pass, if it may -> whether it did. The mutex is held."""
    if _Time.real:
        return False
    if len(_waiting) < threads.live():
        real = host.ticks_ms()
        passed = host.ticks_diff(real, _Time.mark)
        _Time.ms += passed if passed <= _PACE_MS else 0  # more: nobody slept until now
        _Time.mark = real
        return False
    earliest = _events[0][0] if _events else FOREVER
    for thread, (until, ready) in _waiting.items():
        if thread.stopped or until <= _Time.ms or ready():
            return False  # that thread goes first
        earliest = min(earliest, until)
    if earliest >= FOREVER:
        ending.end(ending.STUCK, "every thread waits for ever, and nothing will happen any more")
    if earliest > _Time.ms:
        _Time.ms = earliest
    return True


def advance(ms):
    """Move the time on by force, with what happens meanwhile; for tests."""
    target = now_ms() + ms
    while _events and _events[0][0] <= target:
        _Time.ms = max(_Time.ms, _events[0][0])
        _fire(_due())
    _Time.ms = max(_Time.ms, target)


def go_outside():
    """The calling thread is about to wait for something real -> what `come_back` takes."""
    return now_ms(), host.ticks_ms()


def come_back(left):
    """It has come: the time that it took has passed here, too."""
    passed = host.ticks_diff(host.ticks_ms(), left[1])
    with _mutex:
        _Time.ms = max(_Time.ms, left[0] + passed)
    spend(0)
