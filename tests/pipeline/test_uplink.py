# SPDX-License-Identifier: MIT
"""A batch fits one message, says what it accounts for, and is sent until the receiver's own acknowledgement is in."""

import unittest

from sim.device import BUCKET, ENUM, HASH, ID, INT, VERSION, Device
from sim.saved import Saved
from sim.sim_host import field, open_batch, policy_file

from quell.codec import cbor
from quell.codec.builtin import digest
from quell.counters import ACK_BAD, ACK_STALE, BATCH_REFUSED, EVICTED
from quell.data import encode
from quell.data.uplink import plaintext
from quell.limits import ACK_TIMEOUT_MS, MAX_MESSAGE_BYTES, SEQUENCE_BLOCK

_SAVED = []
FIELDS = (
    field(1, "code", 192, INT),
    field(2, "release", 207, VERSION),
    field(3, "who", 209, ID, HASH),
    field(4, "level", 196, ENUM),
    field(5, "size", 192, INT, BUCKET, [0, 10]),
)


def granted():
    if not _SAVED:
        _SAVED.append(Saved(Device().with_policy(fields=FIELDS).granted()))
    device = _SAVED[0].device()
    device.run(4)
    device.host.batches = []
    return device


def stored(device):
    """The values that the host holds of the current instance and generation, in order of sequence."""
    held = device.host.stored.get((device.host.instance, 1, device.agent.consent.purposes[1].generation), {})
    return [held[sequence][4] for sequence in sorted(held)]


def told_lost(device):
    """How many records of the current instance and generation the device told the host it lost."""
    return device.host.lost[(device.host.instance, 1, device.agent.consent.purposes[1].generation)]


def forget_memory(device):
    """A plain reboot."""
    device.host.time_s += 60
    device.boot()
    device.run(3)


class TestSize(unittest.TestCase):
    def test_no_batch_is_over_the_limit_whatever_the_records_hold(self):
        device = granted()
        expected = []
        for n in range(90):
            fields = {"code": n}
            if n & 1:
                fields["release"] = "v%d" % n * (n & 31)
            if n & 2:
                fields["who"] = "id %d" % n
            if n & 4:
                fields["level"] = ("warn", "info", "x" * 120)[n & 1]
            if n & 8:
                fields["size"] = n << 30
            if fields.get("release") == "":
                fields.pop("release")
            device.agent.emit("diagnostics", fields)
            expected.append(n)
        device.run(80, 2000)
        self.assertEqual([values[1] for values in stored(device)], expected)
        self.assertTrue(len(device.host.batches) >= 2)
        for batch in device.host.batches:
            self.assertTrue(len(batch) <= MAX_MESSAGE_BYTES)
        self.assertEqual(device.host.duplicates, 0)

    def test_the_largest_records_go_too(self):
        device = granted()
        for n in range(6):
            big = {"release": str(n) * 128, "level": "e" * 120 + str(n), "code": n, "size": 0x7FFFFFFFFFFFFFFF}
            self.assertTrue(device.agent.emit("diagnostics", big))
        device.run(40, 2000)
        self.assertEqual(len(stored(device)), 6)

    def test_a_string_that_repeats_is_sent_once(self):
        device = granted()
        for n in range(20):
            device.agent.emit("diagnostics", {"release": "a release that repeats itself", "code": n})
        device.run(6, 2000)
        self.assertEqual(len(stored(device)), 20)
        self.assertTrue(sum([len(batch) for batch in device.host.batches]) < 500)


class TestPlaintext(unittest.TestCase):
    def record(self, time=100, **values):
        return encode.Record(1, 2, 0, time, sorted((int(key[1:]), value) for key, value in values.items()))

    def test_gaps_are_listed_by_offset(self):
        records = [(5, self.record(v1=1)), (8, self.record(v1=2))]
        self.assertEqual(cbor.decode(plaintext(3, records, 0), 1400)[4], [0, 1, 3, 4])

    def test_what_the_ring_lost_comes_last(self):
        self.assertEqual(cbor.decode(plaintext(0, [(0, self.record(v1=1))], 1 << 31), 1400)[8:], [1 << 31])

    def test_mixed_shapes_and_time_that_steps_back(self):
        records = [(0, self.record(100, v1=1)), (1, self.record(90, v2="x")), (2, self.record(95, v1=7))]
        _, _, _, base, gaps, _, shapes, rows, _ = cbor.decode(plaintext(0, records, 0), 1400)
        self.assertEqual((base, gaps, shapes), (100, [], [[1], [2]]))
        self.assertEqual(rows, [0, 0, 1, 1, -10, "x", 0, 5, 7])

    def test_only_what_repeats_is_in_the_table_and_text_is_not_bytes(self):
        records = [(i, self.record(v1=value)) for i, value in enumerate(("ab", b"ab", "ab", "cd", "e", "e"))]
        _, _, _, _, _, strings, _, rows, _ = cbor.decode(plaintext(0, records, 0), 1400)
        self.assertEqual(strings, ["ab"])
        self.assertEqual([rows[i] for i in range(2, 18, 3)], [[0], b"ab", [0], "cd", "e", "e"])


