# SPDX-License-Identifier: MIT
"""A withdrawal works with a full flash, a flash that refuses, and without memory; what it could not erase it says."""

import unittest

from sim.device import Device
from sim.saved import Saved, cut_after, in_flash, receipts
from sim.sim_host import SUBJECT
from sim.sim_port import MemFlash

from quell.codec import p256
from quell.control import verify
from quell.control.receipt import WITHDRAW
from quell.counters import FLASH_FAILED, NO_MEMORY
from quell.data_path import REFUSED
from quell.errors import FlashError
from quell.limits import PURGE_RETRY_MS
from quell.outcomes import DONE
from quell.outcomes import RESTRICTED as OUTCOME_RESTRICTED
from quell.port import RESTRICTED
from quell.state.consent import GIVEN, WITHDRAWN

_SAVED = []


def granted():
    if not _SAVED:
        device = Device().with_policy().granted()
        device.host.auto = False
        for n in range(20):
            device.agent.emit("diagnostics", {"code": n}, durable=True)
        _SAVED.append(Saved(device))
    device = _SAVED[0].device()
    device.run(4)
    device.host.batches = []
    return device


def arrives(device, message=None):
    """A withdrawal arrives on the live connection; one step."""
    message = message or device.host.bundle(SUBJECT, [device.host.withdraw(1)])
    device.port.link.inbox.append((device.host.topic("cmd/0"), message))
    device.agent.step()


class TestFull(unittest.TestCase):
    def withdrawn(self, device):
        device.run(70)
        entry = device.agent.consent.purposes[1]
        self.assertEqual((entry.status, entry.generation), (WITHDRAWN, 2))
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], DONE)
        device.boot()
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.agent.consent.intents, {})

    def test_a_flash_without_a_free_byte_gives_up_its_reserve(self):
        device = granted()
        key = device.agent.keys.ring_key(1, 1)
        device.port.flash.capacity = device.port.flash.used()
        arrives(device)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(in_flash(device, key), [])
        self.withdrawn(device)

    def test_without_a_reserve_the_purposes_own_records_make_room(self):
        device = granted()
        device.port.flash.files.pop("reserve", None)
        device.port.flash.capacity = device.port.flash.used()
        arrives(device)
        self.withdrawn(device)

    def test_a_full_flash_at_every_cut_ends_the_same(self):
        for n in range(0, 20):
            device = granted()
            device.host.bundle(SUBJECT, [device.host.withdraw(1)])
            device.port.flash.capacity = device.port.flash.used()
            went = cut_after(device, n, True, 4)
            device.run(14)
            entry = device.agent.consent.purposes[1]
            self.assertEqual((entry.status, entry.generation), (WITHDRAWN, 2), n)
            self.assertEqual(len([r for r in receipts(device, WITHDRAW) if r[5] == DONE]), 1, n)
            if not went:
                break

    def test_the_reserve_is_set_aside_again(self):
        device = granted()
        self.assertIn("reserve", device.port.flash.files)
        device.port.flash.capacity = device.port.flash.used()
        arrives(device)
        device.run(3)
        self.assertIn("reserve", device.port.flash.files)


class BlockFlash(MemFlash):
    """Files in blocks: as on littlefs, a write needs room for the new content while the old is still there."""

    blocks = None

    def taken(self):
        return sum([count_of(data) for data in self.files.values()])

    def write(self, name, data):
        if self.blocks is not None and self.taken() + count_of(data) > self.blocks:
            raise FlashError("full")
        MemFlash.write(self, name, data)


def count_of(data):
    return (len(data) + 4095) // 4096


class TestBootOnFull(unittest.TestCase):
    def full(self):
        device = Device(flash=BlockFlash(), provisioned=False).with_policy().granted()
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        device.board.blocks = device.board.taken()
        return device

    def test_the_reserve_makes_room_for_the_boot_and_then_for_a_withdrawal(self):
        device = self.full()
        for _ in range(3):
            device.boot()
            self.assertTrue(device.count(FLASH_FAILED) >= 1)
            self.assertIn("reserve", device.board.files)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        device.run(8)
        self.assertTrue(device.agent.session.answered)
        arrives(device)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        device.run(70)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], DONE)

    def test_without_a_reserve_it_does_not_run_and_goes_on_when_there_is_room(self):
        device = self.full()
        device.board.erase("reserve")
        device.board.blocks -= 1
        self.assertRaises(FlashError, device.boot)
        device.board.blocks += 3
        device.boot()
        device.run(8)
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        self.assertIn("reserve", device.board.files)
        self.assertTrue(device.agent.emit("diagnostics", {"code": 2}) != REFUSED)


