# SPDX-License-Identifier: MIT
"""The simulated NOR chip does what the tests that cut its power, wear it out and lie to it count on."""

import unittest

from sim.sim_nor import ERASE_MODES, MODES, MOOD_ONES, MOOD_ZEROS, PROGRAM_MODES, PowerCut, SimNor
from sim.sim_nor_faults import XorShift32

from quell.codec.builtin import digest, hex_text
from quell.errors import FlashError

SECTOR = 4096
FF = b"\xff"
# as both interpreters have them
GOLDEN_WORDS = [1142796058, 3459017541, 171]
GOLDEN_RUN = "99e169461c26133b"


def cut(function, *arguments):
    """Whether the power goes in this call."""
    try:
        function(*arguments)
        return False
    except PowerCut:
        return True


def read(nor, address, length):
    into = bytearray(length)
    nor.read(address, into)
    return bytes(into)


def torn(mode, old, new, seed):
    """A page of `old` whose program of `new` is cut -> (the chip after a reboot, what the page then holds)."""
    nor = SimNor(2)
    nor.program(256, old)
    nor.arm(0, mode, seed)
    if not cut(nor.program, 256, new):
        raise AssertionError("no cut")
    nor.reboot()
    return nor, read(nor, 256, len(new))


def torn_erase(mode, seed):
    """A chip whose sector 1 held 0x5A throughout when its erase was cut, and what it holds after a reboot."""
    nor = SimNor(3, image=b"\x5a" * (3 * SECTOR))
    nor.arm(0, mode, seed)
    if not cut(nor.erase, 1):
        raise AssertionError("no cut")
    nor.reboot(MOOD_ONES)
    return nor, read(nor, SECTOR, SECTOR)


class TestChip(unittest.TestCase):
    def test_a_new_chip_is_erased_or_random_or_an_image(self):
        nor = SimNor(2)
        self.assertEqual(read(nor, 0, 2 * SECTOR), FF * (2 * SECTOR))
        nor.randomize()
        self.assertTrue(len(set(nor.data)) > 200)
        self.assertEqual(read(SimNor(2, image=nor.data), 0, 2 * SECTOR), bytes(nor.data))
        self.assertRaises(ValueError, SimNor, 2, 4096, 256, 1, b"short")

    def test_a_program_only_clears_bits(self):
        nor = SimNor(1)
        nor.program(10, b"\xf0\x3c")
        nor.program(10, memoryview(b"\x3f\xff"))
        self.assertEqual(read(nor, 9, 4), b"\xff\x30\x3c\xff")

    def test_an_erase_sets_every_bit_of_its_sector_and_no_other(self):
        nor = SimNor(3, image=bytes(3 * SECTOR))
        nor.erase(1)
        self.assertEqual(nor.data, bytes(SECTOR) + FF * SECTOR + bytes(SECTOR))
        self.assertEqual(nor.wear, [0, 1, 0])

    def test_what_is_out_of_range_is_a_flash_error(self):
        nor = SimNor(2)
        for address in (-1, 2 * SECTOR - 1):
            self.assertRaises(FlashError, nor.read, address, bytearray(2))
            self.assertRaises(FlashError, nor.program, address, b"ab")
        self.assertRaises(FlashError, nor.erase, 2)
        self.assertRaises(FlashError, nor.erase, -1)
        nor.program(2 * SECTOR, b"")
        self.assertEqual(nor.operations, 0)

    def test_every_page_that_a_program_touches_is_one_operation(self):
        nor = SimNor(1)
        nor.program(200, bytes(400))
        self.assertEqual((nor.programs, nor.programmed_bytes), (3, 400))
        self.assertEqual(nor.data[199:601], b"\xff" + bytes(400) + b"\xff")
        nor.erase(0)
        read(nor, 0, 100)
        self.assertEqual((nor.reads, nor.read_bytes, nor.erases, nor.operations), (1, 100, 1, 4))

    def test_a_chip_that_wraps_goes_on_at_the_start_of_the_page(self):
        nor = SimNor(1)
        nor.page_wrap = True
        nor.program(256 + 254, b"abcd")
        self.assertEqual(nor.data[256:258] + nor.data[510:514], b"cdab\xff\xff")
        self.assertEqual((nor.programs, nor.programmed_bytes), (1, 4))

    def test_a_program_over_what_is_not_blank_is_a_violation(self):
        nor = SimNor(1)
        nor.program(0, b"\xf0\x0f\x55")
        nor.program(0, b"\xff\x0f\xff")
        self.assertEqual(nor.violations, [])
        nor.program(0, b"\xff\x0e\xff")
        nor.program(0, b"\xf1")
        self.assertEqual(nor.violations, [("clear", 1), ("set", 0)])
        self.assertEqual(read(nor, 0, 3), b"\xf0\x0e\x55")

    def test_a_snapshot_brings_back_all_that_survives_without_power(self):
        nor, _ = torn("weak", b"", b"\x0f", 1)
        nor.bad[1] = "read-error"
        nor.erase(1)
        frozen = nor.snapshot()
        seen = nor._random.word()
        weak, mood = set(nor.weak), nor.mood
        nor.erase(0)
        nor.bad.clear()
        nor.arm(0)
        self.assertTrue(cut(nor.erase, 0))
        nor.reboot()
        other = SimNor(2)
        for chip in (nor, other):
            era = chip.era
            chip.restore(frozen)
            self.assertEqual((chip.data[256] | 0xF0, chip.weak, chip.wear), (0xFF, weak, [0, 1]))
            self.assertEqual((chip.bad, chip.operations, chip.violations), ({1: "read-error"}, 0, []))
            self.assertEqual((chip._random.word(), chip.mood, chip.era), (seen, mood, era + 1))
            chip.erase(0)
        self.assertRaises(ValueError, SimNor(3).restore, frozen)


