# SPDX-License-Identifier: MIT
"""Only authenticated time moves the floor, only upwards; a platform's clock is a hint that judges nothing."""

import unittest

from sim.sim_port import SimClock

from quell.state.clock import AUTHENTICATED, HINT, NONE, TrustedClock

NOW = 1800000000


def clock(hint=None, floor=0, ms=5000):
    platform = SimClock(hint)
    platform.ms = ms
    return platform, TrustedClock(platform, floor)


class TestClock(unittest.TestCase):
    def test_without_any_time_it_is_uptime(self):
        platform, trusted = clock()
        platform.ms = 65999
        self.assertEqual(trusted.now(), (NONE, 65))
        self.assertEqual(trusted.floor_now_s(), 0)

    def test_a_hint_is_taken_for_records_but_never_as_a_floor(self):
        _, trusted = clock(NOW)
        self.assertEqual(trusted.now(), (HINT, NOW + 5))
        self.assertEqual(trusted.floor_now_s(), 0)

    def test_a_hint_before_the_floor_or_before_this_version_is_no_time(self):
        self.assertEqual(clock(NOW, NOW + 1000)[1].now()[0], NONE)
        for hint in (0, 315532800, 1700000000):
            self.assertEqual(clock(hint)[1].now()[0], NONE)

    def test_an_authenticated_time_goes_on_by_uptime(self):
        platform, trusted = clock(NOW - 500)
        trusted.authenticated(NOW)
        platform.ms += 61000
        self.assertEqual(trusted.now(), (AUTHENTICATED, NOW + 61))
        self.assertEqual(trusted.floor_now_s(), NOW + 61)

    def test_an_older_authenticated_time_does_not_set_it_back(self):
        platform, trusted = clock()
        trusted.authenticated(NOW)
        platform.ms += 10000
        for time_s in (0, NOW - 1, NOW + 9):
            trusted.authenticated(time_s)
            self.assertEqual(trusted.floor_now_s(), NOW + 10)
        trusted.authenticated(NOW + 100)
        self.assertEqual(trusted.floor_now_s(), NOW + 100)

    def test_after_a_boot_the_stored_floor_holds_and_goes_on_by_uptime(self):
        platform, trusted = clock(None, NOW)
        platform.ms += 3000
        self.assertEqual(trusted.floor_now_s(), NOW + 3)
        self.assertEqual(trusted.now()[0], NONE)
        trusted.authenticated(NOW - 50)
        self.assertTrue(trusted.floor_now_s() >= NOW)


if __name__ == "__main__":
    unittest.main()
