# SPDX-License-Identifier: MIT
"""A new policy keeps consent only where it asks for no more, and is taken only from the policy signer, forwards, in time."""

import unittest

from sim.device import INT, TEXT, Device
from sim.saved import Saved, in_flash, receipts
from sim.sim_host import NOW_S, OPERATOR, STRANGER, SUBJECT, field, policy_file, purpose
from sim.sim_host import POLICY as POLICY_SIGNER

from quell.codec.builtin import digest, hex_text
from quell.control.receipt import POLICY
from quell.counters import POLICY_EXPIRED, PURGED
from quell.data_path import BUFFERED, REFUSED
from quell.outcomes import ALREADY, DONE, REFUSED_EXPIRED, REFUSED_POLICY, REFUSED_ROLLBACK, REFUSED_SCHEMA
from quell.state.consent import GIVEN, UNKNOWN, WITHDRAWN

_SAVED = []
CODE = field(1, "code", 192, INT)
NEW_DIGEST = digest(b"another")


def granted():
    if not _SAVED:
        _SAVED.append(Saved(Device().with_policy(version=5).granted()))
    device = _SAVED[0].device()
    device.run(4)
    return device


def push(device, body, version=6, steps=14):
    """Push a policy body and let the device take it -> outcome of the receipt."""
    device.host.bundle(OPERATOR, [device.host.push(body, version)])
    device.agent.session.restart()
    device.run(steps)
    found = receipts(device, POLICY)
    return found[-1][5] if found else None


class TestFetch(unittest.TestCase):
    def test_a_bundle_that_comes_again_while_the_policy_is_on_its_way_gets_one_receipt(self):
        device = granted()
        before = len(receipts(device, POLICY))
        command = device.host.push(policy_file([purpose()], [CODE], version=6), 6)
        chunks = [(topic, device.host.retained.pop(topic)) for topic in list(device.host.retained) if "/p/" in topic]
        message = device.host.bundle(OPERATOR, [command])
        topic = device.host.topic("cmd/" + hex_text(OPERATOR.kid))
        for _ in range(3):
            device.port.link.inbox.append((topic, message))
            device.run(1)
        device.port.link.inbox.extend(chunks)
        device.run(14)
        self.assertEqual(device.agent.consent.policy_version, 6)
        self.assertEqual(len(receipts(device, POLICY)), before + 1)

    def test_one_whose_body_did_not_come_is_tried_again_over_a_new_connection(self):
        device = granted()
        command = device.host.push(policy_file([purpose()], [CODE], version=6), 6)
        chunks = {topic: device.host.retained.pop(topic) for topic in list(device.host.retained) if "/p/" in topic}
        device.host.bundle(OPERATOR, [command])
        device.agent.session.restart()
        device.run(100)
        self.assertEqual(device.agent.consent.policy_version, 5)
        device.host.retained.update(chunks)
        device.agent.session.restart()
        device.run(14)
        self.assertEqual(device.agent.consent.policy_version, 6)


class TestConsent(unittest.TestCase):
    def test_ends_when_the_digest_changes_and_the_ring_goes(self):
        device = granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        key = device.agent.keys.ring_key(1, 1)
        challenge = device.agent.consent.purposes[1].challenge
        self.assertEqual(push(device, policy_file([purpose(k10=NEW_DIGEST)], [CODE], version=6)), DONE)
        entry = device.agent.consent.purposes[1]
        self.assertEqual((entry.status, entry.generation, entry.digest), (UNKNOWN, 2, NEW_DIGEST))
        self.assertNotEqual(entry.challenge, challenge)
        self.assertEqual(in_flash(device, key), [])
        self.assertEqual([name for name in device.port.flash.files if name.startswith("r01")], [])
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        self.assertEqual(device.count(PURGED), 1)

    def test_stays_when_the_policy_narrows_the_old_digest(self):
        device = granted()
        old = device.agent.consent.purposes[1].digest
        body = policy_file([purpose(k10=NEW_DIGEST)], [CODE], version=6, narrows=[old])
        self.assertEqual(push(device, body), DONE)
        entry = device.agent.consent.purposes[1]
        self.assertEqual((entry.status, entry.generation, entry.digest), (GIVEN, 1, NEW_DIGEST))
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), BUFFERED)

    def test_stays_when_the_digest_does(self):
        device = granted()
        self.assertEqual(push(device, policy_file([purpose(k4=30)], [CODE], version=6)), DONE)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)

    def test_narrowing_another_digest_does_not_help(self):
        device = granted()
        body = policy_file([purpose(k10=NEW_DIGEST)], [CODE], version=6, narrows=[bytes(32)])
        push(device, body)
        self.assertEqual(device.agent.consent.purposes[1].status, UNKNOWN)

    def test_ends_when_the_purpose_goes_and_does_not_come_back_with_it(self):
        device = granted()
        other = [purpose(2, "other")]
        self.assertEqual(push(device, policy_file(other, [field(1, "code", 192, INT, purposes=[2])], version=6)), DONE)
        self.assertFalse(1 in device.agent.consent.purposes)
        self.assertFalse(device.agent.keys.has_ring_key(1))
        self.assertEqual(push(device, policy_file([purpose()], [CODE], version=7), 7), DONE)
        entry = device.agent.consent.purposes[1]
        self.assertEqual(entry.status, UNKNOWN)
        self.assertTrue(entry.generation > 1)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)

    def test_an_objection_survives_a_policy_change_even_of_the_digest(self):
        device = Device().with_policy([purpose(1, "diagnostics", 2)])
        device.port.sources.button = "*"
        device.run(3)
        for version, changes in ((2, {}), (3, {"k10": NEW_DIGEST})):
            push(device, policy_file([purpose(1, "diagnostics", 2, **changes)], [CODE], version=version), version)
            self.assertEqual(device.agent.consent.policy_version, version)
            self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
            self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)

    def test_a_withdrawal_survives_a_policy_change(self):
        device = granted()
        device.port.sources.button = "*"
        device.run(3)
        push(device, policy_file([purpose()], [CODE], version=6))
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)

    def test_a_grant_of_the_old_digest_does_not_count_for_the_new(self):
        device = Device().with_policy()
        grant = device.host.grant()
        push(device, policy_file([purpose(k10=NEW_DIGEST)], [CODE], version=2), 2)
        device.host.bundle(SUBJECT, [grant])
        device.agent.session.restart()
        device.run(6)
        self.assertEqual(device.agent.consent.purposes[1].status, UNKNOWN)


