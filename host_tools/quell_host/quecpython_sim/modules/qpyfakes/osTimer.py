# SPDX-License-Identifier: MIT
"""`osTimer`: a timer of the system. The name is a class and no module: `import osTimer; timer = osTimer()`.

Documented: API_reference/en/syslib/osTimer.md; modostimer.c (2021). Callbacks come one at a time, between any two
operations of the script, whichever thread runs. One that raises is printed and goes on. A timer that is started again
begins anew. `delete_timer` is in the source only: afterwards `start` and `stop` return -1.
"""

from qpysim import clock
from qpysim.faults import faulty


class osTimer:
    """Any number of them may exist."""

    def __init__(self):
        self._event = None
        self._deleted = False

    @faulty("osTimer.start")
    def start(self, initialTime, cyclialEn, callback):
        """-> 0, or another number. `callback(None)` after so many ms, again and again where `cyclialEn` is 1."""
        if self._deleted:
            return -1
        self._stop()
        self._begin(initialTime, cyclialEn, callback)
        return 0

    def _begin(self, ms, again, callback):
        def come():
            self._event = None
            if again:
                self._begin(ms, again, callback)
            callback(None)

        self._event = clock.at(clock.now_ms() + max(1, ms), come)

    def _stop(self):
        if self._event is not None:
            clock.cancel(self._event)
            self._event = None

    @faulty("osTimer.stop")
    def stop(self):
        """-> 0, or another number."""
        if self._deleted:
            return -1
        self._stop()
        return 0

    @faulty("osTimer.delete_timer")
    def delete_timer(self):
        """-> 0."""
        self._stop()
        self._deleted = True
        return 0
