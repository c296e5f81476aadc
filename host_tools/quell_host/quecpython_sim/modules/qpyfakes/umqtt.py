# SPDX-License-Identifier: MIT
"""`umqtt`: MQTT to a real broker, with QuecPython's arguments, answers and silences. Underneath is umqtt.simple.

Documented: API_reference/en/networklib/umqtt.md; umqtt.py (2021), UniRTOS's umqtt.py (2026). The device says which of
the two, "umqtt": "2021" or "2026".

- `connect` returns 0; **every** failure is ValueError. A keep-alive of 1 to 4 s is one, too, in the constructor; a
  longer one takes a thread, and when there is none left OSError comes out of `connect`, with the connection open.
- `publish` raises nothing. 2021: **None, whether it worked or not**. 2026: True or False. With QoS 1 it waits up to 5 s
  for the acknowledgement, which in 2021 only another thread's `wait_msg` can read. QoS 2 fails.
- `wait_msg`, with `reconn` (the default), never raises and never gives up: it connects again without end, after 5, 6,
  7… seconds, and subscribes to all topics with the last QoS. 2021 takes an exception of the callback for a lost
  network, and when the broker has closed the connection returns None at once, for ever. 2026 swallows the one and sees
  the other.
- `check_msg` is `wait_msg` without blocking: where nothing waits, the socket's EAGAIN counts as a lost network.
  Inferred from the source, not seen on a module; "check_msg": "quiet" in the device makes it return None.
- `subscribe` of 2021 returns when anything else than its SUBACK comes first. Without a callback: AssertionError.
- `get_mqttsta`: 0 connected, 1 connecting, 2 closed by the broker, -1 error, also after `disconnect`. Not on BG95.

Not imitated: MQTT 3.1 (`version` 3 connects with 3.1.1), `manage`, `ipvtype`, `pingmaxnum`: taken and ignored.
"""

import umqtt.simple as simple
import ustruct
from qpyfakes import _thread, log, usocket
from qpyfakes.umqtt_wire import CLOSE_WAIT, ESTABLISHED, Wire
from qpysim import clock, network, world
from qpysim.faults import errors, faulty

MQTTException = simple.MQTTException
errors["MQTTException"] = MQTTException

_NEW = world.facts["umqtt"] == "2026"
_QUIET = world.facts["check_msg"] == "quiet"
_ACK_MS = 5000
_PUBACK, _SUBACK, _UNSUBACK = 0x40, 0x90, 0xB0

log.basicConfig(level=log.INFO)  # as the real one does to the whole program
_logger = log.getLogger("MQTT")


class _Sockets:
    """Stands for the socket module inside umqtt.simple."""

    def socket(self):
        return Wire(_QUIET)

    def getaddrinfo(self, host, port):
        return usocket.getaddrinfo(host, port)


simple.socket = _Sockets()


