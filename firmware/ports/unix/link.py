# SPDX-License-Identifier: MIT
"""Link over the real umqtt.simple, plain or TLS with the server's certificate verified."""

import time

import umqtt.simple
from ubinascii import a2b_base64

from ports.unix.packets import MalformedPacket, PacketSocket
from quell.errors import LinkError
from quell.limits import MAX_INBOX
from quell.port import Link

_PUBLISH_ID_LIMIT = 60000  # umqtt.simple counts packet ids without wrapping at 65,535


def der_certificates(pem):
    """The certificates of a PEM file (str) as DER, in order."""
    found = []
    for part in pem.split("-----BEGIN CERTIFICATE-----")[1:]:
        found.append(a2b_base64(part.split("-----END CERTIFICATE-----")[0].replace("\n", "")))
    return found


def tls_wrapper(ca_path, server_name):
    """callable(raw socket) -> TLS socket that verified the server against the CAs of `ca_path` and the name."""
    import tls

    with open(ca_path) as file:
        certificates = der_certificates(file.read())
    if not certificates:
        raise LinkError("no certificate in the CA file")

    def wrap(raw):
        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED
        for certificate in certificates:
            context.load_verify_locations(certificate)
        return context.wrap_socket(raw, server_hostname=server_name)

    return wrap


class _Sockets:
    """Stands for the `socket` module inside umqtt.simple: its sockets are PacketSockets."""

    def __init__(self, tls):
        self._tls = tls
        import socket

        self.getaddrinfo = socket.getaddrinfo

    def socket(self):
        return PacketSocket(self._tls)


class UmqttLink(Link):
    """`broker`: dict with host, port, and optionally user, password, ca, server_name, keepalive_s."""

    def __init__(self, broker, on_malformed):
        self._broker = broker
        self._on_malformed = on_malformed
        self._keepalive_s = broker.get("keepalive_s", 60)
        self._client = None
        self._inbox = []
        self._spoke_ms = 0
        self._pinged = False

    def _call(self, action):
        """Run one exchange; whatever the library or the socket raises becomes a LinkError."""
        try:
            return action()
        except MalformedPacket:
            self._on_malformed()
            raise
        except LinkError:
            raise
        except umqtt.simple.MQTTException as error:
            raise LinkError("refused by the broker, code " + str(error))
        except OSError as error:
            raise LinkError("connection: " + str(error))
        except (AssertionError, ValueError, IndexError, TypeError) as error:
            # umqtt.simple checks what it received by assert
            self._on_malformed()
            raise LinkError("protocol: " + type(error).__name__)

    def connect(self, client_id):
        broker = self._broker
        tls = None
        if broker.get("ca"):
            tls = self._call(
                lambda: tls_wrapper(broker["ca"], broker.get("server_name") or broker["host"])
            )
        umqtt.simple.socket = _Sockets(tls)
        client = umqtt.simple.MQTTClient(
            client_id, broker["host"], broker["port"], broker.get("user"), broker.get("password"),
            keepalive=self._keepalive_s,
        )  # fmt: skip
        client.set_callback(self._arrived)
        self._client = client
        self._inbox = []
        self._pinged = False
        self._call(lambda: client.connect(True))
        client.sock.end_packet()
        self._spoke_ms = time.ticks_ms()
        return True

    def _arrived(self, topic, payload):
        if len(self._inbox) >= 4 * MAX_INBOX:
            raise LinkError("inbox full")
        try:
            self._inbox.append((str(topic, "utf-8"), payload))
        except UnicodeError:
            self._on_malformed()

    def subscribe(self, topic):
        self._spoke_ms = time.ticks_ms()
        self._call(lambda: self._client.subscribe(topic, 1))

    def publish(self, topic, payload):
        if self._client.pid > _PUBLISH_ID_LIMIT:
            self._client.pid = 0
        self._spoke_ms = time.ticks_ms()
        self._call(lambda: self._client.publish(topic, payload, False, 1))

    def poll(self):
        if not self._inbox:
            self._call(self._read)
        return self._inbox.pop(0) if self._inbox else None

    def _read(self):
        sock = self._client.sock
        while sock.ready():
            self._pinged = False
            if self._client.check_msg() is not None:
                sock.end_packet()
            if self._inbox:
                break
        sock.flush()
        self._keep_alive(sock)

    def _keep_alive(self, sock):
        """A ping after half the keep-alive of silence; a connection that answers none is half open."""
        now = time.ticks_ms()
        half_ms = self._keepalive_s * 500
        if time.ticks_diff(now, max(self._spoke_ms, sock.heard_ms)) < half_ms:
            return
        if self._pinged:
            raise LinkError("no answer to ping")
        self._client.ping()
        sock.flush()
        self._pinged = True
        self._spoke_ms = now

    def close(self):
        if self._client is not None and self._client.sock is not None:
            self._client.sock.close()
        self._client = None
        self._inbox = []
