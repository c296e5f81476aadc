# SPDX-License-Identifier: MIT
"""The self-test tells of each piece of the platform in a line of its own, and outlives whatever a piece does."""

import _thread
import os
import unittest

from ports.quecpython import selftest, storage
from ports.quecpython.secure_data import SecureDataFlash
from ports.vfs_flash import OTHER, VfsFlash
from sim.sim_quec import Bench, SimModule, pause
from sim.sim_secure_data import SimSecureData

from quell.errors import FlashError
from quell.store.file_store import FileStore

FOLDER = "build/test-quec"
NAMES = (
    "crc", "sha-256", "aes", "big-integers", "file-system", "room", "urandom", "secure-data", "time", "threads", "heap"
)  # fmt: skip


class BadFlash:
    """`fails`: which call of it raises FlashError; `changes`: other bytes come back."""

    file_system = OTHER
    inline_bytes = 0

    def __init__(self, fails=None, changes=False):
        self.fails = fails
        self.changes = changes
        self.data = b""

    def _call(self, name):
        if self.fails == name:
            raise FlashError(name + ": no room")

    def write(self, name, data):
        self._call("write")
        self.data = data

    def read(self, name):
        self._call("read")
        return self.data[1:] if self.changes else self.data

    def erase(self, name):
        self._call("erase")


class Os:
    """The module `os` of the self-test, with some functions in other shape."""

    def __init__(self, **answers):
        self.answers = answers

    def __getattr__(self, name):
        if name in self.answers:
            return getattr(SimModule(**self.answers), name)
        return getattr(os, name)


class Platform:
    """The pieces of this machine; a test puts others in their place."""

    def __init__(self):
        self.bench = Bench()
        self.modules = self.bench.modules
        self.flash = VfsFlash(FOLDER, OTHER)
        self.root = "build"
        self.secure = None
        self.clock = self.bench.clock
        self.start = _thread.start_new_thread
        self.os = os

    def sleep_ms(self, ms):
        self.modules.ms += ms
        pause(ms if ms < 50 else 1)  # a thread needs real time to start

    def results(self):
        """{name: (good, text)}, after the lines were looked at."""
        before, selftest.os = selftest.os, self.os
        try:
            results = selftest.run(self.flash, self.root, self.secure, self.clock, self.start, self.sleep_ms)
        finally:
            selftest.os = before
        self.lines = selftest.lines(results)
        return {name: (good, text) for name, good, text in results}


class Case(unittest.TestCase):
    def setUp(self):
        os.system("rm -rf " + FOLDER + " && mkdir -p build")
        self.platform = Platform()

    def tearDown(self):
        os.system("rm -rf " + FOLDER)

    def only(self, piece, good, word=""):
        """Whether that piece alone is `good`, and all others are as they were: ok, or absent (SecureData)."""
        results = self.platform.results()
        self.assertEqual(len(results), len(NAMES))
        for name in NAMES:
            usual = None if name == "secure-data" else True
            self.assertEqual((name, results[name][0]), (name, good if name == piece else usual))
        self.assertIn(word, results[piece][1])
        line = [line for line in self.platform.lines if line.startswith("quell selftest " + piece + " ")]
        self.assertEqual(len(line), 1)
        self.assertIn({True: " ok", False: " FAILED", None: " absent"}[good], line[0])


class TestHealthy(Case):
    def test_all_is_well_on_a_pc_but_what_it_has_not(self):
        self.only("secure-data", None, "keys are in files")
        self.assertEqual(len(self.platform.lines), len(NAMES))
        self.assertEqual([line.split(" ")[2] for line in self.platform.lines], list(NAMES))

    def test_all_is_well_on_a_module_that_has_everything(self):
        self.platform.secure = SimSecureData()
        self.only("secure-data", True, "holds nothing")
        self.platform.secure.Store(16, bytearray(b"x" * 700), 700)
        self.only("secure-data", True, "holds 700")
        self.assertEqual(self.platform.secure.operations, 1)

    def test_no_file_is_left(self):
        self.platform.results()
        self.assertEqual(os.listdir(FOLDER), [])

    def test_the_time_of_day_is_told_by_its_source(self):
        self.assertIn("by rtc", self.platform.results()["time"][1])
        self.platform.bench.ask()
        self.assertIn("by nitz", self.platform.results()["time"][1])
        self.platform.clock = Bench(without=("net", "machine")).clock
        self.platform.modules = self.platform.bench.modules
        self.assertIn("no time of day", self.platform.results()["time"][1])


