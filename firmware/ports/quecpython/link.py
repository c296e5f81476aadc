# SPDX-License-Identifier: MIT
"""Link over QuecPython's own `umqtt`, which blocks, reconnects unless told not to, and says True, False or None.

One thread of this link does all that reads or writes a packet: it sits in `wait_msg`, and does what the agent queued
whenever a packet came. So that one comes, the agent's thread pings: two bytes, under a lock so that they never go
between two parts of a packet, and never a second time before the answer, which `subscribe` of 2021 would choke on. A
ping that nothing follows is a dead connection. The platform's own keep-alive has to be on, since `ping` does nothing
without it; its thread finds that there was a ping already.

Records go with QoS 0: `publish` waits for the broker's acknowledgement in a way that needs a second reader, for 5 s in
2021 and with False after any other packet in 2026. What the library says of a delivery is not believed anyhow; the
receiver's acknowledgement is (SPEC §5).

Its TLS authenticates nobody: there is no argument for a CA, and the source sets VERIFY_NONE. Commands, acknowledgements
and batches protect themselves. Written from Quectel's documentation (networklib/umqtt) and two public sources of the
library, of 2021 and 2026; never run on a module.
"""

from quell.codec.builtin import const
from quell.errors import LinkError
from quell.limits import MAX_INBOX, MAX_WIRE_BYTES
from quell.port import Link

_MAX_OUTBOX = const(16)
_MAX_OUTBOX_BYTES = const(16384)
_WAKE_MS = const(300)  # between two pings that are to wake the thread
_ANSWER_MS = const(20000)  # a ping without any packet for so long: dead
_PAUSE_MS = const(5)
_CLOSED_TIMES = const(20)  # so often nothing, in so short a time: 2021 says that of a connection that the broker closed
_CLOSED_MS = const(2000)


class _Session:
    """One connection, as its thread and the agent's thread see it; a thread that comes late has an old one."""

    def __init__(self, client):
        self.client = client
        self.open = False
        self.over = False
        self.ended = False  # the thread is gone
        self.error = ""
        self.heard = 0  # times that wait_msg returned
        self.arrived = 0  # messages
        self.pings = 0  # counted by the agent's thread
        self.pongs = 0  # times that wait_msg returned without a message while a ping was out
        self.nothing = 0  # times in a row that it gave nothing, since nothing_ms
        self.nothing_ms = 0
        self.outbox = []  # (topic, payload, or None to subscribe)
        self.inbox = []


