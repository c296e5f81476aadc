# SPDX-License-Identifier: MIT
"""Losing state between two boots is met by a new instance: no old grant, no reused number, no record taken for a duplicate."""

import unittest

from sim.device import Device
from sim.saved import Saved, in_flash
from sim.sim_host import OPERATOR, SUBJECT, purpose

from quell.data_path import DURABLE, REFUSED
from quell.errors import EntropyError, StateError
from quell.state.consent import GIVEN, WITHDRAWN

_SAVED = []


def granted():
    """A device with two records, one of them delivered, and the grant that it got -> (device, grant)."""
    if not _SAVED:
        device = Device().with_policy()
        grant = device.host.grant()
        device.host.bundle(SUBJECT, [grant])
        device.agent.session.restart()
        device.run(6)
        device.agent.emit("diagnostics", {"code": 7}, durable=True)
        device.run(4)
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 8}, durable=True)
        policy = {name: body for name, body in device.host.retained.items() if "/p/" in name}
        _SAVED.append((Saved(device), grant, policy))
    saved, grant, policy = _SAVED[0]
    device = saved.device(boot=False)
    device.host.auto = True
    device.host.retained = dict(policy)
    return device, grant


def lose(device, *stores):
    """Delete the files of these stores, or everything but the provisioning record."""
    for name in list(device.port.flash.files):
        store = name.split(".")[0]
        if store in stores or (not stores and store != "prov"):
            device.port.flash.files.pop(name)


class TestLoss(unittest.TestCase):
    def starts_over(self, *stores):
        device, grant = granted()
        old = device.host.instance
        lose(device, *stores)
        device.boot()
        self.assertEqual(device.agent.consent.instance, b"")
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        device.host.bundle(SUBJECT, [grant])
        device.run(12)
        self.assertNotEqual(device.agent.consent.instance, old)
        self.assertEqual(device.agent.consent.instance, device.host.instance)
        self.assertEqual([e.status for e in device.agent.consent.purposes.values() if e.status], [])
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        # and the whole way again: new policy command, new grant, records of their own
        bodies = [device.host.retained[t] for t in sorted(device.host.retained) if "/p/" in t]
        device.host.bundle(OPERATOR, [device.host.push(b"".join(bodies))])
        device.agent.session.restart()
        device.run(12)
        device.host.bundle(SUBJECT, [grant])
        device.agent.session.restart()
        device.run(6)
        self.assertNotEqual(device.agent.consent.purposes[1].status, GIVEN)
        device.granted()
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 99}, durable=True), DURABLE)
        device.run(6)
        self.assertEqual(device.host.duplicates, 0)
        stored = device.host.stored[(device.host.instance, 1, 1)]
        self.assertEqual([record[4] for record in stored.values()], [{1: 99}])
        self.assertIn((old, 1, 1), device.host.stored)

    def test_of_the_state_starts_over(self):
        self.starts_over("state")

    def test_of_the_keys_starts_over(self):
        self.starts_over("keys")

    def test_of_all_but_the_provisioning_record_starts_over(self):
        self.starts_over()

    def test_of_the_ring_alone_costs_its_records_only(self):
        device, _ = granted()
        lose(device, "r010", "r011", "r012", "r013")
        device.boot()
        device.run(4)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 99}, durable=True), DURABLE)
        device.run(6)
        self.assertEqual(device.host.duplicates, 0)
        codes = [record[4][1] for record in device.host.stored[(device.host.instance, 1, 1)].values()]
        self.assertEqual(sorted(codes), [7, 99])

    def test_of_the_policy_alone_stops_until_it_comes_again(self):
        device, _ = granted()
        lose(device, "policy")
        device.boot()
        self.assertIsNone(device.agent.data.policy)
        device.run(4)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        bodies = [device.host.retained[t] for t in sorted(device.host.retained) if "/p/" in t]
        device.host.bundle(OPERATOR, [device.host.push(b"".join(bodies))])
        device.agent.session.restart()
        device.run(12)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 99}, durable=True), DURABLE)
        device.run(6)
        codes = [record[4][1] for record in device.host.stored[(device.host.instance, 1, 1)].values()]
        self.assertEqual(sorted(codes), [7, 8, 99])

    def test_of_the_provisioning_record_makes_the_device_silent(self):
        device, _ = granted()
        lose(device, "prov")
        self.assertRaises(StateError, device.boot)

    def test_of_the_generator_without_trusted_entropy_makes_the_device_silent(self):
        device, _ = granted()
        lose(device, "keys")
        device.trusted_entropy = False
        self.assertRaises(EntropyError, device.boot)

    def test_of_the_keys_takes_the_old_records_along(self):
        device, _ = granted()
        lose(device, "keys")
        old = {name: data for name, data in device.port.flash.files.items() if name.startswith("r01")}
        device.boot()
        device.run(12)
        for name, data in old.items():
            self.assertNotEqual(device.port.flash.files.get(name), data)


class TestObjection(unittest.TestCase):
    def test_survives_the_loss_of_all_state(self):
        device = Device().with_policy([purpose(1, "diagnostics", 2)])
        command = device.host.withdraw(0)
        device.host.bundle(SUBJECT, [command])
        device.agent.session.restart()
        device.run(8)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        bodies = [device.host.retained[t] for t in sorted(device.host.retained) if "/p/" in t]
        lose(device)
        device.boot()
        device.run(6)
        device.host.bundle(OPERATOR, [device.host.push(b"".join(bodies))])
        device.agent.session.restart()
        device.run(14)
        device.host.batches = []
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        device.run(5)
        self.assertEqual(device.host.batches, [])

    def test_nothing_of_a_legitimate_interest_goes_before_the_bundles_were_heard(self):
        device = Device()
        device.host.answer = False
        device.run(3)
        self.assertFalse(device.agent.consent.reconciled)


class TestRot(unittest.TestCase):
    def test_one_rotten_slot_of_the_state_cannot_revive_consent(self):
        device, _ = granted()
        device.boot()
        device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.run(8)
        files = dict(device.port.flash.files)
        for name in ("state.a", "state.b"):
            device.port.flash.files = dict(files)
            device.port.flash.files[name] = b"rot" + files[name][3:]
            device.boot()
            self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
            self.assertEqual(device.agent.consent.purposes[1].generation, 2)

    def test_both_slots_rotten_is_a_loss(self):
        device, _ = granted()
        for name in ("state.a", "state.b"):
            device.port.flash.files[name] = b"rot" + device.port.flash.files[name][3:]
        device.boot()
        self.assertEqual(device.agent.consent.instance, b"")
        self.assertEqual(device.agent.consent.purposes, {})

    def test_a_rotten_policy_is_not_followed(self):
        device, _ = granted()
        for name in ("policy.a", "policy.b"):
            body = device.port.flash.files.get(name)
            if body:
                device.port.flash.files[name] = body[:-1] + bytes([body[-1] ^ 1])
        device.boot()
        self.assertIsNone(device.agent.data.policy)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)

    def test_an_old_state_beside_new_keys_reveals_no_erased_key(self):
        device, _ = granted()
        device.boot()
        key = device.agent.keys.ring_key(1, 1)
        state = {n: d for n, d in device.port.flash.files.items() if n.startswith("state")}
        device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.run(8)
        device.port.flash.files.update(state)
        device.boot()
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        self.assertEqual(in_flash(device, key), [])
        self.assertNotEqual(device.agent.keys.ring_key(1, 1), key)


if __name__ == "__main__":
    unittest.main()
