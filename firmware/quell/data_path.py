# SPDX-License-Identifier: MIT
"""DATA: collect -> decide -> transform -> encode -> ring -> uplink -> ack.

Every stage can only shrink the data, and every drop is counted by reason. No policy, no consent: the
sources are not even asked.
"""

from quell.codec.divide import floor_divide
from quell.counters import (
    ACK_STALE,
    BATCH_REFUSED,
    FLASH_FAILED,
    MISSING_REQUIRED,
    NO_POLICY,
    RECORD_TOO_BIG,
    UNKNOWN_FIELD,
)
from quell.data.ack import REFUSED as ACK_REFUSED
from quell.data.decide import allowed, decide, refusal
from quell.data.encode import encode
from quell.data.transform import transform
from quell.errors import FlashError

# what `emit` answers
REFUSED = 0
BUFFERED = 1
DURABLE = 2


class DataPath:
    """Moves what the policy allows from the sources to the receiver. `policy` is None while none is in force."""

    def __init__(self, collector, rings, uplink, session, consent, keys, clock, counters):
        self._collector = collector
        self._rings = rings
        self._uplink = uplink
        self._session = session
        self._consent = consent
        self._keys = keys
        self._clock = clock
        self._counters = counters
        self.policy = None

    def step(self, now_ms):
        """One bounded slice: what is due is collected and stored; one batch per purpose goes out."""
        allowed_ids = allowed(self.policy, self._consent, self._clock.floor_now_s())
        if allowed_ids:
            for event in self._collector.events(self.policy, allowed_ids, now_ms):
                self._store(event, allowed_ids, now_ms)
        else:
            self._collector.stop()
        self._rings.step(now_ms, self.policy.purposes if self.policy is not None else ())
        if self._session.ready():
            for purpose_id in allowed_ids:
                message = self._uplink.step(purpose_id, self._consent.policies, now_ms, self._expiry)
                if self._uplink.unanswered(purpose_id):
                    self._session.restart()  # the next state receipt settles what the host did not understand
                    return
                if message is not None:
                    self._session.publish("up", message)

    def _expiry(self, purpose_id):
        """(policy version, time in the purpose's units below which its records are past retention; 0: none)."""
        purpose = self.policy.by_id[purpose_id]
        start_s = self._clock.floor_now_s() - purpose.retention_s
        oldest = floor_divide(start_s, purpose.granularity_s) if start_s > 0 else 0
        return self.policy.version, oldest

    def _store(self, event, allowed_ids, now_ms):
        """decide, transform, encode, ring: one event -> how many records."""
        stored = 0
        for purpose, pairs in decide(event, self.policy, allowed_ids, self._counters):
            trust, seconds = self._clock.now()
            epoch = _Epoch(self._keys, self._consent, purpose, trust, seconds)
            try:
                values = transform(pairs, epoch.key, self._counters)
            except FlashError:  # a new hashing key could not be stored
                self._counters.add(FLASH_FAILED)
                continue
            kept = [field_id for field_id, _ in values]
            if [1 for field, _ in pairs if field.required and field.id not in kept]:
                self._counters.add(MISSING_REQUIRED)
                continue
            if not values:
                continue
            boot = self._consent.boots if trust == 0 else 0
            time = floor_divide(seconds, purpose.granularity_s)
            record = encode(epoch.number, trust, boot, time, values)
            if record is None:
                self._counters.add(RECORD_TOO_BIG)
                continue
            try:
                self._rings.append(purpose.id, record, self.policy.version, now_ms)
                stored += 1
            except FlashError:
                self._counters.add(FLASH_FAILED)
        return stored

    def emit(self, purpose_name, fields, durable, now_ms):
        """A record of the application, under the same policy -> REFUSED, BUFFERED or DURABLE."""
        if self.policy is None:
            self._counters.add(NO_POLICY)
            return REFUSED
        purpose = self.policy.by_name.get(purpose_name)
        if purpose is None or not isinstance(fields, dict):
            self._counters.add(UNKNOWN_FIELD)
            return REFUSED
        reason = refusal(self.policy, self._consent, purpose, self._clock.floor_now_s())
        if reason:
            self._counters.add(reason)
            return REFUSED
        event = self._collector.emitted(purpose.id, fields, self.policy, now_ms)
        if event is None or not self._store(event, (purpose.id,), now_ms):
            return REFUSED
        ring = self._rings.ring(purpose.id)
        return DURABLE if not ring.dirty() or durable and ring.make_durable() else BUFFERED

    def acknowledge(self, ack):
        """ack: the host has stored (or refused for good) all below a sequence; those records leave the ring."""
        freed = self._uplink.acknowledge(ack.a, ack.b, ack.c)
        if freed < 0:
            self._counters.add(ACK_STALE)
        elif ack.kind == ACK_REFUSED:
            self._counters.add(BATCH_REFUSED, freed)


class _Epoch:
    """The hashing key of a purpose, fetched only if a field of the record is hashed; `number` is 0 until then."""

    def __init__(self, keys, consent, purpose, trust, seconds):
        self._keys = keys
        self._generation = consent.purposes[purpose.id].generation
        self._purpose = purpose
        self._trust = trust
        self._seconds = seconds
        self.number = 0

    def key(self):
        self.number, key = self._keys.hash_key(
            self._purpose.id, self._generation, self._purpose.epoch_s, self._trust, self._seconds
        )
        return key