class QuecLink(Link):
    """`broker`: {host, port, user, password, tls, cert, key, keepalive_s}; `client_class`: umqtt.MQTTClient.

    `start`: callable(function, args) that starts a thread; `writing`: a lock; `on_malformed`: callable().
    """

    def __init__(self, broker, client_class, start, writing, now_ms, sleep_ms, on_malformed):
        self._broker = broker
        self._client_class = client_class
        self._start = start
        self._writing = writing
        self._now_ms = now_ms
        self._sleep_ms = sleep_ms
        self._on_malformed = on_malformed
        self._session = None
        self._heard = 0
        self._heard_ms = 0
        self._pinged_ms = 0  # when a ping went out that has no answer yet, or the last packet since
        self._wake_ms = 0

    # opening -----------------------------------------------------------------------------------

    def connect(self, client_id):
        session = self._session
        if session is None or session.over:
            if session is not None and not session.ended:
                return False  # its thread is still in a call that ends by its own timeout: two would be too many
            if session is not None and session.error and not session.open:
                self._session = None
                raise LinkError(session.error)
            self._session = session = _Session(self._client(client_id))
            try:
                self._start(self._serve, (session,))
            except Exception:  # no thread left, no memory for its stack: which error is not documented
                self._session = None
                raise LinkError("no thread for the connection")
        if not session.open:
            return False
        self._heard, self._heard_ms = 0, self._now_ms()
        return True

    def _client(self, client_id):
        broker = self._broker
        more = {}
        if broker["tls"]:
            more["ssl"] = True
            if broker["cert"]:
                more["ssl_params"] = {"cert": broker["cert"], "key": broker["key"]}
        try:
            client = self._client_class(
                client_id, broker["host"], broker["port"], broker["user"], broker["password"],
                keepalive=broker["keepalive_s"], reconn=False, **more,
            )  # fmt: skip
        except Exception:  # which one is not documented
            raise LinkError("umqtt refuses the broker's settings")
        return client

    # the link's thread -------------------------------------------------------------------------

    def _serve(self, session):
        try:
            session.client.set_callback(lambda topic, payload: self._arrived(session, topic, payload))
            session.client.connect(clean_session=True)
            session.open = True
            while not session.over:
                if self._writing.acquire() is not False:  # which it may say; to release it then raises
                    try:
                        self._send(session)
                    finally:
                        self._writing.release()
                before = session.arrived
                self._returned(session, session.client.wait_msg(), session.arrived != before)
                self._sleep_ms(_PAUSE_MS)
        except Exception as error:  # every failure is a ValueError here, an OSError there: all mean that it is over
            if not session.over:  # else it was closed, or has told
                session.error = ("lost: " if session.open else "not connected: ") + type(error).__name__
        session.over = True
        _close(session.client)
        session.ended = True

    def _returned(self, session, value, with_message):
        """wait_msg returned."""
        session.heard += 1
        if not with_message and session.pongs < session.pings:
            session.pongs += 1
        if with_message or value is not None:
            session.nothing = 0
            return
        if session.nothing == 0:
            session.nothing_ms = self._now_ms()
        session.nothing += 1
        if session.nothing >= _CLOSED_TIMES:
            session.nothing = 0
            if self._now_ms() - session.nothing_ms < _CLOSED_MS:
                session.error = "closed by the broker"
                session.over = True

    def _send(self, session):
        outbox = session.outbox  # `close` takes it away
        while outbox and not session.over and session.pongs == session.pings:
            topic, payload = outbox[0]
            if payload is None:
                done = session.client.subscribe(topic, 1)
            else:
                done = session.client.publish(topic, payload, False, 0)
            if done is False or done == -1:
                session.error = "not sent"
                session.over = True
                return
            outbox.pop(0)

    def _arrived(self, session, topic, payload):
        """Called by umqtt inside of wait_msg. What is too long or too much is dropped: the host sends it again."""
        session.arrived += 1
        if len(payload) > MAX_WIRE_BYTES or len(session.inbox) >= 4 * MAX_INBOX:
            self._on_malformed()
            return
        try:
            session.inbox.append((topic if isinstance(topic, str) else str(topic, "utf-8"), bytes(payload)))
        except ValueError:  # what is no UTF-8; 1.13 takes it, and has no UnicodeError
            self._on_malformed()

    # the agent's thread ------------------------------------------------------------------------

    def subscribe(self, topic):
        self._queue(topic, None)

    def publish(self, topic, payload):
        self._queue(topic, payload)

    def _queue(self, topic, payload):
        session = self._checked()
        waiting = len(payload or b"")
        for _, other in session.outbox:
            waiting += len(other or b"")
        if len(session.outbox) >= _MAX_OUTBOX or waiting > _MAX_OUTBOX_BYTES:
            raise LinkError("the connection takes nothing")
        session.outbox.append((topic, payload))
        self._wake(session)

    def poll(self):
        session = self._checked()
        now_ms = self._now_ms()
        if session.heard != self._heard:
            self._heard, self._heard_ms, self._pinged_ms = session.heard, now_ms, now_ms
        if session.inbox:
            return session.inbox.pop(0)
        if session.pongs != session.pings and now_ms - self._pinged_ms >= _ANSWER_MS:
            raise LinkError("no answer to ping")
        if session.outbox or now_ms - self._heard_ms >= self._broker["keepalive_s"] * 500:
            self._wake(session)
        return None

    def _checked(self):
        session = self._session
        if session is None:
            raise LinkError("closed")
        if session.over:
            raise LinkError(session.error or "lost")
        return session

    def _wake(self, session):
        """Ping, so that a packet comes and wait_msg returns."""
        now_ms = self._now_ms()
        if now_ms < self._wake_ms or session.pongs != session.pings or not self._writing.acquire(0):
            return  # a moment ago, or one has no answer yet, or the thread is sending anyhow
        self._wake_ms = now_ms + _WAKE_MS
        self._pinged_ms = now_ms
        session.pings += 1
        try:
            session.client.ping()
        except Exception as error:  # as above
            raise LinkError("ping: " + type(error).__name__)
        finally:
            self._writing.release()

    def close(self):
        session = self._session
        if session is None:
            return
        session.over = True
        session.error = ""  # of an attempt that nobody waits for any more
        session.outbox = []
        session.inbox = []
        if session.open:
            _close(session.client)  # its thread's wait_msg fails now


def _close(client):
    for name in ("close", "disconnect"):
        try:
            getattr(client, name)()
        except Exception:  # closed already, or a firmware without that function
            pass
