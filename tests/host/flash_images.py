# SPDX-License-Identifier: MIT
"""Images of a device's flash, encoded from firmware/SPEC.md §10 and nothing else: not by the firmware, not by the tool."""

import struct
import zlib
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from host.policy_case import document

SECTOR = 4096
BLANK = b"\xff" * SECTOR
KEY, KEY2 = bytes(range(32)), bytes(range(1, 33))
POLICY = document()
VERSION = POLICY.version
CARE, STUDY = 1, 2
MODEL, USER, TRIES = 1, 2, 3
STATE, KEYS, POLICY_KIND, PROV = 1, 2, 3, 4


def crc(*parts: bytes) -> int:
    """CRC-32 over all parts."""
    return zlib.crc32(b"".join(parts))


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


# two-slot stores ----------------------------------------------------------------------------


def slot(kind: int, counter: int, payload: bytes, least: int = 0, version: int = 1) -> bytes:
    """A slot of a store, padded to `least` bytes."""
    head = struct.pack("<2sBBII", b"QS", version, kind, counter, len(payload))
    return (head + u32(crc(head, payload)) + payload).ljust(least, b"\0")


def state(**changes: object) -> bytes:
    """A state with both purposes, CARE in generation 0 and STUDY in 4; `changes` by key as k5."""
    entry = [1, bytes(16), bytes(32), True]
    m = {
        0: b"instance", 1: 7, 2: 1_800_000_000, 3: 2, 4: bytes(32), 5: POLICY.hash, 6: VERSION,
        7: {CARE: [0, *entry], STUDY: [4, *entry]}, 8: {}, 9: [], 10: {}, 11: True,
        12: {CARE: [0, 1024, 0, 0], STUDY: [4, 1024, 2, 0]}, 13: {VERSION: POLICY.hash[:8]}, 14: {}, 15: 7200, 16: 900,
    }  # fmt: skip
    m.update({int(name[1:]): value for name, value in changes.items()})
    return cbor2.dumps(m, canonical=True)


def keys(rings: dict | None = None, erased: dict | None = None) -> bytes:
    """A key record; by default with the keys of both rings."""
    rings = {CARE: [0, KEY], STUDY: [4, KEY2]} if rings is None else rings
    return cbor2.dumps({0: [b"K" * 32, b"V" * 32], 1: rings, 2: {}, 3: erased or {}}, canonical=True)


def provisioning() -> bytes:
    return cbor2.dumps({0: bytes(16), 1: b"D" * 32, 2: 1, 3: b"S" * 32, 4: [], 5: bytes(64)}, canonical=True)


# sealing ------------------------------------------------------------------------------------


def seal(key: bytes, salt: bytes, purpose: int, generation: int, version: int, place: int, sequence: int, data: bytes):
    """AES-CCM under K_segment."""
    segment_key = HKDF(hashes.SHA256(), 16, salt=salt, info=b"quell/1 segment").derive(key)
    nonce = struct.pack("<II", place, sequence) + bytes(5)
    aad = struct.pack("<HIII", purpose, generation, version, sequence)
    return AESCCM(segment_key, 8).encrypt(nonce, data, aad)


def record(number: int, fields: dict | None = None, trust: int = 2, start: int = 3_000_000) -> bytes:
    """A record of STUDY, `number` units of 10 minutes after 2027-01-15T08:00:00Z, or of uptime in boot 9."""
    flat = [3, trust, 0 if trust else 9, (start if trust else 0) + number]
    for field, value in sorted((fields or {USER: bytes(8), TRIES: 10 * (number % 3)}).items()):
        flat += [field, value]
    return cbor2.dumps(flat)


def care_record() -> bytes:
    """A record of CARE, of the same time, in units of an hour."""
    return record(0, {MODEL: "EC200U"}, start=500_000)


# segments -----------------------------------------------------------------------------------


def segment(number, records, purpose=STUDY, generation=4, key=KEY2, acked=0, lost=0, version=VERSION, **other) -> bytes:
    """A segment of `records` [(sequence, bytes)…]. `other`: first, next, count, format, age_s, salt."""
    salt = other.get("salt", bytes([number % 256, generation % 256]) + b"segment salt..")
    first = other.get("first", records[0][0] if records else 0)
    body = b""
    for place, (sequence, data) in enumerate(records):
        sealed = seal(key, salt, purpose, generation, version, place, sequence, data)
        body += struct.pack("<HH", len(sealed), sequence - first) + sealed
    head = struct.pack("<2sBBHH", b"QR", other.get("format", 2), 0, purpose, other.get("count", len(records)))
    following = other.get("next", records[-1][0] + 1 if records else 0)
    head += struct.pack("<IIIIII", generation, number, first, following, acked, lost)
    head += struct.pack("<III", version, other.get("age_s", 60), len(body)) + salt + u32(crc(body))
    return head + u32(crc(head)) + body


