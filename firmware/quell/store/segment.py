# SPDX-License-Identifier: MIT
"""The segment (SPEC §10): a bounded run of sealed records with a checked header. Bytes only, no flash.

Each record has its own tag, so that one flipped bit costs one record; the CRCs tell a torn or
rotten segment from a good one without the key.
"""

from quell.codec.aead import TAG_BYTES
from quell.codec.builtin import struct
from quell.codec.crc import crc32
from quell.errors import CoseError
from quell.store.sealer import Sealer

_HEADER = "<2sBBHHIIIIIIIII16sI"
_MAGIC = b"QR"
_VERSION = 2
_CHECKED_BYTES = 64
HEADER_BYTES = 68
RECORD_OVERHEAD_BYTES = 4 + TAG_BYTES
MAX_OFFSET = 0xFFFF  # of a record's sequence from the segment's first


class Segment:
    """A segment as read: header fields, and `body`; `intact` is False when the body's CRC is wrong."""

    def __init__(self, data):
        """Parse `data`. Raises ValueError when the header does not verify."""
        if len(data) < HEADER_BYTES:
            raise ValueError("short")
        if struct.unpack_from("<I", data, _CHECKED_BYTES)[0] != crc32(data[:_CHECKED_BYTES]):
            raise ValueError("header")
        fields = struct.unpack_from(_HEADER, data, 0)
        if fields[0] != _MAGIC or fields[1] != _VERSION:
            raise ValueError("format")
        self.purpose, self.count, self.generation, self.number = fields[3:7]
        self.first, self.next, self.acked, self.lost = fields[7:11]
        self.policy_version, self.age_s, length, self.salt, body_crc = fields[11:16]
        self.body = data[HEADER_BYTES : HEADER_BYTES + length]
        self.intact = len(self.body) == length and crc32(self.body) == body_crc

    def records(self, ring_key):
        """Open the body -> [(sequence, record bytes)…]: those that verify, at most `count`."""
        sealer = Sealer(ring_key, self.salt, self.purpose, self.generation, self.policy_version)
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
                if len(sealed) == length and sequence < self.next:
                    found.append((sequence, sealer.open(index, sequence, sealed)))
            except CoseError:
                pass
        return found


def build(purpose, generation, number, acked, lost, policy_version, age_s, salt, ring_key, records):
    """Seal `records` ([(sequence, bytes)…], rising, at least one) into a segment -> bytes.

    `salt`: 16 fresh random bytes; `age_s`: the device's age at the newest record; `acked`: next sequence wanted.
    """
    sealer = Sealer(ring_key, salt, purpose, generation, policy_version)
    first = records[0][0]
    body = bytearray()
    for index in range(len(records)):
        sequence, data = records[index]
        sealed = sealer.seal(index, sequence, data)
        body.extend(struct.pack("<HH", len(sealed), sequence - first))
        body.extend(sealed)
    body = bytes(body)
    header = struct.pack(
        _HEADER, _MAGIC, _VERSION, 0, purpose, len(records), generation, number, first, records[-1][0] + 1, acked,
        lost, policy_version, age_s, len(body), salt, crc32(body),
    )  # fmt: skip
    return header + struct.pack("<I", crc32(header)) + body
