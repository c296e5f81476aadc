# SPDX-License-Identifier: MIT
"""Two-slot store (SPEC §10): one payload, two files, the highest counter that verifies wins.

A torn write costs the slot being written, never the other: after a cut there is the old payload or
the new one. A transition that restricts goes to both, so that a slot that rots later cannot bring
the permissive past back.
"""

from quell.codec.builtin import struct
from quell.codec.crc import crc32
from quell.counters import SLOT_ROTTEN

STATE = 1
KEYS = 2
POLICY = 3
PROVISIONING = 4

_HEAD = "<2sBBII"
_HEAD_BYTES = 12
_MAGIC = b"QS"
_VERSION = 1


class Slots:
    """The store `name` of `kind` on `flash`. Call `load` before `save`."""

    def __init__(self, flash, name, kind, counters):
        self._flash = flash
        self._names = (name + ".a", name + ".b")
        self._kind = kind
        self._counters = counters
        self._counter = 0
        self._newest = 1  # so that the first save goes to .a

    def _read(self, name):
        data = self._flash.read(name)
        if data is None:
            return None
        if len(data) >= _HEAD_BYTES + 4:
            magic, version, kind, counter, length = struct.unpack_from(_HEAD, data, 0)
            crc = struct.unpack_from("<I", data, _HEAD_BYTES)[0]
            payload = data[_HEAD_BYTES + 4 :]
            if (
                magic == _MAGIC
                and version == _VERSION
                and kind == self._kind
                and length == len(payload)
                and crc == crc32(payload, crc32(data[:_HEAD_BYTES]))
            ):
                return counter, payload
        self._counters.add(SLOT_ROTTEN)
        return None

    def load(self):
        """The newest payload that verifies -> bytes, or None. Reads both slots, changes nothing."""
        self._counter, best = 0, None
        for i in (0, 1):
            found = self._read(self._names[i])
            if found is not None and found[0] > self._counter:
                self._counter, best = found
                self._newest = i
        return best

    def both(self):
        """[(slot, payload)…] that verify, for a store whose reader knows which one is in force."""
        self.load()
        found = [(i, self._read(self._names[i])) for i in (0, 1)]
        return [(i, pair[1]) for i, pair in found if pair is not None]

    def in_force(self, slot):
        """Protect this slot: the next save goes to the other one, whatever the counters say."""
        self._newest = slot

    def save(self, payload):
        """Write `payload` to the slot that is not the newest. Raises FlashError; the old one then still holds."""
        target = 1 - self._newest
        head = struct.pack(_HEAD, _MAGIC, _VERSION, self._kind, self._counter + 1, len(payload))
        crc = struct.pack("<I", crc32(payload, crc32(head)))
        self._flash.write(self._names[target], head + crc + payload)
        self._counter += 1
        self._newest = target

    def save_both(self, payload):
        """Write `payload` to both slots: nothing older can come back."""
        self.save(payload)
        self.save(payload)