class TestPower(unittest.TestCase):
    def test_a_cut_flash_refuses_everything_until_reboot(self):
        nor = SimNor(2)
        nor.arm(0)
        self.assertTrue(cut(nor.program, 0, b"a"))
        for call in ((nor.read, 0, bytearray(1)), (nor.program, 0, b"a"), (nor.erase, 0), (nor.sync,)):
            self.assertTrue(cut(call[0], *call[1:]))
        self.assertEqual(nor.operations, 1)
        nor.reboot()
        nor.program(0, b"a")
        self.assertEqual(read(nor, 0, 1), b"a")

    def test_cuts_are_counted_from_arm_over_programs_and_erases(self):
        nor = SimNor(2)
        nor.erase(0)
        nor.arm(3, "nothing")
        nor.program(0, bytes(300))
        nor.erase(1)
        self.assertTrue(cut(nor.program, 512, b"a"))
        self.assertEqual(nor.data[512], 255)
        nor.reboot()
        nor.arm(1)
        nor.reboot()
        nor.erase(0)
        nor.erase(0)

    def test_the_pages_before_the_cut_are_programmed(self):
        nor = SimNor(1)
        nor.arm(2, "nothing")
        self.assertTrue(cut(nor.program, 0, bytes(1000)))
        self.assertEqual(nor.data, bytes(512) + FF * (SECTOR - 512))

    def test_a_torn_program_leaves_what_its_mode_says(self):
        old, new = FF * 100, bytes([i * 37 & 0x7E for i in range(100)])
        for seed in range(20):
            self.assertEqual(torn("nothing", old, new, seed)[1], old)
            self.assertEqual(torn("all", old, new, seed)[1], new)
            self.assertEqual(torn("later", old, new, seed)[1], old[:50] + new[50:])
            got = torn("prefix", old, new, seed)[1]
            self.assertTrue(any([got == new[:n] + old[n:] for n in range(1, 100)]))
            got = torn("bytes", old, new, seed)[1]
            self.assertTrue(all([got[i] in (255, new[i]) for i in range(100)]) and got not in (old, new))
            got = torn("bits", old, new, seed)[1]
            self.assertTrue(all([got[i] & new[i] == new[i] for i in range(100)]) and got not in (old, new))

    def test_a_disturb_clears_some_bits_elsewhere_in_the_same_sector_only(self):
        for seed in range(20):
            nor, got = torn("disturb", b"", bytes(100), seed)
            self.assertTrue(any([got == bytes(n) + FF * (100 - n) for n in range(1, 100)]))
            elsewhere = nor.data[:256] + nor.data[356:SECTOR]
            flips = sum([bin(255 - byte).count("1") for byte in elsewhere])
            self.assertTrue(1 <= flips <= 4)
            self.assertEqual(nor.data[SECTOR:], FF * SECTOR)

    def test_a_torn_erase_leaves_what_its_mode_says(self):
        old = b"\x5a" * SECTOR
        quarter, half = SECTOR // 4, SECTOR // 2
        expected = {
            "nothing": old,
            "all": FF * SECTOR,
            "weak": FF * SECTOR,  # in this mood
            "tail": old[:quarter] + bytes(SECTOR - quarter),
            "zero": bytes(SECTOR),
            "half": FF * half + old[half:],
        }
        for mode in expected:
            nor, got = torn_erase(mode, 7)
            self.assertEqual(got, expected[mode])
            self.assertEqual(nor.data[:SECTOR] + nor.data[2 * SECTOR :], old + old)
            self.assertEqual(nor.wear, [0, 1, 0])
        _, got = torn_erase("bits", 7)
        self.assertTrue(all([byte & 0x5A == 0x5A for byte in got]) and got not in (old, FF * SECTOR))
        self.assertEqual(set(expected) | set(["bits"]), set(ERASE_MODES))

    def test_every_mode_applies_to_both_kinds_by_the_nearest_one(self):
        self.assertEqual(set(PROGRAM_MODES) | set(ERASE_MODES), set(MODES))
        for mode, same in (("tail", "later"), ("zero", "all"), ("half", "prefix")):
            self.assertEqual(torn(mode, b"", bytes(9), 3)[1], torn(same, b"", bytes(9), 3)[1])
        for mode, same in (("prefix", "half"), ("bytes", "bits"), ("later", "tail"), ("disturb", "bits")):
            self.assertEqual(torn_erase(MODES.index(mode), 3)[1], torn_erase(same, 3)[1])
        self.assertRaises(ValueError, SimNor(1).arm, 0, "no such")

    def test_a_weak_bit_reads_either_way_until_its_sector_is_erased(self):
        nor, _ = torn("weak", b"", b"\x00" * 50, 5)
        seen = set()
        for _ in range(40):
            got = read(nor, 256, 50)
            self.assertEqual(got, read(nor, 256, 50))
            seen.add(got)
            nor.reboot()
        self.assertEqual(len(seen), 2)
        self.assertEqual(sorted([sum([bin(byte).count("1") for byte in got]) for got in seen]), [0, 1])
        nor.reboot(MOOD_ZEROS)
        self.assertEqual(read(nor, 256, 50), bytes(50))
        nor.erase(0)
        nor.program(256, b"\x80" * 50)
        for mood in (MOOD_ZEROS, MOOD_ONES):
            nor.reboot(mood)
            self.assertEqual(read(nor, 256, 50), b"\x80" * 50)

    def test_a_weak_bit_may_change_at_every_read(self):
        nor, _ = torn("weak", b"", bytes(50), 5)
        nor.weak_per_read = True
        self.assertEqual(len(set([read(nor, 256, 50) for _ in range(40)])), 2)

    def test_a_weak_bit_is_sound_once_it_is_programmed_again(self):
        nor, _ = torn("weak", b"", bytes(50), 5)
        nor.program(256, bytes(50))
        nor.reboot(MOOD_ONES)
        self.assertEqual(read(nor, 256, 50), bytes(50))
        self.assertEqual(nor.violations, [])

    def test_a_few_cells_are_weak_after_a_weak_erase(self):
        for seed in range(10):
            nor, got = torn_erase("weak", seed)
            self.assertEqual(got, FF * SECTOR)
            nor.reboot(MOOD_ZEROS)
            zeros = sum([bin(255 - byte).count("1") for byte in read(nor, SECTOR, SECTOR)])
            self.assertTrue(1 <= zeros <= 4)
            nor.erase(1)
            self.assertEqual(read(nor, SECTOR, SECTOR), FF * SECTOR)

    def test_a_torn_erase_leaves_weak_what_it_did_not_touch(self):
        near, far = 8 * 10, 8 * (SECTOR - 1)
        for mode, left in (("half", [far]), ("tail", [near]), ("zero", []), ("all", []), ("bits", [near, far])):
            nor = SimNor(1)
            nor.weak = set([near, far])
            nor.arm(0, mode)
            self.assertTrue(cut(nor.erase, 0))
            self.assertEqual(sorted(nor.weak), left)

    def test_a_program_over_a_weak_or_stuck_cell_that_looked_blank_is_no_violation(self):
        nor, _ = torn("weak", b"", b"\xfe", 1)
        nor.program(256, b"\x55")
        nor.endurance = 0
        nor.erase(1)
        nor.program(SECTOR, b"\x55" * SECTOR)
        self.assertEqual(nor.violations, [])

    def test_one_seed_is_one_run_on_both_interpreters(self):
        random = XorShift32(1)
        self.assertEqual([random.word() for _ in range(2)] + [random.below(1000)], GOLDEN_WORDS)
        nor = SimNor(4, seed=9)
        nor.randomize()
        nor.reorder = True
        seen = b""
        for i in range(len(MODES) * 4):
            nor.arm(3, i % len(MODES), i)
            cut(nor.program, i * 300 + 17, random.block(200))
            cut(nor.erase, i % 4)
            cut(nor.program, i * 256, random.block(600))
            nor.reboot()
            seen = digest(seen, read(nor, 0, 4 * SECTOR))
        self.assertEqual(hex_text(seen[:8]), GOLDEN_RUN)


