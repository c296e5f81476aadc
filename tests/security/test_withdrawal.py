# SPDX-License-Identifier: MIT
"""A withdrawal stops, erases and is proved, and repeating or replaying it changes nothing."""

import unittest

from sim.device import INT, VERSION, Device
from sim.saved import Saved, in_flash, receipts
from sim.sim_host import OPERATOR, SUBJECT, field, purpose

from quell.codec.builtin import digest
from quell.control.receipt import GRANT, WITHDRAW
from quell.counters import NO_CONSENT, PURGED
from quell.data_path import BUFFERED, DURABLE, REFUSED
from quell.limits import SEQUENCE_BLOCK
from quell.outcomes import DONE, REFUSED_BASIS
from quell.port import LOGICAL
from quell.state.consent import GIVEN, REVOKED, WITHDRAWN

NEEDLE = "needle-4711"
_SAVED = []


def granted():
    """A device with two durable records that nobody acknowledged, one of them holding NEEDLE."""
    if not _SAVED:
        device = Device()
        device.with_policy(fields=[field(1, "code", 192, INT), field(2, "release", 206 + 1, VERSION)])
        device.granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 7}, durable=True)
        device.agent.emit("diagnostics", {"release": NEEDLE}, durable=True)
        _SAVED.append(Saved(device))
    return _SAVED[0].device()


def withdrawn(device, generation=1, signer=SUBJECT, instance=None):
    """Retain a withdrawal and let the device take it -> the command."""
    command = device.host.withdraw(generation, signer=signer, instance=instance)
    device.host.bundle(signer, [command])
    device.agent.session.restart()
    device.run(8)
    return command


class TestStop(unittest.TestCase):
    def test_collection_stops_in_the_step_in_which_the_command_arrives(self):
        device = granted()
        device.run(4)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), BUFFERED)
        message = device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.port.link.inbox.append((device.host.topic("cmd/0"), message))
        batches = len(device.host.batches)
        device.agent.step()
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 2}), REFUSED)
        self.assertEqual(device.count(NO_CONSENT), 1)
        device.run(40)
        self.assertEqual(len(device.host.batches), batches)

    def test_the_link_is_closed_and_opened_clean(self):
        device = granted()
        device.run(4)
        connects = device.port.link.connects
        message = device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.port.link.inbox.append((device.host.topic("cmd/0"), message))
        device.agent.step()
        self.assertFalse(device.port.link.connected)
        device.run(2)
        self.assertEqual(device.port.link.connects, connects + 1)

    def test_the_operator_revokes(self):
        device = granted()
        withdrawn(device, signer=OPERATOR)
        self.assertEqual(device.agent.consent.purposes[1].status, REVOKED)

    def test_a_later_generation_than_the_current_one_is_withdrawn_too(self):
        device = granted()
        withdrawn(device, generation=9)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.agent.consent.purposes[1].generation, 2)


class TestErase(unittest.TestCase):
    def test_key_records_and_plaintext_are_gone_from_the_flash(self):
        device = granted()
        key = device.agent.keys.ring_key(1, 1)
        self.assertEqual(sorted(in_flash(device, key)), ["keys.a", "keys.b"])
        self.assertIn("r010", device.port.flash.files)
        withdrawn(device)
        self.assertEqual(in_flash(device, key), [])
        self.assertEqual(in_flash(device, NEEDLE.encode()), [])
        self.assertEqual([name for name in device.port.flash.files if name.startswith("r01")], [])

    def test_plaintext_of_records_is_never_in_the_flash(self):
        self.assertEqual(in_flash(granted(), NEEDLE.encode()), [])

    def test_the_receipt_says_what_was_destroyed(self):
        device = granted()
        command = withdrawn(device)
        receipt = receipts(device, WITHDRAW)[-1]
        self.assertEqual(receipt[5], DONE)
        self.assertEqual(receipt[6], 1)
        self.assertEqual((receipt[7], receipt[8]), (2, WITHDRAWN))
        self.assertEqual(receipt[9], device.agent.consent.purposes[1].challenge)
        self.assertEqual(receipt[10], digest(command))
        self.assertEqual((receipt[11], receipt[12]), (1, LOGICAL))
        self.assertEqual((receipt[13], receipt[22]), (SEQUENCE_BLOCK - 1, 2))
        self.assertEqual(receipt[19], 1)
        self.assertEqual(device.count(PURGED), 2)

    def test_receipts_form_a_chain_from_the_first(self):
        device = granted()
        withdrawn(device)
        device.granted()
        withdrawn(device, generation=3)
        before, number = bytes(32), 0
        for message, m in device.host.receipts:
            self.assertEqual(m[3], number + 1)
            self.assertEqual(m[4], before)
            before, number = digest(message), m[3]
        self.assertTrue(number >= 5)
        self.assertEqual((device.host.state[3], device.host.state[4]), (number, before))