class TestSplit(unittest.TestCase):
    def heads(self, device):
        return [open_batch(batch)[0] for batch in device.host.batches]

    def test_a_change_of_the_hash_epoch_splits_the_batch(self):
        device = granted()
        device.agent.emit("diagnostics", {"who": "a"})
        device.port.clock.ms += 86400 * 1000 + 1
        device.agent.emit("diagnostics", {"who": "a"})
        device.run(10, 2000)
        epochs = []
        for batch in device.host.batches:
            epochs += [record[3] for _, record in open_batch(batch)[1]]
        self.assertEqual(epochs, [1, 2])
        pseudonyms = [values[3] for values in stored(device)]
        self.assertNotEqual(pseudonyms[0], pseudonyms[1])
        self.assertEqual(len(device.host.batches), 2)

    def test_the_same_identifier_links_within_an_epoch_and_over_a_reboot(self):
        device = granted()
        device.agent.emit("diagnostics", {"who": "a"}, durable=True)
        forget_memory(device)
        device.agent.emit("diagnostics", {"who": "a"})
        device.run(10, 2000)
        pseudonyms = [values[3] for values in stored(device)]
        self.assertEqual(pseudonyms[0], pseudonyms[1])
        self.assertEqual(len(pseudonyms[0]), 8)

    def test_a_change_of_clock_trust_or_boot_splits_the_batch(self):
        device = granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        for code in (2, 3):
            device.port.link.up = False
            device.port.clock.hint = None
            device.boot()
            device.port.link.up = False
            device.agent.emit("diagnostics", {"code": code}, durable=True)
        device.host.auto = True
        device.port.link.up = True
        device.run(20, 2000)
        seen = []
        for batch in device.host.batches:
            records = open_batch(batch)[1]
            marks = set((record[0], record[1]) for _, record in records)
            self.assertEqual(len(marks), 1)
            seen.append(marks.pop())
        self.assertEqual([trust for trust, _ in seen], [2, 0, 0])
        self.assertNotEqual(seen[1][1], seen[2][1])
        self.assertEqual([values[1] for values in stored(device)], [1, 2, 3])

    def test_a_change_of_policy_splits_the_batch_and_each_names_its_own(self):
        from sim.sim_host import OPERATOR, purpose

        device = granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        device.host.auto = True
        body = policy_file([purpose()], FIELDS, version=2)
        device.host.batches = []
        device.host.bundle(OPERATOR, [device.host.push(body, 2)])
        device.agent.session.restart()
        for _ in range(8):
            device.agent.step()
        device.agent.emit("diagnostics", {"code": 2})
        device.run(12, 2000)
        names = [(head[4], head[5] == digest(body)[:8]) for head in self.heads(device)]
        self.assertEqual(sorted(set(names)), [(1, False), (2, True)])

    def test_a_long_hole_is_skipped_and_never_listed(self):
        device = granted()
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        device.run(6)
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 2}, durable=True)
        device.boot()
        device.host.auto = True
        device.agent.emit("diagnostics", {"code": 3}, durable=True)
        device.run(12, 2000)
        self.assertEqual([values[1] for values in stored(device)], [1, 2, 3])
        self.assertEqual(device.agent.rings.stats(1)["records"], 0)
        for head in self.heads(device):
            self.assertTrue(head[7] < 70)


