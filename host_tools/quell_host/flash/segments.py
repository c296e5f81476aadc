# SPDX-License-Identifier: MIT
"""A segment file and an inline file (SPEC §10), parsed from their bytes."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from quell_host.flash.slots import OTHER_VERSION

MAGIC = b"QR"
VERSION = 2
HEADER_BYTES = 68
MAX_BYTES = 16368
"""The longest, on littlefs 1."""

INLINE_VERSION = 1
INLINE_HEAD_BYTES = 18
SEGMENT_NAME = re.compile(r"r([0-9a-f]{2})([0-9a-f])")
INLINE_NAME = re.compile(r"i[0-7]")

_HEADER = struct.Struct("<2sBBHHIIIIIIIII16sII")
_INLINE = struct.Struct("<BBII8s")
TAG_BYTES = 8


@dataclass(frozen=True)
class SealedRecord:
    """One sealed record: its sequence, its place (the nonce) and its bytes, or None where they are damaged."""

    sequence: int
    place: int
    sealed: bytes | None


@dataclass(frozen=True)
class Segment:
    """A segment whose header verifies. `why`: what is wrong with its body, empty for a whole one."""

    purpose: int
    records: int
    generation: int
    number: int
    first: int
    next: int
    acked: int
    lost: int
    policy_version: int
    age_s: int
    salt: bytes
    body: bytes
    why: str
    loose_bytes: int


def parse(data: bytes) -> Segment | str:
    """A segment file's header and body, or what is wrong with the header."""
    if len(data) < HEADER_BYTES:
        return "it is shorter than a segment's header"
    fields = _HEADER.unpack_from(data)
    magic, version, _, purpose, records, generation, number, first, following, acked, lost = fields[:11]
    policy_version, age_s, length, salt, body_crc, crc = fields[11:]
    if magic != MAGIC:
        return "it does not begin as a segment"
    if version != VERSION:
        return f"format version {version}: {OTHER_VERSION}, or damaged"
    if zlib.crc32(data[: HEADER_BYTES - 4]) != crc:
        return "its header does not match its CRC"
    body = bytes(data[HEADER_BYTES : HEADER_BYTES + length])
    why = ""
    if len(body) < length:
        why = f"it is cut short: {len(data)} of {HEADER_BYTES + length} bytes"
    elif zlib.crc32(body) != body_crc:
        why = "its body does not match its CRC"
    loose = len(data) - HEADER_BYTES - len(body)
    span = (number, first, following, acked, lost)
    return Segment(purpose, records, generation, *span, policy_version, age_s, salt, body, why, loose)


def sealed_records(segment: Segment) -> Iterator[SealedRecord]:
    """The sealed records of a body, as far as its lengths lead; at most as many as the header says."""
    at, body = 0, segment.body
    for index in range(segment.records):
        if at + 4 > len(body):
            return
        length, offset = struct.unpack_from("<HH", body, at)
        sealed = body[at + 4 : at + 4 + length]
        whole = len(sealed) == length and length >= TAG_BYTES
        yield SealedRecord(segment.first + offset, index, sealed if whole else None)
        at += 4 + length


def body_bytes(segment: Segment) -> int:
    """How many bytes of the body its records take by their lengths."""
    at = 0
    for _ in range(segment.records):
        if at + 4 > len(segment.body):
            return at
        at += 4 + struct.unpack_from("<H", segment.body, at)[0]
    return at


@dataclass(frozen=True)
class Inline:
    """An inline file: one sealed record, place 0."""

    purpose: int
    policy_version: int
    sequence: int
    salt: bytes
    sealed: bytes


def parse_inline(data: bytes) -> Inline | str:
    """An inline file, or what is wrong with it. Without its key nobody can tell whether the record is whole."""
    if data and data[0] != INLINE_VERSION:
        return f"format version {data[0]}: {OTHER_VERSION}, or damaged"
    if len(data) < INLINE_HEAD_BYTES + TAG_BYTES:
        return "it is shorter than an inline file with a record"
    _, purpose, policy_version, sequence, salt = _INLINE.unpack_from(data)
    return Inline(purpose, policy_version, sequence, salt, bytes(data[INLINE_HEAD_BYTES:]))
