# SPDX-License-Identifier: MIT
"""The flash of the ports: a folder of littlefs, a partition behind a block device, SecureData, and files on raw NOR."""

import gc
import os
import unittest

from ports.block_nor import BlockNor
from ports.quecpython.secure_data import SecureDataFlash
from ports.vfs_flash import LITTLEFS1, LITTLEFS2, OTHER, VfsFlash
from sim.sim_blocks import HAVE_LITTLEFS, SimBlocks, make_fs, mount_fs, unmount_fs
from sim.sim_nor import SimNor
from sim.sim_port import MemFlash
from sim.sim_secure_data import SimSecureData

from quell.counters import Counters
from quell.errors import FlashError
from quell.port import LOGICAL, PHYSICAL
from quell.state.slots import KEYS, STATE, Slots
from quell.store.nor_files import NorFiles
from quell.store.nor_store import NorStore

FOLDER = "/nor/quell"
SECTOR = 4096
MARK = b"the old key, which must go"


def fill(free_blocks):
    """Foreign files beside our folder until so many blocks are free -> how many."""
    count = 0
    while os.statvfs("/nor")[3] > free_blocks:
        with open("/nor/app%d" % count, "wb") as file:
            file.write(bytes([count]) * 3000)
        count += 1
    return count


def untouched(count):
    """True if the foreign files are all there, as they were, and nothing else beside our folder."""
    for n in range(count):
        with open("/nor/app%d" % n, "rb") as file:
            if file.read() != bytes([n]) * 3000:
                return False
    return len(os.listdir("/nor")) == count + 1


