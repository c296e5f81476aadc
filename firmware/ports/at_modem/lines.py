# SPDX-License-Identifier: MIT
"""Bytes of a modem into lines, prompts and messages of exact length. Nothing here knows a command.

A message that was received stands in a line as `+QMTRECV: 0,1,"topic",5,"` and its five bytes, which may hold quotes,
line ends and Ctrl-Z: they are counted off, never searched. All else is a line, ended by CR, LF or both. Memory is one
line and one message, allocated at the start.
"""

from quell.codec.builtin import const, struct
from quell.limits import MAX_WIRE_BYTES

MAX_LINE_BYTES = const(512)  # a longer line is dropped and counted
FRAME = b"+QMTRECV:"
_MAX_SKIP = const(99999)  # the longest message that is counted off, to be thrown away

_LINE = const(0)
_RAW = const(1)
_TAIL = const(2)  # the quote that must stand behind a message


def frame_length(head):
    """Bytes of the message whose `head` (bytes) ends with the quote before it; -1 if no length is shown."""
    tail = head[head.rfind(b'"', 0, len(head) - 1) + 1 : len(head) - 1]
    digits = tail[1 : len(tail) - 1]
    if len(tail) < 3 or tail[:1] != b"," or tail[-1:] != b"," or len(digits) > 5 or not digits.isdigit():
        return -1
    return int(digits)


class LineReader:
    """`owner` has on_line(bytes), on_prompt(), on_frame(head bytes, payload bytes; None if it is over MAX_WIRE_BYTES)
    and on_garbled(): a message did not end where its length says.

    `prompt`: True while `>` at the start of a line is a prompt. `overlong`: lines that were dropped.
    """

    def __init__(self, owner):
        self._owner = owner
        self._line = bytearray(MAX_LINE_BYTES)
        self._raw = bytearray(MAX_WIRE_BYTES)
        self.prompt = False
        self.overlong = 0
        self.clear()

    def clear(self):
        """Forget the line or message that has begun."""
        self._state = _LINE
        self._length = 0
        self._quotes = 0
        self._over = False
        self._raw_length = self._raw_at = 0

    def feed(self, data):
        """Take the bytes `data`, in whatever pieces they come."""
        at, end = 0, len(data)
        while at < end:
            if self._state == _RAW:
                at += self._take_raw(data, at)
            elif self._state == _TAIL:
                if data[at] != 0x22:
                    self.clear()
                    self._owner.on_garbled()
                    return
                self._give_frame()
                at += 1
            else:
                self._take(data[at])
                at += 1

    def _take(self, byte):
        if byte == 0x0D or byte == 0x0A:
            self._end_line()
        elif self._length == 0 and not self._over and (byte <= 0x20 or byte >= 0x7F):
            pass  # blanks before a line; noise of a modem that starts
        elif byte == 0x3E and self.prompt and self._length == 0 and not self._over:
            self.prompt = False
            self._owner.on_prompt()
        elif self._length == MAX_LINE_BYTES:
            self._over = True
        else:
            self._line[self._length] = byte
            self._length += 1
            if byte == 0x22:
                self._quotes += 1
                if self._quotes == 3 and self._line[: len(FRAME)] == FRAME:
                    self._begin_raw(frame_length(bytes(self._line[: self._length])))

    def _end_line(self):
        length, over = self._length, self._over
        self._length = self._quotes = 0
        self._over = False
        if over:
            self.overlong += 1
        elif length:
            self._owner.on_line(bytes(self._line[:length]))

    def _begin_raw(self, length):
        if length >= 0:
            self._raw_length, self._raw_at = min(length, _MAX_SKIP), 0
            self._state = _RAW if length else _TAIL

    def _take_raw(self, data, at):
        """Copy what belongs to the message -> how many bytes that were."""
        count = min(self._raw_length - self._raw_at, len(data) - at)
        if self._raw_length <= MAX_WIRE_BYTES:
            struct.pack_into("%ds" % count, self._raw, self._raw_at, data[at : at + count])
        self._raw_at += count
        if self._raw_at == self._raw_length:
            self._state = _TAIL
        return count

    def _give_frame(self):
        head, length = bytes(self._line[: self._length]), self._raw_length
        payload = bytes(self._raw[:length]) if length <= MAX_WIRE_BYTES else None
        self.clear()
        self._owner.on_frame(head, payload)
