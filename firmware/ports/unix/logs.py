# SPDX-License-Identifier: MIT
"""Follows log files line by line, within bounds, through truncation and rotation."""

import os

from quell.limits import MAX_LINE_BYTES

_READ_BYTES = 4096


class LogFile:
    """One followed file. Starts at its end: what was logged before collection began is nobody's business."""

    def __init__(self, path, from_start=False):
        self._path = path
        self._file = None
        self._inode = None
        self._buffer = b""
        self._skipping = False
        self._open(from_start)

    def _stat(self):
        try:
            status = os.stat(self._path)
            return status[1], status[6]
        except OSError:
            return None, 0

    def _open(self, from_start):
        self.close()
        try:
            self._file = open(self._path, "rb")
        except OSError:
            return
        self._inode = self._stat()[0]
        if not from_start:
            self._file.seek(0, 2)
        self._buffer = b""
        self._skipping = False

    def _rotated(self):
        inode, size = self._stat()
        if self._file is None:
            return inode is not None
        return inode is not None and (inode != self._inode or size < self._file.tell())

    def next_line(self, last=False):
        """bytes of the next whole line; None if there is none yet; False for one over MAX_LINE_BYTES.

        `last`: the file is complete, so a line without a newline at its end counts too.
        """
        while True:
            end = self._buffer.find(b"\n")
            if end >= 0:
                line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
                skipped, self._skipping = self._skipping, False
                if skipped:
                    continue
                return False if len(line) > MAX_LINE_BYTES else line
            if len(self._buffer) > MAX_LINE_BYTES:
                self._buffer = b""
                if not self._skipping:
                    self._skipping = True
                    return False
            data = self._file.read(_READ_BYTES) if self._file is not None else b""
            if data:
                self._buffer += data
                continue
            if self._rotated():
                self._open(True)
                continue
            if last and self._buffer and not self._skipping:
                line, self._buffer = self._buffer, b""
                return line
            return None

    def close(self):
        if self._file is not None:
            self._file.close()
            self._file = None
