# SPDX-License-Identifier: MIT
"""File slots beyond the ring itself: the budget of writes, inline records, both kinds of targets, sizes, shares, retention."""

import unittest

from sim.sim_port import MemFlash, PowerCut

from quell.counters import BUFFER_LOST, FLUSH_REFUSED, Counters
from quell.store.budget import DAY_MS
from quell.store.file_store import FileStore
from quell.store.inline import SLOTS
from quell.store.segment import Segment

KEY = bytes(range(32))
BLOCK, SEGMENTS, SEGMENT_BYTES = 64, 4, 4096


def little(inline_bytes=128):
    """A flash like littlefs 2: atomic, with inline files."""
    flash = MemFlash()
    flash.atomic, flash.inline_bytes = True, inline_bytes
    return flash


class Files:
    """Rings in files; `boot` is a hard cut and a new boot. A record says its purpose and sequence."""

    def __init__(self, flash=None, segments=SEGMENTS, segment_bytes=SEGMENT_BYTES, plan=((1, 1),)):
        self.flash = flash or MemFlash()
        self.args = [segments, segment_bytes]
        self.plan = list(plan)
        self.reserved = {}
        self.salts = self.age_s = 0  # `age_s`: of the device when it boots
        self.boot()

    def _salt(self, length):
        self.salts += 1
        return self.salts.to_bytes(length, "big")

    def boot(self):
        self.flash.reboot()
        self.counters = Counters()
        self.store = FileStore(self.flash, *self.args)
        self.planned = self.store.plan(self.plan)
        self.rings = {}

    def ring(self, purpose=1, generation=1):
        if purpose not in self.rings:
            start = self.reserved.get(purpose, 0)
            self.reserved[purpose] = start + BLOCK

            def reserve(sequence):
                self.reserved[purpose] = max(self.reserved[purpose], sequence + 1)

            ring = self.store.open(purpose, generation, KEY, self._salt, reserve, self.counters)
            ring.mount(start, 0, 0, self.age_s)
            self.rings[purpose] = ring
        return self.rings[purpose]

    def append(self, count=1, size=50, purpose=1, age_s=0, version=1):
        """Append records, none flushed -> their sequences."""
        ring = self.ring(purpose)
        return [ring.append(bytes([purpose, ring.next & 255]) + bytes(size - 2), version, age_s) for _ in range(count)]

    def segment(self, count=4, purpose=1, age_s=0):
        """Append records that make a segment of their own."""
        out = self.append(count, 50, purpose, age_s)
        if not self.ring(purpose).flush():
            raise AssertionError("refused")
        self.ring(purpose)._set_open([])
        return out

    def durable(self, size=50, purpose=1):
        self.append(1, size, purpose)
        return self.ring(purpose).make_durable()

    def drain(self, purpose=1):
        """Peek and acknowledge until nothing is left -> the sequences."""
        out, ring = [], self.ring(purpose)
        for _ in range(2000):
            records = ring.peek(9)[1]
            for sequence, data in records:
                if data[:2] != bytes([purpose, sequence & 255]) or out and sequence <= out[-1]:
                    raise AssertionError("a wrong record, or out of order")
                out.append(sequence)
            if records:
                ring.ack(out[-1] + 1)
            elif not ring.waiting():
                return out
        raise AssertionError("the ring stands still")

    def names(self, letter="r"):
        return sorted([name for name in self.flash.files if name[0] == letter])


