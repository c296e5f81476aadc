# SPDX-License-Identifier: MIT
"""The link over QuecPython's umqtt opens and sends: one thread reads and writes, and the caller never waits."""

import _thread
import time
import unittest

from sim.quec_link import ACK, UP, LinkCase
from sim.sim_port import error_of
from sim.sim_quec import until


class TestOpening(LinkCase):
    def test_opening_takes_several_steps_and_never_blocks_the_caller(self):
        bench = self.made()
        bench.broker.hangs = True
        begin = time.time()
        for _ in range(100):
            self.assertFalse(bench.link.connect("0001"))
        self.assertTrue(time.time() - begin < 2)
        self.assertTrue(until(lambda: bench.broker.connecting))
        bench.broker.hangs = False
        self.assertTrue(until(lambda: bench.link.connect("0001")))
        self.assertEqual((bench.threads, bench.broker.connects), (1, 1))

    def test_the_library_is_told_not_to_reconnect_and_to_keep_its_ping(self):
        bench = self.opened()
        self.assertEqual(bench.client.args, ("0001", "broker.test", 1883, "me", "it"))
        self.assertEqual(bench.client.named, {"keepalive": 120, "reconn": False})
        bench.link.close()
        bench = self.opened(tls=True)
        self.assertEqual(bench.client.named, {"keepalive": 120, "reconn": False, "ssl": True})
        bench.link.close()
        bench = self.opened(tls=True, cert="C", key="K")
        self.assertEqual(bench.client.named["ssl_params"], {"cert": "C", "key": "K"})

    def test_a_refused_connection_is_an_error_once_and_the_next_begins_anew(self):
        bench = self.made()
        for n in (1, 2):
            bench.broker.refuses = ValueError("MQTT Connect error='110' FAIL")
            self.assertEqual(error_of(bench.opened), "not connected: ValueError")
            bench.link.close()
            self.assertEqual(bench.broker.connects, n)
        bench.broker.refuses = None
        bench.opened()
        self.assertIsNone(bench.link.poll())
        self.assertEqual(bench.broker.connects, 3)

    def test_every_kind_of_failure_to_connect_is_a_link_error(self):
        for error in (OSError(113), AssertionError(), MemoryError(), RuntimeError("x"), KeyError("y")):
            bench = self.made()
            bench.broker.refuses = error
            self.assertEqual(error_of(bench.opened), "not connected: " + type(error).__name__)

    def test_a_second_connect_while_the_old_thread_hangs_makes_no_second_thread(self):
        bench = self.made()
        bench.broker.hangs = True
        self.assertFalse(bench.link.connect("0001"))
        self.assertTrue(until(lambda: bench.broker.connecting))
        bench.link.close()
        for _ in range(50):
            self.assertFalse(bench.link.connect("0001"))
        self.assertEqual((bench.threads, len(bench.broker.clients)), (1, 1))
        bench.broker.hangs = False
        self.assertTrue(until(lambda: bench.link.connect("0001")))
        self.assertEqual((bench.threads, len(bench.broker.clients)), (2, 2))

    def test_the_failure_of_an_attempt_that_was_closed_is_no_failure_of_the_next(self):
        bench = self.made()
        bench.broker.hangs = True
        bench.broker.refuses = ValueError("late")
        bench.link.connect("0001")
        bench.link.close()
        bench.broker.hangs = False
        self.assertTrue(bench.ended())
        bench.broker.refuses = None
        bench.opened()

    def test_a_failure_that_nobody_heard_before_the_close_is_no_failure_of_the_next(self):
        bench = self.made()
        bench.broker.refuses = ValueError("early")
        bench.link.connect("0001")
        self.assertTrue(bench.ended())
        bench.link.close()
        bench.broker.refuses = None
        bench.opened()

    def test_a_connection_that_opens_after_the_close_is_closed_and_not_used(self):
        bench = self.made()
        bench.broker.hangs = True
        bench.link.connect("0001")
        bench.link.close()
        late = bench.client
        bench.broker.hangs = False
        self.assertTrue(until(lambda: late.closed))
        bench.opened()
        self.assertFalse(bench.client is late)
        self.assertEqual((late.done, late.waits), ([], 0))

    def test_no_thread_left_is_a_link_error(self):
        bench = self.made()
        bench.no_thread = True
        self.assertEqual(error_of(lambda: bench.link.connect("0001")), "no thread for the connection")
        bench.no_thread = False
        bench.opened()

    def test_settings_that_the_library_refuses_are_a_link_error(self):
        for error in (ValueError("keepalive"), TypeError("version"), OSError(12)):
            bench = self.made()

            def refuse(*args, error=error, **named):
                raise error

            bench.link._client_class = refuse
            self.assertEqual(error_of(lambda bench=bench: bench.link.connect("0001")), "umqtt refuses the broker's settings")

    def test_nothing_goes_without_a_connection(self):
        bench = self.made()
        for call in (bench.link.poll, lambda: bench.link.publish(UP, b"x"), lambda: bench.link.subscribe(UP)):
            self.assertEqual(error_of(call), "closed")
        bench.link.close()


