# SPDX-License-Identifier: MIT
"""A ring alone, on a flash in memory: what a restart sees is a new `FileStore` on the same files."""

from quell.counters import Counters
from quell.store.file_store import FileStore
from sim.sim_port import MemFlash

KEY = bytes(range(32))
BLOCK = 64
SEGMENTS = 4
SEGMENT_BYTES = 4096


class BareRing:
    """`ring` is mounted; `boot` mounts it again. `given`: sequence -> record, whatever was appended."""

    def __init__(self, flash=None, purpose=1, generation=1, key=KEY):
        self.flash = flash or MemFlash()
        self.args = (purpose, generation, key)
        self.reserved = 0
        self.salts = 0
        self.given = {}
        self.reused = []
        self.boot()

    def _salt(self, length):
        self.salts += 1
        return self.salts.to_bytes(length, "big")

    def _reserve(self, sequence):
        if sequence >= self.reserved:
            self.reserved = sequence + BLOCK

    def boot(self):
        """Power off and on -> the ring."""
        self.flash.reboot()
        self.counters = Counters()
        purpose, generation, key = self.args
        store = FileStore(self.flash, SEGMENTS, SEGMENT_BYTES)
        store.plan([(purpose, 1)])
        self.ring = store.open(purpose, generation, key, self._salt, self._reserve, self.counters)
        self.ring.mount(self.reserved, 0, 0)
        return self.ring

    def append(self, count=1, size=100, flush=True):
        """Append `count` different records of `size` bytes -> their sequences."""
        out = []
        for _ in range(count):
            data = len(self.given).to_bytes(4, "big") + bytes(size - 4)
            sequence = self.ring.append(data, 1, 0)
            if sequence in self.given:
                self.reused.append(sequence)
            self.given[sequence] = data
            out.append(sequence)
        if flush:
            self.ring.flush()
        return out

    def drain(self, most=64):
        """Peek and acknowledge until nothing is left -> {sequence: record}."""
        out = {}
        for _ in range(400):
            _, records = self.ring.peek(most)
            for sequence, data in records:
                out[sequence] = data
            if records:
                self.ring.ack(records[-1][0] + 1)
            elif not self.ring.peek(most)[1] and not self.ring.waiting():
                return out
        raise AssertionError("the ring stands still")
