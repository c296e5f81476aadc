# SPDX-License-Identifier: MIT
"""Whatever is in the flash, or stands in for it: the ring and the agent start or say why not, and touch nothing that is not theirs."""

import os
import unittest

from pipeline.test_nor_ring import KEY, PAGE, SMALL, Pool
from ports.block_nor import BlockNor
from sim.device import Device
from sim.patch import put
from sim.saved import host_copy, receipts, restored_host
from sim.sim_blocks import HAVE_LITTLEFS, SimBlocks, unmount_fs
from sim.sim_board import LittleBoard, NorBoard
from sim.sim_host import OPERATOR, SUBJECT, policy_file, purpose
from sim.sim_nor import SimNor
from sim.sim_nor_faults import XorShift32

from quell.codec.builtin import struct
from quell.codec.crc import crc32
from quell.control.receipt import POLICY, WITHDRAW
from quell.counters import UNREADABLE
from quell.data_path import DURABLE
from quell.errors import FlashError, QuellError, StateError
from quell.outcomes import REFUSED_SPACE
from quell.store.nor_files import NorFiles
from quell.store.nor_store import NorStore
from quell.store.sector import ACK, HEADER_BYTES, Header, frames

GUARD = 2  # foreign sectors on each side
RING = 8
_SAVED = {}


