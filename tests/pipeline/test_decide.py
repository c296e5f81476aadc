# SPDX-License-Identifier: MIT
"""Default deny: each thing that must be there for a record is missing once, and then there is none."""

import unittest

from sim.device import INT
from sim.sim_host import field, purpose
from sim.sim_port import MemFlash

from quell.codec import cbor
from quell.counters import MISSING_REQUIRED, NO_CONSENT, NO_INSTANCE, NO_POLICY, POLICY_EXPIRED, UNKNOWN_FIELD, Counters
from quell.data.collect import Event
from quell.data.decide import allowed, decide, refusal
from quell.state.consent import (
    CONSENT,
    CONTRACT,
    GIVEN,
    LEGAL_OBLIGATION,
    LEGITIMATE_INTEREST,
    REVOKED,
    UNKNOWN,
    WITHDRAWN,
    Consent,
    Entry,
    Intent,
)  # fmt: skip
from quell.state.policy import Policy


def policy(*purposes):
    fields = [
        field(1, "a", 192, INT, required=True, purposes=[1]), field(2, "b", 192, INT, purposes=[1, 2]), field(3, "c", 9, INT, required=True, purposes=[2]),
        field(4, "d", [1, 0], INT, required=True, purposes=[2]),
    ]  # fmt: skip
    m = {0: 1, 1: "name", 2: 1, 3: 2000000000, 4: ["us", "m"], 5: list(purposes), 6: fields, 7: [], 8: {}, 9: []}
    return Policy(b"", cbor.encode(m), lambda source: source >= 192)


def consent(status=GIVEN, digest=None, instance=b"instance", reconciled=True):
    made = Consent(MemFlash(), None, Counters())
    made.instance, made.reconciled = instance, reconciled
    made.purposes = {1: Entry(1, status, bytes(16), purpose(1)[10] if digest is None else digest, True)}
    return made


class TestRefusal(unittest.TestCase):
    def reason(self, basis=CONSENT, floor=1800000000, **state):
        document = policy(purpose(1, "diagnostics", basis), purpose(2, "other"))
        return refusal(document, consent(**state), document.by_id[1], floor)

    def test_consent_given_for_this_digest_in_this_instance_under_this_policy_may(self):
        self.assertEqual(self.reason(), 0)

    def test_without_a_policy_none_may(self):
        self.assertEqual(refusal(None, consent(), None, 0), NO_POLICY)
        self.assertEqual(list(allowed(None, consent(), 0)), [])

    def test_with_an_expired_policy_none_may(self):
        self.assertEqual(self.reason(floor=1999999999), 0)
        self.assertEqual(self.reason(floor=2000000000), POLICY_EXPIRED)

    def test_without_consent_none_may(self):
        for status in (UNKNOWN, WITHDRAWN, REVOKED, 4, -1, None):
            self.assertEqual(self.reason(status=status), NO_CONSENT)

    def test_with_another_digest_none_may(self):
        self.assertEqual(self.reason(digest=bytes(32)), NO_CONSENT)
        self.assertEqual(self.reason(digest=b""), NO_CONSENT)

    def test_without_an_instance_none_may_whatever_the_basis(self):
        for basis in range(4):
            self.assertEqual(self.reason(basis, instance=b""), NO_INSTANCE)

    def test_without_an_entry_none_may_whatever_the_basis(self):
        for basis in range(4):
            document = policy(purpose(1), purpose(2, "other", basis))
            self.assertEqual(refusal(document, consent(), document.by_id[2], 0), NO_CONSENT)

    def test_during_a_purge_none_may_whatever_the_basis(self):
        for basis in range(4):
            document = policy(purpose(1, "diagnostics", basis), purpose(2, "other"))
            state = consent()
            state.intents[1] = Intent(1, b"", 1, -1, 0, None)
            self.assertEqual(refusal(document, state, document.by_id[1], 0), NO_CONSENT)

    def test_an_objection_stops_a_legitimate_interest_and_nothing_is_collected_before_bundles_were_heard(self):
        self.assertEqual(self.reason(LEGITIMATE_INTEREST, status=UNKNOWN), 0)
        self.assertEqual(self.reason(LEGITIMATE_INTEREST, status=WITHDRAWN), NO_CONSENT)
        self.assertEqual(self.reason(LEGITIMATE_INTEREST, status=REVOKED), NO_CONSENT)
        self.assertEqual(self.reason(LEGITIMATE_INTEREST, status=UNKNOWN, reconciled=False), NO_CONSENT)

    def test_contract_and_legal_obligation_need_no_consent(self):
        for basis in (CONTRACT, LEGAL_OBLIGATION):
            self.assertEqual(self.reason(basis, status=UNKNOWN), 0)


class TestDecide(unittest.TestCase):
    def decided(self, values, purpose_id=None, allowed_ids=(1, 2)):
        counters = Counters()
        document = policy(purpose(1), purpose(2, "other"))
        found = decide(Event(values, purpose_id), document, allowed_ids, counters)
        return [(p.id, [(f.id, value) for f, value in pairs]) for p, pairs in found], counters

    def test_fields_come_by_rising_id_and_only_those_of_the_purpose(self):
        found, _ = self.decided({"b": 2, "a": 1}, 1)
        self.assertEqual(found, [(1, [(1, 1), (2, 2)])])

    def test_a_purpose_that_may_not_gets_nothing(self):
        self.assertEqual(self.decided({"a": 1}, 1, (2,))[0], [])
        self.assertEqual(self.decided({(1, 0): 1}, None, (1,))[0], [])

    def test_unknown_fields_are_counted_and_gone(self):
        found, counters = self.decided({"a": 1, "x": 2, "y": 3, "d": 4}, 1)
        self.assertEqual(found, [(1, [(1, 1)])])
        self.assertEqual(counters.as_map(), {UNKNOWN_FIELD: 3})

    def test_a_missing_required_field_drops_the_record(self):
        for values in ({"b": 2}, {"a": None, "b": 2}, {}):
            found, counters = self.decided(values, 1)
            self.assertEqual(found, [])
            self.assertEqual(counters.get(MISSING_REQUIRED), 1)

    def test_a_required_field_of_another_source_is_not_missed(self):
        self.assertEqual(self.decided({(1, 0): 5})[0], [(2, [(4, 5)])])
        self.assertEqual(self.decided({9: 5}, 2)[0], [(2, [(3, 5)])])

    def test_false_and_zero_are_values(self):
        self.assertEqual(self.decided({"a": 0}, 1)[0], [(1, [(1, 0)])])


if __name__ == "__main__":
    unittest.main()