class Littlefs:
    """What holds on both versions; `kind`: which."""

    def mounted(self, blocks=40, progsize=32):
        self.nor = None
        gc.collect()
        self.nor = SimNor(blocks)
        make_fs(self.kind, self.nor, progsize)
        return VfsFlash(FOLDER)

    def tearDown(self):
        unmount_fs()

    def test_it_finds_out_what_it_stands_on(self):
        for progsize, inline_bytes in ((32, 128), (256, 512)):
            flash = self.mounted(progsize=progsize)
            kind = (LITTLEFS1, 0, 48) if self.kind == 1 else (LITTLEFS2, inline_bytes, 1000)
            self.assertEqual((flash.file_system, flash.inline_bytes, flash.flushes_per_day), kind)
            self.assertEqual((flash.atomic, flash.level, os.listdir(FOLDER)), (True, LOGICAL, []))
            flash = VfsFlash(FOLDER, kind[0])
            self.assertEqual((flash.file_system, flash.inline_bytes, flash.flushes_per_day), kind)

    def test_a_small_file_takes_no_block_up_to_inline_bytes_and_a_key_file_always_does(self):
        for progsize in (32, 256):
            flash = self.mounted(progsize=progsize)
            flash.write("i0", b"")
            free = os.statvfs(FOLDER)[3]
            flash.write("i0", bytes(flash.inline_bytes))
            self.assertEqual(os.statvfs(FOLDER)[3], free)
            flash.write("i0", bytes(flash.inline_bytes + 1))
            self.assertTrue(os.statvfs(FOLDER)[3] < free)
            flash.erase("i0")
            free = os.statvfs(FOLDER)[3]
            flash.write("keys.a", bytes(flash.least_secret_bytes))
            self.assertTrue(os.statvfs(FOLDER)[3] < free)

    def test_a_file_is_replaced_whole_and_an_absent_or_empty_one_is_no_error(self):
        flash = self.mounted()
        self.assertIsNone(flash.read("state.a"))
        flash.erase("state.a")
        for data in (b"first", b"", bytes(16368), b"short"):
            flash.write("state.a", data)
            unmount_fs()
            self.nor.reboot()
            mount_fs(self.kind, self.nor)
            flash = VfsFlash(FOLDER)
            self.assertEqual(flash.read("state.a"), data)
        flash.erase("state.a")
        self.assertEqual((flash.read("state.a"), os.listdir(FOLDER)), (None, []))

    def test_a_file_without_bytes_is_a_slot_without_payload(self):
        flash = self.mounted()
        slots = Slots(flash, "state", STATE, Counters())
        slots.load()
        slots.save(b"good")
        flash.write("state.b", b"")
        self.assertEqual(Slots(flash, "state", STATE, Counters()).load(), b"good")

    def test_a_full_file_system_is_a_flash_error_and_costs_no_file(self):
        flash = self.mounted()
        flash.write("state.a", b"state" * 300)
        foreign = fill(1)
        for _ in range(3):
            self.assertRaises(FlashError, flash.write, "r010", bytes(16368))
            self.assertTrue(flash.read("state.a") == b"state" * 300)
        self.assertTrue(untouched(foreign))
        self.assertIn(flash.read("r010"), (None, b""))
        flash.erase("r010")
        for n in range(8):
            os.remove("/nor/app%d" % n)
        flash.write("r010", bytes(16368))
        self.assertTrue(flash.read("r010") == bytes(16368))

    def test_a_full_file_system_is_found_out_too_or_treated_as_the_weaker(self):
        self.nor = SimNor(24)
        make_fs(self.kind, self.nor)
        os.mkdir(FOLDER)
        fill(0)
        flash = VfsFlash(FOLDER)
        self.assertIn(flash.file_system, ((LITTLEFS1,) if self.kind == 1 else (LITTLEFS2, OTHER)))

    def test_what_is_no_file_system_or_gone_is_a_flash_error(self):
        flash = self.mounted()
        unmount_fs()
        self.assertRaises(FlashError, flash.write, "state.a", b"x")
        self.assertRaises(FlashError, flash.churn)
        self.assertRaises(FlashError, VfsFlash, "/nowhere/quell")
        self.assertIsNone(flash.read("state.a"))

    def test_a_chip_that_fails_is_a_flash_error_and_no_file_stays_open(self):
        flash = self.mounted()
        flash.write("state.a", b"state" * 300)
        for sector in range(40):
            self.nor.bad[sector] = "program-error"
        for _ in range(3):
            self.assertRaises(FlashError, flash.write, "state.b", bytes(5000))
        self.nor.bad = {}
        unmount_fs()
        mount_fs(self.kind, self.nor)
        flash = VfsFlash(FOLDER)
        self.assertEqual(flash.read("state.a"), b"state" * 300)
        flash.write("state.b", bytes(5000))

    def test_churn_displaces_every_old_copy_of_a_key_and_touches_nothing_else(self):
        for blocks, free in ((40, 40), (40, 20), (40, 9), (40, 5), (40, 3), (80, 60)):
            flash = self.mounted(blocks)
            slots = Slots(flash, "keys", KEYS, Counters())
            slots.load()
            slots.save_all(b"no key yet")
            flash.write("state.a", b"state" * 100)
            foreign = fill(free)
            for n in range(6):
                slots.save_all(MARK + b"%d" % n)
            self.assertTrue(self.nor.data.find(MARK) >= 0)
            slots.save_all(b"new key")
            self.assertTrue(self.nor.data.find(MARK) >= 0)  # or else churn would show nothing
            flash.churn()
            self.assertEqual((blocks, free, bytes(self.nor.data).count(MARK)), (blocks, free, 0))
            self.assertTrue(untouched(foreign))
            self.assertEqual(sorted(os.listdir(FOLDER)), ["keys.a", "keys.b", "state.a"])
            self.assertEqual(flash.read("state.a"), b"state" * 100)
            self.assertEqual(Slots(flash, "keys", KEYS, Counters()).load()[:7], b"new key")

    def test_churn_on_a_full_file_system_displaces_them_too_or_says_that_it_could_not(self):
        for free in (2, 1, 0):
            flash = self.mounted(24)
            flash.write("keys.a", MARK + bytes(1100))
            flash.write("keys.a", bytes(1100))
            foreign = fill(free)
            try:
                flash.churn()
                self.assertEqual(bytes(self.nor.data).count(MARK), 0)
            except FlashError:
                self.assertTrue(free < 2)
            self.assertTrue(untouched(foreign))


if HAVE_LITTLEFS:

    class TestLittlefs1(Littlefs, unittest.TestCase):
        kind = 1

    class TestLittlefs2(Littlefs, unittest.TestCase):
        kind = 2


class Device(SimBlocks):
    """A block device that answers as it is told: `lies`: {method or ioctl operation: answer, or exception to raise}."""

    def __init__(self, nor, lies=()):
        SimBlocks.__init__(self, nor)
        self.lies = dict(lies)
        self.calls = 0

    def _answer(self, what, call, *args):
        self.calls += 1
        answer = self.lies.get(what, call)
        if answer is call:
            return call(*args)
        if isinstance(answer, Exception):
            raise answer
        return answer(*args) if callable(answer) else answer

    def readblocks(self, n, buf, off=0):
        return self._answer("read", lambda *args: SimBlocks.readblocks(self, *args), n, buf, off)

    def writeblocks(self, n, buf, off=None):
        return self._answer("write", lambda *args: SimBlocks.writeblocks(self, *args), n, buf, off)

    def ioctl(self, op, arg):
        return self._answer(op, lambda *args: SimBlocks.ioctl(self, *args), op, arg)


