# SPDX-License-Identifier: MIT
"""The sectors of a raw NOR partition, shared by the rings of all purposes (SPEC §10).

A purpose has a share of the sectors and takes whichever is free next, in turn, so that all wear alike. A sector is
always erased, and read back, before it is used. One that refuses is retired until the next boot.
"""

from quell.codec.builtin import array
from quell.codec.crc import crc32
from quell.counters import FLASH_FAILED, SECTOR_RETIRED
from quell.errors import FlashError
from quell.limits import FLUSH_AFTER_MS, MAX_RECORD_BYTES
from quell.port import PHYSICAL
from quell.store.budget import Budget
from quell.store.geometry import shares
from quell.store.nor_ring import NorRing
from quell.store.sector import FRAME_OVERHEAD_BYTES, HEADER_BYTES, Header

LEAST_SECTORS = 3  # of a purpose: one is always free, so that opening a sector loses nothing if it is cut
_CHECK_BYTES = 64  # are read back at once
_NOBODY = 0
_UNKNOWN = 0xFFFF  # what the sector holds has no header that verifies


class NorStore:
    """The rings of all purposes on one partition. `nor`: quell.port.Nor."""

    level = PHYSICAL
    flush_after_ms = FLUSH_AFTER_MS

    def __init__(self, nor):
        self.nor = nor
        self._counters = None
        n = nor.sectors
        # whose content a sector holds; number 0: it is free
        self.owners = array("H", [_UNKNOWN] * n)
        self.numbers = array("I", [0] * n)
        self.generations = array("I", [0] * n)
        self.firsts = array("I", [0] * n)
        self.ages_s = array("I", [0] * n)
        self._retired = bytearray(n)
        self.sector = bytearray(nor.sector_bytes)  # the bytes of the sector read last
        self.record = bytearray(MAX_RECORD_BYTES + 8 + FRAME_OVERHEAD_BYTES)
        self._check = bytearray(_CHECK_BYTES)
        self._blank_crc = crc32(b"\xff" * nor.sector_bytes)
        self._blank_head_crc = crc32(b"\xff" * HEADER_BYTES)
        self._loaded = -1
        self.number = 0  # the highest ever seen
        self._turn = 0
        self.ready = -1  # a free sector that was erased in this boot
        self._shares = {}
        self.budget = Budget(0)  # sectors wear evenly: no limit

    def mount(self, counters):
        """Read every header once; any bytes there will do, and nothing is written."""
        self._counters = counters
        for i in range(self.nor.sectors):
            self._mount(i)

    def _mount(self, i):
        head = memoryview(self.sector)[:HEADER_BYTES]
        for _ in (0, 1):  # a read may flip a bit
            try:
                self.nor.read(i * self.nor.sector_bytes, head)
                header = Header(self.sector, i)
            except FlashError:
                self._counters.add(FLASH_FAILED)
                continue
            except ValueError:
                if crc32(head) == self._blank_head_crc:
                    return
                continue
            self.owners[i], self.numbers[i] = header.purpose, header.number
            self.generations[i], self.firsts[i] = header.generation, header.first
            self.ages_s[i] = header.age_s
            if header.number > self.number:
                self.number, self._turn = header.number, i
            return

    # sharing ---------------------------------------------------------------------------------

    def plan(self, weights):
        """Share out the sectors: [(purpose, weight)…] -> False, and nothing changes, when they do not fit."""
        planned = shares(weights, self.nor.sectors, LEAST_SECTORS)
        if planned is not None:
            self._shares = planned
        return planned is not None

    def share(self, purpose):
        """How many sectors the purpose may hold."""
        return self._shares.get(purpose, LEAST_SECTORS)

    def open(self, purpose, generation, key, random, reserve, counters):
        """The ring of a purpose and generation; mount it before use."""
        return NorRing(self, purpose, generation, key, random, reserve, counters)

    def free(self, i):
        """Sector `i` is needed no more. Its owner stays known until it is erased."""
        self.numbers[i] = 0

    def take(self):
        """The free sector whose turn it is, erased -> its index, or -1 when there is none."""
        i, self.ready = self.ready, -1
        if i >= 0:
            return i
        n = self.nor.sectors
        for strangers in (False, True):  # those of a device or policy that is gone only where nothing else is left
            for _ in range(n):
                i = self._turn = self._turn + 1 if self._turn + 1 < n else 0
                free = self.numbers[i] == 0 or strangers and self.owners[i] not in self._shares
                if free and not self._retired[i]:
                    self.free(i)
                    if self.clear(i):
                        return i
        return -1

    def clear(self, i):
        """Erase sector `i`, or retire it -> whether it is blank."""
        try:
            self.erase(i)
            return True
        except FlashError:
            self.retire(i)
            return False

    def retire(self, i):
        """Sector `i` refused: it is not used again in this boot."""
        self._counters.add(SECTOR_RETIRED)
        self._retired[i] = 1

    def shred(self, purpose):
        """Erase whatever the purpose may have left. Raises FlashError when something is still there."""
        failed = None
        for i in range(self.nor.sectors):
            if self.owners[i] in (purpose, _UNKNOWN):
                self.free(i)
                try:
                    if not self._blank(i):
                        self.erase(i)
                    self.owners[i] = _NOBODY
                except FlashError as error:
                    self.retire(i)
                    failed = failed or error
        if failed is not None:
            raise failed

    # flash -----------------------------------------------------------------------------------

    def load(self, i):
        """The bytes of sector `i`, valid until the next call. Raises FlashError."""
        if self._loaded != i:
            self._loaded = -1
            self.nor.read(i * self.nor.sector_bytes, self.sector)
            self._loaded = i
        return self.sector

    def forget(self):
        """What is in the buffer may be out of date, or a read may have gone wrong."""
        self._loaded = -1

    def _blank(self, i):
        return crc32(self.load(i)) == self._blank_crc

    def erase(self, i):
        """Erase sector `i` and read it back. Raises FlashError."""
        self.forget()
        self.nor.erase(i)
        if not self._blank(i):
            raise FlashError("erase")
        self.owners[i] = _NOBODY

    def program(self, i, place, data, length):
        """Program the first `length` bytes of `data` -> True if they read back."""
        self.forget()
        address = i * self.nor.sector_bytes + place
        view = memoryview(data)[:length]
        back = memoryview(self._check)
        try:
            self.nor.program(address, view)
            for at in range(0, length, _CHECK_BYTES):
                part = view[at : at + _CHECK_BYTES]
                self.nor.read(address + at, back[: len(part)])
                if back[: len(part)] != part:
                    return False
        except FlashError:
            return False
        return True
