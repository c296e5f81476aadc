# SPDX-License-Identifier: MIT
"""The bytes of a raw NOR sector (SPEC §10): a checked header, then frames that each verify alone. No flash.

Everything is bound to the sector and to its number, so that nothing from an earlier lap, another sector or a torn
program can pass. There is no status word: the newest number wins.
"""

from quell.codec.builtin import struct
from quell.codec.crc import crc32

_HEADER = "<2sBBHHIIIIIII16s"
_MAGIC = b"QN"
_VERSION = 1
_CHECKED_BYTES = 52
HEADER_BYTES = 56
_FRAME = "<HBII"
_FRAME_CHECKED_BYTES = 11
FRAME_BYTES = 12  # before the body; 4 of CRC follow it
FRAME_OVERHEAD_BYTES = 16

_BLANK = b"\xff\xff\xff\xff"
_BURNT = bytes(4)
DAMAGED = 0
DATA = 1
ACK = 2


class Header:
    """purpose, generation, number, first, acked, lost, policy_version, age_s, salt."""

    def __init__(self, data, sector):
        """Parse the first HEADER_BYTES of `sector`. Raises ValueError when they do not verify."""
        fields = struct.unpack_from(_HEADER, data, 0)
        crc = struct.unpack_from("<I", data, _CHECKED_BYTES)[0]
        if fields[0] != _MAGIC or fields[1] != _VERSION or crc != _header_crc(data, sector):
            raise ValueError("header")
        self.purpose, _, self.generation, self.number, self.first = fields[3:8]
        self.acked, self.lost, self.policy_version, self.age_s, self.salt = fields[8:]


def _header_crc(data, sector):
    return crc32(memoryview(data)[:_CHECKED_BYTES], crc32(struct.pack("<I", sector)))


def header(sector, purpose, generation, number, first, acked, lost, policy_version, age_s, salt):
    """The header of `sector` -> HEADER_BYTES bytes. `salt`: 16 fresh random bytes."""
    data = struct.pack(
        _HEADER, _MAGIC, _VERSION, 0, purpose, 0, generation, number, first, acked, lost, policy_version, age_s, salt
    )
    return data + struct.pack("<I", _header_crc(data, sector))


def pack_frame(into, number, place, kind, sequence, age_s, body):
    """Write a frame for offset `place` of the sector with `number` into the buffer `into` -> its length in bytes."""
    length = len(body)
    struct.pack_into(_FRAME, into, 0, length, kind, sequence, age_s)
    into[_FRAME_CHECKED_BYTES] = crc32(memoryview(into)[:_FRAME_CHECKED_BYTES]) & 0xFF
    struct.pack_into("%ds" % length, into, FRAME_BYTES, body)
    end = FRAME_BYTES + length
    struct.pack_into("<I", into, end, crc32(memoryview(into)[:end], crc32(struct.pack("<II", number, place))))
    return end + 4


def frames(data, number):
    """What a whole sector holds -> ([(place, kind, sequence, age_s, length)…], end of what is there, clean).

    A frame whose head verifies and whose body does not is there with kind DAMAGED. Its length is not trusted: the next
    frame is looked for at each 4 bytes, since one begins at none else, so that damage costs no frame but its own.
    `clean`: there is nothing else but blank and burnt bytes.
    """
    found = []
    clean = True
    view = memoryview(data)
    end = len(bytes(data).rstrip(b"\xff"))
    at = HEADER_BYTES
    while at < end and at + FRAME_OVERHEAD_BYTES <= len(data):
        place = at
        at += 4
        if view[place:at] in (_BLANK, _BURNT):
            continue
        length, kind, sequence, age_s = struct.unpack_from(_FRAME, data, place)
        following = place + FRAME_OVERHEAD_BYTES + length
        head_check = crc32(view[place : place + _FRAME_CHECKED_BYTES]) & 0xFF
        if following > len(data) or kind not in (DATA, ACK) or head_check != data[place + _FRAME_CHECKED_BYTES]:
            clean = False
            continue
        crc = crc32(view[place : following - 4], crc32(struct.pack("<II", number, place)))
        if crc != struct.unpack_from("<I", data, following - 4)[0]:
            kind, clean = DAMAGED, False
        else:
            at = following + (-following & 3)  # 1.13: small
        found.append((place, kind, sequence, age_s, length))
    return found, max(at, end), clean
