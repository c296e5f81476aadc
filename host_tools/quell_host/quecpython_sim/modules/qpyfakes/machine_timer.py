# SPDX-License-Identifier: MIT
"""`machine.Timer`: four hardware timers.

Documented: API_reference/en/peripherals/machine.Timer.md; machine_timer.c (2021). Two objects of one number are the
same timer. `start` takes keywords only; on a timer that runs it changes nothing and returns 0 all the same. `stop`
returns -1 where nothing runs. `callback` gets the timer.
"""

from qpysim import clock
from qpysim.faults import faulty

_timers = {}


@faulty("machine.Timer")
def _timer(number):
    if not 0 <= number <= 3:
        raise ValueError("invalid value, Timern should be in (Timer0~Timer3).")
    if number not in _timers:
        _timers[number] = _Timer()
    return _timers[number]


class _Constants:
    """`Timer` is called like a class and has constants like one."""

    Timer0, Timer1, Timer2, Timer3 = 0, 1, 2, 3
    ONE_SHOT, PERIODIC = 0, 1

    def __call__(self, number):
        return _timer(number)


Timer = _Constants()


class _Timer:
    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self):
        self._event = None

    @faulty("machine.Timer.start")
    def start(self, *, period, mode=1, callback=None):
        """-> 0 or -1."""
        if period < 1 or mode not in (0, 1):
            return -1
        if self._event is None:
            self._begin(period, mode, callback)
        return 0

    def _begin(self, period, mode, callback):
        def come():
            self._event = None
            if mode == self.PERIODIC:
                self._begin(period, mode, callback)
            if callback is not None:
                callback(self)

        self._event = clock.at(clock.now_ms() + period, come)

    @faulty("machine.Timer.stop")
    def stop(self):
        """-> 0, or -1 where it does not run."""
        if self._event is None:
            return -1
        clock.cancel(self._event)
        self._event = None
        return 0