class TestDelivery(unittest.TestCase):
    def test_without_an_answer_the_same_bytes_are_sent_again(self):
        device = granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 1})
        device.run(3)
        device.agent.emit("diagnostics", {"code": 2})
        device.run(2 * ACK_TIMEOUT_MS // 1000 + 2)
        self.assertEqual(len(device.host.batches), 3)
        self.assertEqual(len(set(device.host.batches)), 1)
        device.host.auto = True
        device.run(40)
        self.assertEqual([values[1] for values in stored(device)], [1, 2])

    def test_one_batch_of_a_purpose_is_under_way_at_a_time(self):
        device = granted()
        device.host.auto = False
        for n in range(100):
            device.agent.emit("diagnostics", {"code": n})
        device.run(10)
        self.assertEqual(len(device.host.batches), 1)

    def test_a_refused_batch_leaves_the_ring_and_is_counted(self):
        device = granted()
        device.host.refuse = 3
        for n in range(3):
            device.agent.emit("diagnostics", {"code": n})
        device.run(8)
        self.assertEqual(device.count(BATCH_REFUSED), 3)
        self.assertEqual(device.agent.rings.stats(1)["records"], 0)

    def test_numbers_that_a_power_cut_left_unused_are_no_loss(self):
        device = granted()
        for n in range(3):
            device.agent.emit("diagnostics", {"code": n}, durable=True)
            forget_memory(device)
        device.run(10, 2000)
        generation = device.agent.consent.purposes[1].generation
        numbers = sorted(device.host.stored[(device.host.instance, 1, generation)])
        self.assertTrue(numbers[2] >= 2 * SEQUENCE_BLOCK)
        self.assertEqual([values[1] for values in stored(device)], [0, 1, 2])
        self.assertEqual(told_lost(device), 0)

    def test_what_was_evicted_under_way_is_a_gap(self):
        device = granted()
        device.port.link.up = False
        device.agent.session.restart()
        device.agent.rings.ring(1).resize(4)
        for n in range(600):
            device.agent.emit("diagnostics", {"code": n, "release": "r" * 32})
        device.port.link.up = True
        device.run(80, 3000)
        evicted = device.count(EVICTED)
        self.assertTrue(evicted > 100)
        self.assertEqual(told_lost(device), evicted)
        self.assertEqual([values[1] for values in stored(device)], list(range(evicted, 600)))


class TestAcknowledgement(unittest.TestCase):
    def waiting(self):
        device = granted()
        device.host.auto = False
        for n in range(3):
            device.agent.emit("diagnostics", {"code": n})
        device.run(3)
        self.assertEqual(len(device.host.batches), 1)
        return device

    def give(self, device, message):
        device.port.link.inbox.append((device.host.topic("ack"), message))
        device.run(1)
        return device.agent.rings.stats(1)["records"]

    def test_frees_what_it_names(self):
        device = self.waiting()
        self.assertEqual(self.give(device, device.host.ack([1, 1, 1, 2, 0, bytes(16), 1800000000])), 1)

    def test_beyond_what_was_handed_out_frees_no_more(self):
        device = self.waiting()
        device.agent.emit("diagnostics", {"code": 9}, durable=True)
        self.assertEqual(self.give(device, device.host.ack([1, 1, 1, 1 << 31, 0, bytes(16), 1800000000])), 1)

    def test_before_anything_was_handed_out_in_this_boot_frees_nothing(self):
        device = granted()
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        device.host.answer = False
        device.boot()
        device.run(2)
        device.agent.rings.ring(1)
        self.assertEqual(self.give(device, device.host.ack([1, 1, 1, 5, 0, bytes(16), 1800000000])), 1)

    def test_forged_or_of_another_binding_frees_nothing_and_is_counted(self):
        device = self.waiting()
        good = device.host.ack([1, 1, 1, 3, 0, bytes(16), 1800000000])
        false = [
            good[:-1] + bytes([good[-1] ^ 1]),
            device.host.ack([1, 1, 1, 3, 0, bytes(16), 1800000000], b"INSTANCE"),
            b"", b"\x00", good + b"\x00", good[:-1],
            device.host.ack([1, 1, 1, 3, 0, bytes(15), 1800000000]),
            device.host.ack([1, 1, 1, -1, 0, bytes(16), 1800000000]),
            device.host.ack([1, 1, 1, 3, 0, bytes(16)]),
            device.host.ack([5, 1, 1, 3, 0, bytes(16), 1800000000]),
            device.host.ack([1, 1, 1, 3, 0, bytes(16), 1 << 33]),
            device.host.ack([1, "1", 1, 3, 0, bytes(16), 1800000000]),
        ]  # fmt: skip
        for n in range(len(false)):
            self.assertEqual(self.give(device, false[n]), 3, n)
            self.assertEqual(device.count(ACK_BAD), n + 1, n)
        self.assertEqual(self.give(device, good), 0)

    def test_every_truncation_and_flip_frees_nothing(self):
        device = self.waiting()
        good = device.host.ack([1, 1, 1, 3, 0, bytes(16), 1800000000])
        for at in range(len(good)):
            device.agent.session._take_ack(good[:at])
            flipped = bytearray(good)
            flipped[at] ^= 1
            device.agent.session._take_ack(bytes(flipped))
        self.assertEqual(device.agent.rings.stats(1)["records"], 3)
        self.assertEqual(device.count(ACK_BAD), 2 * len(good))

    def test_replayed_changes_nothing(self):
        device = self.waiting()
        message = device.host.ack([1, 1, 1, 3, 0, bytes(16), 1800000000])
        self.assertEqual(self.give(device, message), 0)
        device.agent.emit("diagnostics", {"code": 9}, durable=True)
        self.assertEqual(self.give(device, message), 1)

    def test_after_a_purge_is_counted_and_ignored(self):
        device = self.waiting()
        device.port.sources.button = "*"
        message = device.host.ack([1, 1, 1, 3, 0, bytes(16), 1800000000])
        device.run(3)
        stale = device.count(ACK_STALE)
        device.port.link.inbox.append((device.host.topic("ack"), message))
        device.run(1)
        self.assertEqual(device.count(ACK_STALE), stale + 1)
        self.assertFalse(device.agent.keys.has_ring_key(1))

    def test_its_randomness_is_mixed_in_and_its_time_moves_the_floor_only_up(self):
        device = self.waiting()
        floor = device.agent.clock.floor_s
        self.give(device, device.host.ack([1, 1, 1, 1, 0, bytes(16), floor + 500]))
        self.assertEqual(device.agent.clock.floor_s, floor + 500)
        self.give(device, device.host.ack([1, 1, 1, 2, 0, bytes(16), 5]))
        self.assertEqual(device.agent.clock.floor_s, floor + 500)


if __name__ == "__main__":
    unittest.main()