class TestFaults(unittest.TestCase):
    def test_a_flipped_bit_stays_flipped(self):
        nor = SimNor(1)
        nor.flip(8 * 100 + 3)
        self.assertEqual(read(nor, 99, 3), b"\xff\xf7\xff")
        nor.flip(8 * 100 + 3)
        self.assertEqual(read(nor, 99, 3), FF * 3)

    def test_every_nth_read_is_wrong_in_one_bit_and_right_when_repeated(self):
        nor = SimNor(1)
        nor.read_flip_every = 3
        wrong = [sum([bin(255 - byte).count("1") for byte in read(nor, 0, 50)]) for _ in range(9)]
        self.assertEqual(wrong, [0, 0, 1] * 3)
        self.assertEqual(nor.data, FF * SECTOR)

    def test_a_bad_sector_fails_as_its_kind_says(self):
        nor = SimNor(6, image=b"\xaa" * (6 * SECTOR))
        kinds = ("program-error", "erase-error", "read-error", "program-noop", "erase-noop")
        for i in range(5):
            nor.bad[i] = kinds[i]
        self.assertRaises(FlashError, nor.program, 0, b"\x00")
        self.assertRaises(FlashError, nor.erase, 1)
        self.assertRaises(FlashError, nor.read, 2 * SECTOR - 1, bytearray(2))
        nor.program(3 * SECTOR, b"\x00")
        nor.erase(4)
        self.assertEqual(nor.data, b"\xaa" * (6 * SECTOR))
        self.assertEqual((nor.operations, nor.wear), (4, [0, 1, 0, 0, 1, 0]))
        nor.program(SECTOR, b"\x00")
        nor.erase(0)
        self.assertEqual((nor.data[SECTOR], nor.data[:SECTOR]), (0, FF * SECTOR))

    def test_a_worn_out_sector_has_bits_stuck_at_zero(self):
        nor = SimNor(3)
        nor.endurance = 3
        nor.bad[1] = ("stuck", 1)
        nor.bad[2] = "stuck"
        good = []
        for _ in range(4):
            for sector in range(3):
                nor.erase(sector)
            good.append([nor.data[i * SECTOR : (i + 1) * SECTOR] == FF * SECTOR for i in range(3)])
        self.assertEqual(good, [[True, True, False], [True, False, False], [True, False, False], [False] * 3])
        stuck = bytes(nor.data)
        nor.erase(0)
        self.assertEqual(nor.data, stuck)
        nor.arm(0, "all")
        self.assertTrue(cut(nor.erase, 0))
        self.assertEqual(nor.data, stuck)
        nor.reboot()
        other = SimNor(3)
        other.restore(nor.snapshot())
        other.erase(0)
        self.assertEqual(other.data, stuck)

    def test_a_misdirected_program_lands_in_another_sector_at_the_same_offset(self):
        nor = SimNor(3)
        nor.misdirect = (1, 2)
        nor.program(5, b"a")
        nor.program(SECTOR + 7, b"b")
        nor.program(9, b"c")
        self.assertEqual((nor.data[5], nor.data[7], nor.data[SECTOR + 7], nor.data[9]), (97, 98, 255, 99))

    def test_a_cut_loses_any_of_the_operations_since_the_last_sync(self):
        seen = set()
        for seed in range(40):
            nor = SimNor(2)
            nor.reorder = True
            nor.program(0, b"s")
            nor.sync()
            for i in range(1, 4):
                nor.program(i, b"x")
            nor.erase(1)
            self.assertEqual(read(nor, 0, 4), b"sxxx")
            nor.arm(0, "nothing", seed)
            self.assertTrue(cut(nor.program, 9, b"y"))
            nor.reboot()
            seen.add(read(nor, 0, 4))
        self.assertEqual(len(seen), 8)
        self.assertTrue(all([got[:1] == b"s" for got in seen]))

    def test_without_reorder_only_the_last_operation_is_torn(self):
        nor = SimNor(1)
        nor.program(0, b"a")
        nor.arm(0)
        self.assertTrue(cut(nor.program, 1, b"b"))
        nor.reboot()
        self.assertEqual(read(nor, 0, 2), b"a\xff")


if __name__ == "__main__":
    unittest.main()
