# SPDX-License-Identifier: MIT
"""Sources of the unix port: the host's own values, followed log files, and a file or FIFO as the button."""

import os
import select

from ports.catalogue import IDS
from ports.unix.host import READERS
from ports.unix.logs import LogFile
from quell.port import Sources

_FIFO = 0o010000
_TYPE_MASK = 0o170000


class UnixSources(Sources):
    """`logs`: {log name: path}; `withdraw_path`: file or FIFO of the local withdrawal, or None."""

    def __init__(self, logs, withdraw_path=None):
        self._paths = logs
        self._open = {}
        self._withdraw_path = withdraw_path
        self._fifo = None
        self._pressed = None
        self._readers = {IDS[name]: reader for name, reader in READERS.items()}

    def sample(self, source):
        reader = self._readers.get(source)
        return reader() if reader is not None else None

    def follow(self, logs):
        for name in list(self._open):
            if name not in logs:
                self._open.pop(name).close()
        for name in logs:
            if name not in self._open and name in self._paths:
                self._open[name] = LogFile(self._paths[name])

    def next_line(self):
        for name, log in self._open.items():
            line = log.next_line()
            if line is not None:
                return name, (line if line is not False else None)
        return None

    def withdrawal(self):
        if self._withdraw_path is None:
            return None
        if self._pressed is None:
            self._pressed = self._read_button()
        return self._pressed

    def withdrawal_done(self):
        self._pressed = None
        try:
            if not self._is_fifo():
                os.remove(self._withdraw_path)
        except OSError:
            pass

    def _is_fifo(self):
        return os.stat(self._withdraw_path)[0] & _TYPE_MASK == _FIFO

    def _read_button(self):
        try:
            if self._is_fifo():
                text = self._read_fifo()
            else:
                with open(self._withdraw_path) as file:
                    text = file.read(64)
        except OSError:
            return None
        except UnicodeError:
            return "*"  # pressed, and nobody can say for what: for everything
        return None if text is None else text.strip() or "*"

    def _read_fifo(self):
        if self._fifo is None:
            # read-write, so that opening does not wait for a writer and its leaving is not an end
            self._fifo = open(self._withdraw_path, "r+b")
            self._poll = select.poll()
            self._poll.register(self._fifo, select.POLLIN)
        # byte by byte, and only while there is one: readline would wait for a newline that may never come
        text = None
        while len(text or b"") < 64 and self._poll.poll(0):
            byte = self._fifo.read(1)
            text = (text or b"") + byte
            if byte == b"\n":
                break
        return None if text is None else str(text, "utf-8")
