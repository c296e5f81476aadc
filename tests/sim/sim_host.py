# SPDX-License-Identifier: MIT
"""The other end in memory: signers, policies, a receiver that acknowledges. For firmware tests on both interpreters.

Built on the firmware's own codecs: whether those are right is shown against the RFCs' vectors and the
host tool's separate implementation, not here.
"""

from quell.codec import aead, cbor, cose, p256
from quell.codec.builtin import digest, hex_text
from quell.codec.cbor import Tag
from quell.codec.kdf import hkdf, hmac

DEVICE_ID = bytes(range(16))
DEVICE_KEY = b"device key of the test, 32 bytes"
SEED = b"seed of the tests: sixty-four bytes, never used outside tests...."
NOW_S = 1800000000


class Signer:
    """A key pair with a role: 0 operator, 1 subject, 3 policy."""

    def __init__(self, role, scalar_byte):
        self.role = role
        self.private = bytes(31) + bytes([scalar_byte])
        self.public = p256.public_key(self.private)
        self.kid = cose.kid_of(self.public)
        secret = hkdf(self.private, b"", b"quell/1 gate secret", 32)
        self.gate = b"" if role == 3 else hkdf(secret, b"", b"quell/1 gate" + DEVICE_ID, 32)

    def sign(self, aad, payload):
        return cose.sign1(self.private, self.kid, cbor.encode(aad), cbor.encode(payload))


OPERATOR = Signer(0, 5)
SUBJECT = Signer(1, 6)
POLICY = Signer(3, 7)
STRANGER = Signer(1, 8)


def request():
    """A provisioning request for DEVICE_ID."""
    anchors = [[s.kid, s.role, s.public, s.gate] for s in (OPERATOR, SUBJECT, POLICY)]
    return {0: DEVICE_ID, 1: DEVICE_KEY, 2: 1, 3: SEED, 4: anchors}


def purpose(number=1, name="diagnostics", basis=3, **changes):
    """A compiled purpose; `changes` by key as k0…k13."""
    m = {
        0: number, 1: name, 2: "why", 3: basis, 4: 60, 5: 86400 * 30, 6: ["us"], 7: "CN", 8: bytes(32),
        9: [1] if basis == 3 else [], 10: digest(b"digest", name.encode()), 11: 0, 12: 50, 13: 86400,
    }  # fmt: skip
    for key, value in changes.items():
        m[int(key[1:])] = value
    return m


def field(number, name, source, kind, action=0, params=None, purposes=(1,), required=False):
    """A compiled field (SPEC §7)."""
    return {
        0: number, 1: name, 2: source, 3: 0, 4: list(purposes), 5: action, 6: params or [], 7: required, 8: kind,
    }  # fmt: skip


def policy_file(purposes, fields, templates=(), version=1, signer=POLICY, expires=NOW_S + 86400 * 365, **more):
    """A signed policy file. `more`: schema, rates, narrows, extra (keys added to the map)."""
    m = {
        0: more.get("schema", 1), 1: "test", 2: version, 3: expires, 4: ["us", "mail"], 5: list(purposes),
        6: list(fields), 7: list(templates), 8: more.get("rates", {}), 9: more.get("narrows", []),
    }  # fmt: skip
    m.update(more.get("extra", {}))
    return signer.sign(["quell/1 policy"], m)