class TestBlockNor(unittest.TestCase):
    BAD = (OSError(5), ValueError("x"), TypeError("y"), KeyError(1), -5, -1, 1, 22, 4096, True)

    def test_it_reaches_its_own_blocks_and_no_other(self):
        nor = SimNor(6)
        part = BlockNor(Device(nor), 2, 3)
        part.program(SECTOR - 2, b"\x01\x02\x03\x04")  # over the border of two blocks
        into = bytearray(4)
        part.read(SECTOR - 2, into)
        self.assertEqual((into, nor.data.find(b"\x01\x02\x03\x04")), (b"\x01\x02\x03\x04", 3 * SECTOR - 2))
        part.erase(0)
        self.assertEqual((nor.wear, nor.data[3 * SECTOR : 3 * SECTOR + 2]), ([0, 0, 1, 0, 0, 0], b"\x03\x04"))
        calls = part._device.calls
        for address in (-1, 3 * SECTOR, 3 * SECTOR + 5):
            self.assertRaises(FlashError, part.read, address, bytearray(2))
            self.assertRaises(FlashError, part.program, address, b"ab")
        for sector in (-1, 3):
            self.assertRaises(FlashError, part.erase, sector)
        self.assertEqual(part._device.calls, calls)
        self.assertRaises(FlashError, part.program, 3 * SECTOR - 1, b"\x00\x00")
        self.assertEqual(nor.data[5 * SECTOR :], b"\xff" * SECTOR)

    def test_whatever_a_device_raises_or_returns_but_success_is_a_flash_error(self):
        for answer in self.BAD:
            device = Device(SimNor(4))
            part = BlockNor(device, 0, 4)
            device.lies = {"read": answer, "write": answer, 6: answer}
            self.assertRaises(FlashError, part.read, 0, bytearray(2))
            self.assertRaises(FlashError, part.program, 0, b"ab")
            self.assertRaises(FlashError, part.erase, 0)

    def test_zero_none_and_false_are_success(self):
        for answer in (0, None, False):
            device = Device(SimNor(4), {"read": answer, "write": answer, 6: answer})
            part = BlockNor(device, 0, 4)
            part.read(0, bytearray(2))
            part.program(0, b"ab")
            part.erase(0)

    def test_a_device_that_lies_about_itself_is_refused_with_what_is_needed(self):
        for lies in ({5: 512}, {5: None}, {5: "4096"}, {5: -5}, {4: 3}, {4: None}, {4: 0}, {4: -1}, {4: 4.5}):
            try:
                BlockNor(Device(SimNor(8), lies), 0, 4)
                self.fail(str(lies))
            except FlashError as error:
                self.assertEqual(str(error), "needs 4 blocks of 4096 bytes from 0")
        for first, count in ((5, 4), (-1, 4), (8, 1)):
            self.assertRaises(FlashError, BlockNor, Device(SimNor(8)), first, count)
        for lies in ({4: 100}, {4: OSError(5)}, {5: ValueError()}, {"read": -5}, {"read": OSError(19)}):
            self.assertRaises(FlashError, BlockNor, Device(SimNor(8), lies), 2, 90 if lies.get(4) == 100 else 4)

    def test_a_device_that_does_only_half_of_it_is_found_out_by_reading_back(self):
        def half(n, data, off):
            return SimBlocks.writeblocks(device, n, data[: len(data) // 2], off)

        device = Device(SimNor(4), {"write": half})
        store = NorStore(BlockNor(device, 0, 4))
        store.mount(Counters())
        self.assertFalse(store.program(0, 0, b"\x12\x34" * 20, 40))
        device.lies = {6: 0}
        device.nor.data[10] = 0
        self.assertRaises(FlashError, store.erase, 0)


class TestSecureData(unittest.TestCase):
    def test_a_key_is_displaced_in_both_copies_and_read_back(self):
        secure = SimSecureData()
        flash = SecureDataFlash(secure, MemFlash())
        for name in ("keys.a", "keys.b"):
            flash.write(name, MARK + bytes(100))
        flash.write("keys.a", bytes(10))
        self.assertEqual(secure.data.count(MARK), 2)
        flash.erase("keys.b")
        self.assertEqual((secure.data.find(MARK), flash.read("keys.a")), (-1, bytes(10)))

    def test_sizes_that_do_not_fit_are_refused_and_leave_what_was_there(self):
        flash = SecureDataFlash(SimSecureData(), MemFlash())
        flash.write("keys.a", bytes(1000))
        for length in (0, 1001, 5000):
            self.assertRaises(FlashError, flash.write, "keys.a", b"x" * length)
        self.assertEqual((len(flash.read("keys.a")), flash.read("keys.b")), (1000, None))
        flash.erase("keys.b")
        self.assertIsNone(flash.read("keys.b"))

    def test_what_the_module_answers_is_believed_only_if_it_is_success(self):
        class Odd:
            def Store(self, index, data, length):
                return self.stored

            def Read(self, index, data, length):
                return self.length

        secure = Odd()
        flash = SecureDataFlash(secure, MemFlash())
        for stored, length in ((-1, 3), (-2, 3), (1, 3), (0, -1), (0, -2), (0, 0), (0, 2), (0, 3)):
            secure.stored, secure.length = stored, length
            self.assertRaises(FlashError, flash.write, "keys.a", b"abc")
        for length in (-1, -2, 0):
            secure.length = length
            self.assertIsNone(flash.read("keys.a"))

    def test_any_other_file_is_among_the_files(self):
        files, secure = MemFlash(), SimSecureData()
        flash = SecureDataFlash(secure, files)
        flash.write("state.a", b"state")
        self.assertEqual((flash.read("state.a"), files.files, secure.data), (b"state", {"state.a": b"state"}, b""))
        flash.erase("state.a")
        self.assertEqual(files.files, {})


class TestNorFiles(unittest.TestCase):
    def test_a_partition_that_is_too_small_is_refused_with_both_sizes(self):
        try:
            NorFiles(SimNor(3), {"keys.a": 1, "keys.b": 1, "policy.a": 2})
            self.fail("taken")
        except FlashError as error:
            self.assertEqual(str(error), "partition of 3 sectors, 4 needed")

    def test_an_unknown_name_or_one_too_long_is_refused_and_nothing_changes(self):
        nor = SimNor(3)
        flash = NorFiles(nor, {"keys.a": 1, "policy.a": 2})
        self.assertEqual((flash.level, flash.read("state.a")), (PHYSICAL, None))
        flash.erase("state.a")
        for name, length in (("state.a", 1), ("keys.a", SECTOR - 7), ("policy.a", 2 * SECTOR - 7)):
            self.assertRaises(FlashError, flash.write, name, bytes(length))
        self.assertEqual(nor.operations, 0)
        for name, length in (("keys.a", SECTOR - 8), ("policy.a", 2 * SECTOR - 8), ("keys.a", 0)):
            flash.write(name, bytes(length))
            self.assertEqual(flash.read(name), bytes(length))

    def test_what_is_replaced_or_erased_is_nowhere_on_the_chip(self):
        nor = SimNor(2)
        flash = NorFiles(nor, {"keys.a": 1, "keys.b": 1})
        for name in ("keys.a", "keys.b"):
            flash.write(name, MARK)
        flash.write("keys.a", b"new")
        flash.erase("keys.b")
        self.assertEqual((nor.data.find(MARK), nor.data[SECTOR:]), (-1, b"\xff" * SECTOR))

    def test_one_worn_sector_of_three_costs_nothing(self):
        for bad in range(3):
            for kind in ("stuck", "erase-noop", "erase-error", "program-error", "program-noop"):
                nor = SimNor(3)
                flash = NorFiles(nor, {"state.a": 1, "state.b": 1, "state.c": 1}, 3)
                for n in range(8):
                    slots = Slots(flash, "state", STATE, Counters())
                    self.assertEqual(slots.load(), b"payload %d" % (n - 1) if n else None)
                    if n == 3:
                        nor.bad[bad] = kind
                    slots.save(b"payload %d" % n)

    def test_a_worn_sector_that_still_holds_an_older_payload_is_told(self):
        nor = SimNor(3)
        flash = NorFiles(nor, {"state.a": 1, "state.b": 1, "state.c": 1}, 3)
        slots = Slots(flash, "state", STATE, Counters())
        slots.load()
        self.assertTrue(slots.save_all(b"permissive"))
        nor.bad[1] = "erase-error"
        self.assertRaises(FlashError, slots.save_all, b"strict")


if __name__ == "__main__":
    unittest.main()
