# SPDX-License-Identifier: MIT
"""Whatever bytes stand in the slots, a mount succeeds, no wrong record comes out, and no number is used twice."""

import unittest

from sim.bare_ring import KEY, BareRing
from sim.patch import put
from sim.sim_port import MemFlash

from quell.codec.builtin import struct
from quell.codec.crc import crc32
from quell.counters import UNREADABLE
from quell.store.segment import HEADER_BYTES, Segment, build


def written(segments=3, records=6, size=60):
    """A ring of some segments, all durable."""
    bare = BareRing()
    for _ in range(segments):
        bare.append(records, size)
        bare.ring._close()
    return bare


def again(bare, files):
    """The same ring on other files, mounted."""
    other = BareRing()
    other.flash.files = dict(files)
    other.given = dict(bare.given)
    other.reserved = bare.reserved
    other.boot()
    return other


class TestRot(unittest.TestCase):
    def holds(self, bare, other, what):
        """No wrong record, the lost ones counted, no number of the past given out again."""
        new = other.append(2, 60)
        self.assertEqual(other.reused, [], what)
        left = other.drain()
        for sequence in left:
            self.assertEqual(left[sequence], other.given[sequence], what)
        lost = [sequence for sequence in bare.given if sequence not in left]
        self.assertTrue(not lost or other.counters.get(UNREADABLE) > 0, what)
        self.assertTrue(set(new) <= set(left), what)
        return lost

    def test_a_flipped_bit_in_any_byte_costs_what_it_hits_and_no_more(self):
        bare = written(3, 4, 24)
        files = bare.flash.files
        names = [name for name in sorted(files) if Segment(files[name]).count]
        self.assertEqual(len(names), 3)
        for name in names:
            for at in range(len(files[name])):
                data = bytearray(files[name])
                data[at] ^= 1 << (at & 7)
                other = again(bare, files)
                other.flash.files[name] = bytes(data)
                other.boot()
                lost = self.holds(bare, other, (name, at))
                # a length or offset breaks the frames behind it, the header all; other segments never
                self.assertTrue(len(lost) <= 4, (name, at))

    def test_a_slot_cut_off_at_any_length_costs_its_own_records_only(self):
        bare = written(2, 4, 24)
        files = bare.flash.files
        for name in sorted(files):
            for end in range(0, len(files[name]), 3):
                other = again(bare, files)
                other.flash.files[name] = files[name][:end]
                other.boot()
                self.assertTrue(len(self.holds(bare, other, (name, end))) <= 4)

    def test_a_missing_slot_costs_its_own_records_and_no_number_is_reused(self):
        for segments in (1, 2, 3, 5, 8):
            bare = written(segments, 4, 24)
            left = again(bare, bare.flash.files).drain()
            for name in sorted(bare.flash.files):
                other = again(bare, bare.flash.files)
                other.flash.files.pop(name)
                other.boot()
                other.append(2, 60)
                self.assertEqual(other.reused, [], (segments, name))
                still = other.drain()
                lost = [s for s in left if s not in still]
                self.assertTrue(len(lost) <= 4, (segments, name))

    def test_a_record_that_rots_in_the_newer_copy_of_a_segment_comes_from_the_older(self):
        bare = BareRing()
        bare.append(4, 24)
        older = dict(bare.flash.files)
        bare.append(2, 24)
        for name in bare.flash.files:
            if bare.flash.files[name] != older.get(name):
                data = bytearray(bare.flash.files[name])
                data[68 + 36 + 10] ^= 1
                bare.flash.files[name] = bytes(data)
        bare.boot()
        self.assertEqual(bare.counters.get(UNREADABLE), 1)
        self.assertTrue(bare.drain() == bare.given)

    def test_all_slots_missing_reuses_no_number(self):
        bare = written()
        other = again(bare, {})
        self.assertEqual(other.append(2)[0], bare.reserved)
        self.assertEqual(other.reused, [])

    def test_random_bytes_in_every_slot_mount_as_an_empty_ring(self):
        state = 1
        for turn in range(30):
            files = {}
            for i in range(4):
                noise = bytearray()
                for _ in range((0, 7, 60, 300)[(turn + i) & 3]):
                    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                    noise.append(state >> 16 & 255)
                files["r01%d" % i] = bytes(noise)
            other = again(written(1), files)
            self.assertEqual(other.ring.peek(64)[1], [])
            other.append(3)
            self.assertEqual(len(other.drain()), 3)


