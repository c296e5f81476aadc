# SPDX-License-Identifier: MIT
"""The link over QuecPython's umqtt receives within bounds, and notices each way in which a connection dies."""

import time
import unittest

from sim.quec_link import ACK, UP, LinkCase
from sim.sim_port import error_of
from sim.sim_quec import until

from quell.limits import MAX_INBOX, MAX_WIRE_BYTES


class TestReceiving(LinkCase):
    def test_messages_come_in_order_and_none_when_there_is_none(self):
        bench = self.opened()
        bench.client.comes((ACK, b"one"), (b"quell/1/00/cmd/ab", bytearray(b"two")), ("text", b""))
        self.assertTrue(until(lambda: len(bench.session.inbox) == 3))
        self.assertEqual(
            [bench.link.poll() for _ in range(4)],
            [("quell/1/00/ack", b"one"), ("quell/1/00/cmd/ab", b"two"), ("text", b""), None],
        )

    def test_an_over_long_payload_is_counted_and_dropped(self):
        bench = self.opened()
        bench.client.comes((ACK, bytes(MAX_WIRE_BYTES + 1)), (ACK, bytes(MAX_WIRE_BYTES)), (ACK, b"last"))
        self.assertTrue(until(lambda: len(bench.session.inbox) == 2))
        self.assertEqual(bench.malformed, 1)
        self.assertEqual([len(bench.link.poll()[1]) for _ in range(2)], [MAX_WIRE_BYTES, 4])

    def test_a_topic_that_is_no_utf_8_is_counted_and_dropped_where_texts_are_unicode(self):
        try:
            unicode = str(b"\xff\xfe", "utf-8") is None
        except ValueError:
            unicode = True
        bench = self.opened()
        bench.client.comes((b"\xff\xfe", b"x"), (ACK, b"last"))
        self.assertTrue(until(lambda: len(bench.session.inbox) == (1 if unicode else 2)))
        self.assertEqual(bench.malformed, 1 if unicode else 0)
        if not unicode:
            self.assertNotEqual(bench.link.poll()[0], "quell/1/00/ack")  # the session knows no such topic
        self.assertEqual(bench.link.poll(), ("quell/1/00/ack", b"last"))

    def test_more_messages_than_anybody_takes_are_dropped_and_counted(self):
        bench = self.opened()
        bench.session.inbox.extend([(UP, b"old")] * (4 * MAX_INBOX - 1))
        bench.client.comes((ACK, b"fits"), (ACK, b"does not"), (ACK, b"neither"))
        self.assertTrue(until(lambda: bench.malformed == 2))
        self.assertEqual((len(bench.session.inbox), bench.session.inbox[-1][1]), (4 * MAX_INBOX, b"fits"))

    def test_a_late_message_of_a_closed_connection_never_comes_in_the_next(self):
        bench = self.opened()
        old, client = bench.session, bench.client
        bench.link.close()
        self.assertTrue(until(lambda: old.ended))
        bench.opened()
        client.callback(ACK, b"late")
        self.assertIsNone(bench.link.poll())


class TestDeath(LinkCase):
    def test_no_answer_to_a_ping_in_20_s_is_a_link_error(self):
        bench = self.opened()
        bench.broker.pongs = False
        bench.ms += 60000
        self.assertIsNone(bench.link.poll())
        self.assertEqual(bench.client.pings, 1)
        bench.ms += 19999
        self.assertIsNone(bench.link.poll())
        bench.ms += 1
        self.assertEqual(error_of(bench.link.poll), "no answer to ping")

    def test_a_queued_message_that_never_leaves_is_noticed_as_well(self):
        bench = self.opened()
        bench.broker.pongs = False
        bench.link.publish(UP, b"x")
        bench.ms += 19999
        self.assertIsNone(bench.link.poll())
        bench.ms += 1
        self.assertEqual(error_of(bench.link.poll), "no answer to ping")

    def test_a_packet_that_comes_meanwhile_begins_the_20_s_anew(self):
        bench = self.opened()
        bench.broker.pongs = False
        bench.link.publish(UP, b"x")
        bench.ms += 19000
        bench.client.comes((ACK, b"slow"))
        self.assertTrue(until(lambda: bench.link.poll() == ("quell/1/00/ack", b"slow")))
        bench.ms += 19000
        self.assertIsNone(bench.link.poll())
        bench.ms += 1000
        self.assertEqual(error_of(bench.link.poll), "no answer to ping")

    def test_a_quiet_connection_is_pinged_each_half_keep_alive(self):
        bench = self.opened()
        for n in (1, 2, 3):
            bench.ms += 59999
            bench.link.poll()
            self.assertEqual(bench.client.pings, n - 1)
            bench.ms += 1
            bench.link.poll()
            self.assertEqual(bench.client.pings, n)
            self.assertTrue(until(lambda: bench.session.pongs == bench.session.pings))
            self.assertTrue(bench.settled())
            self.assertIsNone(bench.link.poll())

    def test_a_firmware_whose_wait_gives_none_for_a_pong_is_understood(self):
        bench = self.opened()
        bench.broker.pong = None
        for n in range(25):
            bench.ms += 60001
            bench.link.poll()
            self.assertTrue(until(lambda n=n: bench.session.pongs == n + 1))
            self.assertTrue(bench.settled())
            self.assertIsNone(bench.link.poll())

    def test_a_broker_that_closed_is_noticed_where_wait_only_gives_none(self):
        bench = self.opened()
        bench.broker.eof = True
        self.assertTrue(until(lambda: bench.session.over))
        self.assertEqual(error_of(bench.link.poll), "closed by the broker")
        self.assertTrue(bench.ended())
        self.assertTrue(bench.client.waits < 100)

    def test_what_wait_raises_is_a_link_error(self):
        for error in (OSError(104), ValueError("x"), AssertionError(), TypeError("y"), MemoryError()):
            bench = self.opened()
            bench.client.comes(error)
            self.assertTrue(until(lambda bench=bench: bench.session.over))
            self.assertEqual(error_of(bench.link.poll), "lost: " + type(error).__name__)
            self.assertTrue(bench.ended())
            self.assertTrue(bench.client.closed)

    def test_a_ping_that_fails_is_a_link_error_and_frees_the_lock(self):
        bench = self.opened()

        def ping():
            raise OSError(104)

        bench.client.ping = ping
        self.assertEqual(error_of(lambda: bench.link.publish(UP, b"x")), "ping: OSError")
        self.assertFalse(bench.lock.locked())

    def test_no_call_waits_for_a_library_that_hangs(self):
        bench = self.opened()
        bench.broker.pongs = False
        begin = time.time()
        for n in range(200):
            bench.ms += 20
            bench.link.poll()
            if n < 10:
                bench.link.publish(UP, b"x")
        bench.link.close()
        self.assertTrue(time.time() - begin < 2)


if __name__ == "__main__":
    unittest.main()
