# SPDX-License-Identifier: MIT
"""The flash is taken out and read: no identifier is there in any form, and what was erased cannot be opened again."""

import unittest

from ports.catalogue import IDS
from sim import attack
from sim.device import IMEI, INT, IPV4, MAC, Device
from sim.sim_blocks import HAVE_LITTLEFS
from sim.sim_board import LittleBoard, MixedBoard, NorBoard
from sim.sim_host import SUBJECT, field, purpose

from quell.control.receipt import WITHDRAW
from quell.port import CRYPTOGRAPHIC, LOGICAL, PHYSICAL

CANARIES = {"mac": "02:4e:a1:7c:90:5d", "imei": "490154203237518", "address": "203.0.113.77"}
HASH, TRUNCATE, DROP = 2, 3, 1
FIELDS = [
    field(1, "mac", IDS["app.mac"], MAC, HASH),
    field(2, "imei", IDS["app.imei"], IMEI, DROP),
    field(3, "address", IDS["app.ipv4"], IPV4, TRUNCATE),
    field(4, "code", IDS["app.int"], INT),
]
WAIT = 30


def image(device):
    board = device.board
    return board.image() if hasattr(board, "image") else bytes(board.chip.data)


def recorded(board):
    """A device with records of people's identifiers in its flash, link down -> it."""
    device = Device(flash=board, provisioned=False)
    device.with_policy([purpose(), purpose(2, "other")], FIELDS[:3] + [field(4, "code", IDS["app.int"], INT, purposes=(1, 2))])
    device.granted(1)
    device.granted(2)
    device.port.link.up = False
    device.agent.session.restart()
    for code in range(WAIT):
        values = dict(CANARIES)
        values["code"] = code
        assert device.agent.emit("diagnostics", values)
        assert device.agent.emit("other", {"code": code})
    device.agent.rings.flush()
    return device


def withdrawn(device):
    """Withdraw purpose 1 by the subject -> the receipt's erase level."""
    device.port.link.up = True
    device.host.auto = False
    device.host.bundle(SUBJECT, [device.host.withdraw(1)])
    device.agent.session.restart()
    device.run(8)
    return [m for _, m in device.host.receipts if m[0] == WITHDRAW][-1][12]


class Forensic:
    """What holds on every board; `make()` gives one, `level` is what its receipts say."""

    def test_no_identifier_is_in_the_flash_in_any_form_before_or_after(self):
        device = recorded(self.make())
        before = image(device)
        withdrawn(device)
        for dump in (before, image(device)):
            for name, text in CANARIES.items():
                shapes = attack.forms(text)
                for shape in shapes:
                    self.assertEqual(dump.find(shapes[shape]), -1, name + " as " + shape)

    def test_the_attack_opens_every_record_before_a_withdrawal(self):
        # or else that it opens none afterwards would show nothing
        dump = image(recorded(self.make()))
        opened = attack.opened(attack.candidates(dump), attack.sealed_records(dump))
        self.assertTrue(len(opened) >= 2 * WAIT, len(opened))

    def test_after_a_withdrawal_nothing_that_remains_opens_what_was_ever_stored(self):
        device = recorded(self.make())
        records = [record for record in attack.sealed_records(image(device)) if record[1] == 1]
        self.assertTrue(len(records) >= WAIT)
        self.assertEqual(withdrawn(device), self.level)
        keys = attack.candidates(image(device))
        self.assertTrue(len(keys) > 100)
        self.assertEqual(attack.opened(keys, records), [])
        device.boot()
        device.run(3)
        self.assertEqual(attack.opened(attack.candidates(image(device)), records), [])

    def test_the_other_purpose_keeps_its_records(self):
        device = recorded(self.make())
        withdrawn(device)
        device.host.auto = True
        device.agent.session.restart()
        device.run(30, 3000)
        stored = device.host.stored[(device.host.instance, 2, 1)]
        self.assertEqual(sorted([stored[sequence][4][4] for sequence in stored]), list(range(WAIT)))


class TestNor(Forensic, unittest.TestCase):
    level = PHYSICAL

    def make(self):
        return NorBoard()

    def test_no_sealed_record_of_the_purpose_is_left(self):
        device = recorded(self.make())
        withdrawn(device)
        self.assertEqual([record for record in attack.sealed_records(image(device)) if record[1] == 1], [])

    def test_a_sector_that_cannot_be_erased_makes_it_cryptographic(self):
        device = recorded(self.make())
        first = device.board.file_sectors
        for sector in range(first, first + device.board.ring_sectors):
            device.board.chip.bad[sector] = "erase-error"
        records = [record for record in attack.sealed_records(image(device)) if record[1] == 1]
        self.assertEqual(withdrawn(device), CRYPTOGRAPHIC)
        self.assertEqual(attack.opened(attack.candidates(image(device)), records), [])

    def test_a_key_sector_that_cannot_be_erased_makes_it_restricted(self):
        device = recorded(self.make())
        for sector in (0, 1):  # keys.a and keys.b are the first by name
            device.board.chip.bad[sector] = "erase-noop"
        self.assertEqual(withdrawn(device), 0)

    def test_the_state_before_the_boot_that_made_a_key_would_give_it_and_is_gone(self):
        device = Device(flash=NorBoard(), provisioned=False).with_policy()
        earlier = image(device)  # a thief's copy, of the boot before
        device.boot()
        key = device.agent.keys.ring_key(7, 1)
        self.assertTrue(key in attack.candidates(earlier))
        now = bytes(image(device))
        self.assertFalse(key in attack.candidates(now.replace(key, bytes(32))))


class _Little(Forensic):
    level = LOGICAL

    def make(self):
        return LittleBoard(self.kind, segments=8)

    def test_without_displacing_old_copies_the_key_would_still_be_there(self):
        # what `logical` means: an old copy, if there is one, gives everything
        device = recorded(self.make())
        records = [record for record in attack.sealed_records(image(device)) if record[1] == 1]
        device.agent.port.keystore.churn = lambda: None
        self.assertEqual(withdrawn(device), LOGICAL)
        self.assertTrue(len(attack.opened(attack.candidates(image(device)), records)) >= WAIT)


if HAVE_LITTLEFS:

    class TestLittlefs1(_Little, unittest.TestCase):
        kind = 1

    class TestLittlefs2(_Little, unittest.TestCase):
        kind = 2

    class TestMixed(Forensic, unittest.TestCase):
        level = CRYPTOGRAPHIC

        def make(self):
            return MixedBoard()


if __name__ == "__main__":
    unittest.main()