class MQTTClient(simple.MQTTClient):
    """MQTTClient(client_id, server, port=0, user=None, password=None, keepalive=0, ssl=False, ssl_params={}, …)."""

    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=60 if _NEW else 0, ssl=False,
        ssl_params=None, reconn=True, version=4, pingmaxnum=0, manage=False, ipvtype=0,
    ):  # fmt: skip
        if 0 < keepalive < 5:
            raise ValueError("inport parameter error : keepalive >= 5S")
        if user and password is None:
            password = ""  # umqtt.simple sends both or none
        super().__init__(client_id, server, port, user or None, password, keepalive, ssl, ssl_params or {})
        self.reconn = reconn
        self.topic_list = []
        self.qos = 0
        self.error_callback = None
        self._clean = True
        self._running = True
        self._pinging = False
        self._pinged_ms = None
        self._reconnecting = False
        self._readers = 0
        self._unacked = set()

    @faulty("umqtt.MQTTClient.set_callback")
    def set_callback(self, callback):
        """`callback(topic, msg)`, both bytes."""
        super().set_callback(callback)

    @faulty("umqtt.MQTTClient.error_register_cb")
    def error_register_cb(self, callback):
        """`callback(text)`: by the page only without `reconn`; 2021 tells "reconnect_start" and "…_success", too."""
        self.error_callback = callback

    @faulty("umqtt.MQTTClient.set_last_will")
    def set_last_will(self, topic, msg, retain=False, qos=0):
        """Before `connect`."""
        super().set_last_will(topic, msg, retain, qos)

    @faulty("umqtt.MQTTClient.connect")
    def connect(self, clean_session=True):
        """-> 0. Raises ValueError."""
        try:
            self._connect(clean_session)
        except Exception as error:
            raise ValueError("MQTT Connect error='%s' FAIL" % error)
        if self.keepalive > 0 and not self._pinging:
            before = _thread.stack_size()
            _thread.stack_size(16 * 1024)
            try:
                _thread.start_new_thread(self._ping_on, ())
            finally:
                _thread.stack_size(before)
            self._pinging = True
        return 0

    def _connect(self, clean_session):
        try:
            usocket.getaddrinfo(self.server, self.port)
        except Exception:
            raise ValueError("DNS Parsing '%s'" % self.server)
        params = self.ssl_params
        if _NEW and self.ssl:
            if "server_hostname" in params:
                raise TypeError("function got multiple values for argument 'server_hostname'")
            self.ssl_params = dict(params, server_hostname=self.server)
        try:
            super().connect(clean_session)
        finally:
            self.ssl_params = params
        self._clean = clean_session
        self._running = True
        self._pinged_ms = None

    @faulty("umqtt.MQTTClient.disconnect")
    def disconnect(self):
        """-> None, after half a second."""
        self._running = False
        try:
            self.sock.write(b"\xe0\0")
        except Exception:
            _logger.warning("Error requesting to close connection.")
        clock.sleep_ms(500)
        self.sock.close()

    @faulty("umqtt.MQTTClient.close")
    def close(self):
        """The socket only; threads stay."""
        self.sock.close()

    @faulty("umqtt.MQTTClient.ping")
    def ping(self):
        """Nothing while the keep-alive is 0."""
        if self.keepalive:
            self._ping()

    def _ping(self):
        super().ping()
        self._pinged_ms = clock.now_ms()

    @faulty("umqtt.MQTTClient.publish")
    def publish(self, topic, msg, retain=False, qos=0):
        """-> None (2021); True or False (2026)."""
        try:
            done = self._publish(topic, msg, retain, qos)
        except Exception as error:
            done = False
            if _NEW:
                _logger.warning("publish failed: %s" % error)
        return done if _NEW else None

    def _publish(self, topic, msg, retain, qos):
        if qos == 0:
            super().publish(topic, msg, retain, 0)
            return True
        if qos != 1:
            raise AssertionError
        self.pid = self.pid % 65535 + 1
        pid = self.pid
        self._unacked.add(pid)
        self.sock.write(_publish_packet(topic, msg, retain, pid))
        if _NEW and self._readers == 0:
            began = clock.now_ms()
            while pid in self._unacked and clock.now_ms() - began < _ACK_MS:
                self._wait_msg()
        else:
            clock.wait(lambda: pid not in self._unacked, _ACK_MS)
        if pid in self._unacked:
            self._unacked.discard(pid)
            _logger.warning("publish QOS1 message was not received correctly")
            return False
        return True

    @faulty("umqtt.MQTTClient.subscribe")
    def subscribe(self, topic, qos=0):
        """-> None. Raises AssertionError, OSError, MQTTException where the broker refuses."""
        if self.cb is None:
            raise AssertionError("Subscribe callback is not set")
        if topic not in self.topic_list:
            self.topic_list.append(topic)
        self.qos = qos
        self._ask(0x82, topic, bytes([qos]), _SUBACK, 4)

    @faulty("umqtt.MQTTClient.unsubscribe")
    def unsubscribe(self, topic):
        """-> None. 2026 only."""
        if topic in self.topic_list:
            self.topic_list.remove(topic)
        self._ask(0xA2, topic, b"", _UNSUBACK, 3)

    def _ask(self, kind, topic, more, answer, length):
        """Send a request about a topic and wait for its answer."""
        topic = topic.encode() if isinstance(topic, str) else topic
        self.pid = self.pid % 65535 + 1
        body = ustruct.pack("!HH", self.pid, len(topic)) + topic + more
        self.sock.write(bytes([kind, len(body)]) + body)
        if not self.ssl:
            self.sock.settimeout(5)
        began = clock.now_ms()
        while clock.now_ms() - began < _ACK_MS:
            op = self._wait_msg()
            if op == answer:
                data = self.sock.read(length)
                if data[length - 1] == 0x80 and answer == _SUBACK:
                    raise MQTTException(0x80)
                if not self.ssl:
                    self.sock.setblocking(True)
                return
            if op is None and not _NEW:
                return

    @faulty("umqtt.MQTTClient.wait_msg")
    def wait_msg(self):
        """-> None, or the first byte of a packet that nobody asked for."""
        return self._wait_msg()

    def _wait_msg(self):
        while self._running:
            self._readers += 1
            try:
                return self._receive()
            except Exception as error:
                if not self._running:
                    return None
                if not self.reconn:
                    raise error
                _logger.warning("wait msg, Network exception. Trying to reconnect")
            finally:
                self._readers -= 1
            clock.sleep_ms(1000)
            self._reconnect()

    def _receive(self):
        try:
            op = super().wait_msg()
        except OSError as error:
            if error.args[0] == -1 and not _NEW:
                return None  # closed by the broker: 2021 does not see it
            raise
        if op == _PUBACK:
            data = self.sock.read(3)
            self._unacked.discard(data[1] << 8 | data[2])
            return None
        return op

    @faulty("umqtt.MQTTClient.check_msg")
    def check_msg(self):
        """-> as wait_msg, without blocking."""
        self.sock.setblocking(False)
        return self._wait_msg()

    @faulty("umqtt.MQTTClient.get_mqttsta")
    def get_mqttsta(self):
        """-> 0, 1, 2 or -1."""
        if self._reconnecting:
            return 1
        state = self.sock.getsocketsta()
        if state == ESTABLISHED and self._running and network.online():
            return 0
        return 2 if state == CLOSE_WAIT else -1

    def _reconnect(self):
        """Until it succeeds."""
        if self._reconnecting:
            clock.wait(lambda: not self._reconnecting)
            return
        self._reconnecting = True
        self._tell("reconnect_start")
        tries = 0
        try:
            while self._running:
                self.sock.close()
                if not network.online():
                    _logger.info("Wait for reconnection.")
                    clock.sleep_ms(5000)
                    continue
                try:
                    self._connect(self._clean)
                    for topic in self.topic_list:
                        self._ask(0x82, topic, bytes([self.qos]), _SUBACK, 4)
                    self._tell("reconnect_success")
                    return
                except Exception:
                    tries += 1
                    _logger.warning("The connection attempt failed; again after %d seconds." % (5 + tries))
                    clock.sleep_ms((5 + tries) * 1000)
        finally:
            self._reconnecting = False

    def _tell(self, text):
        if self.error_callback is not None:
            self.error_callback(text)

    def _ping_on(self):
        """The thread of the keep-alive."""
        while self._running:
            clock.sleep_ms(5000)
            idle_ms = clock.now_ms() - max(self.sock.heard_ms, self._pinged_ms or 0)
            if not self._running or self._reconnecting or idle_ms <= (self.keepalive - 3) * 1000:
                continue
            try:
                if self._pinged_ms is not None and self.sock.heard_ms < self._pinged_ms:
                    raise OSError("Send ping timeout.")
                self._ping()
            except Exception as error:
                if not self._running:
                    break
                if not self.reconn:
                    self._tell(str(error))
                    break
                _logger.warning("Send ping, Network exception. Trying to reconnect")
                clock.sleep_ms(2000)
                self._reconnect()
        self._pinging = False


def _publish_packet(topic, msg, retain, pid):
    """A PUBLISH of QoS 1."""
    topic = topic.encode() if isinstance(topic, str) else bytes(topic)
    msg = msg.encode() if isinstance(msg, str) else bytes(msg)
    body = ustruct.pack("!H", len(topic)) + topic + ustruct.pack("!H", pid) + msg
    head = bytearray([0x32 | bool(retain)])
    left = len(body)
    while left > 0x7F:
        head.append(left & 0x7F | 0x80)
        left >>= 7
    head.append(left)
    return bytes(head) + body


class _Swallowing(MQTTClient):
    """2026: an exception of the callback is printed and goes no further."""

    def set_callback(self, callback):
        def careful(topic, msg):
            try:
                callback(topic, msg)
            except Exception as error:
                _logger.error("callback failed: %s" % error)

        super().set_callback(careful if callback else callback)


if _NEW:
    MQTTClient = _Swallowing  # noqa: F811
else:
    del MQTTClient.unsubscribe
if world.model_is("BG95"):
    del MQTTClient.get_mqttsta
