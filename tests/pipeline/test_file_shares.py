# SPDX-License-Identifier: MIT
"""File slots: how many each purpose may hold, and how long records may stay."""

import unittest

from pipeline.test_file_slots import Files, little
from sim.sim_port import MemFlash, PowerCut

from quell.counters import EVICTED
from quell.store.file_slots import MAX_SLOTS


class TestShares(unittest.TestCase):
    def test_a_purpose_that_floods_takes_no_file_of_the_others(self):
        files = Files(MemFlash(), 12, plan=((1, 1), (2, 1), (3, 4)))
        quiet = files.segment(purpose=2)
        files.append(900, 200, purpose=1)
        self.assertEqual([files.store.share(purpose) for purpose in (1, 2, 3)], [3, 3, 6])
        self.assertEqual(len([name for name in files.names() if name[:3] == "r01"]), 3)
        self.assertEqual(files.drain(2), quiet)

    def test_a_policy_that_does_not_fit_changes_nothing_and_none_holds_over_sixteen(self):
        files = Files(MemFlash(), 40)
        self.assertTrue(files.store.plan([(n, 1) for n in range(1, 15)]) is False)
        self.assertEqual(files.store.share(1), MAX_SLOTS)

    def test_a_smaller_share_evicts_counts_and_erases(self):
        files = Files(MemFlash(), 6)
        for _ in range(6):
            files.segment()
        files.ring().resize(3)
        self.assertEqual((files.counters.get(EVICTED), files.ring().lost, len(files.names())), (12, 12, 3))
        self.assertEqual(len(files.drain()), 12)

    def test_records_of_the_open_segment_stay_durable_in_a_smaller_share(self):
        for cut in range(6):
            files = Files(little(), 6)
            for _ in range(5):
                files.segment()
            kept = files.append(3)
            files.ring().flush()
            files.args[0], files.flash.budget = 3, cut
            try:
                files.ring().resize(3)
            except PowerCut:
                pass
            files.boot()
            self.assertEqual((cut, files.drain()[-3:]), (cut, kept))

    def test_a_ring_that_mounts_with_a_smaller_share_counts_and_erases_what_is_beyond(self):
        files = Files(MemFlash(), 6)
        for _ in range(6):
            files.segment()
        files.args[0] = 3
        files.boot()
        self.assertEqual(files.ring().waiting() + files.ring().lost, 24)
        self.assertEqual(len(files.names()), 3)


class TestRetention(unittest.TestCase):
    def test_what_is_older_goes_exactly_open_segment_included(self):
        files = Files()
        for age_s in (10, 20):
            files.segment(age_s=age_s)
        files.append(3, age_s=30)
        for before_s, gone in ((10, 0), (11, 4), (11, 0), (31, 7)):
            self.assertEqual((before_s, files.ring().expire(before_s)), (before_s, gone))
        self.assertEqual((files.names(), files.ring().waiting(), files.ring().lost), ([], 0, 0))

    def test_nothing_of_it_is_left_in_any_file_sent_or_not(self):
        for flash in (little(), MemFlash()):
            for acked in (0, 3):
                files = Files(flash)
                for _ in range(3):
                    files.append(age_s=10)  # written again as it grows: older copies
                    files.ring().flush()
                files.append(age_s=10)
                files.ring().make_durable()
                files.ring().ack(acked)
                files.ring().expire(1000)
                self.assertEqual(sorted(flash.files), [])


if __name__ == "__main__":
    unittest.main()
