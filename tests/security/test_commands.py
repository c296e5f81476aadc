# SPDX-License-Identifier: MIT
"""Only an enrolled signer, for this device, this instance and this moment, changes anything; hostile bytes only cost time."""

import unittest

from sim.device import INT, Device
from sim.saved import Saved, receipts
from sim.sim_host import DEVICE_ID, OPERATOR, STRANGER, SUBJECT, field, purpose
from sim.sim_host import POLICY as POLICY_SIGNER

from quell.codec import cbor, cose
from quell.control import verify
from quell.control.receipt import GRANT, POLICY, WITHDRAW
from quell.counters import (
    COMMAND_BAD_SIGNATURE,
    COMMAND_MALFORMED,
    COMMAND_UNKNOWN_SIGNER,
    GATE_FAILED,
    MESSAGE_DROPPED,
)  # fmt: skip
from quell.limits import MAX_RECEIPTS, UNGATED_CHECK_MS
from quell.outcomes import DONE, REFUSED_BASIS, REFUSED_ROLE, REFUSED_STALE, REFUSED_UNKNOWN_PURPOSE
from quell.state.consent import GIVEN, UNKNOWN, WITHDRAWN

_SAVED = {}


def device_with(state):
    """A connected device: "policy" without a grant, or "granted"."""
    if not _SAVED:
        device = Device().with_policy()
        _SAVED["policy"] = Saved(device)
        device.granted()
        _SAVED["granted"] = Saved(device)
    device = _SAVED[state].device()
    device.run(4)
    return device


def hand(device, message, steps=1):
    """The bytes arrive on a command topic of the live connection; `steps` slices follow."""
    device.port.link.inbox.append((device.host.topic("cmd/" + "0" * 16), message))
    for _ in range(steps):
        device.agent.step()


class Checks:
    """Counts the signature checks of commands."""

    def __enter__(self):
        self.count = 0
        self._check = verify.signature
        verify.signature = self._counted
        return self

    def _counted(self, *args):
        self.count += 1
        return self._check(*args)

    def __exit__(self, *_):
        verify.signature = self._check


class TestGrant(unittest.TestCase):
    def refused(self, grant, signer=SUBJECT, reason=COMMAND_BAD_SIGNATURE):
        device = device_with("policy")
        hand(device, device.host.bundle(signer, [grant]), 3)
        entry = device.agent.consent.purposes[1]
        self.assertEqual((entry.status, entry.generation), (UNKNOWN, 0))
        if reason:
            self.assertEqual(device.count(reason), 1)
        return device

    def test_binds_device_instance_digest_and_challenge(self):
        host = device_with("policy").host
        entry = host.entry_of(1)
        good = ["quell/1 command", DEVICE_ID, host.instance, entry[4], entry[3]]
        for i, other in ((1, bytes(16)), (2, b"INSTANCE"), (3, bytes(32)), (4, bytes(16)), (0, "quell/1 policy")):
            aad = list(good)
            aad[i] = other
            self.refused(SUBJECT.sign(aad, [1, 1, 0]))
        device = device_with("policy")
        hand(device, device.host.bundle(SUBJECT, [SUBJECT.sign(good, [1, 1, 0])]), 3)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)

    def test_by_a_role_that_grant_by_does_not_name_is_refused_with_a_receipt(self):
        host = device_with("policy").host
        device = self.refused(host.grant(signer=OPERATOR), OPERATOR, None)
        device.run(3)
        self.assertEqual(receipts(device, GRANT)[-1][5], REFUSED_ROLE)

    def test_in_anothers_bundle_counts_by_its_own_signer(self):
        host = device_with("policy").host
        grant = host.grant(signer=STRANGER)
        self.refused(grant, SUBJECT, COMMAND_UNKNOWN_SIGNER)

    def test_signed_by_another_key_under_an_enrolled_kid_is_refused(self):
        host = device_with("policy").host
        entry = host.entry_of(1)
        aad = cbor.encode(["quell/1 command", DEVICE_ID, host.instance, entry[4], entry[3]])
        self.refused(cose.sign1(STRANGER.private, SUBJECT.kid, aad, cbor.encode([1, 1, 0])))

    def test_of_another_generation_or_purpose_is_refused_with_a_receipt(self):
        host = device_with("policy").host
        for grant, outcome in (
            (host.grant(generation=1), REFUSED_STALE),
            (SUBJECT.sign(["quell/1 command"], [1, 9, 0]), REFUSED_UNKNOWN_PURPOSE),
        ):
            device = self.refused(grant, SUBJECT, None)
            device.run(3)
            self.assertEqual(receipts(device, GRANT)[-1][5], outcome)

    def test_of_a_contract_purpose_is_refused_with_a_receipt(self):
        device = Device().with_policy([purpose(1, "diagnostics", 0, k9=[1])])
        device.granted()
        self.assertEqual(receipts(device, GRANT)[-1][5], REFUSED_BASIS)
        self.assertEqual(device.agent.consent.purposes[1].generation, 0)

    def test_without_an_open_gate_is_not_even_checked(self):
        device = device_with("policy")
        message = device.host.bundle(SUBJECT, [device.host.grant()], gate=bytes(32))
        with Checks() as checks:
            hand(device, message, 20)
        self.assertEqual(checks.count, 0)
        self.assertEqual(device.agent.consent.purposes[1].status, UNKNOWN)


