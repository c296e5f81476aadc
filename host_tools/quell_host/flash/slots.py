# SPDX-License-Identifier: MIT
"""One slot of a two-slot store (SPEC §10): `"QS"`, version, kind, counter, length, CRC-32, payload, padding."""

import struct
import zlib
from dataclasses import dataclass, field

MAGIC = b"QS"
VERSION = 1
STATE, KEYS, POLICY, PROVISIONING = 1, 2, 3, 4
NAMES = {STATE: "state", KEYS: "keys", POLICY: "policy", PROVISIONING: "prov"}
HEAD_BYTES = 16
OTHER_VERSION = "written by another version of Quell"

_HEAD = struct.Struct("<2sBBIII")


@dataclass(frozen=True)
class Slot:
    """A slot as read. `why`: what is wrong with it, empty for one that verifies; then `payload` counts.

    `place`: the file, or the sector where it begins. `size_bytes`: with its padding. The payload may hold keys:
    it is never shown, and not part of the repr.
    """

    store: str
    place: str
    size_bytes: int
    counter: int | None = None
    payload: bytes = field(default=b"", repr=False)
    why: str = ""

    @property
    def valid(self) -> bool:
        """Whether it verifies."""
        return not self.why


def parse(data: bytes, place: str, store: str = "") -> Slot:
    """Parse a slot. `store`: the name that its place calls for; empty: that which its kind says."""
    size = len(data)
    if size < HEAD_BYTES:
        return Slot(store or "unknown", place, size, why="it is shorter than a slot's head")
    magic, version, kind, counter, length, crc = _HEAD.unpack_from(data)
    name = store or NAMES.get(kind, "unknown")
    if magic != MAGIC:
        return Slot(name, place, size, why="it does not begin as a slot")
    if version != VERSION:
        return Slot(name, place, size, why=f"format version {version}: {OTHER_VERSION}, or damaged")
    if length > size - HEAD_BYTES:
        return Slot(name, place, size, counter, why=f"it is cut short: {size} of {HEAD_BYTES + length} bytes")
    payload = bytes(data[HEAD_BYTES : HEAD_BYTES + length])
    if zlib.crc32(payload, zlib.crc32(data[:12])) != crc:
        return Slot(name, place, size, counter, why="its CRC does not match: a torn write or a flipped bit")
    if NAMES.get(kind) != name:
        return Slot(name, place, size, counter, why=f"it is of kind {kind}, which is not {name}")
    return Slot(name, place, size, counter, payload)
