# SPDX-License-Identifier: MIT
"""The ring on raw NOR: order, exact eviction, shares, retention, wear, bad sectors, and what it costs."""

import gc
import unittest

from sim import attack
from sim.sim_nor import SimNor

from quell.codec.builtin import struct
from quell.counters import EVICTED, SECTOR_RETIRED, Counters
from quell.errors import FlashError
from quell.store.nor_ring import ACK_EVERY
from quell.store.nor_store import LEAST_SECTORS, NorStore
from quell.store.sector import HEADER_BYTES, pack_frame

try:
    import micropython
except ImportError:  # CPython
    micropython = None

KEY = bytes(range(32))
BLOCK = 64
SMALL, PAGE = 512, 64  # sectors that turn every few records


class Pool:
    """Rings of several purposes on one chip. `given`: {purpose: how many}; a record says its purpose and sequence."""

    def __init__(self, chip=None, plan=((1, 1),), key=KEY):
        self.chip = chip or SimNor(8, SMALL, PAGE)
        self.plan = list(plan)
        self.key = key
        self.given = {}
        self.last = {}
        self.reserved = {}
        self.known = {}  # purpose -> (acked, lost), as the state knows it
        self.salts = 0
        self.boot()

    def salt(self, length):
        self.salts += 1
        return self.salts.to_bytes(4, "big") * (length // 4)

    def boot(self):
        self.chip.reboot()
        self.counters = Counters()
        self.store = NorStore(self.chip)
        self.store.mount(self.counters)
        self.planned = self.store.plan(self.plan)
        self.rings = {}

    def ring(self, purpose=1, generation=1):
        """The purpose's ring, mounted at first use."""
        if purpose not in self.rings:
            start = self.reserved.get(purpose, 0)
            self.reserved[purpose] = start + BLOCK

            def reserve(sequence):
                if sequence >= self.reserved[purpose]:
                    self.reserved[purpose] = sequence + BLOCK

            ring = self.store.open(purpose, generation, self.key, self.salt, reserve, self.counters)
            ring.mount(start, *self.known.get(purpose, (0, 0)))
            self.rings[purpose] = ring
        return self.rings[purpose]

    def append(self, count=1, size=20, purpose=1, age_s=0, version=1):
        """Append different records -> their sequences."""
        out = []
        ring = self.ring(purpose)
        for _ in range(count):
            if ring.next <= self.last.get(purpose, -1):
                raise AssertionError("a sequence is used twice")
            sequence = ring.append(struct.pack("<II", purpose, ring.next) + bytes(size - 8), version, age_s)
            self.last[purpose] = sequence
            self.given[purpose] = self.given.get(purpose, 0) + 1
            out.append(sequence)
        return out

    def drain(self, purpose=1, most=7):
        """Peek and acknowledge until nothing is left -> the sequences; each record is the one that was given."""
        out = []
        ring = self.ring(purpose)
        for _ in range(3000):
            records = ring.peek(most)[1]
            for sequence, data in records:
                if data[:8] != struct.pack("<II", purpose, sequence) or out and sequence <= out[-1]:
                    raise AssertionError("a wrong record, or out of order")
                out.append(sequence)
            if records:
                ring.ack(out[-1] + 1)
            elif not ring.waiting():
                return out
        raise AssertionError("the ring stands still")


class TestOrder(unittest.TestCase):
    def test_records_come_out_once_and_in_order(self):
        pool = Pool()
        given = pool.append(30)
        self.assertEqual(pool.ring().waiting(), 30)
        self.assertEqual(pool.drain(), given)
        self.assertEqual((pool.ring().waiting(), pool.ring().peek(9)), (0, (0, [])))

    def test_a_record_is_durable_when_append_returns(self):
        pool = Pool()
        for n in range(40):
            pool.append()
            pool.boot()
            self.assertEqual((pool.ring().waiting(), pool.ring().dirty()), (n + 1, 0))
        self.assertEqual(len(pool.drain()), 40)

    def test_a_peek_gives_records_of_one_policy_version(self):
        pool = Pool()
        for version in (1, 1, 2, 3):
            pool.append(version=version)
        seen = []
        for _ in range(3):
            version, records = pool.ring().peek(9)
            seen.append((version, len(records)))
            pool.ring().ack(records[-1][0] + 1)
        self.assertEqual(seen, [(1, 2), (2, 1), (3, 1)])


class TestEviction(unittest.TestCase):
    def test_it_is_counted_exactly_over_many_turns(self):
        pool = Pool()
        pool.append(700)
        evicted = pool.ring().lost
        self.assertTrue(600 < evicted == pool.counters.get(EVICTED))
        self.assertEqual(pool.drain(), list(range(evicted, 700)))

    def test_it_is_counted_exactly_with_a_restart_after_every_few_records(self):
        pool = Pool()
        evicted = 0
        for _ in range(60):
            pool.append(7)
            evicted += pool.counters.get(EVICTED)
            pool.boot()
            self.assertEqual((pool.ring().lost, pool.ring().waiting()), (evicted, pool.given[1] - evicted))
        self.assertEqual(len(pool.drain()) + evicted, 420)

    def test_what_was_acknowledged_is_not_counted(self):
        pool = Pool()
        for _ in range(40):
            given = pool.append(9)
            self.assertEqual(pool.drain(), given)
        self.assertEqual((pool.counters.get(EVICTED), pool.ring().lost), (0, 0))


class TestAcknowledgements(unittest.TestCase):
    def acked_after_a_boot(self, pool):
        pool.boot()
        return pool.ring().acked

    def test_they_are_in_flash_after_every_16_records(self):
        pool = Pool()
        pool.append(40)
        pool.ring().ack(ACK_EVERY - 1)
        before = pool.chip.operations
        self.assertEqual(self.acked_after_a_boot(pool), 0)
        self.assertEqual(pool.chip.operations, before)
        pool.ring().ack(ACK_EVERY)
        self.assertEqual(self.acked_after_a_boot(pool), ACK_EVERY)

    def test_a_flush_makes_them_durable(self):
        pool = Pool()
        pool.append(9)
        pool.ring().ack(3)
        self.assertTrue(pool.ring().flush())
        self.assertEqual(self.acked_after_a_boot(pool), 3)
        self.assertEqual(pool.drain(), list(range(3, 9)))


class TestShares(unittest.TestCase):
    PLAN = ((1, 1), (2, 1), (3, 4))

    def test_a_purpose_that_floods_takes_nothing_from_the_others(self):
        pool = Pool(SimNor(15, SMALL, PAGE), self.PLAN)
        quiet = pool.append(5, purpose=2)
        pool.append(600, purpose=1)
        pool.append(3, purpose=3)
        pool.append(600, purpose=1)
        self.assertEqual(pool.drain(2), quiet)
        self.assertEqual(len(pool.drain(3)), 3)
        self.assertEqual(pool.ring(2).lost + pool.ring(3).lost, 0)

    def test_each_purpose_holds_its_share_but_one_sector_and_no_more(self):
        pool = Pool(SimNor(15, SMALL, PAGE), self.PLAN)
        for _ in range(40):
            for purpose in (1, 2, 3):
                pool.append(6, purpose=purpose)
        for purpose in (1, 2, 3):
            held = [i for i in range(15) if pool.store.owners[i] == purpose and pool.store.numbers[i]]
            self.assertEqual(len(held), pool.store.share(purpose) - 1)
            self.assertEqual(pool.ring(purpose).waiting() + pool.ring(purpose).lost, 240)
        self.assertEqual(sum([pool.store.share(purpose) for purpose in (1, 2, 3)]), 15)

    def test_a_policy_that_does_not_fit_changes_nothing(self):
        pool = Pool(SimNor(8, SMALL, PAGE), ((1, 1), (2, 9)))
        pool.append(10, purpose=1)
        shares = [pool.store.share(purpose) for purpose in (1, 2)]
        for plan in ([(3, 1), (4, 1), (5, 1)], [(n, 1) for n in range(1, 17)]):
            self.assertTrue(pool.store.plan(plan) is False)
        self.assertEqual([pool.store.share(purpose) for purpose in (1, 2, 9)], shares + [LEAST_SECTORS])
        self.assertEqual(len(pool.drain(1)), 10)

    def test_a_plan_that_is_taken_back_costs_no_record(self):
        # the policy's body could not be saved: the one before stays in force
        pool = Pool(SimNor(8, SMALL, PAGE), ((1, 1), (2, 1)))
        kept = pool.append(8, purpose=2)
        self.assertTrue(pool.store.plan([(1, 1)]))
        self.assertTrue(pool.store.plan(pool.plan))
        pool.append(100, purpose=1)
        self.assertEqual(pool.drain(2), kept)

    def test_a_smaller_share_evicts_the_oldest_and_counts_them(self):
        pool = Pool(SimNor(12, SMALL, PAGE))
        pool.append(80)
        before = pool.ring().lost
        self.assertTrue(pool.store.plan([(1, 1), (2, 1), (3, 1)]))
        pool.ring().resize(pool.store.share(1))
        lost = pool.ring().lost
        self.assertTrue(lost > before)
        self.assertEqual(lost, pool.counters.get(EVICTED))
        for purpose in (2, 3):
            self.assertEqual(len(pool.append(5, purpose=purpose)), 5)
        self.assertEqual(pool.drain(1), list(range(lost, 80)))

    def test_a_ring_that_mounts_with_a_smaller_share_leaves_room_for_the_others(self):
        pool = Pool(SimNor(12, SMALL, PAGE))
        pool.append(200)
        pool.plan = [(1, 1), (2, 1), (3, 1)]
        pool.boot()
        self.assertEqual(pool.ring(1).waiting() + pool.ring(1).lost, 200)
        for purpose in (2, 3):
            self.assertEqual(pool.append(40, purpose=purpose)[:5], [0, 1, 2, 3, 4])
            self.assertTrue(pool.ring(purpose).waiting() >= 18)


class TestRetention(unittest.TestCase):
    def test_only_what_is_older_goes_and_is_counted(self):
        pool = Pool()
        pool.append(12, age_s=10)
        pool.append(30, age_s=20)
        held = pool.ring().waiting()
        self.assertEqual(pool.ring().expire(10), 0)
        gone = pool.ring().expire(20)
        self.assertTrue(0 < gone <= 12)
        self.assertEqual((pool.ring().waiting(), pool.ring().lost), (held - gone, 0))
        self.assertEqual(pool.drain(), list(range(gone, 42)))
        self.assertEqual(pool.ring().expire(21), 0)

    def test_nothing_of_what_expired_is_left_in_the_flash(self):
        pool = Pool()
        pool.append(30, age_s=10)
        self.assertEqual(pool.ring().expire(11), 30)
        self.assertEqual(len(attack.sealed_records(bytes(pool.chip.data), SMALL)), 0)
        pool.boot()
        self.assertEqual(pool.drain(), [])
        self.assertEqual(len(pool.append(3)), 3)

    def test_a_sector_goes_by_its_own_newest_record_not_by_the_first_of_the_next(self):
        pool = Pool()
        pool.append(6, age_s=10)
        pool.append(3, age_s=1000, version=2)  # opens the next sector
        self.assertEqual(pool.ring().expire(500), 6)
        pool.boot()
        self.assertEqual(pool.drain(), [6, 7, 8])

    def test_what_was_sent_or_evicted_goes_too(self):
        # SPEC: "is erased, sent or not"
        for leave in (lambda ring: ring.ack(40), lambda ring: ring.resize(LEAST_SECTORS)):
            pool = Pool()
            pool.append(40, age_s=10)
            leave(pool.ring())
            pool.ring().expire(1000)
            self.assertEqual(len(attack.sealed_records(bytes(pool.chip.data), SMALL)), 0)


class TestWearAndCost(unittest.TestCase):
    def spread(self, wear):
        return max(wear) - min(wear)

    def test_all_sectors_wear_alike_over_50_turns(self):
        pool = Pool()
        while min(pool.chip.wear) < 50:
            pool.append(11)
        self.assertTrue(self.spread(pool.chip.wear) <= 1)
        self.assertEqual(pool.chip.violations, [])

    def test_they_do_so_with_acknowledgements_several_purposes_and_restarts(self):
        pool = Pool(SimNor(9, SMALL, PAGE), ((1, 1), (2, 1)))
        while min(pool.chip.wear) < 50:
            for purpose in (1, 2):
                pool.append(5, purpose=purpose)
                pool.ring(purpose).ack(pool.ring(purpose).next - 3)
            if pool.salts % 5 == 0:
                pool.boot()
        self.assertTrue(self.spread(pool.chip.wear) <= 2)  # two purposes hold a sector each meanwhile

    def test_a_boot_reads_each_header_once_and_one_sector(self):
        for sectors, most in ((64, 70), (256, 260)):
            for fill in (0, sectors // 2, sectors + 20):
                pool = Pool(SimNor(sectors, 1024))
                pool.append(fill, 500)
                pool.chip.reset_counters()
                pool.boot()
                pool.ring()
                self.assertTrue(pool.chip.reads <= most, (sectors, fill, pool.chip.reads))
                self.assertTrue(pool.chip.read_bytes <= sectors * HEADER_BYTES + 6 * 1024)
                pool = None
                gc.collect()

    def test_a_sector_costs_24_bytes_of_ram_at_most(self):
        if micropython is None:
            store = NorStore(SimNor(64, SMALL, PAGE))
            arrays = [store.owners, store.numbers, store.generations, store.firsts, store.ages_s]
            self.assertTrue(sum([one.itemsize for one in arrays]) + 1 <= 24)
            return
        taken = []
        for sectors in (64, 256):
            chip = SimNor(sectors, SMALL, PAGE)
            gc.collect()
            before = gc.mem_alloc()
            store = NorStore(chip)
            gc.collect()
            taken.append(gc.mem_alloc() - before)
            del store
        self.assertTrue(taken[1] - taken[0] <= 24 * 192, taken)


class TestBadSectors(unittest.TestCase):
    KINDS = ("program-error", "erase-error", "program-noop", "erase-noop", "stuck")

    def test_one_that_refuses_is_retired_and_counted_and_costs_no_record(self):
        for kind in self.KINDS:
            for bad in ((0,), (4,), (7,), (0, 1, 2, 4, 7)):
                pool = Pool(SimNor(8, SMALL, PAGE, image=bytes(8 * SMALL)))
                pool.chip.bad = dict([(sector, kind) for sector in bad])
                given = []
                for _ in range(300):
                    try:
                        given += pool.append()
                    except FlashError:
                        pass
                self.assertTrue(len(given) >= 299)  # one may be refused while they are found out
                self.assertEqual(pool.counters.get(SECTOR_RETIRED), len(bad), kind)
                self.assertEqual(pool.ring().lost, pool.counters.get(EVICTED), kind)
                self.assertEqual(pool.drain(), given[pool.ring().lost :], kind)
                self.assertEqual([pool.store.numbers[sector] for sector in bad], [0] * len(bad))

    def test_a_chip_that_refuses_for_a_while_costs_no_record_that_was_stored(self):
        pool = Pool()
        given = pool.append(40)
        for bad in range(8):
            pool.chip.bad[bad] = "program-error"
        self.assertRaises(FlashError, pool.append)
        pool.chip.bad = {}
        pool.boot()
        self.assertEqual(pool.drain(), given)
        self.assertTrue(pool.append()[0] > given[-1] + 1)

    def test_one_that_wears_out_in_use_costs_no_record_that_was_stored(self):
        pool = Pool()
        pool.chip.bad[3] = ("stuck", 4)
        for _ in range(60):
            given = pool.append(9)
            self.assertEqual(pool.drain(), given)
        self.assertTrue(pool.counters.get(SECTOR_RETIRED) >= 1)
        self.assertEqual(pool.ring().lost, 0)


class TestHeap(unittest.TestCase):
    def test_to_program_a_frame_takes_no_buffer_whatever_its_length(self):
        # slicing makes an object in MicroPython, so that under heap_lock() nothing here could run; but the objects are
        # few and small, and alike for 20 bytes and for 500
        store = Pool(SimNor(3)).store
        taken = getattr(gc, "mem_alloc", lambda: 0)
        packed, programmed = set(), []
        for length in (20, 120, 500):
            body = bytes(length)
            gc.collect()
            gc.disable()
            before = taken()
            pack_frame(store.record, 1, HEADER_BYTES, 1, 1, 1, body)
            between = taken()
            self.assertTrue(store.program(0, HEADER_BYTES, store.record, length + 16))
            programmed.append(taken() - between)
            gc.enable()
            packed.add(between - before)
            store.erase(0)
        self.assertTrue(len(packed) == 1 and max(packed) <= 320, packed)
        self.assertTrue(programmed[0] < 2000, programmed)  # what the simulated chip copies included


if __name__ == "__main__":
    unittest.main()
