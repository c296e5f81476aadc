# SPDX-License-Identifier: MIT
"""Consent, purge intent and replay state: one record in a two-slot store (SPEC §10).

The control path writes it, the data path asks `refusal`. Whatever restricts is written to both slots
before it is acted on or reported; whatever permits is written to one, and a cut leaves the stricter past.
"""

from quell.codec import cbor
from quell.counters import NO_CONSENT, NO_INSTANCE
from quell.errors import CborError, FlashError
from quell.limits import MAX_POLICY_HASHES, MAX_STATE_BYTES, SEQUENCE_BLOCK
from quell.state import slots

UNKNOWN = 0
GIVEN = 1
WITHDRAWN = 2
REVOKED = 3

CONTRACT = 0
LEGAL_OBLIGATION = 1
LEGITIMATE_INTEREST = 2
CONSENT = 3

NAME = "state"


class Entry:
    """One purpose: generation, consent status, challenge(16), digest(32), granted in this instance."""

    def __init__(self, generation, status, challenge, digest, granted_here):
        self.generation = generation
        self.status = status
        self.challenge = challenge
        self.digest = digest
        self.granted_here = granted_here


class Intent:
    """A purge that was decided and is not finished: what it erases, for whom, and what it found."""

    def __init__(self, generation, command_hash, role, last_handed, unsent, outcome):
        self.generation = generation  # erased up to this one
        self.command_hash = command_hash
        self.role = role
        self.last_handed = last_handed
        self.unsent = unsent
        self.outcome = outcome  # of the receipt that is owed; None when none is (a changed digest)


