# SPDX-License-Identifier: MIT
"""uplink: the oldest records of a purpose as one sealed batch, sent until it is acknowledged (SPEC §4).

One batch per purpose is in flight. Nothing is sent that decide would not allow now: consent is checked
here a second time.
"""

from quell.codec import cbor, cose
from quell.counters import RETENTION
from quell.data import encode
from quell.errors import CborError
from quell.limits import ACK_TIMEOUT_MS, MAX_BATCH_RECORDS, MAX_GAP, MAX_MESSAGE_BYTES, MAX_SENDS, SEND_EVERY_MS


def _repeats(records):
    """The strings worth a table entry -> {their encoding: index}: they occur more than once."""
    seen = {}
    for _, record in records:
        for _, value in record.values:
            if isinstance(value, (str, bytes)) and len(value) > 1:
                # keyed by encoding: MicroPython warns at every comparison of bytes with str
                key = cbor.encode(value)
                seen[key] = seen.get(key, 0) + 1
    repeated = sorted(key for key in seen if seen[key] > 1)
    return {repeated[i]: i for i in range(len(repeated))}


def plaintext(first, records, lost):
    """SPEC §4 plaintext of `records` ([(sequence, Record)…] of one epoch, trust and boot), accounting from `first`.

    `lost`: the ring's.
    """
    index = _repeats(records)
    strings = [cbor.decode(key, MAX_MESSAGE_BYTES) for key in sorted(index)]
    shapes = []
    rows = []
    head = records[0][1]
    time = head.time
    present = [sequence for sequence, _ in records]
    gaps = [n - first for n in range(first, present[-1] + 1) if n not in present]
    for _, record in records:
        shape = [field_id for field_id, _ in record.values]
        if shape not in shapes:
            shapes.append(shape)
        rows.append(shapes.index(shape))
        rows.append(record.time - time)
        time = record.time
        for _, value in record.values:
            at = index.get(cbor.encode(value)) if isinstance(value, (str, bytes)) else None
            rows.append(value if at is None else [at])
    return cbor.encode(
        [head.epoch, head.trust, head.boot, head.time, gaps, strings, shapes, rows, lost]
    )


def seal(provisioning, instance, purpose_id, generation, policy, first, records, lost):
    """A batch message (bytes) for `records`, however large. `policy`: (version, first 8 bytes of its hash)."""
    count = records[-1][0] + 1 - first
    head = [instance, purpose_id, generation, policy[0], policy[1], first, count]
    aad = cbor.encode(["quell/1 batch", provisioning.device_id] + head)
    sealed = cose.encrypt(
        provisioning.uplink_key,
        provisioning.salt_key,
        provisioning.key_version,
        [provisioning.device_id, instance],
        aad,
        plaintext(first, records, lost),
    )
    # the sealed message is CBOR already: it goes in as it is, behind the head of the array
    out = bytearray(b"\x89\x02")
    for item in head:
        cbor.encode_into(out, item)
    return bytes(out) + sealed


def _alike(records):
    """The leading records that share epoch, trust and boot, without a long hole between them."""
    last, head = records[0]
    same = []
    for sequence, record in records:
        if (record.epoch, record.trust, record.boot) != (head.epoch, head.trust, head.boot):
            break
        if sequence - last > MAX_GAP:
            break
        last = sequence
        same.append((sequence, record))
    return same


class _Flight:
    def __init__(self, generation, next_sequence, message, sent_ms):
        self.generation = generation
        self.next = next_sequence
        self.message = message
        self.sent_ms = sent_ms
        self.sends = 1


