# SPDX-License-Identifier: MIT
"""Two-slot store (SPEC §10): one payload, two files or more, the highest counter that verifies wins.

A torn write costs the slot being written, never another: after a cut there is the old payload or
the new one. A transition that restricts goes to all, so that a slot that rots later cannot bring
the permissive past back.
"""

from quell.codec.builtin import struct
from quell.codec.crc import crc32
from quell.counters import SLOT_ROTTEN
from quell.errors import FlashError

STATE = 1
KEYS = 2
POLICY = 3
PROVISIONING = 4

_HEAD = "<2sBBII"
_HEAD_BYTES = 12
_MAGIC = b"QS"
_VERSION = 1


class Slots:
    """The store `name` of `kind` on `flash`, in as many slots as that has copies. Call `load` before `save`."""

    def __init__(self, flash, name, kind, counters):
        self._flash = flash
        self._names = [name + "." + letter for letter in "abc"[: flash.copies]]
        self._kind = kind
        self._counters = counters
        self._counter = 0
        self._newest = len(self._names) - 1  # so that the first save goes to .a

    def _read(self, i):
        data = self._flash.read(self._names[i])
        if data is None:
            return None
        if len(data) >= _HEAD_BYTES + 4:
            magic, version, kind, counter, length = struct.unpack_from(_HEAD, data, 0)
            crc = struct.unpack_from("<I", data, _HEAD_BYTES)[0]
            payload = data[_HEAD_BYTES + 4 : _HEAD_BYTES + 4 + length]  # behind it, padding
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
        """The newest payload that verifies -> bytes, or None. It stays readable, even if a cut left it weak."""
        self._counter, best = 0, None
        for i in range(len(self._names)):
            found = self._read(i)
            if found is not None and found[0] > self._counter:
                self._counter, best = found
                self._newest = i
        if best is not None and self._kind in (STATE, KEYS):
            self._flash.strengthen(self._names[self._newest])
        return best

    def all(self):
        """[(slot, payload)…] that verify, for a store whose reader knows which one is in force."""
        self.load()
        found = [(i, self._read(i)) for i in range(len(self._names))]
        return [(i, pair[1]) for i, pair in found if pair is not None]

    def in_force(self, slot):
        """Protect this slot: the next save goes to another one, whatever the counters say."""
        self._newest = slot

    def _others(self):
        """The slots that are not the newest, the one that follows it first."""
        n = len(self._names)
        return [(self._newest + step) % n for step in range(1, n)]  # 1.13: two or three slots

    def _put(self, i, payload):
        head = struct.pack(_HEAD, _MAGIC, _VERSION, self._kind, self._counter + 1, len(payload))
        crc = struct.pack("<I", crc32(payload, crc32(head)))
        data = head + crc + payload
        if self._kind == KEYS:
            data += bytes(max(0, self._flash.least_secret_bytes - len(data)))
        self._flash.write(self._names[i], data)
        self._counter += 1
        self._newest = i

    def save(self, payload):
        """Write `payload` to a slot that is not the newest. Raises FlashError; the old one then still holds."""
        failed = None
        for i in self._others():
            try:
                return self._put(i, payload)
            except FlashError as error:
                failed = error
        raise failed

    def save_all(self, payload):
        """Write `payload` to every slot: nothing older can come back -> True if every one took it.

        False when one refused that holds nothing readable any more. Raises FlashError when an older payload is left.
        """
        failed = None
        written = 0
        order = self._others() + [self._newest]
        for i in order:
            try:
                self._put(i, payload)
                written += 1
            except FlashError as error:
                failed = error
                if self._read(i) is not None:
                    raise  # and a newest that is good is not touched
        if not written:
            raise failed
        return written == len(order)
