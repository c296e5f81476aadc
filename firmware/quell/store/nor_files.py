# SPDX-License-Identifier: MIT
"""State, policy and keys on raw NOR: each name has sectors of its own, erased and read back (SPEC §10).

The Flash of a board that gives us a partition. What is erased here is gone: level `physical`.
"""

from quell.codec.builtin import struct
from quell.errors import FlashError
from quell.port import PHYSICAL, Flash

_PREFIX = "<II"  # length and its complement
_PREFIX_BYTES = 8


class NorFiles(Flash):
    """`nor`: quell.port.Nor; `sectors`: {name: how many its file may take}, laid out by rising name.

    With `copies` = 3, where every `.a` and `.b` has a `.c`, one worn sector costs nothing.
    """

    level = PHYSICAL

    def __init__(self, nor, sectors, copies=2):
        self._nor = nor
        self.copies = copies
        self._places = {}
        first = 0
        for name in sorted(sectors):
            self._places[name] = (first, sectors[name])
            first += sectors[name]
        if first > nor.sectors:
            raise FlashError("partition of %d sectors, %d needed" % (nor.sectors, first))

    def read(self, name):
        place = self._places.get(name)
        if place is None:
            return None
        address = place[0] * self._nor.sector_bytes
        prefix = bytearray(_PREFIX_BYTES)
        try:
            self._nor.read(address, prefix)
            length, complement = struct.unpack(_PREFIX, prefix)
            if length ^ complement != 0xFFFFFFFF or length + _PREFIX_BYTES > place[1] * self._nor.sector_bytes:
                return None
            data = bytearray(length)
            self._nor.read(address + _PREFIX_BYTES, data)
        except FlashError:
            return None
        return bytes(data)

    def write(self, name, data):
        place = self._places.get(name)
        length = len(data) + _PREFIX_BYTES
        if place is None or length > place[1] * self._nor.sector_bytes:
            raise FlashError("no room for " + name)
        self._clear(name, True)
        self._program(name, data)
        if self.read(name) != data:
            raise FlashError("write")

    def strengthen(self, name):
        """Program the same bytes again: a cell that was cleared by half, and reads well by chance, is cleared whole.

        Nothing is lost if this is cut. Not for flash that allows one program between erases (ECC in the chip).
        """
        data = self.read(name)
        try:
            if data is not None:
                self._program(name, data)
        except FlashError:
            pass  # the other slots are still there

    def _program(self, name, data):
        """Content first, then the prefix: without it there is no file."""
        address = self._places[name][0] * self._nor.sector_bytes
        self._nor.program(address + _PREFIX_BYTES, data)
        self._nor.program(address, struct.pack(_PREFIX, len(data), len(data) ^ 0xFFFFFFFF))

    def erase(self, name):
        if name in self._places:
            self._clear(name, False)

    def _clear(self, name, always):
        """Erase the sectors of `name`, read them back. `always`: also those that look blank, and may hold weak bits."""
        first, count = self._places[name]
        for sector in range(first, first + count):
            if always or not self._blank(sector):
                self._nor.erase(sector)
                if not self._blank(sector):
                    raise FlashError("erase")

    def _blank(self, sector):
        page = bytearray(self._nor.page_bytes)
        blank = b"\xff" * len(page)
        address = sector * self._nor.sector_bytes
        for at in range(0, self._nor.sector_bytes, len(page)):
            self._nor.read(address + at, page)
            if page != blank:
                return False
        return True
