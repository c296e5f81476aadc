# SPDX-License-Identifier: MIT
"""ring: one bounded store per purpose and generation, sealed under the purpose's own key.

Opens a purpose's ring when its first record comes, and another one in the next generation. What the
ring evicts is counted; what it no longer can open is counted; nothing else leaves but by ack or by age.
"""

from quell.codec.divide import floor_divide
from quell.counters import BUFFER_LOST, FLASH_FAILED, RETENTION
from quell.errors import FlashError
from quell.limits import HOUSEKEEPING_MS


class Rings:
    """The rings of all purposes. `store`, `clock`: the port's; `keys`, `consent`: the state."""

    def __init__(self, store, keys, consent, clock, counters):
        self._store = store
        self._keys = keys
        self._consent = consent
        self._clock = clock
        self._counters = counters
        self._open = {}  # purpose id -> (generation, ring)
        self._oldest = {}  # purpose id -> (when it came, sequence): of the records that are in RAM only
        self._kept_ms = 0  # when housekeeping was done
        self._age_before_s = 0  # of the device, when it booted
        store.mount(counters)
        consent.flushes_left = store.budget.left()  # of a new device, until a state says otherwise

    def boot(self):
        """The state is loaded: go on with what it knows of age and budget."""
        self._age_before_s = self._consent.age_s
        self._store.budget.restore(self._consent.flushes_left)

    def plan(self, policy):
        """Share out the store among the purposes of a policy -> False, and nothing changes, when they do not fit."""
        return self._store.plan([(purpose.id, purpose.weight) for purpose in policy.purposes])

    def resize(self):
        """The plan changed: rings that are open get their new share. What is evicted is counted."""
        for purpose_id, (_, ring) in self._open.items():
            ring.resize(self._store.share(purpose_id))

    def ring(self, purpose_id):
        """The purpose's ring in its current generation, mounted at first use."""
        generation = self._consent.purposes[purpose_id].generation
        opened = self._open.get(purpose_id)
        if opened is None or opened[0] != generation:
            if not self._keys.has_ring_key(purpose_id):
                # a ring without its key can never be opened again: clear what is left before it is used
                try:
                    self._store.shred(purpose_id)
                except FlashError:
                    self._counters.add(FLASH_FAILED)
            ring = self._store.open(
                purpose_id,
                generation,
                self._keys.ring_key(purpose_id, generation),
                self._keys.random,
                lambda seq: self._consent.reserve(purpose_id, generation, seq),
                self._counters,
            )
            reserved, acked, lost = self._consent.start_of(purpose_id, generation)
            ring.mount(reserved, acked, lost, self.age_s())
            opened = self._open[purpose_id] = (generation, ring)
        return opened[1]

    def age_s(self):
        """Seconds that the device was on, in all boots: never more than passed, whatever the clocks say."""
        return self._age_before_s + floor_divide(self._clock.uptime_ms(), 1000)

    def append(self, purpose_id, data, policy_version, now_ms):
        """Add a record (bytes) to the purpose's ring -> its sequence."""
        ring = self.ring(purpose_id)
        sequence = ring.append(data, policy_version, self.age_s())
        if ring.dirty() == 1:
            self._oldest[purpose_id] = (now_ms, sequence)
        return sequence

    def step(self, now_ms, purposes):
        """Flush what has waited long enough; each hour, retention and the state's notes. `purposes`: of the policy."""
        budget = self._store.budget
        budget.tick(now_ms)
        before_ms = now_ms - self._store.flush_after_ms
        # where the budget does not do for all, who waited longest is first: no purpose starves another
        for (since_ms, sequence), purpose_id in sorted([(self._oldest.get(p, (0, 0)), p) for p in self._open]):
            ring = self._open[purpose_id][1]
            if since_ms > before_ms or not ring.dirty():
                continue
            left = ring.acked > sequence  # those that came later have time
            if left or budget.allows():
                self._oldest[purpose_id] = (now_ms, ring.next - 1)
            if not left and budget.allows():
                ring.flush()
        if now_ms - self._kept_ms >= HOUSEKEEPING_MS:
            self._kept_ms = now_ms
            self._expire(purposes)
            if self.note():
                self._consent.commit()

    def _expire(self, purposes):
        """What is older than its purpose's retention goes, sent or not."""
        for purpose in purposes:
            before_s = self.age_s() - purpose.retention_s
            if before_s > 0 and self.held(purpose.id) and purpose.id in self._consent.purposes:
                try:
                    self._counters.add(RETENTION, self.ring(purpose.id).expire(before_s))
                except FlashError:
                    self._counters.add(FLASH_FAILED)

    def note(self, last=False):
        """Bring age, budget and acknowledgements into the state, for its next commit -> True if a commit is worth it.

        `last`: before the power goes as planned; the numbers that were reserved and not used are given back.
        """
        consent = self._consent
        news = bool(self._open)
        consent.age_s = self.age_s()
        consent.flushes_left = self._store.budget.left()
        for purpose_id, (generation, ring) in self._open.items():
            news = consent.note(purpose_id, generation, ring.acked, ring.lost) or news
            if last:
                consent.give_back(purpose_id, generation, ring.next)
        return news

    def flush(self):
        """Make all records and acknowledgements durable, as far as flash and budget let."""
        for _, ring in self._open.values():
            ring.flush()

    def held(self, purpose_id):
        """True while there is a key, so that stored records of the purpose could be read."""
        return self._keys.has_ring_key(purpose_id)

    def release(self):
        """Give up the records that are not in flash (counted) and the RAM that holds them; rings mount again."""
        for purpose_id, (generation, ring) in self._open.items():
            given_up = ring.dirty()
            self._counters.add(BUFFER_LOST, given_up)
            self._consent.start_at(purpose_id, generation, ring.next, ring.acked, ring.lost + given_up)
        self._open = {}

    def forget(self, purpose_id):
        """Drop the purpose's ring from RAM, unflushed records included -> how many records waited in it."""
        opened = self._open.pop(purpose_id, None)
        return opened[1].waiting() if opened else 0

    def shred(self, purpose_id):
        """Erase the purpose's segments. Raises FlashError. The key must be gone before."""
        self._open.pop(purpose_id, None)
        self._store.shred(purpose_id)

    def stats(self, purpose_id):
        """The ring's stats, or None when it is not open."""
        opened = self._open.get(purpose_id)
        return opened[1].stats() if opened else None
