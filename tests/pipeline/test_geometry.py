# SPDX-License-Identifier: MIT
"""The flash is shared out among the purposes so that all is given, each has its least, and the rest goes by weight."""

import unittest

from sim.sim_nor_faults import XorShift32

from quell.store.geometry import shares


def policies(count=300):
    """Random policies -> [([(purpose, weight)…], units, least)…]."""
    random = XorShift32(11)
    for _ in range(count):
        ids = []
        while len(ids) < 1 + random.below(16):
            number = 1 + random.below(255)
            if number not in ids:
                ids.append(number)
        yield [(number, 1 + random.below(100)) for number in ids], random.below(400), 2 + random.below(2)


class TestShares(unittest.TestCase):
    def test_all_units_are_given_to_just_the_purposes_of_the_policy(self):
        fits = 0
        for weights, units, least in policies():
            out = shares(weights, units, least)
            if out is not None:
                fits += 1
                self.assertEqual(sum(out.values()), units)
                self.assertEqual(sorted(out), sorted([purpose for purpose, _ in weights]))
        self.assertTrue(fits > 200)

    def test_what_does_not_fit_is_refused_and_what_just_fits_gives_each_its_least(self):
        for weights, units, least in policies():
            needed = least * len(weights)
            self.assertEqual(shares(weights, units, least) is None, units < needed)
            self.assertIsNone(shares(weights, needed - 1, least))
            self.assertEqual(set(shares(weights, needed, least).values()), set([least]))

    def test_each_gets_its_least_and_its_part_of_the_rest_by_weight_but_for_one_unit(self):
        for weights, units, least in policies():
            out = shares(weights, units, least)
            if out is None:
                continue
            rest = units - least * len(weights)
            total = sum([weight for _, weight in weights])
            for purpose, weight in weights:
                self.assertIn(out[purpose] - least - rest * weight // total, (0, 1))

    def test_the_heavier_never_gets_less_and_among_equals_the_lower_id_never_less(self):
        for weights, units, least in policies():
            out = shares(weights, units, least)
            if out is None:
                continue
            by_weight = sorted(weights, key=lambda item: (-item[1], item[0]))
            given = [out[purpose] for purpose, _ in by_weight]
            self.assertEqual(given, sorted(given, reverse=True))

    def test_the_order_in_the_policy_changes_nothing(self):
        for weights, units, least in policies(60):
            turned = weights[len(weights) // 2 :] + weights[: len(weights) // 2]
            self.assertEqual(shares(weights, units, least), shares(turned, units, least))
            self.assertEqual(shares(weights, units, least), shares(sorted(weights), units, least))

    def test_what_is_given_in_turn_goes_to_the_heaviest_first(self):
        self.assertEqual(shares([(1, 1), (2, 1), (3, 1)], 11, 3), {1: 4, 2: 4, 3: 3})
        self.assertEqual(shares([(9, 50), (4, 100), (7, 50)], 12, 2), {9: 3, 4: 6, 7: 3})
        self.assertEqual(shares([(5, 10), (2, 90)], 10, 3), {5: 3, 2: 7})

    def test_a_large_chip_stays_within_small_integers(self):
        # 16 MiB in sectors of 4 KiB, the greatest weights: no product of 2^30, which 1.13 divides wrong
        units, weights = 4096, [(number, 100) for number in range(1, 17)]
        self.assertTrue(units * 100 < 1 << 30)
        self.assertEqual(set(shares(weights, units, 3).values()), set([256]))


if __name__ == "__main__":
    unittest.main()