class TestFailing(Case):
    def test_a_flash_that_refuses_or_changes_bytes(self):
        for fails in ("write", "read", "erase"):
            self.platform.flash = BadFlash(fails)
            self.only("file-system", False, fails + ": no room")
        self.platform.flash = BadFlash(changes=True)
        self.only("file-system", False)
        self.platform.flash = None
        self.only("file-system", False, "AttributeError")

    def test_a_file_system_that_does_not_tell_its_room(self):
        for answer in (OSError(5), -1, None, (), (4096, 4096), 7):
            self.platform.os = Os(statvfs=answer)
            self.only("room", None, "does not say")
        self.platform.os = Os(statvfs=("a", "b", "c", "d"))
        self.only("room", False, "TypeError")

    def test_room_is_told_in_kib(self):
        self.platform.os = Os(statvfs=(4096, 4096, 50, 20, 20, 0, 0, 0, 0, 255))
        self.only("room", True, "80 of 200 KiB free")

    def test_random_numbers_that_are_missing_repeat_or_lean(self):
        for answer in (OSError(1), -1, None):
            self.platform.os = Os(urandom=answer)
            self.only("urandom", None, "no urandom")
        low, high = [b"\x00" * 127 + b"\x01", b"\x02" * 128], [b"\xff" * 128, b"\xfe" * 128]
        for answer in (bytes(range(128)), b"\x55" * 128, lambda n: low.pop(), lambda n: high.pop()):
            self.platform.os = Os(urandom=answer)
            self.only("urandom", False, "bits set")
        self.platform.os = Os(urandom="x")
        self.only("urandom", False)

    def test_a_key_store_that_cannot_be_read(self):
        for secure in (SimModule(), SimModule(Read=-1), SimModule(Read=OSError(5)), SimModule(Read=None), SimModule(Read=2000)):
            self.platform.secure = secure
            self.only("secure-data", False, "cannot be read")

    def test_a_clock_that_stands_or_runs_away(self):
        sleep_ms = self.platform.sleep_ms
        for factor in (0, 100):
            self.platform.sleep_ms = lambda ms, factor=factor: sleep_ms(ms * factor if ms == 50 else ms)
            self.only("time", False, "50 ms took")

    def test_threads_that_do_not_start_or_do_not_run(self):
        def refuse(function, args):
            raise OSError("can't create thread")

        self.platform.start = refuse
        self.only("threads", False, "OSError")
        self.platform.start = lambda function, args: None
        self.only("threads", False)
        self.platform.start = None
        self.only("threads", False, "TypeError")

    def test_a_primitive_that_is_wrong_or_missing(self):
        for piece, name, other in (
            ("crc", "crc32", lambda data: 0), ("sha-256", "digest", lambda *parts: bytes(32)),
            ("aes", "seal", lambda *args: bytes(24)), ("crc", "crc32", None), ("aes", "aes", None),
        ):  # fmt: skip
            before = getattr(selftest, name)
            setattr(selftest, name, other)
            try:
                self.assertEqual((name, self.platform.results()[piece][0]), (name, False))
                self.assertEqual(len(self.platform.lines), len(NAMES))
            finally:
                setattr(selftest, name, before)

    def test_no_memory_for_a_piece_is_a_failure_of_that_piece(self):
        self.platform.os = Os(statvfs=MemoryError())
        self.only("room", False, "MemoryError")


class TestStorage(Case):
    def test_keys_are_in_secure_data_where_it_is_and_in_files_elsewhere(self):
        flash, keystore, store = storage.parts(FOLDER, OTHER, 8, 4096, lambda name: None)
        self.assertTrue(keystore is flash)
        self.assertTrue(isinstance(store, FileStore))
        secure = SimSecureData()
        modules = {"SecureData": secure}
        flash, keystore, _ = storage.parts(FOLDER, OTHER, 8, 4096, modules.get)
        self.assertTrue(isinstance(keystore, SecureDataFlash))
        keystore.write("keys.a", b"k" * 40)
        self.assertIn(b"k" * 40, secure.data)
        self.assertIsNone(flash.read("keys.a"))
        keystore.write("prov.a", b"p" * 40)
        self.assertEqual(flash.read("prov.a"), b"p" * 40)


if __name__ == "__main__":
    unittest.main()
