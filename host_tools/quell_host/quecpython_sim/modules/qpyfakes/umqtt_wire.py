# SPDX-License-Identifier: MIT
"""The socket under `umqtt`: a real connection of the host, in simulated time, that fails when packet data does."""

import uselect
import usocket
from qpysim import clock, network, threads

EAGAIN, ECONNRESET, ETIMEDOUT = 11, 104, 110
CLOSED, ESTABLISHED, CLOSE_WAIT = -1, 4, 7  # of getsocketsta: stdlib/usocket.md
_LOOK_MS = 20


class Wire:
    """What umqtt.simple takes for a socket. `raw`: the host's; `heard_ms`: when the last byte came."""

    def __init__(self, quiet):
        self.raw = usocket.socket()
        self.stream = self.raw
        self.tls = False
        self.heard_ms = 0
        self._quiet = quiet
        self._timeout_ms = None
        self._blocking = True
        self._ended = False
        self._closed = False
        self._poll = uselect.poll()
        self._poll.register(self.raw, uselect.POLLIN)

    def over(self, stream):
        """From now on through TLS."""
        self.stream, self.tls = stream, True
        self._poll.unregister(self.raw)
        self._poll.register(stream, uselect.POLLIN)

    def connect(self, address):
        """At most 20 s."""
        self._check()
        left = clock.go_outside()
        try:
            self.raw.settimeout(20)
            self.raw.connect(address)
            self.raw.setblocking(True)
        finally:
            clock.come_back(left)

    def settimeout(self, seconds):
        self._timeout_ms = None if seconds is None else int(seconds * 1000)
        self._blocking = True

    def setblocking(self, flag):
        self._timeout_ms = None
        self._blocking = bool(flag)

    def _check(self):
        threads.check()
        if self._closed:
            raise OSError(9)
        if not network.online():
            raise OSError(ECONNRESET)

    def write(self, data, length=None):
        """All of it."""
        self._check()
        data = data if length is None else memoryview(data)[:length]
        left = clock.go_outside()
        try:
            self.stream.write(data)
        finally:
            clock.come_back(left)
        return len(data)

    def read(self, count):
        """`count` bytes; fewer at the end of the stream. Without blocking and without data: OSError."""
        data = b""
        while len(data) < count:
            if not self._ready():
                if data:
                    continue  # the rest of a packet is on its way
                if self._quiet:
                    return None
                raise OSError(EAGAIN)
            part = self.stream.read(count - len(data)) if self.tls else self.raw.recv(count - len(data))
            if part == b"":
                self._ended = True
                return data
            if part:
                data += part
                self.heard_ms = clock.now_ms()
        return data

    def _ready(self):
        """Whether there is something to read. Waits as it was told to, and raises OSError at the end of that."""
        waited_ms = 0
        while True:
            self._check()
            begun = clock.now_ms()
            left = clock.go_outside()
            found = self._poll.poll(_LOOK_MS if self._blocking else 0)
            clock.come_back(left)
            if found:
                return True
            if not self._blocking:
                return False
            waited_ms += max(1, clock.now_ms() - begun)
            if self._timeout_ms is not None and waited_ms >= self._timeout_ms:
                raise OSError(ETIMEDOUT)

    def getsocketsta(self):
        """-> 4 connected, 7 closed by the other side, -1 closed."""
        if self._closed:
            return CLOSED
        return CLOSE_WAIT if self._ended else ESTABLISHED

    def close(self):
        self._closed = True
        for stream in (self.stream, self.raw):
            try:
                stream.close()
            except OSError:
                pass
