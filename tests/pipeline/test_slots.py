# SPDX-License-Identifier: MIT
"""The two-slot store gives the newest payload that verifies, after any cut and any rot."""

import unittest

from sim.sim_port import MemFlash, PowerCut

from quell.counters import SLOT_ROTTEN, Counters
from quell.errors import FlashError
from quell.state.slots import KEYS, STATE, Slots


def store(flash, kind=STATE):
    counters = Counters()
    slots = Slots(flash, "x", kind, counters)
    return slots, slots.load(), counters


class TestSlots(unittest.TestCase):
    def saved(self, *payloads):
        flash = MemFlash()
        slots, _, _ = store(flash)
        for payload in payloads:
            slots.save(payload)
        return flash

    def test_an_empty_store_has_nothing_and_counts_nothing(self):
        _, payload, counters = store(MemFlash())
        self.assertIsNone(payload)
        self.assertEqual(counters.get(SLOT_ROTTEN), 0)

    def test_the_newest_wins(self):
        for n in range(1, 6):
            flash = self.saved(*[b"payload %d" % i for i in range(n)])
            self.assertEqual(store(flash)[1], b"payload %d" % (n - 1))

    def test_a_save_never_touches_the_newest_slot(self):
        flash = self.saved(b"1", b"2", b"3")
        before = dict(flash.files)
        store(flash)[0].save(b"4")
        kept = [name for name in before if flash.files[name] == before[name]]
        self.assertEqual(len(kept), 1)
        self.assertIn(b"3", before[kept[0]])

    def test_a_cut_leaves_the_old_payload_or_the_new(self):
        for torn in (False, True):
            for n in (0, 1, 2):
                flash = self.saved(b"first", b"old")
                slots, _, _ = store(flash)
                flash.budget, flash.torn = n, torn
                try:
                    slots.save_all(b"new")
                except PowerCut:
                    pass
                flash.reboot()
                self.assertEqual(store(flash)[1], b"new" if n else b"old")

    def test_a_flip_in_any_byte_of_the_newest_gives_the_one_before_and_is_counted(self):
        flash = self.saved(b"old", b"new")
        good = flash.files["x.b"]
        for at in range(len(good)):
            data = bytearray(good)
            data[at] ^= 0x10
            flash.files["x.b"] = bytes(data)
            _, payload, counters = store(flash)
            self.assertEqual(payload, b"old", at)
            self.assertEqual(counters.get(SLOT_ROTTEN), 1)

    def test_a_truncation_at_any_byte_gives_the_one_before(self):
        flash = self.saved(b"old", b"new")
        good = flash.files["x.b"]
        for end in range(len(good)):
            flash.files["x.b"] = good[:end]
            self.assertEqual(store(flash)[1], b"old", end)

    def test_both_rotten_is_nothing(self):
        flash = self.saved(b"old", b"new")
        flash.files = {"x.a": b"", "x.b": bytes(40)}
        _, payload, counters = store(flash)
        self.assertIsNone(payload)
        self.assertEqual(counters.get(SLOT_ROTTEN), 2)

    def test_another_kind_is_not_read(self):
        flash = self.saved(b"state")
        self.assertIsNone(store(flash, KEYS)[1])

    def test_after_both_slots_were_written_neither_holds_the_past(self):
        flash = self.saved(b"past", b"past")
        store(flash)[0].save_all(b"strict")
        for name in ("x.a", "x.b"):
            self.assertFalse(b"past" in flash.files[name])

    def test_a_refused_write_raises_and_the_old_payload_holds(self):
        flash = self.saved(b"old")
        slots, _, _ = store(flash)
        flash.broken = True
        self.assertRaises(FlashError, slots.save, b"new")
        flash.broken = False
        self.assertEqual(store(flash)[1], b"old")
        slots.save(b"again")
        self.assertEqual(store(flash)[1], b"again")

    def test_counters_go_on_rising_after_a_load(self):
        flash = self.saved(b"1", b"2")
        for n in range(5):
            store(flash)[0].save(b"n%d" % n)
            self.assertEqual(store(flash)[1], b"n%d" % n)

    def test_the_slot_in_force_is_protected_whatever_the_counters_say(self):
        flash = self.saved(b"in force", b"newer but refused")
        slots = store(flash)[0]
        for slot, payload in slots.all():
            if payload == b"in force":
                slots.in_force(slot)
        slots.save(b"next")
        payloads = [payload for _, payload in slots.all()]
        self.assertIn(b"in force", payloads)
        self.assertIn(b"next", payloads)


if __name__ == "__main__":
    unittest.main()