class Consent:
    """The record. `keys` gives challenges; `load` before use."""

    def __init__(self, flash, keys, counters):
        self._slots = slots.Slots(flash, NAME, slots.STATE, counters)
        self._keys = keys
        self.instance = b""
        self.boots = 0
        self.floor_s = 0
        self.receipt_number = 0
        self.receipt_hash = bytes(32)
        self.policy_hash = b""
        self.policy_version = 0
        self.purposes = {}  # id -> Entry
        self.intents = {}  # id -> Intent
        self.unacknowledged = []  # receipts, oldest first
        self.last = {}  # id -> last receipt of the purpose
        self.reconciled = False  # bundles were seen at least once in this instance and policy
        self.reserved = {}  # id -> [generation, first sequence not yet reserved, acknowledged, lost]
        self._starts = {}  # `reserved` as the boot before left it
        self.ended = {}  # id -> generation, of purposes that no policy has any more
        self.policies = {}  # version -> first 8 bytes of its hash: stored records name their version
        self.age_s = 0  # time that the device was on, in all boots: what retention is judged by without a clock
        self.flushes_left = 0  # of the day's budget

    def load(self):
        """Read the record. False: there is none that verifies; all is new and nothing is permitted."""
        payload = self._slots.load()
        if payload is None:
            return False
        try:
            m = cbor.decode(payload, MAX_STATE_BYTES)
            purposes = {key: Entry(*value) for key, value in m[7].items()}
            intents = {key: Intent(*value) for key, value in m[8].items()}
            self.instance, self.boots, self.floor_s = m[0], m[1], m[2]
            self.receipt_number, self.receipt_hash = m[3], m[4]
            self.policy_hash, self.policy_version = m[5], m[6]
            self.unacknowledged, self.last = m[9], m[10]
            self.reconciled, self.reserved, self.policies, self.ended = m[11], m[12], m[13], m[14]
            self.age_s, self.flushes_left = m[15], m[16]
        except (CborError, KeyError, TypeError, ValueError, AttributeError):
            return False
        self.purposes, self.intents = purposes, intents
        return True

    def _payload(self):
        purposes = {}
        for key, e in self.purposes.items():
            purposes[key] = [e.generation, e.status, e.challenge, e.digest, e.granted_here]
        intents = {}
        for key, i in self.intents.items():
            intents[key] = [
                i.generation, i.command_hash, i.role, i.last_handed, i.unsent, i.outcome,
            ]  # fmt: skip
        payload = cbor.encode(
            {
                0: self.instance,
                1: self.boots,
                2: self.floor_s,
                3: self.receipt_number,
                4: self.receipt_hash,
                5: self.policy_hash,
                6: self.policy_version,
                7: purposes,
                8: intents,
                9: self.unacknowledged,
                10: self.last,
                11: self.reconciled,
                12: self.reserved,
                13: self.policies,
                14: self.ended,
                15: self.age_s,
                16: self.flushes_left,
            }
        )
        if len(payload) > MAX_STATE_BYTES:
            raise FlashError("state too large")  # what could not be read back is not written
        return payload

    def commit(self):
        """Write the record to one slot. Raises FlashError; nothing was permitted then."""
        self._slots.save(self._payload())

    def commit_both(self):
        """Write the record to every slot: for every transition that restricts."""
        self._slots.save_all(self._payload())

    def refusal(self, purpose):
        """0 if records of `purpose` (a policy's Purpose) may be collected and sent now, else the reason."""
        entry = self.purposes.get(purpose.id)
        if not self.instance:
            return NO_INSTANCE
        if entry is None or purpose.id in self.intents:
            return NO_CONSENT
        if purpose.basis == CONSENT:
            if entry.status != GIVEN or entry.digest != purpose.digest:
                return NO_CONSENT
        elif purpose.basis == LEGITIMATE_INTEREST:
            # an objection may stand in a bundle that a device without its state has not seen yet
            if not self.reconciled or entry.status in (WITHDRAWN, REVOKED):
                return NO_CONSENT
        elif purpose.basis not in (CONTRACT, LEGAL_OBLIGATION):
            return NO_CONSENT
        return 0

    def new_challenge(self):
        return self._keys.random(16)

    def changed(self, entry, status):
        """One consent change of a purpose: next generation, new challenge."""
        entry.generation += 1
        entry.status = status
        entry.challenge = self.new_challenge()

    def adopt(self, policy):
        """Take a policy into force: its hash and version, and the entries in line with it.

        A consent purpose whose digest changed falls to ConsentUnknown and gets a purge intent, unless the
        policy names the old digest as one that it only narrows. A purpose that is gone likewise. The
        caller commits to both slots.
        """
        self.policy_hash, self.policy_version = policy.hash, policy.version
        self.reconciled = False
        self.policies[policy.version] = policy.hash[:8]
        while len(self.policies) > MAX_POLICY_HASHES:
            self.policies.pop(min(self.policies))
        for purpose in policy.purposes:
            entry = self.purposes.get(purpose.id)
            if entry is None:
                generation = self.ended.pop(purpose.id, -1) + 1
                self.purposes[purpose.id] = Entry(
                    generation, UNKNOWN, self.new_challenge(), purpose.digest, False
                )
            elif entry.digest != purpose.digest:
                # what was recorded under a consent may not go on under another basis either
                consented = purpose.basis == CONSENT or entry.status == GIVEN
                if consented and entry.digest not in policy.narrows:
                    self._end(purpose.id, entry)
                entry.digest = purpose.digest
        kept = [purpose.id for purpose in policy.purposes]
        for purpose_id in list(self.purposes):
            if purpose_id not in kept:
                entry = self.purposes.pop(purpose_id)
                self._end(purpose_id, entry)
                self.ended[purpose_id] = entry.generation
                self.last.pop(purpose_id, None)
                self.reserved.pop(purpose_id, None)

    def _end(self, purpose_id, entry):
        if purpose_id not in self.intents:
            self.intents[purpose_id] = Intent(entry.generation, b"", -1, -1, 0, None)
        self.changed(entry, UNKNOWN)

    def new_instance(self, instance):
        """Start over under an instance that the host gave: nothing of the one before is valid. Commits."""
        self.instance = instance
        self.reconciled = False
        self.reserved, self._starts = {}, {}
        self.ended = {}
        for entry in self.purposes.values():
            entry.generation, entry.status, entry.granted_here = 0, UNKNOWN, False
            entry.challenge = self.new_challenge()
        self.commit_both()

    def start_boot(self):
        """Count the boot and commit. Each purpose gets a block of sequences that no boot before can have used.

        Raises FlashError; then none is reserved, and the first record tries again.
        """
        self.boots += 1
        self._starts = self.reserved
        self.reserved = {}
        for purpose_id, entry in self._starts.items():
            self.reserved[purpose_id] = [entry[0], entry[1] + SEQUENCE_BLOCK, entry[2], entry[3]]
        try:
            self.commit()
        except FlashError:
            self.reserved = self._starts
            raise

    def reserve(self, purpose_id, generation, sequence):
        """Make sure that `sequence` is below the reserved block, so that no boot uses it for another record."""
        entry = self.reserved.get(purpose_id)
        if entry is None or entry[0] != generation or sequence >= entry[1]:
            known = entry[2:] if entry is not None and entry[0] == generation else [0, 0]
            self.reserved[purpose_id] = [generation, sequence + SEQUENCE_BLOCK] + known
            try:
                self.commit()
            except FlashError:
                self.reserved[purpose_id] = entry or [generation, 0, 0, 0]  # not reserved: the next record tries again
                raise

    def note(self, purpose_id, generation, acked, lost):
        """Note how far a ring was acknowledged and what it lost, for the next commit -> True if that is news."""
        entry = self.reserved.get(purpose_id)
        if entry is None or entry[0] != generation or entry[2:] == [acked, lost]:
            return False
        entry[2:] = [acked, lost]  # 1.13: a list takes a slice
        return True

    def give_back(self, purpose_id, generation, sequence):
        """No number from `sequence` on was used: the next boot may begin with it, once this is committed."""
        entry = self.reserved.get(purpose_id)
        if entry is not None and entry[0] == generation:
            entry[1] = sequence

    def start_at(self, purpose_id, generation, sequence, acked, lost):
        """A ring leaves the RAM in mid-boot: the next mount goes on here."""
        self._starts[purpose_id] = [generation, sequence, acked, lost]

    def start_of(self, purpose_id, generation):
        """(first sequence that nothing used before, acknowledged, lost) of this purpose and generation."""
        entry = self._starts.get(purpose_id)
        return entry[1:] if entry is not None and entry[0] == generation else (0, 0, 0)
