# SPDX-License-Identifier: MIT
"""The ring gives each durable record once, in order, evicts the oldest and counts it exactly."""

import unittest

from sim.bare_ring import BLOCK, SEGMENT_BYTES, SEGMENTS, BareRing
from sim.sim_port import MemFlash, PowerCut

from quell.counters import BUFFER_LOST, EVICTED, FLASH_FAILED, UNREADABLE


class TestOrder(unittest.TestCase):
    def test_records_come_out_once_and_in_order(self):
        bare = BareRing()
        bare.append(10)
        self.assertTrue(bare.drain(3) == bare.given)
        self.assertEqual(bare.ring.stats()["records"], 0)
        self.assertEqual(bare.ring.peek(10)[1], [])

    def test_records_are_given_out_before_they_are_in_flash_and_never_reach_it_if_acknowledged(self):
        bare = BareRing()
        bare.append(2)
        bare.append(3, flush=False)
        self.assertEqual(len(bare.ring.peek(64)[1]), 5)
        self.assertEqual(bare.ring.dirty(), 3)
        self.assertEqual(bare.ring.stats()["records"], 5)
        before = bare.flash.operations
        bare.ring.ack(5)
        self.assertTrue(bare.ring.flush())
        self.assertEqual((bare.ring.dirty(), bare.flash.operations), (0, before))

    def test_a_restart_at_every_flush_loses_nothing_durable(self):
        bare = BareRing()
        for n in range(40):
            bare.append(1)
            bare.boot()
            self.assertEqual(bare.ring.stats()["records"], n + 1)
            self.assertEqual(bare.ring.next, bare.reserved)
        self.assertTrue(bare.drain() == bare.given)
        self.assertEqual(bare.reused, [])

    def test_buffered_records_of_a_restart_are_gone_and_their_numbers_never_used_again(self):
        bare = BareRing()
        bare.append(3)
        bare.append(2, flush=False)
        bare.boot()
        self.assertEqual(sorted(bare.drain()), [0, 1, 2])
        self.assertEqual(bare.append(1), [BLOCK])

    def test_acknowledged_records_do_not_come_back(self):
        bare = BareRing()
        bare.append(5)
        bare.ring.ack(3)
        bare.append(1)
        bare.boot()
        self.assertEqual(sorted(bare.drain()), [3, 4, 5])

    def test_an_acknowledgement_never_goes_back_nor_beyond_what_was_given_out(self):
        bare = BareRing()
        bare.append(5)
        bare.ring.ack(3)
        bare.ring.ack(1)
        self.assertEqual(bare.ring.acked, 3)
        bare.ring.ack(1 << 40)
        self.assertEqual(bare.ring.acked, 5)
        self.assertEqual(bare.append(1), [5])

    def test_a_segment_holds_records_of_one_policy_version(self):
        bare = BareRing()
        for version in (1, 1, 2, 3):
            bare.ring.append(b"record", version, 0)
        bare.ring.flush()
        seen = []
        for _ in range(3):
            version, records = bare.ring.peek(64)
            seen.append((version, len(records)))
            bare.ring.ack(records[-1][0] + 1)
        self.assertEqual(seen, [(1, 2), (2, 1), (3, 1)])


class TestWrap(unittest.TestCase):
    def test_eviction_is_counted_exactly_over_many_turns(self):
        bare = BareRing()
        bare.append(400, 200)
        left = bare.drain()
        evicted = bare.counters.get(EVICTED)
        self.assertTrue(evicted > 300)
        self.assertEqual(len(left) + evicted, 400)
        self.assertEqual(sorted(left), list(range(evicted, 400)))
        self.assertEqual(bare.ring.stats()["lost"], evicted)
        for sequence in left:
            self.assertEqual(left[sequence], bare.given[sequence])

    def test_eviction_is_counted_exactly_with_a_restart_at_every_flush(self):
        bare = BareRing()
        evicted = 0
        for _ in range(60):
            bare.append(3, 300)
            evicted += bare.counters.get(EVICTED)
            bare.boot()
        self.assertEqual(len(bare.drain()) + evicted, 180)
        self.assertEqual(bare.reused, [])

    def test_no_file_is_over_the_segment_size_and_no_more_files_than_slots(self):
        bare = BareRing()
        bare.append(200, 499)
        self.assertEqual(len(bare.flash.files), SEGMENTS)
        for data in bare.flash.files.values():
            self.assertTrue(len(data) <= SEGMENT_BYTES)

    def test_a_ring_that_is_read_never_evicts(self):
        bare = BareRing()
        seen = {}
        for _ in range(60):
            bare.append(5)
            seen.update(bare.drain())
        self.assertTrue(seen == bare.given)
        self.assertEqual(bare.counters.get(EVICTED), 0)


class TestFlash(unittest.TestCase):
    def test_a_flash_that_refuses_is_counted_and_buffered_records_wait(self):
        bare = BareRing()
        bare.append(2)
        bare.flash.broken = True
        bare.append(2)
        self.assertEqual(bare.ring.dirty(), 2)
        self.assertTrue(bare.counters.get(FLASH_FAILED) >= 1)
        bare.flash.broken = False
        self.assertTrue(bare.ring.flush())
        self.assertTrue(bare.drain() == bare.given)

    def test_records_given_up_are_counted(self):
        bare = BareRing()
        bare.flash.broken = True
        bare.append(60, 200)
        bare.flash.broken = False
        bare.ring.flush()
        left = bare.drain()
        self.assertEqual(len(left) + bare.counters.get(BUFFER_LOST), 60)

    def test_a_flash_that_is_full_from_the_start_is_contained(self):
        bare = BareRing()
        bare.flash.full = True
        bare.append(3)
        self.assertEqual(bare.ring.dirty(), 3)
        bare.boot()
        self.assertEqual(bare.ring.stats()["records"], 0)

    def test_a_file_that_turns_to_garbage_while_running_is_let_go_and_counted(self):
        for garbage in (None, b"", b"garbage", bytes(4096)):
            bare = BareRing()
            bare.append(60, 200)
            number = bare.ring.peek(1)[1][0][0]
            self.assertEqual(number, 0)
            bare.boot()
            oldest = None
            for name in sorted(bare.flash.files):
                if oldest is None or bare.flash.files[name][12:16] < bare.flash.files[oldest][12:16]:
                    oldest = name
            bare.flash.files[oldest] = garbage
            left = bare.drain()
            self.assertEqual(len(left) + bare.counters.get(UNREADABLE), 60)

    def test_a_cut_at_every_operation_loses_nothing_durable_and_reuses_no_number_that_was_sent(self):
        for torn in (False, True):
            for n in range(40):
                bare = BareRing()
                sent = {}
                bare.flash.budget, bare.flash.torn = n, torn
                durable = 0
                try:
                    for _ in range(8):
                        bare.append(2, 500)
                        durable = len(bare.given)
                        for sequence, data in bare.ring.peek(64)[1]:
                            sent[sequence] = data
                except PowerCut:
                    pass
                bare.boot()
                bare.append(2)
                left = bare.drain()
                for sequence in range(durable):
                    self.assertEqual(left.get(sequence), bare.given[sequence], (torn, n))
                for sequence in left:
                    if sequence in sent:
                        self.assertEqual(left[sequence], sent[sequence], (torn, n))

    def test_other_rings_files_are_not_read_nor_their_purposes(self):
        flash = MemFlash()
        first = BareRing(flash, purpose=1)
        first.append(5)
        flash.files["r020"] = flash.files["r010"]
        second = BareRing(flash, purpose=2)
        self.assertEqual(second.drain(), {})


if __name__ == "__main__":
    unittest.main()
