# SPDX-License-Identifier: MIT
"""MQTT 3.1 and 3.1.1 packets as bytes: just those that a modem sends and reads."""

import asyncio
import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)
MAX_PACKET_BYTES = 256 * 1024


class MalformedPacket(Exception):
    """The broker sent what is no MQTT packet."""


@dataclass(frozen=True)
class Will:
    """What the broker publishes when the client is gone."""

    topic: str
    message: bytes
    qos: int
    retain: bool


@dataclass(frozen=True)
class Incoming:
    """A PUBLISH of the broker. `mid` is 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: int
    mid: int


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    length, size = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        size.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind << 4 | flags]) + size + body


def _text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def connect(
    client: str, user: str | None, password: str | None, keepalive_s: int, clean: bool, version: int, will: Will | None
) -> bytes:
    """CONNECT of protocol version 3 (3.1) or 4 (3.1.1)."""
    flags = 2 if clean else 0
    payload = _text(client)
    if will is not None:
        flags |= 4 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += _text(will.topic) + _text(will.message)
    if user is not None:
        flags |= 0x80
        payload += _text(user)
        if password is not None:
            flags |= 0x40
            payload += _text(password)
    name = "MQTT" if version == 4 else "MQIsdp"
    return _packet(CONNECT, 0, _text(name) + struct.pack(">BBH", version, flags, keepalive_s) + payload)


def publish(topic: str, payload: bytes, qos: int, retain: bool, mid: int, again: bool = False) -> bytes:
    """PUBLISH; `again` marks it as sent before."""
    flags = (8 if again else 0) | qos << 1 | (1 if retain else 0)
    return _packet(PUBLISH, flags, _text(topic) + (struct.pack(">H", mid) if qos else b"") + payload)


def subscribe(mid: int, topics: list[tuple[str, int]]) -> bytes:
    """SUBSCRIBE to topics with their QoS."""
    return _packet(
        SUBSCRIBE, 2, struct.pack(">H", mid) + b"".join(_text(topic) + bytes([qos]) for topic, qos in topics)
    )


def unsubscribe(mid: int, topics: list[str]) -> bytes:
    """UNSUBSCRIBE from topics."""
    return _packet(UNSUBSCRIBE, 2, struct.pack(">H", mid) + b"".join(_text(topic) for topic in topics))


def numbered(kind: int, mid: int) -> bytes:
    """PUBACK, PUBREC, PUBREL, PUBCOMP: a packet that holds only its number."""
    return _packet(kind, 2 if kind == PUBREL else 0, struct.pack(">H", mid))


def bare(kind: int) -> bytes:
    """PINGREQ, DISCONNECT."""
    return _packet(kind, 0, b"")


async def read(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    """Kind, flags and body of the next packet. Raises MalformedPacket, asyncio.IncompleteReadError, OSError."""
    first = (await reader.readexactly(1))[0]
    length = 0
    for shift in (0, 7, 14, 21):
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        if digit < 0x80:
            break
    else:
        raise MalformedPacket
    if length > MAX_PACKET_BYTES:
        raise MalformedPacket
    return first >> 4, first & 15, await reader.readexactly(length)


def mid_of(body: bytes) -> int:
    """The number with which a packet begins."""
    if len(body) < 2:
        raise MalformedPacket
    return int.from_bytes(body[:2], "big")


def incoming(flags: int, body: bytes) -> Incoming:
    """A PUBLISH taken apart. Raises MalformedPacket."""
    qos = flags >> 1 & 3
    end = 2 + mid_of(body)
    start = end + 2 if qos else end
    if qos == 3 or len(body) < start:
        raise MalformedPacket
    try:
        topic = body[2:end].decode()
    except UnicodeDecodeError:
        raise MalformedPacket from None
    return Incoming(topic, body[start:], qos, mid_of(body[end:]) if qos else 0)
