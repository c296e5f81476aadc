# SPDX-License-Identifier: MIT
"""The folder flash of the unix port: whole files, overwritten before they go, and a disk that is really full."""

import os
import unittest

from ports.catalogue import IDS
from ports.unix.flash import FolderFlash
from sim.device import Device, provision, traceback
from sim.sim_host import SUBJECT
from sim.sim_port import sim_port

from quell.agent import Agent
from quell.counters import FLASH_FAILED
from quell.data_path import BUFFERED, DURABLE
from quell.errors import FlashError

FOLDER = "build/test-unix-flash"


class TestFolderFlash(unittest.TestCase):
    def setUp(self):
        os.system("rm -rf " + FOLDER + " && mkdir -p build")
        self.flash = FolderFlash(FOLDER)

    def tearDown(self):
        os.system("rm -rf " + FOLDER)

    def fill(self, name):
        """Every write to this file meets a full disk: the kernel's own ENOSPC."""
        os.system("ln -sf /dev/full " + FOLDER + "/" + name)

    def test_what_was_written_is_read_and_what_is_absent_is_none(self):
        self.flash.write("a", b"one")
        self.flash.write("a", b"two")
        self.assertEqual(self.flash.read("a"), b"two")
        self.assertIsNone(self.flash.read("b"))

    def test_erase_removes_and_absent_is_fine(self):
        self.flash.write("a", b"secret")
        self.flash.erase("a")
        self.flash.erase("a")
        self.assertIsNone(self.flash.read("a"))

    def test_files_are_for_their_owner_only(self):
        self.flash.write("a", b"secret")
        if os.stat(FOLDER + "/a")[0] & 0o077:
            # without libffi (CPython here) the caller's umask decides
            self.assertRaises(ImportError, __import__, "ffi")

    def test_a_full_disk_is_a_flash_error(self):
        self.fill("a")
        self.assertRaises(FlashError, self.flash.write, "a", b"x" * 100)

    def test_a_full_disk_costs_durability_and_no_record(self):
        device = Device()
        device.port = sim_port(device.host, self.flash)
        device.host.public = provision(device.port)
        device.agent = Agent(device.port, IDS, traceback)
        device.with_policy().granted()
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}, durable=True), DURABLE)
        for slot in range(4):
            os.system("mv %s/r01%d %s/kept%d" % (FOLDER, slot, FOLDER, slot))
            self.fill("r01%d" % slot)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 2}, durable=True), BUFFERED)
        self.assertTrue(device.count(FLASH_FAILED) > 0)
        for slot in range(4):
            os.system("mv %s/kept%d %s/r01%d" % (FOLDER, slot, FOLDER, slot))
        device.run(20)
        stored = device.host.stored[(device.host.instance, 1, 1)]
        self.assertEqual([stored[n][4][1] for n in sorted(stored)], [1, 2])

    def test_a_withdrawal_on_a_full_disk_stops_at_once_and_finishes_when_there_is_room(self):
        device = Device()
        device.port = sim_port(device.host, self.flash)
        device.host.public = provision(device.port)
        device.agent = Agent(device.port, IDS, traceback)
        device.with_policy().granted()
        for name in ("state.a", "state.b"):
            os.system("mv %s/%s %s/kept-%s" % (FOLDER, name, FOLDER, name))
            self.fill(name)
        device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        device.agent.session.restart()
        device.run(4)
        self.assertEqual(device.agent.data.emit("diagnostics", {"code": 3}, False, 0), 0)
        self.assertEqual([m for _, m in device.host.receipts if m[0] == 3], [])
        for name in ("state.a", "state.b"):
            os.system("mv %s/kept-%s %s/%s" % (FOLDER, name, FOLDER, name))
        device.run(100)
        receipt = [m for _, m in device.host.receipts if m[0] == 3][-1]
        self.assertEqual((receipt[5], receipt[8], receipt[12]), (0, 2, 1))


if __name__ == "__main__":
    unittest.main()
