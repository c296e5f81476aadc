# SPDX-License-Identifier: MIT
"""A socket for umqtt.simple that only hands out whole, checked MQTT packets.

umqtt.simple believes every length that it reads and waits without end. Here a packet (MQTT 3.1.1 §2.2)
is read whole, within MAX_WIRE_BYTES and a deadline, and its inner lengths are checked before the
client sees its first byte. Writes are gathered until the client reads or `flush`.
"""

import select
import socket
import time

from quell.errors import LinkError
from quell.limits import MAX_WIRE_BYTES

TIMEOUT_MS = 10000
_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _PINGRESP = 0x20, 0x30, 0x40, 0x90, 0xD0
_FIXED = {_CONNACK: 2, _PUBACK: 2, _SUBACK: 3, _PINGRESP: 0}


class MalformedPacket(LinkError):
    """The peer sent what is not MQTT, or more than the cap."""


def check_packet(packet, header_bytes):
    """Raise MalformedPacket unless the packet's type and inner lengths are sound. `packet`: bytearray, whole."""
    kind, length = packet[0] & 0xF0, len(packet) - header_bytes
    if kind == _PUBLISH:
        qos = (packet[0] >> 1) & 3
        if qos > 1 or length < 2 + 2 * qos:
            raise MalformedPacket("publish")
        topic_bytes = (packet[header_bytes] << 8) | packet[header_bytes + 1]
        if topic_bytes + 2 + 2 * qos > length:
            raise MalformedPacket("publish topic")
    elif _FIXED.get(packet[0]) != length:
        raise MalformedPacket("packet type or length")


class PacketSocket:
    """Stands where umqtt.simple expects a socket. `tls`: callable(raw socket) -> TLS socket, or None."""

    def __init__(self, tls=None):
        self._tls = tls
        self._raw = None
        self._stream = None
        self._poll = select.poll()
        self._out = bytearray()
        self._in = bytearray()
        self._packet = b""
        self._at = 0
        self.heard_ms = time.ticks_ms()

    # what umqtt.simple calls -------------------------------------------------------------------

    def connect(self, address):
        self._raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # bounds the connect and the TLS handshake, which block
        self._raw.settimeout(TIMEOUT_MS // 1000)
        self._raw.connect(address)
        self._stream = self._tls(self._raw) if self._tls else self._raw
        self._stream.setblocking(False)
        self._poll.register(self._stream, select.POLLIN)

    def setblocking(self, _):
        """The client's wish; this class waits by deadline instead."""

    def write(self, data, length=None):
        self._out.extend(data if length is None else memoryview(data)[:length])

    def read(self, length):
        """`length` bytes of the current packet; waits for the next one at a packet's start."""
        self.flush()
        if length == 0:
            return b""
        if self._at >= len(self._packet):
            deadline = time.ticks_add(time.ticks_ms(), TIMEOUT_MS)
            while not self.ready():
                left = time.ticks_diff(deadline, time.ticks_ms())
                if left <= 0:
                    raise LinkError("timeout")
                self._poll.poll(left)
            self._packet, self._at = self._take(), 0
        data = self._packet[self._at : self._at + length]
        if len(data) != length:
            raise MalformedPacket("short")
        self._at += length
        return bytes(data)

    def close(self):
        for stream in (self._stream, self._raw):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                pass
        self._stream = self._raw = None

    # what the link calls -------------------------------------------------------------------------

    def end_packet(self):
        """Forget the rest of the current packet."""
        self._packet, self._at = b"", 0

    def flush(self):
        """Send what was written. Raises LinkError when the peer does not take it in time."""
        deadline = time.ticks_add(time.ticks_ms(), TIMEOUT_MS)
        while self._out:
            sent = self._stream.write(self._out)
            if sent:
                self._out = self._out[sent:]
                continue
            if time.ticks_diff(deadline, time.ticks_ms()) <= 0:
                raise LinkError("timeout")
            self._poll.modify(self._stream, select.POLLIN | select.POLLOUT)
            self._poll.poll(100)
            self._poll.modify(self._stream, select.POLLIN)

    def ready(self):
        """True if a whole packet is here. Reads what has come, without waiting."""
        while not self._whole():
            data = self._stream.read(MAX_WIRE_BYTES)
            if data is None:
                return False
            if data == b"":
                raise LinkError("closed by the broker")
            self.heard_ms = time.ticks_ms()
            self._in.extend(data)
        return True

    def _length(self):
        """(header bytes, packet bytes) of the packet at the front, or None while its header is not complete."""
        length = 0
        for i in range(1, 5):
            if i >= len(self._in):
                return None
            length |= (self._in[i] & 0x7F) << (7 * (i - 1))
            if not self._in[i] & 0x80:
                if length > MAX_WIRE_BYTES:
                    raise MalformedPacket("over the cap")
                return i + 1, i + 1 + length
        raise MalformedPacket("length")

    def _whole(self):
        sizes = self._length()
        return sizes is not None and len(self._in) >= sizes[1]

    def _take(self):
        header_bytes, packet_bytes = self._length()
        packet = self._in[:packet_bytes]
        check_packet(packet, header_bytes)
        self._in = self._in[packet_bytes:]
        return packet
