# SPDX-License-Identifier: MIT
"""Runs the agent beside the customer's application: one thread steps it, any thread may `emit`.

The agent's core knows no threads, so that records from others wait in a short queue until the next step. The watchdog
is fed only behind a step in which both paths got through; one that fails each time lets it bite.
"""

from quell.codec.builtin import const
from quell.counters import BUFFER_LOST
from quell.data_path import BUFFERED, REFUSED

_POLL_MS = const(20)
_MAX_QUEUED = const(32)
_DURABLE_MS = const(10000)  # a step may wait for the platform's calls
_STUCK_STEPS = const(100)


class Runner:
    """`agent`: Agent; `power`: Power; `watchdog`: object with `feed()`, or None; `lock`: of _thread; `console`: Console."""

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
        self.ended = False

    def emit(self, purpose, fields, durable=False):
        """A record of the application, from any thread -> REFUSED, BUFFERED or DURABLE (quell/data_path.py).

        Without `durable` it returns at once, and BUFFERED means queued: the policy may refuse it yet, which is counted.
        With it the answer is the agent's, after its next step; REFUSED when that takes over 10 s, and the record may
        still be stored then.
        """
        answer = []
        self._lock.acquire()
        full = len(self._queue) >= _MAX_QUEUED
        if full:
            self._lost += 1
        else:
            self._queue.append((purpose, fields, durable, answer))
        self._lock.release()
        if full:
            return REFUSED
        if not durable:
            return BUFFERED
        end_ms = self._now_ms() + _DURABLE_MS
        while not answer and self._now_ms() < end_ms:
            self._sleep_ms(_POLL_MS)
        return answer[0] if answer else REFUSED

    def step(self):
        """Take what was emitted, do one step, look after power and watchdog."""
        self._lock.acquire()
        taken, self._queue = self._queue, []
        lost, self._lost = self._lost, 0
        self._lock.release()
        agent = self.agent
        if lost:
            agent.counters.add(BUFFER_LOST, lost)
        for purpose, fields, durable, answer in taken:
            try:
                answer.append(agent.emit(purpose, fields, durable))
            except Exception as error:  # what an application hands over must not stop the agent
                agent.note(error)
                answer.append(REFUSED)
        agent.step()
        if self._power.due():
            agent.save()
        self._console.step()
        if self._watchdog is not None and agent.failed_steps < _STUCK_STEPS:
            self._watchdog.feed()

    def run(self):
        """Step until `stop` or Ctrl-C; then what is in RAM goes to flash."""
        try:
            while not self._over:
                self.step()
                self._sleep_ms(_POLL_MS)
        except KeyboardInterrupt:
            pass
        self.agent.close()
        self.ended = True

    def stop(self):
        """End `run` after the step that it is in; `ended` says when."""
        self._over = True
