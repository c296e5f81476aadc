# SPDX-License-Identifier: MIT
"""A broker in RAM under the simulator's own `umqtt`, so that thousands of simulated seconds pass in one real one.

Runs on the simulated module. Behind it is a SimHost: what the device publishes is handed to it, and its answers and
retained topics go back as packets. Only the sockets are replaced: `umqtt` itself is the fake with all that it does wrong.
"""

import quecpython_sim as control

_CLOSED, _ESTABLISHED = -1, 4


class _Wire:
    """What umqtt.simple takes for a socket; the broker's end of it, too."""

    def __init__(self, sockets):
        self._sockets = sockets
        self._in = b""  # of the device, not a whole packet yet
        self._out = b""
        self._closed = False
        self._blocking = True
        self._timeout_ms = None
        self.heard_ms = 0

    def connect(self, address):
        self._check()

    def settimeout(self, seconds):
        self._timeout_ms = None if seconds is None else seconds * 1000

    def setblocking(self, flag):
        self._timeout_ms = None
        self._blocking = bool(flag)

    def getsocketsta(self):
        return _CLOSED if self._closed else _ESTABLISHED

    def close(self):
        self._closed = True

    def _check(self):
        control.faults.threads.check()
        if self._closed:
            raise OSError(9)

    def write(self, data, length=None):
        self._check()
        data = data.encode() if isinstance(data, str) else bytes(data)
        self._in += data if length is None else data[:length]
        while self._packet():
            pass
        return len(data)

    def read(self, count):
        timeout_ms = self._timeout_ms if self._blocking else 0
        if not control.clock.wait(lambda: self._closed or len(self._out) >= count, timeout_ms):
            raise OSError(110 if self._blocking else 11)
        self._check()
        data, self._out = self._out[:count], self._out[count:]
        self.heard_ms = control.clock.now_ms()
        return data

    # the broker --------------------------------------------------------------------------------

    def _packet(self):
        """Answer one whole packet -> whether there was one."""
        length, at = 0, 1
        while at < len(self._in):
            length |= (self._in[at] & 0x7F) << 7 * (at - 1)
            at += 1
            if not self._in[at - 1] & 0x80:
                break
        else:
            return False
        if len(self._in) < at + length:
            return False
        kind, body = self._in[0], self._in[at : at + length]
        self._in = self._in[at + length :]
        self._answer(kind, body)
        return True

    def _answer(self, kind, body):
        host = self._sockets.host
        if kind == 0x10:
            self._out += b"\x20\x02\x00\x00"
        elif kind == 0xC0:
            self._out += b"\xd0\x00"
        elif kind == 0x82:
            topic = str(body[4:-1], "utf-8")
            self._out += b"\x90\x03" + body[:2] + b"\x01"
            if topic in host.retained:
                self._send(topic, host.retained[topic])
        elif kind == 0x30:
            split = 2 + (body[0] << 8 | body[1])
            for topic, payload in host.handle(str(body[2:split], "utf-8"), body[split:]):
                self._send(topic, payload)

    def _send(self, topic, payload):
        body = bytes([len(topic) >> 8, len(topic) & 255]) + topic.encode() + bytes(payload)
        head, left = b"\x30", len(body)
        while left > 0x7F:
            head += bytes([left & 0x7F | 0x80])
            left >>= 7
        self._out += head + bytes([left]) + body


class _Sockets:
    def __init__(self, host):
        self.host = host

    def socket(self):
        return _Wire(self)

    def getaddrinfo(self, name, port):
        return [(0, 0, 0, "", (name, port))]


def attach(host):
    """From now on every connection of `umqtt` ends at `host`."""
    __import__("umqtt")
    control.imports.inside("umqtt.simple", ("*",)).socket = _Sockets(host)
