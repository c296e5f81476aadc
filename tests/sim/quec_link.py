# SPDX-License-Identifier: MIT
"""A link over hand-made clients of `umqtt`, with a real thread in simulated time."""

import _thread
import unittest

from ports.quecpython.link import QuecLink

from sim.sim_quec import SimBroker, pause, until

UP, ACK = "quell/1/00/up", b"quell/1/00/ack"
BROKER = {
    "host": "broker.test", "port": 1883, "user": "me", "password": "it", "tls": False, "cert": None, "key": None, "keepalive_s": 120
}  # fmt: skip


class LinkBench:
    """`more`: of the broker's settings."""

    def __init__(self, **more):
        self.ms = 1000
        self.malformed = 0
        self.threads = 0
        self.no_thread = False
        self.lock = _thread.allocate_lock()
        self.broker = SimBroker(self.lock)
        self.link = QuecLink(
            dict(BROKER, **more), self.broker.client_class, self._start, self.lock, lambda: self.ms, lambda ms: pause(),
            self._on_malformed,
        )  # fmt: skip

    def _start(self, function, args):
        if self.no_thread:
            raise OSError("can't create thread")
        self.threads += 1
        _thread.start_new_thread(function, args)

    def _on_malformed(self):
        self.malformed += 1

    @property
    def client(self):
        """The newest."""
        return self.broker.clients[-1]

    @property
    def session(self):
        return self.link._session

    def opened(self):
        """Connect until it is open -> how many calls that took. Raises LinkError as the link does."""
        calls = [0]

        def connected():
            calls[0] += 1
            return self.link.connect("0001")

        if not until(connected):
            raise ValueError("not opened in time")
        self.settled()
        return calls[0]

    def settled(self):
        """Until the thread waits for a packet, with nothing to come: then no list is written by two threads."""
        client = self.client
        return until(lambda: client.waiting and not client.events)

    def polled(self, condition, ms=5):
        """Poll until `condition()`, with `ms` passing each time -> whether it came to that."""

        def poll():
            self.ms += ms
            self.link.poll()

        return until(condition, between=poll)

    def sent(self):
        """What left, as the client was told."""
        return self.client.done

    def ended(self):
        """Whether the newest session's thread has come to its end."""
        session = self.session
        return until(lambda: session.ended)


class LinkCase(unittest.TestCase):
    """A test with links that are closed after it."""

    def setUp(self):
        self.benches = []

    def tearDown(self):
        """No thread is left."""
        for bench in self.benches:
            bench.broker.hangs = False
            bench.link.close()
            for client in bench.broker.clients:
                client.closed = True
            if bench.session is not None:
                self.assertTrue(bench.ended())

    def made(self, **more):
        self.benches.append(LinkBench(**more))
        return self.benches[-1]

    def opened(self, **more):
        bench = self.made(**more)
        bench.opened()
        return bench
