# SPDX-License-Identifier: MIT
"""receipt: the agent's signed, numbered and chained statement of what it did (SPEC §9)."""

from quell import __version__
from quell.codec import cbor, cose
from quell.codec.builtin import digest
from quell.errors import CborError, CoseError
from quell.limits import MAX_MESSAGE_BYTES, MAX_RECEIPTS

STATE = 1
GRANT = 2
WITHDRAW = 3
POLICY = 4

_AAD = cbor.encode(["quell/1 receipt"])


def answering(command_kind):
    """Kind of the receipt that answers a command: grant 1 -> 2, withdraw 2 -> 3, policy 3 -> 4."""
    return command_kind + 1


def fields_of(receipt):
    """The payload map of a receipt that this device wrote, or {} if the bytes are not one."""
    try:
        _, payload, _ = cose.parse_sign1(receipt)
        return cbor.decode(payload, MAX_MESSAGE_BYTES)
    except (CborError, CoseError):
        return {}


class Receipts:
    """Writes receipts and keeps them, in the state record, until the host has them."""

    def __init__(self, provisioning, consent, clock, counters):
        self._provisioning = provisioning
        self._consent = consent
        self._clock = clock
        self._counters = counters

    def _sign(self, fields, counts=None):
        consent = self._consent
        fields[1] = self._provisioning.device_id
        fields[2] = consent.instance
        fields[4] = consent.receipt_hash
        fields[14] = self._counters.as_map() if counts is None else counts
        fields[15] = list(self._clock.now())
        fields[16] = consent.policy_hash
        fields[17] = __version__
        fields[18] = consent.boots
        me = self._provisioning
        return cose.sign1(me.signing_key, me.kid, _AAD, cbor.encode(fields), me.public)

    def state(self, nonce):
        """A state receipt (bytes): signed, neither numbered nor kept. `nonce`: 16 bytes."""
        purposes = []
        for purpose_id in sorted(self._consent.purposes):
            e = self._consent.purposes[purpose_id]
            purposes.append([purpose_id, e.generation, e.status, e.challenge, e.digest])
        fields = {0: STATE, 3: self._consent.receipt_number, 20: nonce, 21: purposes}
        receipt = self._sign(fields)
        if len(receipt) > MAX_MESSAGE_BYTES:
            receipt = self._sign(fields, {})  # many purposes: the counters stay for a shorter receipt
        return receipt

    def issue(self, kind, outcome, command_hash, purpose_id=None, role=None, erased=None, last=False):
        """Number, chain and sign a receipt and put it among the unacknowledged; the caller commits -> bytes.

        `erased`: (generation, level, last handed, unsent) of a purge. `last`: it tells of the purpose's
        latest consent change and is what a replay of that command gets as its answer.
        """
        consent = self._consent
        fields = {0: kind, 3: consent.receipt_number + 1, 5: outcome, 10: command_hash}
        entry = consent.purposes.get(purpose_id)
        if purpose_id is not None:
            fields[6] = purpose_id
        if entry is not None:
            fields[7], fields[8], fields[9] = entry.generation, entry.status, entry.challenge
        if role is not None:
            fields[19] = role
        if erased is not None:
            fields[11], fields[12], fields[13], fields[22] = erased
        receipt = self._sign(fields)
        consent.receipt_number += 1
        consent.receipt_hash = digest(receipt)
        if last:
            consent.last[purpose_id] = receipt
        self._keep(receipt)
        return receipt

    def _keep(self, receipt):
        waiting = self._consent.unacknowledged
        if receipt in waiting:
            return
        waiting.append(receipt)
        if len(waiting) > MAX_RECEIPTS:
            # only withdrawals get here while it is full: the oldest of another kind makes room
            for i in range(len(waiting)):
                if fields_of(waiting[i]).get(0) != WITHDRAW:
                    waiting.pop(i)
                    return
            waiting.pop(0)

    def mark(self):
        """Where the chain stands, for `take_back`."""
        consent = self._consent
        return (
            consent.receipt_number, consent.receipt_hash, list(consent.unacknowledged), dict(consent.last),
        )  # fmt: skip

    def take_back(self, mark):
        """Undo what was issued since `mark`: a receipt whose commit failed never existed."""
        consent = self._consent
        consent.receipt_number, consent.receipt_hash, consent.unacknowledged, consent.last = mark

    def again(self, receipt):
        """Send a stored receipt once more."""
        self._keep(receipt)

    def full(self):
        """True while no command but a withdrawal may be applied."""
        return len(self._consent.unacknowledged) >= MAX_RECEIPTS

    def acknowledge(self, number, hash8):
        """The host has receipt `number` -> True if it was waiting; the caller commits."""
        waiting = self._consent.unacknowledged
        for i in range(len(waiting)):
            if digest(waiting[i])[:8] == hash8 and fields_of(waiting[i]).get(3) == number:
                waiting.pop(i)
                return True
        return False