class TestAgain(unittest.TestCase):
    def test_the_same_command_again_changes_nothing_and_returns_the_stored_receipt(self):
        device = granted()
        command = withdrawn(device)
        first = [message for message, m in device.host.receipts if m[0] == WITHDRAW]
        device.host.auto = True
        device.run(20)
        for _ in range(2):
            device.boot()
            device.host.receipts = []
            device.run(20)
            again = [message for message, m in device.host.receipts if m[0] == WITHDRAW]
            self.assertEqual(again, first)
        self.assertEqual(device.agent.consent.purposes[1].generation, 2)
        self.assertEqual(receipts(device, WITHDRAW)[0][10], digest(command))

    def test_a_replay_after_a_new_grant_changes_nothing(self):
        device = granted()
        command = withdrawn(device)
        device.host.auto = True
        device.run(20)
        device.granted()
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        for _ in range(2):
            device.host.bundle(SUBJECT, [command])
            device.boot()
            device.run(20)
            self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
            self.assertEqual(device.agent.consent.purposes[1].generation, 3)
        self.assertTrue(device.agent.emit("diagnostics", {"code": 1}, durable=True) == DURABLE)

    def test_an_old_grant_again_after_the_withdrawal_is_refused(self):
        device = Device().with_policy()
        grant = device.host.grant()
        device.host.bundle(SUBJECT, [grant])
        device.agent.session.restart()
        device.run(6)
        withdrawn(device)
        for _ in range(2):
            device.host.bundle(SUBJECT, [grant])
            device.boot()
            device.run(12)
            self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(len([r for r in receipts(device, GRANT) if r[5] == DONE]), 1)

    def test_a_second_withdrawal_by_another_signer_is_answered_already(self):
        device = granted()
        withdrawn(device)
        generation = device.agent.consent.purposes[1].generation
        withdrawn(device, generation=2, signer=OPERATOR)
        self.assertEqual(device.agent.consent.purposes[1].generation, generation)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)


class TestInstance(unittest.TestCase):
    def test_a_withdrawal_of_an_earlier_instance_leaves_a_grant_of_this_one(self):
        device = granted()
        withdrawn(device, generation=1, instance=b"earlier.")
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        self.assertEqual(receipts(device, WITHDRAW)[-1:], [])

    def test_a_withdrawal_of_an_earlier_instance_counts_while_nothing_was_granted_here(self):
        device = Device().with_policy()
        withdrawn(device, generation=5, instance=b"earlier.")
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], DONE)

    def test_an_unknown_purpose_is_refused_with_a_receipt(self):
        device = granted()
        command = device.host.withdraw(1, purpose_id=77)
        device.host.bundle(SUBJECT, [command])
        device.agent.session.restart()
        device.run(6)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], 8)


class TestBasis(unittest.TestCase):
    def test_a_contract_purpose_refuses_with_a_receipt_and_goes_on(self):
        device = Device().with_policy([purpose(1, "diagnostics", 0)])
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), BUFFERED)
        withdrawn(device, generation=0)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], REFUSED_BASIS)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), BUFFERED)

    def test_a_legal_obligation_refuses_too(self):
        device = Device().with_policy([purpose(1, "diagnostics", 1)])
        withdrawn(device, generation=0)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], REFUSED_BASIS)

    def test_an_objection_to_a_legitimate_interest_is_honoured(self):
        device = Device().with_policy([purpose(1, "diagnostics", 2)])
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}, durable=True), DURABLE)
        withdrawn(device, generation=0)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], DONE)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)


class TestButton(unittest.TestCase):
    def test_the_button_withdraws_one_purpose_without_network_or_clock(self):
        device = granted()
        device.port.link.up = False
        device.port.clock.hint = None
        device.port.sources.button = "diagnostics"
        device.agent.step()
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertIsNone(device.port.sources.button)
        device.port.link.up = True
        device.run(10)
        receipt = receipts(device, WITHDRAW)[-1]
        self.assertEqual((receipt[5], receipt[10], receipt[19]), (DONE, b"", 4))

    def test_the_button_for_all_leaves_a_contract(self):
        device = Device().with_policy([purpose(1, "diagnostics", 3), purpose(2, "care", 0), purpose(3, "study", 2)])
        device.granted()
        device.port.sources.button = "*"
        device.run(4)
        status = [device.agent.consent.purposes[i].status for i in (1, 2, 3)]
        self.assertEqual(status, [WITHDRAWN, 0, WITHDRAWN])

    def test_a_name_that_no_purpose_has_changes_nothing(self):
        device = granted()
        device.port.sources.button = "nonsense"
        device.run(2)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)

    def test_pressed_twice_is_one_withdrawal(self):
        device = granted()
        for _ in range(2):
            device.port.sources.button = "*"
            device.run(3)
        self.assertEqual(device.agent.consent.purposes[1].generation, 2)


if __name__ == "__main__":
    unittest.main()
