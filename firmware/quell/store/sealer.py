# SPDX-License-Identifier: MIT
"""How a record is sealed at rest, in both backends: AES-CCM under a key of its segment (SPEC §10)."""

from quell.codec.aead import open_sealed, seal
from quell.codec.builtin import struct
from quell.codec.kdf import hkdf

LAST = 0xFFFFFFFF  # no sequence, of a record or of a segment or sector, goes beyond


class Sealer:
    """The key of one segment or sector. `salt`: fresh random bytes for each time that it is written."""

    def __init__(self, ring_key, salt, purpose, generation, policy_version):
        self._key = hkdf(ring_key, salt, b"quell/1 segment", 16)
        self._bound = struct.pack("<HII", purpose, generation, policy_version)

    def seal(self, place, sequence, data):
        """Seal record `data` -> bytes. `place` (u32) is its place under this salt; no two records share a sequence."""
        return seal(self._key, _nonce(place, sequence), self._bound + struct.pack("<I", sequence), data)

    def open(self, place, sequence, sealed):
        """The record. Raises CoseError when it is not what was sealed at this place with this sequence."""
        return open_sealed(self._key, _nonce(place, sequence), self._bound + struct.pack("<I", sequence), sealed)


def _nonce(place, sequence):
    return struct.pack("<II5s", place, sequence, bytes(5))
