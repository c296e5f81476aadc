# SPDX-License-Identifier: MIT
"""Inline slots: one record alone in a small file, where that is cheap (littlefs 2 keeps it in the directory's log).

The cheapest way to make one record durable at once. It is folded into the next segment; then its slot is free.
"""

from quell.codec.builtin import struct
from quell.errors import CoseError
from quell.store.sealer import Sealer

_HEAD = "<BBII8s"  # version, purpose, policy version, sequence, salt
_HEAD_BYTES = 18
_VERSION = 1
SLOTS = 8  # of all purposes together: more would split the directory
_OVERHEAD_BYTES = _HEAD_BYTES + 8


class InlineSlots:
    """The inline files of one Flash; none where it has no `inline_bytes`."""

    def __init__(self, flash):
        self._flash = flash
        self._held = None  # [(purpose, sequence, needed)] by slot, purpose 0: free; None: not read yet

    def _load(self):
        self._held = []
        for i in range(SLOTS if self._flash.inline_bytes else 0):
            data = self._flash.read("i%d" % i)
            known = data is not None and len(data) >= _OVERHEAD_BYTES and data[0] == _VERSION
            self._held.append((data[1], struct.unpack_from(_HEAD, data, 0)[3], True) if known else (0, 0, False))

    def write(self, purpose, generation, policy_version, sequence, salt, ring_key, data):
        """Write a record to a free slot -> False when it is too large or no slot is free. Raises FlashError."""
        if self._held is None:
            self._load()
        if len(data) + _OVERHEAD_BYTES > self._flash.inline_bytes:
            return False
        for i in range(len(self._held)):
            if not self._held[i][2]:
                sealed = Sealer(ring_key, salt, purpose, generation, policy_version).seal(0, sequence, data)
                head = struct.pack(_HEAD, _VERSION, purpose, policy_version, sequence, salt)
                self._held[i] = (purpose, sequence, False)  # whatever a failed write leaves, it is of this purpose
                self._flash.write("i%d" % i, head + sealed)
                self._held[i] = (purpose, sequence, True)
                return True
        return False

    def records(self, purpose, generation, ring_key):
        """[(policy version, sequence, record)…] of a ring, by rising sequence."""
        if self._held is None:
            self._load()
        found = []
        for i in range(len(self._held)):
            if self._held[i][0] != purpose or not self._held[i][2]:
                continue
            data = self._flash.read("i%d" % i) or bytes(_OVERHEAD_BYTES)
            _, _, policy_version, sequence, salt = struct.unpack_from(_HEAD, data, 0)
            try:
                sealer = Sealer(ring_key, salt, purpose, generation, policy_version)
                found.append((policy_version, sequence, sealer.open(0, sequence, data[_HEAD_BYTES:])))
            except CoseError:
                self._held[i] = (purpose, 0, False)
        return sorted(found, key=lambda one: one[1])

    def release(self, purpose, below):
        """Records of the purpose below this sequence are elsewhere: their slots are free."""
        for i in range(len(self._held or ())):
            held = self._held[i]
            if held[0] == purpose and held[1] < below:
                self._held[i] = (purpose, held[1], False)

    def erase_released(self, purpose):
        """Erase the files of the purpose that are not needed. Raises FlashError."""
        self._erase(purpose, False)

    def shred(self, purpose):
        """Erase every file of the purpose. Raises FlashError."""
        self._load()
        self._erase(purpose, True)

    def _erase(self, purpose, needed):
        for i in range(len(self._held or ())):
            if self._held[i][0] == purpose and self._held[i][2] <= needed:
                self._flash.erase("i%d" % i)
                self._held[i] = (0, 0, False)
