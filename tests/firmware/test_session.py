# SPDX-License-Identifier: MIT
"""The connection comes back by itself, believes only a fresh answer, and lets no data go before it."""

import unittest

from sim.device import Device
from sim.saved import Saved
from sim.sim_host import NOW_S, SUBJECT

from quell.counters import ACK_BAD, LINK_FAILED, NO_INSTANCE
from quell.data_path import BUFFERED, REFUSED
from quell.limits import ANSWER_TIMEOUT_MS, BACKOFF_CAP_MS, BACKOFF_FIRST_MS, OPEN_TIMEOUT_MS, RECEIPT_RETRY_MS

_SAVED = []


def granted(connected=True):
    if not _SAVED:
        _SAVED.append(Saved(Device().with_policy().granted()))
    device = _SAVED[0].device()
    if connected:
        device.run(4)
    device.host.batches = []
    return device


def codes(device):
    held = device.host.stored.get((device.host.instance, 1, 1), {})
    return [held[sequence][4][1] for sequence in sorted(held)]


class TestAnswer(unittest.TestCase):
    def test_no_batch_goes_before_the_host_answered(self):
        device = granted(False)
        device.host.answer = False
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        device.run(20)
        self.assertEqual(device.host.batches, [])
        device.host.answer = True
        device.run(60)
        self.assertEqual(codes(device), [1])

    def test_no_answer_means_another_connection_with_longer_and_longer_waits(self):
        device = granted(False)
        device.host.answer = False
        seen, times = 0, []
        for _ in range(900):
            device.run(1, 2000)
            if device.port.link.connects != seen:
                seen = device.port.link.connects
                times.append(device.port.clock.ms)
        waits = [b - a for a, b in zip(times, times[1:])]
        self.assertTrue(len(waits) >= 5)
        self.assertTrue(waits[0] >= 3 * ANSWER_TIMEOUT_MS)
        self.assertTrue(waits[-1] > waits[0])
        self.assertTrue(max(waits) <= BACKOFF_CAP_MS + 5 * ANSWER_TIMEOUT_MS)
        device.host.answer = True
        device.run(200, 2000)
        self.assertTrue(device.agent.session.answered)
        self.assertEqual(device.agent.session.failures, 0)

    def test_an_answer_to_another_hello_does_not_count(self):
        device = granted(False)
        device.host.answer = False
        device.run(2)
        nonce = device.host.state[20]
        for false in (bytes(16), nonce[:15] + bytes([nonce[15] ^ 1])):
            message = device.host.ack([4, false, device.host.instance, 0, 0, bytes(16), NOW_S])
            device.port.link.inbox.append((device.host.topic("ack"), message))
            device.run(1)
            self.assertFalse(device.agent.session.answered)
        self.assertEqual(device.count(ACK_BAD), 2)
        good = device.host.ack([4, nonce, device.host.instance, 0, 0, bytes(16), NOW_S])
        device.port.link.inbox.append((device.host.topic("ack"), good))
        device.run(1)
        self.assertTrue(device.agent.session.answered)
        device.port.link.inbox.append((device.host.topic("ack"), good))
        device.run(1)
        self.assertEqual(device.count(ACK_BAD), 3)

    def test_the_nonce_is_new_at_every_connection_and_boot(self):
        device = granted()
        nonces = [device.host.state[20]]
        for _ in range(3):
            device.agent.session.restart()
            device.run(2)
            nonces.append(device.host.state[20])
            device.boot()
            device.run(2)
            nonces.append(device.host.state[20])
        self.assertEqual(len(set(nonces)), len(nonces))

    def test_a_forged_answer_gives_no_instance(self):
        device = Device()
        device.host.answer = False
        device.run(2)
        good = device.host.ack([4, device.host.state[20], b"INSTANCE", 0, 0, bytes(16), NOW_S])
        device.port.link.inbox.append((device.host.topic("ack"), good[:-1] + bytes([good[-1] ^ 1])))
        device.run(2)
        self.assertEqual(device.agent.consent.instance, b"")


class TestInstance(unittest.TestCase):
    def test_nothing_is_collected_before_the_host_gave_one(self):
        device = granted()
        device.agent.consent.instance = b""
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        self.assertEqual(device.count(NO_INSTANCE), 1)

    def test_a_new_one_ends_consent_and_erases_what_was_recorded(self):
        device = granted()
        device.host.auto = False
        device.agent.emit("diagnostics", {"code": 1}, durable=True)
        challenge = device.agent.consent.purposes[1].challenge
        device.host.instance = b"INSTANCE"
        device.agent.session.restart()
        device.run(6)
        entry = device.agent.consent.purposes[1]
        self.assertEqual(device.agent.consent.instance, b"INSTANCE")
        self.assertEqual((entry.status, entry.generation), (0, 0))
        self.assertNotEqual(entry.challenge, challenge)
        self.assertEqual([name for name in device.port.flash.files if name.startswith("r01")], [])

    def test_bundles_are_heard_again_under_a_new_one(self):
        device = granted()
        command = device.host.withdraw(1)
        device.host.bundle(SUBJECT, [command])
        device.host.instance = b"INSTANCE"
        device.agent.session.restart()
        device.run(10)
        self.assertEqual(device.agent.consent.purposes[1].status, 2)