class TestBroken(unittest.TestCase):
    def test_collection_and_uplink_stop_at_once_and_the_rest_follows_when_the_flash_works_again(self):
        device = granted()
        device.port.flash.broken = True
        arrives(device)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        self.assertTrue(device.count(FLASH_FAILED) >= 2)
        batches = len(device.host.batches)
        device.run(10)
        self.assertEqual(receipts(device, WITHDRAW), [])
        device.port.flash.broken = False
        device.run(2 * PURGE_RETRY_MS // 1000)
        self.assertEqual(len(device.host.batches), batches)
        self.assertEqual(len(receipts(device, WITHDRAW)), 1)
        device.boot()
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)

    def test_a_reboot_before_it_was_durable_hears_the_retained_command_again(self):
        device = granted()
        device.port.flash.broken = True
        arrives(device)
        device.port.flash.broken = False
        device.boot()
        self.assertEqual(device.agent.consent.purposes[1].status, GIVEN)
        device.run(8)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.host.batches, [])

    def test_the_button_stays_pressed_until_it_is_durable(self):
        device = granted()
        device.port.flash.broken = True
        device.port.sources.button = "*"
        device.run(3)
        self.assertEqual(device.port.sources.button, "*")
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        device.port.flash.broken = False
        device.boot()
        device.run(3)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertIsNone(device.port.sources.button)

    def test_segments_that_cannot_be_removed_are_said_to_be_restricted(self):
        device = granted()
        flash = device.port.flash
        erase = flash.erase

        def stuck(name):
            if name.startswith("r01"):
                raise FlashError("stuck")
            erase(name)

        flash.erase = stuck
        arrives(device)
        device.run(5)
        receipt = receipts(device, WITHDRAW)[-1]
        self.assertEqual((receipt[5], receipt[12]), (OUTCOME_RESTRICTED, RESTRICTED))
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)

    def test_a_flash_that_refuses_records_refuses_emit_and_goes_on(self):
        device = Device().with_policy().granted()
        device.port.flash.broken = True
        for n in range(3):
            device.agent.emit("diagnostics", {"code": n}, durable=True)
        device.run(3)
        self.assertTrue(device.count(FLASH_FAILED) > 0)
        device.port.flash.broken = False
        device.agent.emit("diagnostics", {"code": 3}, durable=True)
        device.run(6)
        stored = device.host.stored[(device.host.instance, 1, 1)]
        self.assertIn({1: 3}, [record[4] for record in stored.values()])

    def test_a_number_that_could_not_be_reserved_is_not_given_out(self):
        device = Device().with_policy().granted()
        device.agent.keys.ring_key(1, 1)
        write = device.port.flash.write

        def refuse(name, data):
            if name.startswith("state"):
                raise FlashError("no")
            write(name, data)

        device.port.flash.write = refuse
        for n in range(2):
            self.assertEqual(device.agent.emit("diagnostics", {"code": n}), REFUSED)
        device.port.flash.write = write
        self.assertTrue(device.agent.emit("diagnostics", {"code": 2}))
        self.assertTrue(device.agent.consent.reserved[1][1] > 0)


class TestMemory(unittest.TestCase):
    def test_a_withdrawal_that_found_no_memory_is_taken_again(self):
        device = granted()
        check, failures = verify.signature, [1, 1]

        def failing(*args):
            if failures:
                failures.pop()
                raise MemoryError()
            return check(*args)

        verify.signature = failing
        try:
            arrives(device)
            device.run(4)
        finally:
            verify.signature = check
        self.assertEqual(device.count(NO_MEMORY), 2)
        self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
        self.assertEqual(receipts(device, WITHDRAW)[-1][5], DONE)

    def test_a_receipt_that_found_no_memory_comes_later(self):
        device = granted()
        message = device.host.bundle(SUBJECT, [device.host.withdraw(1)])
        sign, failures = p256.sign, [1]

        def failing(*args):
            if failures:
                failures.pop()
                raise MemoryError()
            return sign(*args)

        p256.sign = failing
        try:
            arrives(device, message)
            self.assertEqual(device.agent.consent.purposes[1].status, WITHDRAWN)
            device.run(2 * PURGE_RETRY_MS // 1000)
        finally:
            p256.sign = sign
        self.assertEqual(device.agent.consent.intents, {})
        found = [r for r in receipts(device, WITHDRAW) if r[5] == DONE]
        self.assertEqual(len(found), 1)


if __name__ == "__main__":
    unittest.main()
