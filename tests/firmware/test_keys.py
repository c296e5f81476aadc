# SPDX-License-Identifier: MIT
"""Keys are made once, erased for good, and never come back from a generator that repeats."""

import unittest

from sim.sim_host import SEED, request
from sim.sim_port import MemFlash, PowerCut, SimEntropy

from quell.counters import Counters
from quell.errors import EntropyError, FlashError, StateError
from quell.state import provisioning
from quell.state.keys import Keys


def boot(flash, trusted=False):
    """The keys after a boot; the platform's randomness is the same after every one."""
    keys = Keys(flash, SimEntropy(trusted), Counters())
    keys.load()
    return keys


def seeded():
    flash = MemFlash()
    Keys(flash, SimEntropy(False), Counters()).seed(SEED)
    return flash


class TestGenerator(unittest.TestCase):
    def test_no_output_and_no_stored_state_repeats_over_boots(self):
        flash = seeded()
        outputs, states = [], []
        for _ in range(20):
            keys = boot(flash)
            outputs.append(keys.random(16))
            outputs.append(keys.random(16))
            states += [flash.files["keys.a"][16:], flash.files["keys.b"][16:]]
        self.assertEqual(len(set(outputs)), 40)
        self.assertEqual(len(set(states)), len(states) // 2)

    def test_a_cut_during_boot_repeats_nothing(self):
        for torn in (False, True):
            for n in (0, 1, 2):
                flash = seeded()
                flash.budget, flash.torn = n, torn
                seen = []
                try:
                    seen.append(boot(flash).random(32))
                except PowerCut:
                    pass
                flash.reboot()
                for _ in range(2):
                    seen.append(boot(flash).random(32))
                self.assertEqual(len(set(seen)), len(seen))

    def test_nothing_is_generated_before_the_state_has_moved_on_in_flash(self):
        flash = seeded()
        before = dict(flash.files)
        keys = boot(flash)
        keys.random(1)
        for name in before:
            self.assertNotEqual(flash.files[name], before[name])

    def test_randomness_of_the_host_changes_what_follows(self):
        flash = seeded()
        copy = MemFlash()
        copy.files = dict(flash.files)
        one, other = boot(flash), boot(copy)
        self.assertEqual(one.random(16), other.random(16))
        other.mix(b"from the host")
        self.assertNotEqual(one.random(16), other.random(16))

    def test_randomness_of_the_host_reaches_the_flash_with_the_next_key(self):
        flash = seeded()
        copy = MemFlash()
        copy.files = dict(flash.files)
        one, other = boot(flash), boot(copy)
        other.mix(b"from the host")
        one.ring_key(1, 1)
        other.ring_key(1, 1)
        self.assertNotEqual(boot(flash).random(16), boot(copy).random(16))

    def test_without_a_state_only_trusted_entropy_starts_one(self):
        keys = boot(MemFlash(), trusted=False)
        self.assertRaises(EntropyError, keys.random, 1)
        keys = boot(MemFlash(), trusted=True)
        self.assertEqual(len(keys.random(16)), 16)

    def test_rotten_slots_are_no_state(self):
        flash = seeded()
        flash.files = {"keys.a": b"", "keys.b": bytes(100)}
        self.assertRaises(EntropyError, boot(flash).random, 1)

    def test_the_seed_is_not_kept(self):
        for data in seeded().files.values():
            self.assertFalse(SEED[:16] in data)


class TestKeys(unittest.TestCase):
    def test_a_ring_key_is_the_same_until_its_generation_ends(self):
        flash = seeded()
        key = boot(flash).ring_key(1, 1)
        self.assertEqual(boot(flash).ring_key(1, 1), key)
        self.assertNotEqual(boot(flash).ring_key(2, 1), key)
        self.assertNotEqual(boot(flash).ring_key(1, 2), key)

    def test_an_erased_key_is_in_neither_slot_and_is_never_made_again(self):
        flash = seeded()
        keys = boot(flash)
        ring, (_, hashing) = keys.ring_key(1, 1), keys.hash_key(1, 1, 60, 2, 100)
        other = keys.ring_key(2, 1)
        keys.erase(1, 1)
        for data in flash.files.values():
            self.assertFalse(ring in data)
            self.assertFalse(hashing in data)
            self.assertTrue(other in data)
        for _ in range(5):
            keys = boot(flash)
            self.assertEqual(keys.purposes(), {2})
        self.assertNotEqual(keys.ring_key(1, 2), ring)

    def test_the_states_that_were_in_flash_cannot_give_back_an_erased_key(self):
        # an attacker who kept every state from after the erasure replays each of them
        flash = seeded()
        keys = boot(flash)
        ring = keys.ring_key(1, 1)
        keys.erase(1, 1)
        for name in ("keys.a", "keys.b"):
            copy = MemFlash()
            copy.files = {name: flash.files[name]}
            keys = boot(copy)
            self.assertNotEqual(keys.ring_key(1, 2), ring)
            self.assertNotEqual(keys.random(32), ring)

    def test_a_key_that_could_not_be_stored_is_no_key(self):
        flash = seeded()
        keys = boot(flash)
        flash.broken = True
        self.assertRaises(FlashError, keys.ring_key, 1, 1)
        self.assertRaises(FlashError, keys.hash_key, 1, 1, 60, 2, 100)
        self.assertEqual(keys.purposes(), set())
        flash.broken = False
        key = keys.ring_key(1, 1)
        self.assertEqual(boot(flash).ring_key(1, 1), key)

    def test_erasing_what_cannot_be_written_raises(self):
        flash = seeded()
        keys = boot(flash)
        keys.ring_key(1, 1)
        flash.broken = True
        self.assertRaises(FlashError, keys.erase, 1, 1)
        self.assertFalse(keys.has_ring_key(1))


class TestEpoch(unittest.TestCase):
    def test_ends_by_time_by_generation_and_when_the_clock_changes_its_scale(self):
        keys = boot(seeded())
        first = keys.hash_key(1, 1, 60, 2, 1000)
        self.assertEqual(first[0], 1)
        self.assertEqual(keys.hash_key(1, 1, 60, 2, 1059), first)
        self.assertEqual(keys.hash_key(1, 1, 60, 1, 1059), first)
        second = keys.hash_key(1, 1, 60, 2, 1060)
        self.assertEqual(second[0], 2)
        self.assertNotEqual(second[1], first[1])
        third = keys.hash_key(1, 1, 60, 0, 1061)
        self.assertEqual(third[0], 3)
        back = keys.hash_key(1, 1, 60, 0, 1000)
        self.assertEqual(back[0], 4)
        self.assertEqual(keys.hash_key(1, 2, 60, 0, 1001)[0], 1)
        self.assertEqual(keys.hash_key(2, 1, 60, 0, 1001)[0], 1)

    def test_survives_a_boot(self):
        flash = seeded()
        key = boot(flash).hash_key(1, 1, 60, 2, 1000)
        self.assertEqual(boot(flash).hash_key(1, 1, 60, 2, 1010), key)


class TestProvisioning(unittest.TestCase):
    def provision(self, changes=(), anchors=None):
        flash = MemFlash()
        counters = Counters()
        wanted = request()
        for key, value in dict(changes).items():
            wanted[key] = value
        if anchors is not None:
            wanted[4] = anchors
        public = provisioning.provision(flash, Keys(flash, SimEntropy(False), counters), wanted, counters)
        return flash, public

    def test_the_record_is_read_back_after_any_single_slot_rots(self):
        flash, public = self.provision()
        good = dict(flash.files)
        for name in ("prov.a", "prov.b"):
            flash.files = dict(good)
            flash.files[name] = b"rot"
            self.assertEqual(provisioning.load(flash, Counters()).public, public)
        flash.files = {}
        self.assertRaises(StateError, provisioning.load, flash, Counters())

    def test_a_request_of_the_wrong_shape_is_refused_and_leaves_nothing(self):
        good = request()[4]
        kid, role, public, gate = good[0]
        bad = (
            {0: bytes(15)}, {1: bytes(31)}, {2: 0}, {2: 256}, {3: bytes(47)}, {4: []}, {4: good * 3}, {0: None}, {4: None},
            {4: [[kid, 7, public, gate]]}, {4: [[kid, role, public, b""]]}, {4: [[kid, 3, public, gate]]},
            {4: [[bytes(8), role, public, gate]]}, {4: [[kid, role, bytes(64), gate]]}, {4: [[kid, role, public]]},
        )  # fmt: skip
        for changes in bad:
            self.assertRaises(StateError, self.provision, changes)

    def test_two_devices_of_one_seed_and_platform_would_share_a_key_so_seeds_differ(self):
        _, one = self.provision()
        _, other = self.provision({3: b"another" * 10})
        self.assertNotEqual(one, other)


if __name__ == "__main__":
    unittest.main()
