# SPDX-License-Identifier: MIT
"""The agent's step goes on whatever fails in it, counts how often in a row, and a save is no end."""

import unittest

from sim.device import Device

from quell.counters import FLASH_FAILED, NO_MEMORY
from quell.data_path import BUFFERED
from quell.errors import FlashError


def raising(error):
    def step(now_ms):
        raise error

    return step


def after_a_cut(device):
    """The codes that reach the host when power goes now and comes back."""
    device.boot()
    device.run(12)
    return [record[4][1] for record in device.host.stored[(device.host.instance, 1, 1)].values()]


class TestFailedSteps(unittest.TestCase):
    def test_a_step_in_which_all_gets_through_leaves_none(self):
        device = Device().with_policy().granted()
        device.run(10)
        self.assertEqual(device.agent.failed_steps, 0)

    def test_each_step_in_a_row_counts_once_however_many_paths_fail(self):
        device = Device().with_policy().granted()
        device.agent.control.step = raising(ValueError("x"))
        device.run(3)
        self.assertEqual(device.agent.failed_steps, 3)
        device.agent.data.step = raising(RuntimeError("y"))
        device.agent.session.step = raising(KeyError("z"))
        device.run(4)
        self.assertEqual(device.agent.failed_steps, 7)

    def test_one_step_that_gets_through_ends_the_row(self):
        device = Device().with_policy().granted()
        step = device.agent.control.step
        device.agent.control.step = raising(ValueError("x"))
        device.run(5)
        device.agent.control.step = step
        device.run(1)
        self.assertEqual(device.agent.failed_steps, 0)
        device.agent.control.step = raising(ValueError("x"))
        device.run(1)
        self.assertEqual(device.agent.failed_steps, 1)

    def test_every_path_counts_and_every_kind_of_failure(self):
        device = Device().with_policy().granted()
        for path in (device.agent.session, device.agent.control, device.agent.data):
            step = path.step
            for error, reason in ((MemoryError(), NO_MEMORY), (FlashError("x"), FLASH_FAILED), (OSError(5), None)):
                before = 0 if reason is None else device.count(reason)
                path.step = raising(error)
                device.run(2)
                self.assertEqual(device.agent.failed_steps, 2)
                if reason is not None:
                    self.assertEqual(device.count(reason), before + 2)
                path.step = step
                device.run(1)
                self.assertEqual(device.agent.failed_steps, 0)

    def test_a_path_that_fails_leaves_the_others_their_turn(self):
        device = Device().with_policy().granted()
        device.agent.session.step = raising(ValueError("x"))
        turns = []
        device.agent.control.step = lambda now_ms: turns.append("control")
        device.agent.data.step = lambda now_ms: turns.append("data")
        device.run(2)
        self.assertEqual(turns, ["control", "data"] * 2)

    def test_a_lost_connection_is_no_failed_step(self):
        device = Device().with_policy().granted()
        device.port.link.up = False
        device.run(20)
        self.assertEqual(device.agent.failed_steps, 0)
        self.assertTrue(device.agent.session.failures > 0)


class TestSave(unittest.TestCase):
    def test_a_save_brings_records_to_flash_and_leaves_the_connection(self):
        device = Device().with_policy().granted()
        self.assertTrue(device.agent.session.answered)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 7}), BUFFERED)
        device.agent.save()
        self.assertTrue(device.agent.session.connected)
        self.assertEqual(after_a_cut(device), [7])

    def test_a_close_brings_them_there_and_ends_the_connection(self):
        device = Device().with_policy().granted()
        device.agent.emit("diagnostics", {"code": 7})
        device.agent.close()
        self.assertFalse(device.agent.session.connected)
        self.assertEqual(after_a_cut(device), [7])

    def test_no_number_is_given_twice_when_power_stays_after_a_save_and_goes_later(self):
        device = Device().with_policy().granted()
        for code in (1, 2, 3):
            device.agent.emit("diagnostics", {"code": code})
            device.run(6)
            device.agent.save()  # power was about to go, and did not
            device.agent.emit("diagnostics", {"code": 10 * code})
            device.run(6)
            device.boot()
            device.run(10)
        stored = device.host.stored[(device.host.instance, 1, 1)]
        self.assertEqual(sorted([record[4][1] for record in stored.values()]), [1, 2, 3, 10, 20, 30])

    def test_a_save_that_the_flash_refuses_raises_nothing_and_is_counted(self):
        device = Device().with_policy().granted()
        device.agent.emit("diagnostics", {"code": 7})
        device.board.broken = True
        device.agent.save()
        self.assertTrue(device.count(FLASH_FAILED) > 0)


if __name__ == "__main__":
    unittest.main()
