# SPDX-License-Identifier: MIT
"""The segment (SPEC §10): a bounded run of sealed records with a checked header. Bytes only, no flash.

Each record has its own tag, so that one flipped bit costs one record; the CRCs tell a torn or
rotten segment from a good one without the key.
"""

from quell.codec.aead import TAG_BYTES, open_sealed, seal
from quell.codec.builtin import struct
from quell.codec.crc import crc32
from quell.codec.kdf import hkdf
from quell.errors import CoseError

_HEADER = "<2sBBHHIIIIIII16s"
HEADER_BYTES = 60
_CHECKED_BYTES = 52
RECORD_OVERHEAD_BYTES = 4 + TAG_BYTES
_MAGIC = b"QR"
_VERSION = 1


class Segment:
    """A segment as read: header fields, and `body`; `intact` is False when the body's CRC is wrong."""

    def __init__(self, data):
        """Parse `data`. Raises ValueError when the header does not verify."""
        if len(data) < HEADER_BYTES:
            raise ValueError("short")
        body_crc, header_crc = struct.unpack_from("<II", data, _CHECKED_BYTES)
        if header_crc != crc32(data[: HEADER_BYTES - 4]):
            raise ValueError("header crc")
        fields = struct.unpack_from(_HEADER, data, 0)
        if fields[0] != _MAGIC or fields[1] != _VERSION:
            raise ValueError("format")
        self.purpose, self.count, self.generation = fields[3], fields[4], fields[5]
        self.number, self.first, self.acked, self.lost = fields[6:10]
        self.policy_version, length, self.salt = fields[10:13]
        self.body = data[HEADER_BYTES : HEADER_BYTES + length]
        self.intact = len(self.body) == length and crc32(self.body) == body_crc

    def records(self, ring_key):
        """Open the body -> ([(sequence, record bytes)…], unreadable count)."""
        key = hkdf(ring_key, self.salt, b"quell/1 segment", 16)
        found = []
        at = 0
        for index in range(self.count):
            if at + 4 > len(self.body):
                break
            length, offset = struct.unpack_from("<HH", self.body, at)
            sealed = self.body[at + 4 : at + 4 + length]
            at += 4 + length
            sequence = self.first + offset
            try:
                if len(sealed) == length and sequence <= 0xFFFFFFFF:
                    aad = _aad(self.purpose, self.generation, self.policy_version, sequence)
                    found.append((sequence, open_sealed(key, _nonce(index), aad, sealed)))
            except CoseError:
                pass
        return found, self.count - len(found)


def _aad(purpose, generation, policy_version, sequence):
    return struct.pack("<HIII", purpose, generation, policy_version, sequence)


def _nonce(index):
    return struct.pack("<I9s", index, bytes(9))


def build(purpose, generation, number, acked, lost, policy_version, salt, ring_key, records):
    """Seal `records` ([(sequence, bytes)…], rising) into a segment -> bytes. `salt`: 16 fresh random bytes."""
    key = hkdf(ring_key, salt, b"quell/1 segment", 16)
    first = records[0][0] if records else acked
    body = bytearray()
    for index in range(len(records)):
        sequence, data = records[index]
        aad = _aad(purpose, generation, policy_version, sequence)
        sealed = seal(key, _nonce(index), aad, data)
        body.extend(struct.pack("<HH", len(sealed), sequence - first))
        body.extend(sealed)
    body = bytes(body)
    header = struct.pack(
        _HEADER, _MAGIC, _VERSION, 0, purpose, len(records), generation, number, first, acked, lost,
        policy_version, len(body), salt,
    )  # fmt: skip
    header += struct.pack("<I", crc32(body))
    return header + struct.pack("<I", crc32(header)) + body
