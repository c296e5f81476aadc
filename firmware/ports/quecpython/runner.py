# SPDX-License-Identifier: MIT
"""Runs the agent beside the customer's application: one thread steps it, any thread may `emit`.

The agent's core knows no threads, so that records from others wait in a short queue until the next step. The watchdog
is fed only behind a step in which both paths got through; one that fails each time lets it bite.
"""

from quell.codec.builtin import const
from quell.counters import BUFFER_LOST, NO_MEMORY
from quell.data_path import BUFFERED, REFUSED

_POLL_MS = const(20)
_MAX_QUEUED = const(32)
_DURABLE_MS = const(10000)  # a step may wait for the platform's calls
_STUCK_STEPS = const(100)


class Runner:
    """`agent`: Agent; `power`: Power; `watchdog`: object with `feed()`, or None; `console`: Console.

    `lock`: of `_thread`.
    """

    def __init__(self, agent, power, watchdog, lock, now_ms, sleep_ms, console):
        self.agent = agent
        self._power = power
        self._watchdog = watchdog
        self._lock = lock
        self._now_ms = now_ms
        self._sleep_ms = sleep_ms
        self._console = console
        self._queue = []
        self._lost = 0
        self._over = False
        self._closed = False  # nothing is taken any more
        self.ended = False

    def emit(self, purpose, fields, durable=False):
        """A record of the application, from any thread -> REFUSED, BUFFERED or DURABLE (quell/data_path.py).

        Without `durable` it returns at once, and BUFFERED means queued: the policy may refuse it yet, which is counted.
        With it the answer is the agent's, after its next step; REFUSED when that takes over 10 s, and the record may
        still be stored then. After `run` every answer is REFUSED.
        """
        answer = []
        held = self._lock.acquire() is not False  # which it may say; to release it then raises
        taken = held and not self._closed and len(self._queue) < _MAX_QUEUED
        if taken:
            self._queue.append((purpose, fields, durable, answer))
        else:
            self._lost += 1
        if held:
            self._lock.release()
        if not taken:
            return REFUSED
        if not durable:
            return BUFFERED
        end_ms = self._now_ms() + _DURABLE_MS
        while not answer and self._now_ms() < end_ms:
            self._sleep_ms(_POLL_MS)
        return answer[0] if answer else REFUSED

    def step(self):
        """Take what was emitted, do one step, look after power and watchdog."""
        self._take()
        self.agent.step()
        if self._power.due():
            self.agent.save()
        self._console.step()
        if self._watchdog is not None and self.agent.failed_steps < _STUCK_STEPS:
            self._watchdog.feed()

    def _take(self, last=False):
        """What was emitted goes to the agent."""
        held = self._lock.acquire() is not False
        if not held and not last:
            return  # with the next step
        taken, self._queue = self._queue, []
        lost, self._lost = self._lost, 0
        self._closed = last
        if held:
            self._lock.release()
        if lost:
            self.agent.counters.add(BUFFER_LOST, lost)
        for purpose, fields, durable, answer in taken:
            try:
                answer.append(self.agent.emit(purpose, fields, durable))
            except Exception as error:  # what an application hands over must not stop the agent
                answer.append(REFUSED)
                self._note(error)

    def _note(self, error):
        """Count or collect what was raised outside of the agent's own step. Raises nothing."""
        try:
            if not isinstance(error, MemoryError):
                self.agent.note(error)
                return
        except Exception:  # its text takes memory
            pass
        self.agent.counters.add(NO_MEMORY)

    def run(self):
        """Step until `stop` or Ctrl-C; then what is in RAM goes to flash."""
        try:
            while not self._over:
                try:
                    self.step()
                except Exception as error:  # of console, supply or save; without the watchdog's food
                    self._note(error)
                self._sleep_ms(_POLL_MS)
        except KeyboardInterrupt:
            pass
        try:
            self._take(True)
            self.agent.close()
        finally:
            self.ended = True

    def stop(self):
        """End `run` after the step that it is in; `ended` says when."""
        self._over = True