class TestWithdraw(unittest.TestCase):
    def refused(self, command, signer=SUBJECT, reason=COMMAND_BAD_SIGNATURE):
        device = device_with("granted")
        hand(device, device.host.bundle(signer, [command]), 3)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        self.assertEqual(device.count(reason), 1)

    def test_for_another_device_changes_nothing(self):
        host = device_with("granted").host
        payload = [2, 1, 1, host.instance]
        self.refused(SUBJECT.sign(["quell/1 command", bytes(16)], payload))

    def test_by_a_stranger_changes_nothing(self):
        host = device_with("granted").host
        self.refused(host.withdraw(1, signer=STRANGER), SUBJECT, COMMAND_UNKNOWN_SIGNER)

    def test_with_a_false_signature_changes_nothing(self):
        host = device_with("granted").host
        command = host.withdraw(1)
        self.refused(command[:-1] + bytes([command[-1] ^ 1]))

    def test_by_a_policy_signer_changes_nothing(self):
        host = device_with("granted").host
        self.refused(host.withdraw(1, signer=POLICY_SIGNER), SUBJECT, COMMAND_UNKNOWN_SIGNER)


class TestPolicyCommand(unittest.TestCase):
    def test_by_the_subject_is_refused_with_a_receipt(self):
        device = device_with("policy")
        hand(device, device.host.bundle(SUBJECT, [device.host.push(b"body", 2, SUBJECT)]), 3)
        self.assertEqual(receipts(device, POLICY)[-1][5], REFUSED_ROLE)

    def test_for_another_instance_changes_nothing(self):
        device = device_with("policy")
        device.host.instance = b"INSTANCE"
        hand(device, device.host.bundle(OPERATOR, [device.host.push(b"body", 2)]), 3)
        self.assertEqual(device.count(COMMAND_BAD_SIGNATURE), 1)


class TestUngatedLane(unittest.TestCase):
    def test_a_withdrawal_whose_gate_is_false_still_works(self):
        device = device_with("granted")
        hand(device, device.host.bundle(SUBJECT, [device.host.withdraw(1)], gate=bytes(32)))
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.count(GATE_FAILED), 1)

    def test_a_flood_costs_one_check_per_five_seconds(self):
        device = device_with("granted")
        forged = [device.host.withdraw(n) for n in range(2, 6)]
        forged = [command[:-1] + bytes([command[-1] ^ 1]) for command in forged]
        message = device.host.bundle(SUBJECT, forged, gate=bytes(32))
        with Checks() as checks:
            for _ in range(30):
                hand(device, message)
                device.port.clock.ms += 500
        self.assertEqual(UNGATED_CHECK_MS, 5000)
        self.assertTrue(2 <= checks.count <= 3)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)

    def test_a_stranger_gets_no_check_at_all(self):
        device = device_with("granted")
        message = device.host.bundle(STRANGER, [device.host.withdraw(1, signer=STRANGER)])
        with Checks() as checks:
            hand(device, message, 20)
        self.assertEqual(checks.count, 0)

    def test_a_gated_withdrawal_does_not_wait_for_the_lane(self):
        device = device_with("granted")
        forged = device.host.withdraw(4)[:-1] + b"\x00"
        hand(device, device.host.bundle(SUBJECT, [forged], gate=bytes(32)))
        hand(device, device.host.bundle(SUBJECT, [device.host.withdraw(1)]))
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)

    def test_withdrawals_waiting_share_the_lane_at_random(self):
        device = device_with("granted")
        control = device.agent.control
        good = device.host.bundle(SUBJECT, [device.host.withdraw(1)], gate=bytes(32))
        forged = device.host.withdraw(5)[:-1] + b"\x00"
        bad = device.host.bundle(SUBJECT, [forged] * 3, gate=bytes(32))
        for _ in range(40):
            control.inbox.take(good)
            control.inbox.take(bad)
            device.agent.step()
            device.port.clock.ms += UNGATED_CHECK_MS
            if device.agent.consent.purposes[1].status == WITHDRAWN:
                return
        self.fail("the good one never got its turn")