class TestLink(unittest.TestCase):
    def test_a_link_that_opens_bit_by_bit_gets_a_slice_in_each_step(self):
        device = granted(False)
        device.port.link.slices = 5
        device.run(4)
        self.assertTrue(device.agent.session.connecting)
        self.assertEqual((device.agent.session.connected, device.port.link.sent), (False, []))
        device.run(1)
        self.assertEqual((device.agent.session.connecting, device.port.link.connects), (False, 1))
        self.assertTrue(device.agent.session.connected)
        device.run(2)
        self.assertTrue(device.agent.session.answered)

    def test_a_link_that_never_opens_is_a_failure_in_the_end(self):
        device = granted(False)
        device.port.link.slices = 1 << 20
        device.run(OPEN_TIMEOUT_MS // 1000)
        self.assertEqual((device.agent.session.failures, device.agent.session.connecting), (0, True))
        device.run(1)
        self.assertEqual(device.agent.session.failures, 1)
        self.assertFalse(device.agent.session.connecting)
        self.assertEqual(device.count(LINK_FAILED), 1)
        self.assertEqual(device.port.link.opening, 0)
        device.port.link.slices = 1
        device.run(10)
        self.assertTrue(device.agent.session.answered)

    def test_a_restart_ends_an_opening_and_begins_another(self):
        device = granted(False)
        device.port.link.slices = 4
        device.run(3)
        device.agent.session.restart()
        self.assertEqual((device.agent.session.connecting, device.port.link.opening), (False, 0))
        device.run(3)
        self.assertFalse(device.agent.session.connected)
        device.run(1)
        self.assertTrue(device.agent.session.connected)

    def test_a_failure_while_it_opens_counts_and_waits_as_any(self):
        device = granted(False)
        device.port.link.slices = 4
        device.run(2)
        device.port.link.up = False
        device.run(1)
        self.assertEqual((device.agent.session.failures, device.agent.session.connecting), (1, False))
        self.assertTrue(device.agent.session._retry_ms > device.port.clock.ms - 2000)

    def test_a_long_absence_loses_nothing_that_fits_the_ring(self):
        device = granted()
        device.port.link.up = False
        for n in range(30):
            self.assertEqual(device.agent.emit("diagnostics", {"code": n}), BUFFERED)
            device.run(2, 60000)
        device.port.link.up = True
        device.run(40, 10000)
        self.assertEqual(codes(device), list(range(30)))
        self.assertEqual(device.host.duplicates, 0)
        self.assertTrue(device.count(LINK_FAILED) > 3)

    def test_waits_double_up_to_a_cap_and_have_jitter(self):
        device = granted()
        device.port.link.up = False
        waits = []
        for _ in range(14):
            before = device.agent.session.failures
            device.port.clock.ms = max(device.port.clock.ms, device.agent.session._retry_ms)
            device.agent.step()
            self.assertEqual(device.agent.session.failures, before + 1)
            waits.append(device.agent.session._retry_ms - device.port.clock.ms)
        for n in range(len(waits)):
            full = min(BACKOFF_FIRST_MS << min(n, 10), BACKOFF_CAP_MS)
            self.assertTrue(full // 2 <= waits[n] <= full, n)
        self.assertTrue(len(set(waits[-4:])) > 1)

    def test_a_half_open_connection_loses_nothing(self):
        device = granted()
        device.port.link.mute = True
        for n in range(3):
            device.agent.emit("diagnostics", {"code": n})
        device.run(30)
        self.assertEqual(codes(device), [])
        self.assertTrue(device.agent.rings.stats(1)["records"] == 3)
        device.port.link.mute = False
        device.run(30)
        self.assertEqual(codes(device), [0, 1, 2])

    def test_a_broker_that_restarts_again_and_again_loses_nothing(self):
        device = granted()
        for n in range(12):
            device.agent.emit("diagnostics", {"code": n})
            device.port.link.up = n % 3 != 0
            device.run(3)
            device.port.link.connected = False
        device.port.link.up = True
        device.run(60)
        self.assertEqual(codes(device), list(range(12)))

    def test_receipts_are_sent_until_they_are_acknowledged(self):
        device = granted()
        device.host.auto = False
        device.port.sources.button = "*"
        device.run(3)
        sent = [payload for topic, payload in device.port.link.sent if topic.endswith("/rcpt")]
        receipt = device.agent.consent.unacknowledged[-1]
        before = len([s for s in sent if s == receipt])
        device.run(2 * RECEIPT_RETRY_MS // 1000 + 2)
        sent = [payload for topic, payload in device.port.link.sent if topic.endswith("/rcpt")]
        self.assertEqual(len([s for s in sent if s == receipt]), before + 2)
        device.boot()
        self.assertIn(receipt, device.agent.consent.unacknowledged)
        device.host.auto = True
        device.run(4)
        self.assertEqual(device.agent.consent.unacknowledged, [])

    def test_a_receipt_is_not_freed_by_a_false_hash_or_number(self):
        device = granted()
        device.host.auto = False
        device.port.sources.button = "*"
        device.run(3)
        number, hash8 = device.host.receipts[-1][1][3], bytes(8)
        for fields in ([2, number, hash8, 0, 0, bytes(16), NOW_S], [2, number + 1, hash8, 0, 0, bytes(16), NOW_S]):
            device.port.link.inbox.append((device.host.topic("ack"), device.host.ack(fields)))
            device.run(1)
        self.assertEqual(len(device.agent.consent.unacknowledged), 1)

    def test_the_client_id_is_the_device_id_in_hex(self):
        device = granted()
        self.assertEqual(device.port.link.client_id, "000102030405060708090a0b0c0d0e0f")

    def test_an_error_of_the_core_is_contained_and_noted(self):
        device = granted()

        def broken(now_ms):
            raise ValueError("bug")

        device.agent.data.step = broken
        device.run(3)
        self.assertEqual(device.agent.collector._exceptions[0][0], "ValueError")


if __name__ == "__main__":
    unittest.main()
