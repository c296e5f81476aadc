# SPDX-License-Identifier: MIT
"""A sector of raw NOR (SPEC §10): its header, and the frames behind it."""

import struct
import zlib
from dataclasses import dataclass

MAGIC = b"QN"
VERSION = 1
SECTOR_BYTES = 4096
HEADER_BYTES = 56
FRAME_HEAD_BYTES = 12
FRAME_BYTES = 16
"""Of a frame without a body."""

RECORD, ACKNOWLEDGEMENT = 1, 2
LOST_BYTES = 4
"""The body of an acknowledgement."""

BLANK = b"\xff" * SECTOR_BYTES

_CHECKED_BYTES = HEADER_BYTES - 4
_HEADER = struct.Struct("<2sBBHHIIIIIII16sI")
_FRAME = struct.Struct("<HBIIB")
_POLYNOMIAL = 0xEDB88320


def _tables() -> tuple[list[int], list[int]]:
    """The CRC-32 table, and which of its entries has this highest byte."""
    table, by_top = [], [0] * 256
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
        by_top[value >> 24] = byte
    return table, by_top


_TABLE, _BY_TOP = _tables()


def _index_before(checked: bytes, crc: int) -> int:
    """The one u32 for which CRC-32 over it and `checked` is `crc`: the CRC run backwards.

    So a header tells by itself which sector of its partition it was written for, wherever the partition begins.
    """
    register = crc ^ 0xFFFFFFFF
    for byte in bytes(reversed(checked)) + bytes(4):
        low = _BY_TOP[register >> 24]
        register = ((register ^ _TABLE[low]) << 8 & 0xFFFFFFFF) | (low ^ byte)
    return register ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Header:
    """A sector's header. It verifies if the sector has this `index` in its partition."""

    version: int
    flags: int
    purpose: int
    generation: int
    number: int
    first: int
    acked: int
    lost: int
    policy_version: int
    age_s: int
    salt: bytes
    index: int


def parse_header(sector: bytes) -> Header | None:
    """The header of a sector that begins with the magic, else None."""
    if len(sector) < HEADER_BYTES or sector[:2] != MAGIC:
        return None
    _, version, flags, purpose, _, *rest, crc = _HEADER.unpack_from(sector)
    return Header(version, flags, purpose, *rest, _index_before(bytes(sector[:_CHECKED_BYTES]), crc))


@dataclass(frozen=True)
class Frame:
    """A frame whose head verifies; `whole` if all of it does. `place`: its offset in the sector."""

    place: int
    kind: int
    sequence: int
    age_s: int
    length: int
    whole: bool

    @property
    def known(self) -> bool:
        """Whether this version knows the kind."""
        return self.kind in (RECORD, ACKNOWLEDGEMENT)

    @property
    def end(self) -> int:
        """Where the bytes of the frame end."""
        return self.place + FRAME_BYTES + self.length


def frames(sector: bytes, number: int) -> list[Frame]:
    """The frames of a sector whose header says `number`. Behind one that does not verify, 4 bytes on."""
    found = []
    end = len(sector.rstrip(b"\xff"))
    at = HEADER_BYTES
    while at < end and at + FRAME_BYTES <= SECTOR_BYTES:
        frame = _frame(sector, at, number)
        at += 4
        if frame is not None:
            found.append(frame)
            if frame.whole:
                at = frame.end + (-frame.end & 3)
    return found


def _frame(sector: bytes, at: int, number: int) -> Frame | None:
    if zlib.crc32(sector[at : at + 11]) & 0xFF != sector[at + 11]:
        return None
    length, kind, sequence, age_s, _ = _FRAME.unpack_from(sector, at)
    end = at + FRAME_BYTES + length
    if end > SECTOR_BYTES:
        return None
    bound = zlib.crc32(struct.pack("<II", number, at))
    whole = zlib.crc32(sector[at : end - 4], bound) == int.from_bytes(sector[end - 4 : end], "little")
    frame = Frame(at, kind, sequence, age_s, length, whole)
    return frame if whole or frame.known else None


def body(sector: bytes, frame: Frame) -> bytes:
    """The body of a frame: a sealed record, or what an acknowledgement says was lost."""
    start = frame.place + FRAME_HEAD_BYTES
    return sector[start : start + frame.length]


def stray(sector: bytes, found: list[Frame]) -> list[tuple[int, int]]:
    """(start, end) of the bytes behind the header that are programmed and belong to none of the frames `found`."""
    spans, at = [], HEADER_BYTES
    for start, end in [(frame.place, frame.end) for frame in found] + [(SECTOR_BYTES, SECTOR_BYTES)]:
        if start > at:
            left = sector[at:start].lstrip(b"\xff")
            if left:
                begin = start - len(left)
                spans.append((begin, begin + len(left.rstrip(b"\xff"))))
        at = max(at, end)
    return spans
