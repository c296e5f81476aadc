# SPDX-License-Identifier: MIT
"""A value of the modem that is asked for without waiting: for commands that may take minutes, or that repeat."""


class Background:
    """`value()` gives what was heard last; if that is older than `fresh_ms`, the next `step` asks again.

    `ready`: callable() -> bool, whether the modem may be asked; `command`: (line, prefix, timeout_ms); `parse`:
    callable(lines) -> value or None. A value older than `keep_ms` is forgotten. After a question that failed the next
    one comes after `fresh_ms`, at the latest after a minute. Nobody calls `value`: nothing is asked.
    """

    def __init__(self, at, now_ms, ready, command, parse, fresh_ms, keep_ms):
        self._at = at
        self._now_ms = now_ms
        self._ready = ready
        self._ask = command
        self._parse = parse
        self._fresh_ms = fresh_ms
        self._keep_ms = keep_ms
        self._command = None
        self._wanted = False
        self._next_ms = 0
        self._value = None
        self.heard_ms = 0  # when the value came

    def value(self):
        """The value, or None while there is none. Returns at once."""
        now_ms = self._now_ms()
        self._wanted = now_ms >= self._next_ms
        if self._value is not None and now_ms - self.heard_ms > self._keep_ms:
            self._value = None
        return self._value

    def step(self):
        """Ask, or take the answer; called by Modem.step. Never waits."""
        if self._command is not None:
            if self._command.done:
                self._take(self._command, self._now_ms())
        elif self._wanted and not self._at.busy and self._ready():
            self._wanted = False
            line, prefix, timeout_ms = self._ask
            self._command = self._at.start(line, prefix, timeout_ms)

    def _take(self, command, now_ms):
        self._command = None
        value = self._parse(command.lines) if command.error is None else None
        if value is None:
            self._next_ms = now_ms + min(self._fresh_ms, 60000)
        else:
            self._value = value
            self.heard_ms = now_ms
            self._next_ms = now_ms + self._fresh_ms