class Uplink:
    """Batches in flight, one per purpose. `handed`: purpose id -> (generation, last sequence given to the link)."""

    def __init__(self, provisioning, rings, consent, counters):
        self._counters = counters
        self._provisioning = provisioning
        self._rings = rings
        self._consent = consent
        self._flights = {}
        self._last_ms = {}
        self.handed = {}

    def _unexpired(self, ring, records, oldest):
        """The records not older than `oldest` (units); the older ones have no right to be sent any more."""
        kept = [(n, record) for n, record in records if record.trust == 0 or record.time >= oldest]
        self._counters.add(RETENTION, len(records) - len(kept))
        if records and not kept:
            ring.ack(records[-1][0] + 1)
        return kept

    def build(self, purpose_id, policies, expiry=None):
        """The next batch of a purpose -> (next sequence, message), or None.

        `policies`: {version: hash8}. `expiry`: (policy version, oldest): the time below which a record of that version
        is past its retention, by the authenticated floor of time: late, never early. Another version's records
        count time in units of their own.
        """
        ring = self._rings.ring(purpose_id)
        policy_version, stored = ring.peek(MAX_BATCH_RECORDS)
        records = []
        for sequence, data in stored:
            try:
                records.append((sequence, encode.decode(data)))
            except (CborError, IndexError):
                continue
        if expiry is not None and expiry[0] == policy_version:
            records = self._unexpired(ring, records, expiry[1])
        if not records:
            return None
        records = _alike(records)
        generation = self._consent.purposes[purpose_id].generation
        policy = (policy_version, policies.get(policy_version, bytes(8)))
        first = ring.acked if records[0][0] - ring.acked <= MAX_GAP else records[0][0]
        take = len(records)
        while True:
            message = seal(
                self._provisioning, self._consent.instance, purpose_id, generation, policy, first, records[:take],
                ring.lost,
            )  # fmt: skip
            if len(message) <= MAX_MESSAGE_BYTES or take == 1:
                return records[take - 1][0] + 1, message
            # overshoot tells how many to leave out: records of a purpose are of like size
            take = max(1, min(take - 1, take * MAX_MESSAGE_BYTES // len(message)))  # 1.13: below 2^30

    def step(self, purpose_id, policies, now_ms, expiry):
        """The message to publish now for this purpose, or None: a new batch, or the one in flight again.

        `expiry(purpose id)` gives what `build` takes; asked only when there is a batch to build.
        """
        flight = self._flights.get(purpose_id)
        generation = self._consent.purposes[purpose_id].generation
        if flight is not None and flight.generation == generation:
            if now_ms - flight.sent_ms < ACK_TIMEOUT_MS:
                return None
            flight.sent_ms = now_ms
            flight.sends += 1
            return flight.message
        ring = self._rings.ring(purpose_id)
        waiting = ring.waiting()
        gathering = now_ms - self._last_ms.get(purpose_id, -SEND_EVERY_MS) < SEND_EVERY_MS
        if not waiting or (gathering and waiting < MAX_BATCH_RECORDS):
            return None
        built = self.build(purpose_id, policies, expiry(purpose_id))
        if built is None:
            return None
        self._flights[purpose_id] = _Flight(generation, built[0], built[1], now_ms)
        self._last_ms[purpose_id] = now_ms
        self.handed[purpose_id] = (generation, built[0] - 1)
        return built[1]

    def unanswered(self, purpose_id):
        """True when the batch in flight was sent MAX_SENDS times in vain: the host may speak of another instance."""
        flight = self._flights.get(purpose_id)
        return flight is not None and flight.sends > MAX_SENDS

    def acknowledge(self, purpose_id, generation, next_sequence):
        """Free the records below `next_sequence` -> how many, or -1 when the acknowledgement is for what is gone."""
        entry = self._consent.purposes.get(purpose_id)
        if entry is None or entry.generation != generation or purpose_id in self._consent.intents:
            return -1
        ring = self._rings.ring(purpose_id)
        flight = self._flights.get(purpose_id)
        before = ring.acked
        handed = self.handed.get(purpose_id, (generation, before - 1))
        # never beyond what this device handed out: a host that knows more speaks of another past
        ring.ack(min(next_sequence, handed[1] + 1) if handed[0] == generation else before)
        if flight is not None and ring.acked >= flight.next:
            self._flights.pop(purpose_id)
        return ring.acked - before

    def forget(self, purpose_id=None):
        """Drop what is in flight: of one purpose, or all (a new connection sends again)."""
        if purpose_id is None:
            self._flights = {}
        else:
            self._flights.pop(purpose_id, None)

    def last_handed(self, purpose_id, generation):
        """Upper bound of the sequences of this generation that were ever handed to the link, -1 if none.

        What an earlier boot handed over is not kept: then it is the last sequence in the ring.
        """
        handed = self.handed.get(purpose_id)
        if handed is not None and handed[0] == generation:
            return handed[1]
        return self._rings.ring(purpose_id).next - 1 if self._rings.held(purpose_id) else -1
