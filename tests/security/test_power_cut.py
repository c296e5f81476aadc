# SPDX-License-Identifier: MIT
"""The power may go at any flash operation, with the file torn: the end is the old state or the new, never a mix."""

import unittest

from sim.device import INT, Device
from sim.saved import Saved, cut_after, each_cut, in_flash, receipts
from sim.sim_host import OPERATOR, SUBJECT, field, policy_file, purpose
from sim.sim_port import MemFlash, PowerCut

from quell.control.receipt import GRANT, POLICY, WITHDRAW
from quell.counters import FLUSH_REFUSED
from quell.data_path import BUFFERED, REFUSED
from quell.outcomes import DONE
from quell.state.consent import GIVEN, UNKNOWN, WITHDRAWN


def done(device, kind):
    return [r for r in receipts(device, kind) if r[5] == DONE]


class TestWithdraw(unittest.TestCase):
    def saved(self):
        device = Device().with_policy().granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 7}, durable=True)
        device.agent.emit("diagnostics", {"code": 8}, durable=True)
        self.key = device.agent.keys.ring_key(1, 1)
        device.host.batches = []
        return device

    def withdrawn_whatever_happened(self, device, n):
        # even before the bundle comes again, nothing of it can be sent twice or half
        device.run(14)
        entry = device.agent.consent.purposes[1]
        self.assertEqual((entry.status, entry.generation), (WITHDRAWN, 2), n)
        self.assertEqual(device.agent.consent.intents, {}, n)
        self.assertEqual(len(done(device, WITHDRAW)), 1, n)
        receipt = done(device, WITHDRAW)[0]
        self.assertEqual((receipt[7], receipt[9], receipt[11]), (2, entry.challenge, 1), n)
        self.assertEqual(in_flash(device, self.key), [], n)
        self.assertEqual([name for name in device.port.flash.files if name.startswith("r01")], [], n)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 9}), REFUSED, n)
        self.assertEqual(device.host.batches, [], n)

    def test_by_command_ends_the_same_from_every_cut(self):
        saved = Saved(self.saved())

        def command(device):
            device.host.bundle(SUBJECT, [device.host.withdraw(1)])

        operations = each_cut(saved, command, self.withdrawn_whatever_happened)
        self.assertTrue(operations >= 8)

    def test_once_the_intent_is_durable_no_rotten_slot_brings_consent_back(self):
        saved = Saved(self.saved())
        for rotten in ("state.a", "state.b"):
            device = saved.device()
            device.run(4)
            device.host.bundle(SUBJECT, [device.host.withdraw(1)])
            device.agent.session.restart()
            self.assertTrue(cut_after(device, 2, False, boot=False))
            device.port.flash.files[rotten] = b"rot"
            device.boot()
            self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN, rotten)

    def test_by_button_ends_the_same_from_every_cut(self):
        saved = Saved(self.saved())

        def press(device):
            device.port.sources.button = "*"
            device.port.link.up = False

        each_cut(saved, press, self.withdrawn_whatever_happened, steps=2, ways=(True,))

    def test_a_cut_during_the_purge_after_a_cut_ends_the_same(self):
        saved = Saved(self.saved())
        device = saved.device()
        device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.port.flash.budget = 3
        try:
            device.run(4)
        except PowerCut:
            pass
        half = Saved(device)
        for n in range(12):
            device = half.device(boot=False)
            device.port.flash.budget = n
            try:
                device.boot(power_is_back=False)
            except PowerCut:
                pass
            device.boot()
            self.withdrawn_whatever_happened(device, n)


class TestGrant(unittest.TestCase):
    def test_is_whole_or_not_at_all(self):
        device = Device().with_policy()
        device.agent.session.restart()
        device.run(4)
        before = device.agent.consent.purposes[1].challenge
        grant = device.host.grant()
        saved = Saved(device)

        def bundle(device):
            device.host.bundle(SUBJECT, [grant])

        def old_or_new(device, n):
            entry = device.agent.consent.purposes[1]
            if entry.status == GIVEN:
                self.assertEqual(entry.generation, 1, n)
                self.assertNotEqual(entry.challenge, before, n)
                self.assertIn(1, device.agent.consent.last, n)
            else:
                self.assertEqual((entry.status, entry.generation, entry.challenge), (UNKNOWN, 0, before), n)
                self.assertEqual(done(device, GRANT), [], n)
            device.run(12)
            entry = device.agent.consent.purposes[1]
            self.assertEqual((entry.status, entry.generation), (GIVEN, 1), n)
            self.assertEqual(len(done(device, GRANT)), 1, n)
            self.assertEqual(done(device, GRANT)[0][9], entry.challenge, n)

        each_cut(saved, bundle, old_or_new, ways=(True,))


class TestPolicySwap(unittest.TestCase):
    def test_a_policy_is_in_force_or_none_never_a_mix(self):
        device = Device().with_policy().granted()
        device.agent.emit("diagnostics", {"code": 7}, durable=True)
        device.run(8)
        old = device.agent.data.policy.hash
        fields = [field(1, "code", 192, INT), field(2, "more", 192, INT)]
        body = policy_file([purpose(1, "diagnostics", k10=bytes(32))], fields, version=2)
        saved = Saved(device)

        def push(device):
            device.host.bundle(OPERATOR, [device.host.push(body, 2)])

        def old_or_new(device, n):
            agent = device.agent
            if agent.data.policy is None:
                self.assertEqual(agent.emit("diagnostics", {"code": 7}), REFUSED, n)
            elif agent.data.policy.hash == old:
                self.assertEqual((agent.consent.policy_hash, agent.consent.policy_version), (old, 1), n)
                self.assertEqual(agent.emit("diagnostics", {"code": 7}), BUFFERED, n)
            else:
                self.assertEqual(agent.consent.policy_hash, agent.data.policy.hash, n)
                self.assertEqual(agent.emit("diagnostics", {"code": 7}), REFUSED, n)
            device.run(14)
            self.assertEqual(device.agent.consent.policy_version, 2, n)
            self.assertEqual(device.agent.data.policy.version, 2, n)
            self.assertEqual(device.agent.consent.purposes[1].status, UNKNOWN, n)
            self.assertEqual(device.agent.consent.intents, {}, n)
            self.assertTrue(len(done(device, POLICY)) >= 1, n)
            self.assertEqual(device.agent.emit("diagnostics", {"code": 7}), REFUSED, n)

        each_cut(saved, push, old_or_new)


class TestRecords(unittest.TestCase):
    def test_durable_records_survive_every_cut_and_arrive_once(self):
        device = Device().with_policy().granted()
        for code in range(3):
            device.agent.emit("diagnostics", {"code": code}, durable=True)
        saved = Saved(device)

        def nothing(device):
            device.agent.emit("diagnostics", {"code": 3})

        def all_arrived(device, n):
            device.run(12)
            stored = device.host.stored[(device.host.instance, 1, 1)]
            codes = [stored[sequence][4][1] for sequence in sorted(stored)]
            self.assertEqual(codes[:3], [0, 1, 2], n)
            self.assertTrue(codes[3:] in ([], [3]), n)

        each_cut(saved, nothing, all_arrived, ways=(True,))

    def test_a_cut_in_the_first_hour_takes_nothing_of_the_days_budget_of_writes(self):
        board = MemFlash()
        board.flushes_per_day = 48
        device = Device(flash=board, provisioned=False).with_policy().granted()
        device.boot()
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        self.assertEqual((device.agent.counters.get(FLUSH_REFUSED), device.agent.rings.stats(1)["records"]), (0, 1))


if __name__ == "__main__":
    unittest.main()
