# SPDX-License-Identifier: MIT
"""Calls of the platform that may take seconds or minutes, in a thread of their own: the agent's step never waits."""

from quell.codec.builtin import const

_IDLE_MS = const(200)


class Job:
    """A value that is asked for again when it is older than `fresh_ms`, and forgotten after `keep_ms`.

    `call`: callable() -> value or None. Nobody wants it: nothing is asked. After a call that gave nothing, or raised,
    the next comes after `fresh_ms`, at the latest after a minute.
    """

    def __init__(self, call, now_ms, fresh_ms, keep_ms):
        self._call = call
        self._now_ms = now_ms
        self._fresh_ms = fresh_ms
        self._keep_ms = keep_ms
        self._found = (None, 0)  # replaced as a whole: two threads look at it
        self._next_ms = 0
        self.wanted = False

    def value(self):
        """What was heard last, or None. Returns at once."""
        value, heard_ms = self._found
        now_ms = self._now_ms()
        if now_ms >= self._next_ms:
            self.wanted = True
        return value if now_ms - heard_ms <= self._keep_ms else None

    def run(self):
        """Ask. Called by the worker's thread."""
        try:
            value = self._call()
        except Exception:  # no memory, or what nobody thought of: the thread has other jobs
            value = None
        now_ms = self._now_ms()
        if value is not None:
            self._found = (value, now_ms)
            self._next_ms = now_ms + self._fresh_ms
        else:
            if now_ms - self._found[1] > self._keep_ms:
                self._found = (None, 0)
            self._next_ms = now_ms + min(self._fresh_ms, 60000)
        self.wanted = False  # also by those who looked meanwhile


class Worker:
    """One thread for all jobs. `sleep_ms`: of the platform."""

    def __init__(self, sleep_ms):
        self._sleep_ms = sleep_ms
        self._jobs = []
        self._over = False

    def job(self, call, now_ms, fresh_ms, keep_ms):
        """-> Job."""
        made = Job(call, now_ms, fresh_ms, keep_ms)
        self._jobs.append(made)
        return made

    def once(self):
        """Run what is wanted -> whether there was anything."""
        ran = False
        for job in self._jobs:
            if job.wanted:
                ran = True
                job.run()
        return ran

    def loop(self):
        """The thread's function: until `stop`."""
        while not self._over:
            if not self.once():
                self._sleep_ms(_IDLE_MS)

    def stop(self):
        """End the thread after the call that it is in."""
        self._over = True