class TestRefused(unittest.TestCase):
    def refused(self, body, outcome, version=6):
        device = granted()
        before = device.agent.data.policy.hash
        self.assertEqual(push(device, body, version), outcome)
        self.assertEqual(device.agent.data.policy.hash, before)
        self.assertEqual(device.agent.consent.policy_version, 5)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), BUFFERED)
        device.boot()
        self.assertEqual(device.agent.data.policy.hash, before)

    def test_signed_by_nobody_enrolled(self):
        self.refused(policy_file([purpose()], [CODE], version=6, signer=STRANGER), REFUSED_POLICY)

    def test_signed_by_the_operator_or_the_subject(self):
        for signer in (OPERATOR, SUBJECT):
            self.refused(policy_file([purpose()], [CODE], version=6, signer=signer), REFUSED_POLICY)

    def test_not_signed_at_all(self):
        self.refused(b"not a policy", REFUSED_POLICY)

    def test_older_or_equal_versions_are_rolled_back_to_never(self):
        for version in (4, 5):
            body = policy_file([purpose(k4=30)], [CODE], version=version)
            self.refused(body, REFUSED_ROLLBACK, version)

    def test_a_version_other_than_the_command_says(self):
        self.refused(policy_file([purpose()], [CODE], version=4), REFUSED_POLICY, 6)

    def test_expired(self):
        body = policy_file([purpose()], [CODE], version=6, expires=NOW_S - 10)
        self.refused(body, REFUSED_EXPIRED)

    def test_of_a_newer_schema(self):
        self.refused(policy_file([purpose()], [CODE], version=6, schema=2), REFUSED_SCHEMA)

    def test_that_keeps_free_text(self):
        body = policy_file([purpose()], [field(1, "note", 195, TEXT)], version=6)
        self.refused(body, REFUSED_POLICY)

    def test_over_the_size(self):
        device = granted()
        body = policy_file([purpose(k2="why" * 6000)], [CODE], version=6)
        self.assertTrue(len(body) > 16384)
        self.assertEqual(push(device, body), REFUSED_POLICY)

    def test_whose_body_is_not_the_one_that_the_command_names(self):
        device = granted()
        command = device.host.push(policy_file([purpose()], [CODE], version=6), 6)
        for topic in device.host.retained:
            if topic.startswith("quell/1/p/"):
                device.host.retained[topic] = policy_file([purpose(k4=1)], [CODE], version=6)
        device.host.bundle(OPERATOR, [command])
        device.agent.session.restart()
        device.run(8)
        self.assertEqual(receipts(device, POLICY)[-1][5], REFUSED_POLICY)

    def test_whose_chunks_never_come_does_not_stop_the_data_for_good(self):
        device = granted()
        command = device.host.push(policy_file([purpose()], [CODE], version=6), 6)
        device.host.retained = {}
        device.host.bundle(OPERATOR, [command])
        device.agent.session.restart()
        device.agent.emit("diagnostics", {"code": 1})
        device.host.batches = []
        device.run(40, 5000)
        self.assertEqual(len(device.host.batches), 1)
        self.assertEqual(device.agent.consent.policy_version, 5)


class TestLife(unittest.TestCase):
    def test_of_several_chunks_is_put_together(self):
        device = granted()
        fields = [field(n, "code%d" % n, 192, INT) for n in range(1, 90)]
        body = policy_file([purpose()], fields, version=6)
        self.assertTrue(len(body) > 2 * 1200)
        self.assertEqual(push(device, body), DONE)
        device.boot()
        self.assertEqual(device.agent.data.policy.hash, digest(body))

    def test_the_same_again_is_answered_already(self):
        device = granted()
        body = policy_file([purpose()], [CODE], version=6)
        self.assertEqual(push(device, body), DONE)
        device.boot()
        self.assertEqual(push(device, body), ALREADY)
        self.assertEqual(device.agent.consent.policy_version, 6)

    def test_collection_and_uplink_end_with_it(self):
        device = Device().with_policy(expires=NOW_S + 100).granted()
        device.host.auto = False
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}, durable=True) > 0, True)
        device.host.time_s = NOW_S + 101
        device.agent.session.restart()
        device.run(3)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        self.assertTrue(device.count(POLICY_EXPIRED) >= 1)
        device.host.batches = []
        device.run(20)
        self.assertEqual(device.host.batches, [])

    def test_a_withdrawal_works_after_its_end_too(self):
        device = Device().with_policy(expires=NOW_S + 100).granted()
        device.host.time_s = NOW_S + 101
        device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.agent.session.restart()
        device.run(6)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)

    def test_a_policy_signer_may_sign_what_the_operator_pushes_only(self):
        device = granted()
        body = policy_file([purpose()], [CODE], version=6)
        command = device.host.push(body, 6, POLICY_SIGNER)
        device.host.bundle(OPERATOR, [command])
        device.agent.session.restart()
        device.run(6)
        self.assertEqual(device.agent.consent.policy_version, 5)


if __name__ == "__main__":
    unittest.main()
