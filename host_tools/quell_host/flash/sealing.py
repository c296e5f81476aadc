# SPDX-License-Identifier: MIT
"""Open sealed records (SPEC §10): AES-CCM under a key of their segment, sector or inline file."""

import struct
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from quell_host.flash.segments import TAG_BYTES
from quell_host.flash.stores import Keys
from quell_host.wire import cbor, kdf

MAX_RECORD_BYTES = 512
_MAX_FIELD = 65535


@dataclass(frozen=True)
class Record:
    """An opened record. `time` is in units of its purpose's granularity; with `trust` 0 those of uptime in `boot`."""

    epoch: int
    trust: int
    boot: int
    time: int
    fields: dict[int, Any]


class Opener:
    """Opens the records of one segment, sector or inline file."""

    def __init__(self, ring_key: bytes, salt: bytes, purpose: int, generation: int, policy_version: int) -> None:
        self._cipher = AESCCM(kdf.segment_key(ring_key, salt), tag_length=TAG_BYTES)
        self._bound = struct.pack("<HII", purpose, generation, policy_version)

    def open(self, place: int, sequence: int, sealed: bytes) -> bytes | None:
        """The bytes of the record, or None when this is not what was sealed at this place with this sequence."""
        try:
            nonce = struct.pack("<II5x", place, sequence)
            return self._cipher.decrypt(nonce, sealed, self._bound + struct.pack("<I", sequence))
        except (InvalidTag, ValueError, OverflowError, struct.error):
            return None


def opener(keys: Keys | None, purpose: int, generation: int | None, salt: bytes, policy_version: int) -> Opener | None:
    """What opens the records of this ring under this salt; None without its key."""
    if keys is None or generation is None:
        return None
    known = keys.rings.get(purpose)
    if known is None or known[0] != generation:
        return None
    return Opener(known[1], salt, purpose, generation, policy_version)


def read_record(data: bytes) -> Record:
    """Parse an opened record. Raises ValueError, which names no value, when it is none of §10."""
    content = cbor.decode(data, MAX_RECORD_BYTES)
    if not isinstance(content, list) or len(content) < 4 or len(content) % 2:
        raise ValueError("a record is no list of four parts and pairs")
    numbers, pairs = content[:4], content[4:]
    if any(not _is_uint(number) for number in numbers) or numbers[1] > 2:
        raise ValueError("a part before the fields is of another kind")
    fields: dict[int, Any] = {}
    before = 0
    for number, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not _is_uint(number) or not before < number <= _MAX_FIELD:
            raise ValueError("field ids do not rise")
        if not isinstance(value, int | str | bytes):
            raise ValueError("a value is of no type that a record has")
        fields[number] = value
        before = number
    return Record(*numbers, fields)


def _is_uint(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