def noise(length, seed=3):
    return (XorShift32(seed).block(512) * (length // 512 + 1))[:length]


def layout(chip):
    """{sector: its sequences}, and [(first byte, end, sequence or None)…] of frames and headers, of what is on a chip."""
    sectors, places = {}, []
    size = chip.sector_bytes
    for i in range(chip.sectors):
        data = bytes(chip.data[i * size : (i + 1) * size])
        try:
            head = Header(data, i)
        except ValueError:
            continue
        sectors[i] = []
        for place, kind, sequence, _, length in frames(data, head.number)[0]:
            if kind == ACK:
                sequence = None
            else:
                sectors[i].append(sequence)
            places.append((i * size + place, i * size + place + length + 16, sequence))
    return sectors, places


def filled(key=KEY, count=40):
    """A ring of some sectors with a few acknowledgements -> Pool."""
    pool = Pool(SimNor(6, SMALL, PAGE), key=key)
    pool.append(count)
    pool.ring().ack(pool.ring().lost + 5)
    pool.ring().flush()
    pool.append(2)
    return pool


def mounted(pool, image):
    """A new boot of that device with another image -> Pool."""
    other = Pool(SimNor(pool.chip.sectors, SMALL, PAGE, image=bytes(image)), key=pool.key)
    other.reserved, other.last, other.given = dict(pool.reserved), dict(pool.last), dict(pool.given)
    other.chip.reset_counters()
    other.boot()
    return other


class TestRing(unittest.TestCase):
    def usable(self, pool, what):
        """It stores and gives what it stores."""
        new = pool.append(30)
        self.assertTrue(set(pool.drain()) >= set(new[-9:]), what)

    def test_any_bytes_mount_in_bounded_reads_as_an_empty_ring_and_nothing_is_written(self):
        size = 6 * SMALL
        newer = bytearray(filled().chip.data)
        for start in range(0, size, SMALL):
            newer[start + 2] = 2
            crc = crc32(newer[start : start + HEADER_BYTES - 4], crc32(struct.pack("<I", start // SMALL)))
            struct.pack_into("<I", newer, start + HEADER_BYTES - 4, crc)
        turned = bytes(filled().chip.data)
        images = [bytes(size), b"\xff" * size, noise(size), bytes(newer), turned[SMALL:] + turned[:SMALL]]
        for n in range(len(images)):
            pool = mounted(Pool(SimNor(6, SMALL, PAGE)), images[n])
            reads = pool.chip.reads
            pool.ring()
            self.assertEqual((pool.ring().waiting(), pool.ring().peek(9)[1]), (0, []), n)
            self.assertTrue(reads <= 12 and pool.chip.reads <= 18, n)
            self.assertEqual(pool.chip.operations, 0)
            self.usable(pool, n)

    def test_records_under_another_devices_key_are_counted_and_let_go(self):
        foreign = filled(bytes(32))
        pool = mounted(Pool(SimNor(6, SMALL, PAGE)), foreign.chip.data)
        held = pool.ring().waiting()
        self.assertEqual(pool.drain(), [])
        self.assertEqual((pool.counters.get(UNREADABLE), pool.ring().lost - foreign.ring().lost), (held, held))
        self.usable(pool, "")

    def test_damage_to_one_sector_costs_its_own_records_only(self):
        pool = filled()
        image = bytes(pool.chip.data)
        sectors = layout(pool.chip)[0]
        before = mounted(pool, image).drain()
        for i in sectors:
            at = i * SMALL
            old = image[at : at + SMALL]
            half = SMALL // 2
            other = image[(i + 1) % 6 * SMALL :][:SMALL]
            kinds = (
                bytes(SMALL), b"\xff" * SMALL, noise(SMALL, i + 1), b"\xff" * half + old[half:], old[:half] + b"\xff" * half,
                old[: SMALL // 4] + bytes(SMALL - SMALL // 4), old[:half] + noise(half, i + 9), old[:HEADER_BYTES] + b"\xff" * (SMALL - HEADER_BYTES),
                other, bytes([byte ^ 0xFF for byte in old]), b"\x00" * 4 + old[4:],
            )  # fmt: skip
            for n in range(len(kinds)):
                again = mounted(pool, image[:at] + kinds[n] + image[at + SMALL :])
                left = again.drain()
                self.assertTrue(set(before) - set(left) <= set(sectors[i]), (i, n))
                # what was acknowledged may come again if the damage hit the acknowledgement
                self.assertTrue(set(left) - set(before) <= set(range(before[0])), (i, n))
                self.usable(again, (i, n))

    def test_a_flipped_bit_costs_what_it_hits_and_no_more(self):
        pool = filled(count=24)
        image = bytes(pool.chip.data)
        sectors, places = layout(pool.chip)
        before = mounted(pool, image).drain()
        for at in range(len(image)):
            data = bytearray(image)
            data[at] ^= 1 << (at & 7)
            allowed = [sequence for first, end, sequence in places if first <= at < end]
            if at % SMALL < HEADER_BYTES:
                allowed = sectors.get(at // SMALL, [])
            left = mounted(pool, data).drain()
            self.assertTrue(set(before) - set(left) <= set(allowed), at)
            self.assertTrue(set(left) - set(before) <= set(range(before[0])), at)


class Board(NorBoard):
    """Its two partitions between guards, all on one chip. `device`: makes the block device; `small`: sectors that it lacks."""

    device = SimBlocks
    small = 0

    def __init__(self, image=None):
        NorBoard.__init__(self, RING)
        self.chip = SimNor(3 * GUARD + self.file_sectors + RING)
        self.first = GUARD + self.file_sectors + GUARD  # of the ring
        put(self.chip.data, 0, noise(len(self.chip.data)))
        for start, count in ((GUARD, self.file_sectors), (self.first, RING)):
            put(self.chip.data, start * 4096, b"\xff" * (count * 4096))
        if image is not None:
            put(self.chip.data, 0, image)
        self.foreign = self._foreign()

    def _foreign(self):
        size = 4096
        data = self.chip.data
        ours = GUARD + self.file_sectors
        return bytes(data[: GUARD * size]), bytes(data[ours * size : self.first * size]), bytes(data[(self.first + RING) * size :])

    def untouched(self):
        return self._foreign() == self.foreign

    def parts(self):
        blocks = self.device(self.chip)
        files = NorFiles(BlockNor(blocks, GUARD, self.file_sectors - self.small), self.files)
        return files, files, NorStore(BlockNor(blocks, self.first, RING))


def granted():
    """A device with ten records in its ring, link down; from one image, since making it is slow."""
    if not _SAVED:
        device = Device(flash=Board(), provisioned=False).with_policy([purpose(), purpose(2, "other", 0)]).granted()
        device.host.auto = False
        for n in range(10):
            device.agent.emit("diagnostics", {"code": n})
        device.agent.close()
        device.host.retained, device.host.stored = {}, {}
        _SAVED["image"], _SAVED["host"] = bytes(device.board.chip.data), host_copy(device.host)
    host = restored_host(_SAVED["host"])
    host.auto = True
    return host, _SAVED["image"]


def codes(device):
    """What the host has of purpose 1."""
    held = device.host.stored.get((device.host.instance, 1, 1), {})
    return sorted([record[4][1] for record in held.values()])


class TestAgent(unittest.TestCase):
    def test_a_chip_of_any_bytes_is_not_provisioned_and_nothing_is_written(self):
        size = len(Board().chip.data)
        for image in (bytes(size), b"\xff" * size, noise(size, 77)):
            board = Board(image)
            try:
                Device(flash=board)
                self.fail("started")
            except StateError as error:
                self.assertEqual(str(error), "not provisioned")
            self.assertTrue(board.chip.reads <= 3 * RING + 12)
            self.assertEqual(board.chip.operations, 0)

    def test_a_ring_partition_of_any_bytes_costs_its_records_and_nothing_else(self):
        _, image = granted()
        foreign = Device(flash=Board(), provisioned=False).with_policy().granted()
        foreign.port.link.up = False
        for n in range(40):
            foreign.agent.emit("diagnostics", {"code": 1000 + n})
        at, size = foreign.board.first * 4096, RING * 4096
        theirs = bytes(foreign.board.chip.data[at : at + size])
        for ring in (bytes(size), b"\xff" * size, noise(size), theirs):
            board = Board(image[:at] + ring + image[at + size :])
            device = Device(granted()[0], board)
            self.assertTrue(board.chip.reads <= 120 + 3 * RING)
            device.run(4)
            for n in range(5):
                self.assertEqual(device.agent.emit("diagnostics", {"code": 50 + n}), DURABLE)
            device.run(8)
            self.assertEqual(codes(device), [50, 51, 52, 53, 54])
            self.assertTrue(board.untouched())

    def test_one_sector_that_cannot_be_erased_does_not_stop_the_recording(self):
        board = Board()
        at, size = board.first * 4096, RING * 4096
        put(board.chip.data, at, noise(size))
        board.chip.bad[board.first + 3] = "erase-error"
        device = Device(flash=board, provisioned=False).with_policy().granted()
        self.assertEqual([device.agent.emit("diagnostics", {"code": n}) for n in range(3)], [DURABLE] * 3)
        device.run(8)
        self.assertEqual(codes(device), [0, 1, 2])

    def test_damage_to_any_one_sector_of_the_files_lets_it_start_and_send(self):
        for sector in range(GUARD, GUARD + NorBoard(1).file_sectors):
            for damage in (b"\xff" * 4096, noise(4096)):
                host, image = granted()
                board = Board(image[: sector * 4096] + damage + image[(sector + 1) * 4096 :])
                device = Device(host, board)
                device.run(12)
                # the policy is in one slot only, and an older state may be stricter: then nothing is sent
                self.assertTrue(codes(device) in (list(range(10)), []) and board.untouched(), sector)
                self.assertEqual(device.agent.emit("diagnostics", {"code": 50}) == DURABLE, codes(device) != [])

    def test_a_partition_that_is_too_small_is_refused_with_what_is_needed(self):
        board = Board(granted()[1])
        board.small = 1
        try:
            Device(flash=board)
            self.fail("started")
        except FlashError as error:
            self.assertEqual(str(error), "partition of %d sectors, %d needed" % (board.file_sectors - 1, board.file_sectors))
        short = NorBoard(RING, chip=SimNor(12))
        try:
            Device(flash=short)
            self.fail("started")
        except FlashError as error:
            self.assertEqual(str(error), "needs %d blocks of 4096 bytes from %d" % (RING, short.file_sectors))

    def test_a_policy_that_the_ring_has_no_room_for_is_refused(self):
        device = Device(flash=NorBoard(5), provisioned=False)
        device.run(3)
        body = policy_file([purpose(), purpose(2, "other", 0)], [])
        device.host.bundle(OPERATOR, [device.host.push(body)])
        device.agent.session.restart()
        device.run(12)
        self.assertEqual([receipt[5] for receipt in receipts(device, POLICY)], [REFUSED_SPACE])
        self.assertIsNone(device.agent.data.policy)

    def test_a_device_that_fails_at_any_call_stops_it_with_an_error_of_ours_or_not_at_all(self):
        class Failing(SimBlocks):
            """The call `at` and those after it, as many as `most`, fail by `how`."""

            at, most, how, calls = 0, 1, None, 0

            def _due(self):
                Failing.calls += 1
                if Failing.at <= Failing.calls < Failing.at + Failing.most:
                    if isinstance(Failing.how, Exception):
                        raise Failing.how
                    return Failing.how
                return 0

            def readblocks(self, n, buf, off=0):
                return self._due() or SimBlocks.readblocks(self, n, buf, off)

            def writeblocks(self, n, buf, off=None):
                return self._due() or SimBlocks.writeblocks(self, n, buf, off)

            def ioctl(self, op, arg):
                return self._due() or SimBlocks.ioctl(self, op, arg)

        for how, most in ((OSError(5), 1), (-5, 3), (7, 1 << 30), (ValueError("driver"), 1 << 30)):
            for at in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377):
                host, image = granted()
                board = Board(image)
                board.device = Failing
                Failing.at, Failing.most, Failing.how, Failing.calls = at, most, how, 0
                bugs = []
                try:
                    device = Device(host, board)
                    device.agent.note = bugs.append
                    device.run(4)
                    device.agent.emit("diagnostics", {"code": 60})
                    device.run(4)
                    self.assertTrue(set(codes(device)) <= set(list(range(10)) + [60]))
                except QuellError:
                    pass
                self.assertEqual(bugs, [], (how, most, at))
                self.assertTrue(board.untouched())

    def test_a_whole_life_touches_nothing_beside_its_partitions(self):
        device = Device(flash=Board(), provisioned=False)
        live(self, device)
        self.assertTrue(device.board.untouched())


def live(test, device):
    """Policy, grant, more records than there is room for, a reboot, and a withdrawal."""
    device.with_policy([purpose(), purpose(2, "other", 0)]).granted()
    device.port.link.up = False
    for n in range(500):
        device.agent.emit("diagnostics", {"code": n}, durable=n % 50 == 0)
    device.boot()
    device.run(4)
    device.host.bundle(SUBJECT, [device.host.withdraw(1)])
    device.agent.session.restart()
    device.run(12)
    test.assertEqual(len(receipts(device, WITHDRAW)), 1)


class Littlefs:
    """Foreign files on the same file system stay as they are; `kind`: which."""

    def tearDown(self):
        unmount_fs()

    def test_a_whole_life_touches_no_file_of_others(self):
        board = LittleBoard(self.kind, 36, 4)
        files = {"/nor/main.py": b"import app\n" * 9, "/nor/r010": noise(5000), "/nor/lib/keys.a": noise(1200), "/nor/state.a": b""}
        os.mkdir("/nor/lib")
        for name in files:
            with open(name, "wb") as file:
                file.write(files[name])
        device = Device(flash=board, provisioned=False)
        live(self, device)
        device.boot()
        for name in files:
            with open(name, "rb") as file:
                self.assertTrue(file.read() == files[name], name)
        self.assertEqual(sorted(os.listdir("/nor")), ["lib", "main.py", "quell", "r010", "state.a"])
        self.assertEqual(os.listdir("/nor/lib"), ["keys.a"])

    def test_files_of_any_bytes_start_as_not_provisioned_or_cost_their_records_only(self):
        for damage in (b"", b"\xff" * 40, noise(4096)):
            board = LittleBoard(self.kind, 36, 4)
            device = Device(flash=board, provisioned=False).with_policy().granted()
            device.port.link.up = False
            for n in range(5):
                device.agent.emit("diagnostics", {"code": n}, durable=True)
            for name in os.listdir("/nor/quell"):
                if name[0] in "ri":
                    with open("/nor/quell/" + name, "wb") as file:
                        file.write(damage)
            device.boot()
            device.run(4)
            self.assertTrue(device.agent.emit("diagnostics", {"code": 50}, durable=True))
            device.run(8)
            self.assertEqual(codes(device), [50])
            for name in os.listdir("/nor/quell"):
                with open("/nor/quell/" + name, "wb") as file:
                    file.write(damage)
            self.assertRaises(StateError, device.boot)


if HAVE_LITTLEFS:

    class TestLittlefs1(Littlefs, unittest.TestCase):
        kind = 1

    class TestLittlefs2(Littlefs, unittest.TestCase):
        kind = 2


if __name__ == "__main__":
    unittest.main()