class SimHost:
    """Receiver and operator of one device. `stored`: opened records; `auto`: whether it acknowledges."""

    def __init__(self):
        self.retained = {}
        self.instance = b"instance"
        self.instances = 0
        self.time_s = NOW_S
        self.auto = True
        self.verify = True  # check the signatures of receipts; the slow part
        self.answer = True
        self.refuse = 0
        self.batches = []
        self.stored = {}  # (instance, purpose, generation) -> {sequence: (trust, boot, time, epoch, {field: value})}
        self.lost = {}  # (instance, purpose, generation) -> records that the device says it lost
        self.duplicates = 0
        self.receipts = []
        self.state = None
        self.public = None
        self.commands = {}  # signer kid -> list of entries

    # device side ---------------------------------------------------------------------------

    def handle(self, topic, payload):
        if topic.endswith("/rcpt"):
            return self._receipt(topic, payload)
        if topic.endswith("/up"):
            return self._batch(topic, payload)
        return []

    def ack(self, fields, instance=None):
        """An acknowledgement's bytes."""
        bound = (self.instance if instance is None else instance) if fields[0] != 4 else b""
        key = hkdf(DEVICE_KEY, b"", b"quell/1 ack", 32)
        aad = cbor.encode(["quell/1 ack", DEVICE_ID, bound])
        return cose.mac0(key, b"\x01", aad, cbor.encode(fields))

    def _receipt(self, topic, payload):
        kid, body, signature = cose.parse_sign1(payload)
        if self.verify:
            assert cose.verify1(self.public, cbor.encode(["quell/1 receipt"]), body, signature)
        m = cbor.decode(body, 1400)
        to = topic[:-4] + "ack"
        if m[0] == 1:
            self.state = m
            if not self.answer:
                return []
            if m[2] == b"":
                self.instances += 1
                self.instance = digest(bytes([self.instances]))[:8]
            return [(to, self.ack([4, m[20], self.instance, 0, 0, bytes(16), self.time_s]))]
        if payload not in [r for r, _ in self.receipts]:
            self.receipts.append((payload, m))
        if not self.auto:
            return []
        return [(to, self.ack([2, m[3], digest(payload)[:8], 0, 0, bytes(16), self.time_s]))]

    def _batch(self, topic, payload):
        self.batches.append(payload)
        head, records, lost = open_batch(payload)
        instance, purpose_id, generation = head[1], head[2], head[3]
        if not self.auto:
            return []
        to = topic[:-2] + "ack"
        following = head[6] + head[7]
        if self.refuse:
            return [(to, self.ack([3, purpose_id, generation, following, self.refuse, bytes(16), self.time_s]))]
        key = (instance, purpose_id, generation)
        self.lost[key] = max(self.lost.get(key, 0), lost)
        held = self.stored.setdefault(key, {})
        for sequence, record in records:
            if sequence in held:
                self.duplicates += 1
                assert held[sequence] == record, "one sequence, two records"
            held[sequence] = record
        return [(to, self.ack([1, purpose_id, generation, following, 0, bytes(16), self.time_s]))]

    # operator side ---------------------------------------------------------------------------

    def topic(self, suffix):
        return "quell/1/" + hex_text(DEVICE_ID) + "/" + suffix

    def bundle(self, signer, entries, gate=None):
        """Retain a bundle of `entries` for the device -> its bytes."""
        aad = cbor.encode(["quell/1 gate", DEVICE_ID])
        message = cose.mac0(gate or signer.gate, signer.kid, aad, cbor.encode(list(entries)), True)
        self.retained[self.topic("cmd/" + hex_text(signer.kid))] = message
        return message

    def entry_of(self, purpose_id):
        """[purpose, generation, status, challenge, digest] from the last state receipt."""
        for entry in self.state[21]:
            if entry[0] == purpose_id:
                return entry

    def grant(self, purpose_id=1, signer=SUBJECT, challenge=None, digest_of=None, generation=None):
        """A grant for what the last state receipt says -> command bytes."""
        entry = self.entry_of(purpose_id)
        aad = ["quell/1 command", DEVICE_ID, self.instance, digest_of or entry[4], challenge or entry[3]]
        return signer.sign(aad, [1, purpose_id, entry[1] if generation is None else generation])

    def withdraw(self, generation, purpose_id=1, signer=SUBJECT, instance=None):
        """A withdrawal -> command bytes."""
        instance = self.instance if instance is None else instance
        return signer.sign(["quell/1 command", DEVICE_ID], [2, purpose_id, generation, instance])

    def push(self, body, version=1, signer=OPERATOR):
        """Retain a policy body's chunks -> the policy command's bytes."""
        name = digest(body)
        chunks = [body[i : i + 1200] for i in range(0, len(body), 1200)]
        for i in range(len(chunks)):
            self.retained["quell/1/p/" + hex_text(name) + "/" + str(i)] = chunks[i]
        aad = ["quell/1 command", DEVICE_ID, self.instance]
        return signer.sign(aad, [3, name, version, len(body), len(chunks)])


def open_batch(message):
    """(its array, [(sequence, (trust, boot, time, epoch, {field: value}))…], lost); raises when it does not open."""
    batch = cbor.decode(message, 1400)
    assert batch[0] == 2
    instance = batch[1]
    aad = cbor.encode(["quell/1 batch", DEVICE_ID] + batch[1:8])
    assert isinstance(batch[8], Tag) and batch[8].number == 96
    protected, _, sealed, recipients = batch[8].value
    salt = recipients[0][1][-20]
    context = cbor.encode([10, [DEVICE_ID, instance, None], [None, None, None], [128, b"\xa1\x01\x29"]])
    key = hkdf(hkdf(DEVICE_KEY, b"", b"quell/1 uplink", 32), salt, context, 16)
    text = aead.open_sealed(key, bytes(13), cbor.encode(["Encrypt", protected, aad]), sealed)
    assert salt == hmac(hkdf(DEVICE_KEY, b"", b"quell/1 salt", 32), aad, text)[:16]
    epoch, trust, boot, time, gaps, strings, shapes, rows, lost = cbor.decode(text, 1400)
    records = []
    at = 0
    for offset in range(batch[7]):
        if offset in gaps:
            continue
        shape = shapes[rows[at]]
        time += rows[at + 1]
        values = {}
        for i in range(len(shape)):
            value = rows[at + 2 + i]
            values[shape[i]] = strings[value[0]] if isinstance(value, list) else value
        at += 2 + len(shape)
        records.append((batch[6] + offset, (trust, boot, time, epoch, values)))
    assert at == len(rows)
    return batch, records, lost