class TestBudget(unittest.TestCase):
    def limited(self, per_day=48):
        flash = MemFlash()
        flash.flushes_per_day = per_day
        return Files(flash)

    def spent(self, files):
        """Flush one record a time until that is refused -> how often it was done."""
        for n in range(2000):
            files.append()
            if not files.ring().flush():
                return n

    def test_a_days_writes_are_done_and_the_next_is_refused_and_counted(self):
        for per_day in (1, 48, 1000):
            files = self.limited(per_day)
            self.assertEqual(self.spent(files), per_day)
            self.assertEqual((files.counters.get(FLUSH_REFUSED), files.store.budget.left()), (1, 0))
            operations = files.flash.operations
            self.assertFalse(files.ring().make_durable())
            self.assertEqual((files.counters.get(FLUSH_REFUSED), files.flash.operations, files.ring().dirty()), (2, operations, 1))
            self.assertEqual(files.drain()[-1], per_day)

    def test_time_gives_it_back_one_by_one_and_never_more_than_a_day_of_it(self):
        files = self.limited()
        files.store.budget.tick(1000)
        self.spent(files)
        for now_ms, left in ((1000 + DAY_MS // 48 - 1, 0), (1000 + DAY_MS // 48, 1), (1000 + DAY_MS // 4, 12), (9 * DAY_MS, 48)):
            files.store.budget.tick(now_ms)
            self.assertEqual(files.store.budget.left(), left)
        self.assertTrue(files.ring().flush())

    def test_what_is_left_survives_a_boot_and_no_boot_gives_any(self):
        files = self.limited()
        for _ in range(3):
            files.segment()
        for _ in range(5):
            left = files.store.budget.left()
            files.boot()
            files.store.budget.restore(left)
            self.assertEqual(files.store.budget.left(), 45)
        self.assertEqual(self.spent(files), 45)

    def test_records_that_the_budget_leaves_no_segment_for_are_given_up_and_counted(self):
        files = self.limited(1)
        files.segment()
        given = files.append(60, 200)
        given_up = files.counters.get(BUFFER_LOST)
        self.assertTrue(given_up > 0)
        self.assertEqual(files.ring().lost, given_up)
        self.assertEqual(files.drain(), [0, 1, 2, 3] + given[given_up:])

    def test_an_inline_record_takes_nothing_of_it_and_without_a_budget_there_is_no_limit(self):
        flash = little()
        flash.flushes_per_day = 1
        files = Files(flash)
        files.segment()
        self.assertTrue(files.durable())
        self.assertIsNone(self.spent(self.limited(0)))


class TestInline(unittest.TestCase):
    def test_a_record_is_durable_at_once_without_a_segment(self):
        files = Files(little())
        self.assertTrue(files.durable())
        self.assertEqual(sorted(files.flash.files), ["i0"])
        files.boot()
        self.assertEqual(files.drain(), [0])

    def test_eight_wait_and_the_ninth_writes_a_segment_that_holds_them_all(self):
        files = Files(little())
        for _ in range(SLOTS):
            self.assertTrue(files.durable())
        self.assertEqual((files.names(), len(files.names("i"))), ([], SLOTS))
        self.assertTrue(files.durable())
        self.assertEqual([Segment(files.flash.files[name]).count for name in files.names()], [SLOTS + 1])
        for _ in range(SLOTS):  # their slots are free again
            self.assertTrue(files.durable())
        files.boot()
        self.assertEqual(files.drain(), list(range(2 * SLOTS + 1)))

    def test_an_acknowledgement_frees_their_slots(self):
        files = Files(little())
        for n in range(40):
            self.assertTrue(files.durable())
            files.ring().ack(n + 1)
        self.assertEqual((files.names(), files.names("i")), ([], ["i0"]))

    def test_after_a_cut_they_come_back_behind_the_open_segment(self):
        files = Files(little())
        files.append(3)
        files.ring().flush()
        self.assertTrue(files.durable() and files.durable())
        files.append(2)
        files.boot()
        self.assertEqual((files.ring().waiting(), files.drain()), (5, [0, 1, 2, 3, 4]))

    def test_a_record_that_is_in_a_segment_too_comes_once(self):
        files = Files(little())
        files.durable()
        files.ring().flush()
        files.boot()
        self.assertEqual((files.ring().waiting(), files.drain()), (1, [0]))

    def test_one_that_is_too_large_writes_a_segment(self):
        files = Files(little())
        self.assertTrue(files.durable(128 - 26))
        self.assertEqual(files.names(), [])
        self.assertTrue(files.durable(128 - 25))
        self.assertEqual(len(files.names()), 1)

    def test_shred_erases_those_of_its_purpose_and_no_other(self):
        files = Files(little(), 8, plan=((1, 1), (2, 1)))
        for purpose in (1, 2, 1, 1):
            files.durable(purpose=purpose)
        files.store.shred(1)
        self.assertEqual(files.names("i"), ["i1"])
        self.assertEqual(files.drain(2), [0])

    def test_one_of_another_purpose_or_generation_or_garbage_is_not_read(self):
        files = Files(little(), 8, plan=((1, 1), (2, 1)))
        files.durable()
        good = files.flash.files["i0"]
        for bad in (b"", good[:25], bytes(128), b"\xff" * 128, good[:-1] + bytes([good[-1] ^ 1]), b"\x02" + good[1:], good[:1] + b"\x02" + good[2:]):
            files.flash.files["i0"] = bad
            files.boot()
            self.assertEqual((files.ring(1).waiting(), files.ring(2).waiting()), (0, 0), bad)
        files.flash.files["i0"] = good
        files.boot()
        self.assertEqual(files.ring(1, 2).waiting(), 0)

    def test_no_segment_grows_over_its_size_by_those_that_come_back(self):
        files = Files(little())
        while files.ring()._open_bytes + 62 <= SEGMENT_BYTES:
            files.append()
        files.ring().flush()
        self.assertTrue(files.durable())
        given = files.ring().next
        files.boot()
        files.append()
        files.ring().flush()
        self.assertTrue(max([len(files.flash.files[name]) for name in files.names()]) <= SEGMENT_BYTES)
        files.boot()
        self.assertEqual(files.drain()[:given], list(range(given)))

    def test_one_far_behind_the_open_segment_comes_back_too(self):
        files = Files(little())
        files.append()
        files.ring().flush()
        files.boot()
        files.reserved[1] = 70000
        self.assertTrue(files.durable())
        files.boot()
        files.append()
        self.assertTrue(files.ring().flush())
        files.boot()
        self.assertEqual(files.drain()[:2], [0, 70000])

    def test_one_whose_segment_rots_costs_no_other_segment(self):
        files = Files(little(), 6)
        files.durable()
        for _ in range(3):
            files.segment()
        files.flash.files["r010"] = b"rotten"
        files.boot()
        files.append()
        files.ring().flush()
        files.boot()
        self.assertTrue(set(files.drain()) >= set(range(5, 13)))


class TestTargets(unittest.TestCase):
    def test_an_atomic_flash_keeps_one_file_of_a_segment_that_grows_and_any_other_two(self):
        for flash, names in ((little(0), ["r010"]), (MemFlash(), ["r010", "r011"])):
            files = Files(flash)
            for _ in range(6):
                files.append()
                files.ring().flush()
            self.assertEqual(files.names(), names)
            files.boot()
            self.assertEqual((files.ring().waiting(), files.drain()), (6, list(range(6))))

    def test_two_slots_do_where_replacing_is_atomic_and_three_elsewhere(self):
        for flash, least in ((little(), 2), (MemFlash(), 3)):
            self.assertFalse(Files(flash, least - 1).planned)
            files = Files(flash, least)
            for _ in range(5):
                files.segment()
            self.assertTrue(len(files.drain()) >= 4)

    def test_a_torn_write_costs_no_durable_record_and_none_is_counted_twice(self):
        files = Files()
        files.append(4)
        files.ring().flush()
        files.append(4)
        files.flash.budget, files.flash.torn = 0, True
        try:
            files.ring().flush()
        except PowerCut:
            files.boot()
        waiting = files.ring().waiting()
        seen = files.drain()
        self.assertEqual(seen[:4], [0, 1, 2, 3])
        self.assertEqual(waiting, len(seen))

    def test_what_is_in_three_segments_after_a_torn_write_is_counted_once(self):
        files = Files(segment_bytes=400)
        files.append(1, 8, version=2)
        files.append(1, 8)
        files.ring().flush()
        files.append(1, 8)
        files.ring().flush()  # the segment before it holds its first record too
        files.ring().ack(1)
        files.flash.budget, files.flash.torn = 0, True
        try:
            files.append(20, 8)  # the segment that tears would hold both
        except PowerCut:
            files.boot()
        waiting = files.ring().waiting()
        self.assertEqual(waiting, len(files.drain()))

    def test_a_segment_of_four_blocks_is_filled_and_never_larger(self):
        files = Files(MemFlash(), 4, 16368)
        files.append(600, 100)
        sizes = [len(files.flash.files[name]) for name in files.names()]
        self.assertTrue(16368 - 128 < max(sizes) <= 16368)
        files.ring().flush()
        lost = files.ring().lost
        files.boot()
        self.assertEqual(files.drain(), list(range(lost, 600)))

    def test_sequences_too_far_apart_for_one_segment_take_two(self):
        files = Files()
        files.append(2)
        files.ring().flush()
        files.boot()
        for start in (65535, 65536 + 65535, 1 << 30):
            files.ring().next = start
            files.append()
        files.ring().flush()
        held = [Segment(files.flash.files[name]) for name in files.names()]
        self.assertTrue(max([segment.next - 1 - segment.first for segment in held]) <= 65535)
        files.boot()
        self.assertEqual(files.drain(), [0, 1, 65535, 65536 + 65535, 1 << 30])


if __name__ == "__main__":
    unittest.main()