class TestMalformed(unittest.TestCase):
    def test_every_truncation_of_a_bundle_is_refused(self):
        device = device_with("granted")
        message = device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        for end in range(1, len(message)):
            device.agent.control.inbox.take(message[:end])
        self.assertEqual(device.count(COMMAND_MALFORMED), len(message) - 1)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)

    def test_shapes_that_are_no_commands_are_refused(self):
        device = device_with("granted")
        shapes = (
            [], 7, "x", {1: 2}, [1, 1], [1, 1, 0, 0], [1, -1, 0], [1, "1", 0], [1, True, 0], [1, 1, 1 << 40],
            [2, 1, 0], [2, 1, 0, b"short"], [2, 1, 0, "instance"], [2, -1, 0, bytes(8)], [2, 1, -1, bytes(8)],
            [3, bytes(31), 1, 1, 1], [3, bytes(32), 1, 1], [3, bytes(32), 1, -1, 1], [0, 1, 1], [4, 1, 1], [None], [[1], 1, 0],
        )  # fmt: skip
        for shape in shapes:
            entry = unsigned(shape)
            before = device.count(COMMAND_MALFORMED)
            device.agent.control.inbox.take(device.host.bundle(SUBJECT, [entry]))
            self.assertEqual(device.count(COMMAND_MALFORMED), before + 1, repr(shape))

    def test_bundles_of_another_shape_are_refused(self):
        device = device_with("granted")
        aad = cbor.encode(["quell/1 gate", DEVICE_ID])
        for payload in (b"", b"\x00", cbor.encode({}), cbor.encode([1]), cbor.encode([["x"]]), cbor.encode([b"x"] * 17)):
            message = cose.mac0(SUBJECT.gate, SUBJECT.kid, aad, payload, True)
            before = device.count(COMMAND_MALFORMED)
            device.agent.control.inbox.take(message)
            self.assertEqual(device.count(COMMAND_MALFORMED), before + 1, repr(payload))

    def test_a_long_tag_or_an_oversized_bundle_is_refused(self):
        device = device_with("granted")
        aad = cbor.encode(["quell/1 gate", DEVICE_ID])
        payload = cbor.encode([device.host.withdraw(1)])
        device.agent.control.inbox.take(cose.mac0(SUBJECT.gate, SUBJECT.kid, aad, payload))
        device.agent.control.inbox.take(cose.mac0(SUBJECT.gate, SUBJECT.kid, aad, cbor.encode([bytes(1400)]), True))
        self.assertEqual(device.count(COMMAND_MALFORMED), 2)

    def test_one_bad_entry_does_not_cost_the_others(self):
        device = device_with("granted")
        hand(device, device.host.bundle(SUBJECT, [b"bad", b"", device.host.withdraw(1)]))
        self.assertEqual(device.count(COMMAND_MALFORMED), 2)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)

    def test_an_unknown_topic_is_dropped_and_counted(self):
        device = device_with("granted")
        device.port.link.inbox.append(("quell/1/other", b"x"))
        device.agent.step()
        self.assertEqual(device.count(MESSAGE_DROPPED), 1)


def unsigned(payload):
    """A COSE_Sign1 of any payload that nobody signed: parsing comes first."""
    return cbor.encode(cbor.Tag(18, [b"\xa1\x01\x28", {4: SUBJECT.kid}, cbor.encode(payload), bytes(64)]))


class TestFull(unittest.TestCase):
    def test_a_bundle_of_sixteen_commands_is_carried_out(self):
        purposes = [purpose(n, "p%d" % n) for n in range(1, 8)]
        device = Device().with_policy(purposes, [field(1, "code", 192, INT, purposes=range(1, 8))])
        commands = [device.host.withdraw(0, purpose_id=n) for n in range(1, 8)]
        message = device.host.bundle(SUBJECT, commands)
        self.assertTrue(len(message) <= 1400)
        device.agent.session.restart()
        device.run(14)
        for n in range(1, 8):
            self.assertEqual(device.agent.consent.purposes[n].status, WITHDRAWN)

    def test_sixteen_entries_fit_the_queue(self):
        device = device_with("granted")
        entries = [unsigned([2, 1, n, bytes(8)]) for n in range(10)]
        device.agent.control.inbox.take(device.host.bundle(SUBJECT, entries))
        self.assertFalse(device.agent.control.idle())
        device.run(14)
        self.assertTrue(device.agent.control.idle())
        self.assertEqual(device.count(COMMAND_BAD_SIGNATURE), 10)

    def test_with_all_receipts_unacknowledged_only_withdrawals_are_applied(self):
        device = device_with("policy")
        device.host.auto = False
        grant = device.host.grant()
        for n in range(MAX_RECEIPTS):
            hand(device, device.host.bundle(SUBJECT, [SUBJECT.sign(["x", n], [1, 9, n])]))
        self.assertTrue(device.agent.receipts.full())
        hand(device, device.host.bundle(SUBJECT, [grant]), 3)
        self.assertEqual(device.agent.consent.purposes[1].status, UNKNOWN)
        hand(device, device.host.bundle(SUBJECT, [device.host.withdraw(0)]), 3)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        waiting = device.agent.consent.unacknowledged
        self.assertEqual(len(waiting), MAX_RECEIPTS)
        device.run(5)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], DONE)

    def test_a_grant_that_found_no_room_is_applied_once_receipts_are_acknowledged(self):
        device = device_with("policy")
        device.host.auto = False
        grant = device.host.grant()
        for n in range(MAX_RECEIPTS):
            hand(device, device.host.bundle(SUBJECT, [SUBJECT.sign(["x", n], [1, 9, n])]))
        hand(device, device.host.bundle(SUBJECT, [grant]), 2)
        device.host.auto = True
        device.run(40)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)


if __name__ == "__main__":
    unittest.main()