class TestSending(LinkCase):
    def test_what_is_queued_goes_out_in_order_after_the_pings_answer(self):
        bench = self.opened()
        bench.broker.pongs = False
        bench.link.subscribe("quell/1/00/ack")
        bench.link.publish(UP, b"one")
        bench.link.publish(UP, b"two")
        self.assertEqual((bench.client.pings, bench.sent()), (1, []))
        self.assertTrue(bench.client.waiting)
        bench.client.comes(bench.broker.pong)
        self.assertTrue(until(lambda: len(bench.sent()) == 3))
        self.assertEqual(
            bench.sent(), [("subscribe", "quell/1/00/ack", None), ("publish", UP, b"one"), ("publish", UP, b"two")]
        )
        self.assertEqual(bench.client.pings, 1)

    def test_packets_are_written_by_the_links_thread_alone_and_the_ping_only_under_the_lock(self):
        bench = self.opened()
        for n in range(10):
            bench.link.publish(UP, b"%d" % n)
            if n % 3 == 0:
                bench.link.subscribe("topic")
            self.assertTrue(bench.polled(lambda n=n: ("publish", UP, b"%d" % n) in bench.sent() and bench.settled(), 50))
        own = _thread.get_ident()
        packets = {thread for what, thread, _ in bench.client.writers if what != "ping"}
        self.assertEqual(len(packets), 1)
        self.assertFalse(own in packets)
        self.assertEqual({thread for what, thread, _ in bench.client.writers if what == "ping"}, {own})
        self.assertTrue(all([held for _, _, held in bench.client.writers]))
        self.assertFalse(bench.lock.locked())

    def test_no_ping_goes_while_the_thread_writes(self):
        bench = self.opened()
        bench.lock.acquire()
        bench.link.publish(UP, b"one")
        for _ in range(20):
            bench.ms += 500
            bench.link.poll()
        self.assertEqual(bench.client.pings, 0)
        bench.lock.release()
        self.assertTrue(bench.polled(lambda: bench.sent()))

    def test_a_lock_that_cannot_be_had_is_not_released_and_tried_again(self):
        bench = self.made()
        lock, tries = bench.lock, []

        class Lock:
            release = lock.release

            def acquire(self, wait=1):
                tries.append(wait)
                return lock.acquire(wait) if len(tries) > 2 else False

        bench.link._writing = Lock()
        bench.opened()
        bench.link.publish(UP, b"x")
        self.assertTrue(bench.polled(lambda: bench.sent(), 50))
        self.assertEqual(tries[:2], [1, 0])

    def test_there_is_one_ping_at_a_time_and_nothing_is_sent_before_its_answer(self):
        bench = self.opened()
        bench.broker.pongs = False
        bench.link.publish(UP, b"one")
        for _ in range(30):
            bench.ms += 400
            bench.link.poll()
        bench.client.comes((ACK, b"first"))  # umqtt of 2021 fails where a pong follows a subscribe
        self.assertTrue(until(lambda: bench.link.poll() == ("quell/1/00/ack", b"first")))
        bench.settled()
        self.assertEqual((bench.client.pings, bench.sent()), (1, []))
        bench.client.comes(bench.broker.pong)
        self.assertTrue(until(lambda: bench.sent()))

    def test_true_and_none_count_as_handed_over_and_false_is_an_error_at_the_next_poll(self):
        for answer in (True, None, 0):
            bench = self.opened()
            bench.broker.answer = answer
            bench.link.publish(UP, b"x")
            self.assertTrue(bench.polled(lambda bench=bench: bench.sent() and not bench.session.outbox))
            bench.settled()
            self.assertIsNone(bench.link.poll())
            bench.link.close()
        for answer in (False, -1):
            bench = self.opened()
            bench.broker.answer = answer
            bench.link.publish(UP, b"x")
            bench.link.publish(UP, b"y")
            self.assertTrue(until(lambda bench=bench: bench.session.over))
            self.assertEqual(error_of(bench.link.poll), "not sent")
            self.assertEqual(error_of(lambda bench=bench: bench.link.publish(UP, b"z")), "not sent")
            self.assertEqual(len(bench.sent()), 1)

    def test_what_publish_raises_is_an_error_at_the_next_poll(self):
        bench = self.opened()
        bench.broker.answer = OSError(104)
        bench.link.publish(UP, b"x")
        self.assertTrue(until(lambda: bench.session.over))
        self.assertEqual(error_of(bench.link.poll), "lost: OSError")
        self.assertFalse(bench.lock.locked())

    def test_sixteen_messages_or_sixteen_kib_wait_and_no_more(self):
        bench = self.opened()
        bench.broker.pongs = False
        for _ in range(16):
            bench.link.publish(UP, b"x")
        self.assertEqual(error_of(lambda: bench.link.publish(UP, b"x")), "the connection takes nothing")
        bench.client.comes(bench.broker.pong)
        self.assertTrue(until(lambda: len(bench.sent()) == 16))
        bench.link.close()
        bench = self.opened()
        bench.broker.pongs = False
        for _ in range(8):
            bench.link.publish(UP, bytes(2048))
        self.assertEqual(error_of(lambda: bench.link.publish(UP, b"x")), "the connection takes nothing")
        bench.link.subscribe("topic")  # has no bytes to speak of
        bench.client.comes(bench.broker.pong)
        self.assertTrue(until(lambda: len(bench.sent()) == 9))

    def test_close_drops_what_is_queued_and_lets_the_thread_end(self):
        bench = self.opened()
        bench.broker.pongs = False
        bench.link.publish(UP, b"secret")
        bench.link.close()
        self.assertTrue(bench.ended())
        self.assertEqual((bench.sent(), bench.client.closed, bench.session.outbox), ([], True, []))
        self.assertTrue(error_of(bench.link.poll))
        bench.link.close()
        bench.broker.pongs = True
        bench.opened()
        bench.ms += 1000
        bench.link.publish(UP, b"new")
        self.assertTrue(bench.polled(lambda: bench.sent()))
        self.assertEqual(bench.sent(), [("publish", UP, b"new")])


if __name__ == "__main__":
    unittest.main()