class TestForeign(unittest.TestCase):
    def test_a_ring_under_another_key_gives_nothing_and_reuses_nothing(self):
        bare = written()
        other = BareRing(key=bytes(32))
        other.flash.files = dict(bare.flash.files)
        other.given, other.reserved = dict(bare.given), bare.reserved
        other.boot()
        self.assertEqual(other.drain(), {})
        self.assertEqual(other.counters.get(UNREADABLE), 18)
        other.append(2)
        self.assertEqual(other.reused, [])

    def test_a_segment_of_another_generation_or_purpose_is_not_read(self):
        for purpose, generation in ((1, 2), (2, 1)):
            files = {}
            for i in range(4):
                records = [(0, b"\x00\x00\x00\x00"), (1, b"\x00\x00\x00\x01")]
                files["r01%d" % i] = build(purpose, generation, i + 1, 0, 0, 1, 9, bytes(16), KEY, records)
            other = again(BareRing(), files)
            self.assertEqual(other.ring.peek(64)[1], [])
            self.assertEqual(other.append(1), [0])

    def test_a_segment_moved_to_another_purpose_does_not_open(self):
        data = bytearray(build(2, 1, 1, 0, 0, 1, 9, bytes(16), KEY, [(0, b"secret of purpose two")]))
        put(data, 4, b"\x01\x00")
        struct.pack_into("<I", data, 64, crc32(bytes(data[:64])))
        other = again(BareRing(), {"r010": bytes(data)})
        self.assertEqual(other.drain(), {})
        self.assertEqual(other.counters.get(UNREADABLE), 1)

    def test_another_format_version_or_magic_is_not_read(self):
        for at, value in ((0, 0x51 ^ 1), (2, 1)):
            data = bytearray(build(1, 1, 1, 0, 0, 1, 9, bytes(16), KEY, [(0, b"record")]))
            data[at] = value
            struct.pack_into("<I", data, 64, crc32(bytes(data[:64])))
            self.assertRaises(ValueError, Segment, bytes(data))

    def test_a_header_that_claims_more_than_there_is_gives_only_what_opens(self):
        good = build(1, 1, 1, 0, 0, 1, 9, bytes(16), KEY, [(0, b"record"), (1, b"record")])
        for at, packed in ((6, b"\xff\xff"), (40, b"\xff\xff\xff\x7f")):
            data = bytearray(good)
            put(data, at, packed)
            struct.pack_into("<I", data, 64, crc32(bytes(data[:64])))
            self.assertTrue(len(Segment(bytes(data)).records(KEY)) <= 2)

    def test_a_sequence_beyond_32_bits_is_no_record(self):
        data = bytearray(build(1, 1, 1, 0, 0, 1, 9, bytes(16), KEY, [(0, b"record"), (9, b"record")]))
        put(data, 16, b"\xff\xff\xff\xff")
        struct.pack_into("<I", data, 64, crc32(bytes(data[:64])))
        self.assertEqual(Segment(bytes(data)).records(KEY), [])


class TestSegment(unittest.TestCase):
    def test_what_is_built_is_read_back(self):
        records = [(7, b"a"), (8, b""), (12, bytes(500))]
        data = build(3, 4, 5, 6, 7, 8, 9, bytes(16), KEY, records)
        segment = Segment(data)
        head = (segment.purpose, segment.generation, segment.number, segment.first, segment.acked, segment.lost)
        self.assertEqual(head, (3, 4, 5, 7, 6, 7))
        self.assertEqual((segment.policy_version, segment.count, segment.intact), (8, 3, True))
        self.assertEqual(segment.records(KEY), records)
        self.assertEqual((segment.next, segment.age_s, HEADER_BYTES), (13, 9, 68))

    def test_equal_records_do_not_look_equal_under_two_salts(self):
        flash = MemFlash()
        bare = BareRing(flash)
        bare.append(1)
        first = dict(flash.files)
        bare.ring._durable = 0
        bare.ring.flush()
        bodies = [Segment(data).body for data in list(first.values()) + list(flash.files.values())]
        bodies = [body for body in bodies if body]
        self.assertNotEqual(bodies[0], bodies[-1])


if __name__ == "__main__":
    unittest.main()
