# SPDX-License-Identifier: MIT
"""Before power goes, once: a supply that falls below its mark, and the power key of each kind of module."""

import unittest

from ports.quecpython.power import Power
from sim.sim_quec import SimModule


class Supplied:
    """A Power over `misc` with a supply and a key that a test sets."""

    def __init__(self, below_mv=3300, registers=0, supply_mv=4000):
        self.ms = 0
        self.supply = SimModule(getVbatt=lambda: self.supply_mv)
        self.supply_mv = supply_mv
        self.press = None
        self.key = SimModule(powerKeyEventRegister=self._register)
        self.registers = registers
        misc = SimModule(PowerKey=lambda: self.key)
        misc.Power = self.supply
        self.power = Power(misc, lambda: self.ms, below_mv)

    def _register(self, callback):
        self.press = callback
        return self.registers

    def due_at(self, supply_mv):
        """Whether it is due with that supply, at the next look."""
        self.ms += 10000
        self.supply_mv = supply_mv
        return self.power.due()


class TestSupply(unittest.TestCase):
    def test_a_low_supply_is_told_once(self):
        supplied = Supplied()
        self.assertEqual([supplied.due_at(mv) for mv in (3400, 3300, 3299, 3200, 3100, 3299)], [False, False, True] + [False] * 3)

    def test_it_is_told_again_only_after_a_recovery_by_100_mv(self):
        supplied = Supplied()
        self.assertEqual([supplied.due_at(mv) for mv in (3200, 3399, 3200, 3400, 3299)], [True, False, False, False, True])

    def test_a_module_that_starts_low_is_told_at_once(self):
        supplied = Supplied(supply_mv=3000)
        self.assertTrue(supplied.power.due())
        self.assertFalse(supplied.power.due())

    def test_the_supply_is_looked_at_each_10_s_and_only_if_it_was_asked_for(self):
        supplied = Supplied()
        for _ in range(100):
            supplied.power.due()
            supplied.ms += 100
        self.assertEqual(len(supplied.supply.calls), 1)
        supplied = Supplied(below_mv=None)
        for mv in (4000, 1500, 0):
            self.assertFalse(supplied.due_at(mv))
        self.assertEqual(supplied.supply.calls, [])

    def test_a_supply_that_is_not_told_is_no_low_one(self):
        supplied = Supplied()
        for answer in (-1, None, 0, "3000", OSError(5), 999, True):
            supplied.supply.answers["getVbatt"] = answer
            supplied.ms += 10000
            self.assertFalse(supplied.power.due())


class TestKey(unittest.TestCase):
    def test_a_press_is_told_once(self):
        supplied = Supplied()
        self.assertTrue(supplied.power.watches_key)
        self.assertFalse(supplied.power.due())
        supplied.press(1)
        self.assertTrue(supplied.power.due())
        self.assertFalse(supplied.power.due())

    def test_the_release_after_a_press_is_no_second_one(self):
        supplied = Supplied()
        for _ in range(3):
            supplied.press(1)
            self.assertTrue(supplied.power.due())
            supplied.press(0)
            self.assertFalse(supplied.power.due())

    def test_a_module_that_tells_only_the_release_is_heard(self):
        # EC200U and EC600U, by the documentation of misc.PowerKey
        supplied = Supplied()
        for _ in range(3):
            supplied.press(0)
            self.assertTrue(supplied.power.due())
            self.assertFalse(supplied.power.due())

    def test_the_key_is_heard_where_no_supply_is_watched(self):
        supplied = Supplied(below_mv=None)
        supplied.press(1)
        self.assertTrue(supplied.power.due())

    def test_a_module_without_key_supply_or_misc_has_no_warning(self):
        self.assertFalse(Supplied(registers=-1).power.watches_key)
        refusing = SimModule(PowerKey=OSError(1))
        for misc in (None, SimModule(), refusing):
            power = Power(misc, lambda: 0, 3300)
            self.assertFalse(power.watches_key)
            self.assertFalse(power.due())


if __name__ == "__main__":
    unittest.main()