def inline(sequence, data, purpose=STUDY, generation=4, key=KEY2, version=VERSION, form=1) -> bytes:
    """An inline file."""
    salt = b"inline" + bytes([sequence % 256, 0])
    head = struct.pack("<BBII", form, purpose, version, sequence) + salt
    return head + seal(key, salt, purpose, generation, version, 0, sequence, data)


# sectors ------------------------------------------------------------------------------------


class Sector:
    """A sector that is filled frame by frame. `index`: in its partition."""

    def __init__(self, index, number, first=0, purpose=STUDY, generation=4, key=KEY2, acked=0, lost=0, **other):
        self.number, self.purpose, self.generation, self.key = number, purpose, generation, key
        self.version = other.get("version", VERSION)
        self.salt = other.get("salt", bytes([number % 256, generation % 256]) + b"sector salt...")
        head = struct.pack("<2sBBHH", b"QN", other.get("format", 1), 0, purpose, 0)
        head += struct.pack("<IIII", generation, number, first, acked)
        head += struct.pack("<III", lost, self.version, other.get("age_s", 60)) + self.salt
        self.data = bytearray(head + u32(crc(u32(index), head)))

    def frame(self, kind: int, sequence: int, body: bytes, age_s: int = 60) -> "Sector":
        """Any frame behind the last; returns self."""
        place = len(self.data)
        head = struct.pack("<HBII", len(body), kind, sequence, age_s)
        head += bytes([crc(head) & 255])
        self.data += head + body + u32(crc(u32(self.number), u32(place), head, body))
        self.data += b"\xff" * (-len(self.data) & 3)
        return self

    def record(self, sequence: int, data: bytes | None = None, age_s: int = 60) -> "Sector":
        """A record's frame; returns self."""
        bound = (self.key, self.salt, self.purpose, self.generation, self.version)
        sealed = seal(*bound, len(self.data), sequence, record(sequence) if data is None else data)
        return self.frame(1, sequence, sealed, age_s)

    def records(self, first: int, last: int) -> "Sector":
        """The frames of these records; returns self."""
        for sequence in range(first, last + 1):
            self.record(sequence)
        return self

    def ack(self, following: int, lost: int = 0) -> "Sector":
        """An acknowledgement's frame; returns self."""
        return self.frame(2, following, u32(lost))

    def bytes(self) -> bytes:
        """The whole sector."""
        assert len(self.data) <= SECTOR
        return bytes(self.data).ljust(SECTOR, b"\xff")


def nor_file(content: bytes, sectors: int = 1) -> bytes:
    """A file on raw NOR."""
    data = u32(len(content)) + u32(len(content) ^ 0xFFFFFFFF) + content
    assert len(data) <= sectors * SECTOR
    return data.ljust(sectors * SECTOR, b"\xff")


def nor_stores(with_keys: bool = True, **changes: object) -> bytes:
    """The sectors of all stores, in the order of their names: 9, of which prov.b is blank."""
    held = [nor_file(slot(KEYS, n, keys())) if with_keys else BLANK for n in (1, 2)]
    held += [nor_file(slot(POLICY_KIND, n, POLICY.data)) for n in (1, 2)]
    held += [nor_file(slot(PROV, 1, provisioning())), BLANK]
    held += [nor_file(slot(STATE, n, state(**changes))) for n in (5, 6)]
    return b"".join(held) + BLANK


def ring_sectors() -> list[bytes]:
    """A sound partition of 8 sectors: STUDY in 1, 2, 4 (0 to 21, acked 2, without 9), CARE in 3; 0 and 5 to 7 are blank."""
    sectors = [BLANK] * 8
    sectors[1] = Sector(1, 1).records(0, 8).ack(2).bytes()
    sectors[2] = Sector(2, 2, 10, acked=2).records(10, 15).bytes()
    sectors[3] = Sector(3, 3, 0, CARE, 0, KEY).record(0, care_record()).bytes()
    sectors[4] = Sector(4, 4, 16, acked=2).records(16, 21).bytes()
    return sectors


def nor_image(with_keys: bool = True, **changes: object) -> bytes:
    """A chip: the stores, then the rings, from sector 9 on."""
    return nor_stores(with_keys, **changes) + b"".join(ring_sectors())


def device_files(**changes: object) -> dict[str, bytes]:
    """A sound device in files: STUDY has 0 to 11 in two segments and 12 in an inline file; r020 is superseded."""
    numbered = [(number, record(number)) for number in range(12)]
    return {
        "state.a": slot(STATE, 5, state(**changes)),
        "state.b": slot(STATE, 6, state(**changes)),
        "keys.a": slot(KEYS, 1, keys(), 1100),
        "keys.b": slot(KEYS, 2, keys(), 1100),
        "policy.a": slot(POLICY_KIND, 1, POLICY.data),
        "prov.a": slot(PROV, 1, provisioning()),
        "reserve": bytes(4096),
        "r020": segment(2, numbered[6:9], acked=2),
        "r021": segment(1, numbered[:6]),
        "r022": segment(3, numbered[6:], acked=2),
        "r010": segment(1, [(0, care_record())], CARE, 0, KEY),
        "i0": inline(12, record(12)),
    }


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files of a device."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
