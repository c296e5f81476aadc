# SPDX-License-Identifier: MIT
"""ring: one bounded store per purpose and generation, sealed under the purpose's own key.

Opens a purpose's ring when its first record comes, and another one in the next generation. What the
ring evicts is counted; what it no longer can open is counted; nothing else leaves but by ack.
"""

from quell.counters import BUFFER_LOST
from quell.limits import FLUSH_AFTER_MS
from quell.store.file_slots import FileSlots, shred


class Rings:
    """The rings of all purposes. `keys`, `consent`: the state; `flash`: the port's."""

    def __init__(self, flash, keys, consent, counters):
        self._flash = flash
        self._keys = keys
        self._consent = consent
        self._counters = counters
        self._open = {}  # purpose id -> (generation, FileSlots)
        self._dirty_since_ms = {}

    def ring(self, purpose_id):
        """The purpose's ring in its current generation, mounted at first use."""
        generation = self._consent.purposes[purpose_id].generation
        opened = self._open.get(purpose_id)
        if opened is None or opened[0] != generation:
            if not self._keys.has_ring_key(purpose_id):
                # a ring without its key can never be opened again: clear the slots before they are used
                shred(self._flash, purpose_id)
            store = FileSlots(
                self._flash,
                purpose_id,
                generation,
                self._keys.ring_key(purpose_id, generation),
                self._keys.random,
                lambda seq: self._consent.reserve(purpose_id, generation, seq),
                self._counters,
            )
            store.mount(self._consent.reserved_for(purpose_id, generation))
            opened = self._open[purpose_id] = (generation, store)
        return opened[1]

    def append(self, purpose_id, data, policy_version, now_ms):
        """Add a record (bytes) to the purpose's ring -> its sequence."""
        ring = self.ring(purpose_id)
        if not ring.dirty():
            self._dirty_since_ms[purpose_id] = now_ms
        return ring.append(data, policy_version)

    def flush(self, now_ms=None):
        """Make records durable: all, or with `now_ms` those that have waited FLUSH_AFTER_MS."""
        for purpose_id, (_, ring) in self._open.items():
            waited = now_ms is None or now_ms - self._dirty_since_ms.get(purpose_id, 0) >= FLUSH_AFTER_MS
            if ring.dirty() and waited:
                ring.flush()

    def held(self, purpose_id):
        """True while there is a key, so that stored records of the purpose could be read."""
        return self._keys.has_ring_key(purpose_id)

    def release(self):
        """Give up the records that are not in flash (counted) and the RAM that holds them; rings mount again."""
        for _, ring in self._open.values():
            self._counters.add(BUFFER_LOST, ring.dirty())
        self._open = {}

    def forget(self, purpose_id):
        """Drop the purpose's ring from RAM, unflushed records included -> how many records waited in it."""
        opened = self._open.pop(purpose_id, None)
        return opened[1].stats()["records"] if opened else 0

    def shred(self, purpose_id):
        """Erase the purpose's segments. Raises FlashError. The key must be gone before."""
        self._open.pop(purpose_id, None)
        shred(self._flash, purpose_id)

    def stats(self, purpose_id):
        """The ring's stats, or None when it is not open."""
        opened = self._open.get(purpose_id)
        return opened[1].stats() if opened else None
