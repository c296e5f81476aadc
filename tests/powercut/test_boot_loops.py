# SPDX-License-Identifier: MIT
"""A thousand boots, each cut in its first operations; and the whole file system formatted, as Quectel's boot code does."""

import gc
import sys
import unittest

sys.path.append("tests/powercut")  # on MicroPython; pytest has it by itself

from engine import need
from rings import NorRingHalf, NorRingScenario
from sim.device import Device
from sim.sim_blocks import HAVE_LITTLEFS, make_fs
from sim.sim_board import LittleBoard, MixedBoard, NorBoard
from sim.sim_nor import MODES
from sim.sim_nor_faults import XorShift32
from sim.sim_port import PowerCut

from quell.errors import StateError
from quell.state.consent import GIVEN
from quell.store import nor_ring
from quell.store.sealer import Sealer

BOOTS = 1000


class TestRing(unittest.TestCase):
    def tearDown(self):
        nor_ring.Sealer = Sealer  # the scenarios watch it

    def loops(self, scenario):
        world = scenario.world()
        world.cut_modes = []
        world.boot()
        world.append(20)
        world.append(20)
        random = XorShift32(3)
        kept = set(world.returned)
        for n in range(BOOTS):
            world.chip.arm(random.below(4), MODES[n % len(MODES)], n + 1)
            try:
                world.boot()
                world.append(random.below(50))
                world.append(random.below(50))
            except PowerCut:
                pass
            world.chip.reboot()
        world.boot()
        need(world.ring.lost > 0 or kept <= set(world.drained()), "gone, and not counted")
        world.append(4)
        left = world.drained()
        self.assertTrue(len(left) >= 1)

    def test_a_thousand_cut_boots_leave_a_ring_that_works_and_never_use_a_number_twice(self):
        self.loops(NorRingScenario())

    def test_the_same_from_a_half_finished_format(self):
        self.loops(NorRingHalf())


class TestAgent(unittest.TestCase):
    def test_a_thousand_cut_boots_change_neither_consent_nor_keys(self):
        device = Device(flash=NorBoard(ring_sectors=6), provisioned=False).with_policy().granted()
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        entry = device.agent.consent.purposes[1]
        key, challenge = device.agent.keys.ring_key(1, 1), entry.challenge
        chip = device.board.chip
        device.host.verify = False
        for n in range(BOOTS):
            chip.arm(n % 13, MODES[n % len(MODES)], n + 1)
            try:
                device.boot(power_is_back=False)
            except PowerCut:
                pass
            device.board.reboot()
        device.boot()
        entry = device.agent.consent.purposes[1]
        self.assertEqual((entry.status, entry.challenge), (GIVEN, challenge))
        self.assertEqual(device.agent.keys.ring_key(1, 1), key)
        self.assertTrue(device.agent.emit("diagnostics", {"code": 2}, durable=True))


if HAVE_LITTLEFS:

    class TestFormatted(unittest.TestCase):
        def setUp(self):
            gc.collect()  # a chip is one large allocation

        def test_with_its_keys_on_it_the_device_is_silent_until_it_is_provisioned_again(self):
            for kind in (1, 2):
                device = Device(flash=LittleBoard(kind), provisioned=False).with_policy().granted()
                device.board.reboot()
                make_fs(kind, device.board.chip)
                self.assertRaises(StateError, device.boot)

        def test_with_its_keys_elsewhere_it_begins_a_new_instance_and_no_old_grant_counts(self):
            device = Device(flash=MixedBoard(), provisioned=False).with_policy()
            grant = device.host.grant()
            device.granted()
            instance = device.agent.consent.instance
            device.board.reboot()
            make_fs(2, device.board.little.chip)
            device.boot()
            self.assertEqual((device.agent.consent.instance, device.agent.consent.purposes), (b"", {}))
            from sim.sim_host import SUBJECT

            device.host.bundle(SUBJECT, [grant])
            device.run(12)
            self.assertNotEqual(device.agent.consent.instance, instance)
            self.assertFalse([e for e in device.agent.consent.purposes.values() if e.status == GIVEN])


if __name__ == "__main__":
    unittest.main()
