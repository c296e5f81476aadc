# SPDX-License-Identifier: MIT
"""The block device over the simulated NOR chip keeps its protocol, and a real littlefs on it stands every power cut."""

import gc
import os
import unittest

from sim.sim_blocks import FAILED, HAVE_LITTLEFS, SimBlocks, make_fs, mount_fs, unmount_fs
from sim.sim_nor import MODES, PowerCut, SimNor

SECTOR = 4096
FF = b"\xff"
BLOCKS = 16
OLD = b"old " * 75
NEW = b"new " * 175


def cut(function, *arguments):
    """Whether the power goes in this call."""
    try:
        function(*arguments)
        return False
    except PowerCut:
        return True


def write(content, path="/nor/file"):
    with open(path, "wb") as file:
        file.write(content)


def read(path="/nor/file"):
    """The bytes of a file, None if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def forget_a_file():
    """Leave its closing to the garbage collector."""
    open("/nor/file", "wb").write(NEW)


class TestBlocks(unittest.TestCase):
    def test_a_write_with_an_offset_never_erases_and_one_without_does(self):
        nor = SimNor(4)
        blocks = SimBlocks(nor, 1, 2)
        self.assertEqual((blocks.ioctl(1, 0), blocks.ioctl(4, 0), blocks.ioctl(5, 0)), (0, 2, SECTOR))
        self.assertEqual(blocks.writeblocks(1, b"\x0f", 7), 0)
        self.assertEqual((nor.erases, nor.data[2 * SECTOR + 7]), (0, 0x0F))
        self.assertEqual(blocks.writeblocks(0, b"\xf0" * (2 * SECTOR)), 0)
        self.assertEqual((nor.erases, nor.data), (2, FF * SECTOR + b"\xf0" * (2 * SECTOR) + FF * SECTOR))
        into = bytearray(3)
        self.assertEqual((blocks.readblocks(1, into, 5), into), (0, b"\xf0" * 3))
        self.assertEqual((blocks.ioctl(6, 1), blocks.ioctl(3, 0), blocks.ioctl(2, 0)), (0, 0, 0))
        self.assertEqual(nor.data[SECTOR : 3 * SECTOR], b"\xf0" * SECTOR + FF * SECTOR)

    def test_what_the_chip_refuses_is_eio(self):
        nor = SimNor(2)
        blocks = SimBlocks(nor, 0, 1)
        answers = [blocks.readblocks(1, bytearray(1)), blocks.writeblocks(0, b"ab", SECTOR - 1), blocks.ioctl(6, 1)]
        nor.bad[0] = "erase-error"
        answers += [blocks.ioctl(6, 0), blocks.writeblocks(0, bytes(SECTOR))]
        self.assertEqual((answers, nor.programs), ([FAILED] * 5, 0))

    def test_a_device_from_before_a_reboot_never_reaches_the_chip(self):
        nor = SimNor(1)
        blocks = SimBlocks(nor)
        nor.arm(0)
        self.assertTrue(cut(blocks.writeblocks, 0, b"a", 0))
        self.assertTrue(cut(blocks.ioctl, 3, 0))
        nor.reboot()
        answers = [blocks.writeblocks(0, b"a", 0), blocks.readblocks(0, bytearray(1))]
        answers += [blocks.ioctl(6, 0), blocks.ioctl(3, 0)]
        self.assertEqual((answers, nor.operations, nor.reads, blocks.refused), ([FAILED] * 4, 1, 0, 4))
        self.assertEqual(SimBlocks(nor).writeblocks(0, b"a", 0), 0)


class TestWithoutLittlefs(unittest.TestCase):
    def test_an_interpreter_without_littlefs_says_so(self):
        if not HAVE_LITTLEFS:
            self.assertRaises(NotImplementedError, make_fs, 2, SimNor(BLOCKS))
            self.assertRaises(NotImplementedError, mount_fs, 1, SimNor(BLOCKS))
        unmount_fs("/nothing-is-mounted-here")


class Littlefs:
    """The tests of both versions; `kind`: which."""

    def tearDown(self):
        unmount_fs()

    def test_a_file_is_there_after_a_reboot(self):
        nor = SimNor(BLOCKS)
        make_fs(self.kind, nor)
        write(OLD)
        unmount_fs()
        nor.reboot()
        mount_fs(self.kind, nor)
        self.assertEqual(read(), OLD)
        self.assertEqual(nor.violations, [])
        self.assertTrue(nor.erases > 1)

    def test_what_is_no_file_system_is_refused(self):
        nor = SimNor(BLOCKS)
        nor.randomize()
        self.assertRaises(OSError, mount_fs, self.kind, nor)

    def test_two_runs_write_the_same_image(self):
        images = []
        for _ in range(2):
            nor = SimNor(BLOCKS)
            make_fs(self.kind, nor, 256)
            write(OLD)
            images.append(bytes(nor.data))
        self.assertEqual(images[0], images[1])

    def test_a_cut_at_any_operation_leaves_the_old_or_the_new_file(self):
        nor = SimNor(BLOCKS)
        make_fs(self.kind, nor)
        frozen = nor.snapshot()
        for mode in MODES:
            for number in range(100):
                nor.restore(frozen)
                mount_fs(self.kind, nor)
                nor.arm(number, mode, number)
                allowed = [None, b"", OLD]
                went = cut(write, OLD)
                if not went:
                    allowed = [OLD, NEW]
                    went = cut(write, NEW)
                self.assertEqual(nor.violations, [])
                for _ in range(2):
                    nor.reboot()
                    mount_fs(self.kind, nor)
                    self.assertIn(read(), allowed)
                if not went:
                    self.assertEqual(read(), NEW)
                    break
            self.assertTrue(5 < number < 99)

    def test_a_cut_while_it_is_formatted_leaves_a_chip_that_can_be_formatted(self):
        nor = SimNor(BLOCKS)
        nor.randomize()
        frozen = nor.snapshot()
        for number in range(100):
            nor.restore(frozen)
            nor.arm(number, "bits", number)
            went = cut(make_fs, self.kind, nor)
            nor.reboot()
            make_fs(self.kind, nor)
            write(OLD)
            self.assertEqual(read(), OLD)
            if not went:
                break
        self.assertTrue(2 < number < 99)

    def test_a_file_left_open_writes_nothing_after_the_reboot(self):
        nor = SimNor(BLOCKS)
        make_fs(self.kind, nor)
        write(OLD)
        file = open("/nor/file", "wb")
        file.write(NEW)
        nor.arm(0)
        self.assertTrue(cut(file.flush))
        nor.reboot()
        mount_fs(self.kind, nor)
        operations = nor.operations
        self.assertRaises(OSError, file.close)
        file = None
        gc.collect()
        self.assertEqual(nor.operations, operations)
        self.assertEqual(read(), OLD)
        write(NEW)
        self.assertEqual(read(), NEW)

    def test_a_finaliser_reaches_neither_a_live_nor_a_rebooted_chip(self):
        nor = SimNor(BLOCKS)
        make_fs(self.kind, nor)
        write(OLD)
        for reboot in (False, True):
            unmount_fs()
            blocks = SimBlocks(nor)
            os.mount(getattr(os, "VfsLfs%d" % self.kind)(blocks), "/nor")
            for _ in range(5):
                forget_a_file()
            if reboot:
                nor.reboot()
            operations = nor.operations
            gc.collect()
            self.assertTrue(blocks.refused > 0)
            self.assertEqual(nor.operations, operations)
            if not reboot:
                write(NEW, "/nor/other")
            mount_fs(self.kind, nor)
            self.assertEqual((read(), read("/nor/other")), (OLD, NEW))


if HAVE_LITTLEFS:

    class TestLittlefs1(Littlefs, unittest.TestCase):
        kind = 1

    class TestLittlefs2(Littlefs, unittest.TestCase):
        kind = 2


if __name__ == "__main__":
    unittest.main()
