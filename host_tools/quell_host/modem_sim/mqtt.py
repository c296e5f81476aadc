# SPDX-License-Identifier: MIT
"""MQTT commands but publishing: settings, connections, subscriptions, and messages that come in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quell_host.modem_sim import bridge, packets, tls_files
from quell_host.modem_sim.line import AtError, Command, Form
from quell_host.modem_sim.mqtt_config import Config, configure

if TYPE_CHECKING:
    from quell_host.modem_sim.modem import Modem

CLIENTS = 6
BUFFERS = 5
MAX_TOPIC_BYTES = 255
IDLE, OPENING, OPEN, CONNECTING, CONNECTED = range(5)
_ID_IN_USE, _PDP_FAILED = 2, 3
# what AT+QMTCONN? says
_STATES = {OPEN: 1, CONNECTING: 2, CONNECTED: 3}


@dataclass
class Client:
    """One of the six MQTT clients. `state` is one of the numbers above."""

    modem: "Modem"
    index: int
    config: Config = field(default_factory=Config)
    state: int = IDLE
    link: bridge.Link | None = None
    host: str = ""
    port: int = 0
    buffers: list[packets.Incoming | None] = field(default_factory=lambda: [None] * BUFFERS)
    publishing: set[int] = field(default_factory=set)
    """Numbers of the messages that the broker has not acknowledged."""

    def close(self, farewell: bool = False) -> None:
        """End the connection; nobody is told."""
        link, self.link, self.state = self.link, None, IDLE
        self.buffers = [None] * BUFFERS
        self.publishing = set()
        if link is not None:
            link.close(farewell)

    def lose(self, code: int) -> None:
        """The connection ends by itself: +QMTSTAT, if there was one."""
        if self.state != IDLE:
            self.close()
            self.modem.urc(f"+QMTSTAT: {self.index},{code}")

    def connected(self) -> bridge.Link:
        """The link. Raises AtError where it is not connected."""
        if self.state != CONNECTED or self.link is None:
            raise AtError
        return self.link

    async def open(self) -> int:
        """Connect to the broker; the result of +QMTOPEN."""
        link = bridge.Link(self.receive, self.lose)
        host, port = self.modem.broker or (self.host, self.port)
        context, name = None, ""
        if self.config.ssl:
            try:
                context = tls_files.made(self.modem, self.config.ssl_context)
            except (OSError, ValueError):
                return bridge.NETWORK_FAILED
            name = self.host if self.modem.tls[self.config.ssl_context].sni else ""
        self.link = link
        result = await link.open(host, port, context, name)
        if not result and context and not tls_files.in_time(self.modem, self.config.ssl_context, link.certificate()):
            result = bridge.NETWORK_FAILED
        if result:
            link.close()
        return result

    def receive(self, message: packets.Incoming) -> None:
        """A message of the broker: said at once, or kept until it is read."""
        if not self.config.buffered:
            self.modem.urc(self.shown(message))
            return
        if None not in self.buffers:
            return  # The real one has no more room either.
        at = self.buffers.index(None)
        self.buffers[at] = message
        self.modem.urc(f"+QMTRECV: {self.index},{at}")

    def shown(self, message: packets.Incoming) -> str:
        """The message as +QMTRECV says it."""
        payload = (
            message.payload.hex().upper()
            if self.config.receive_hex
            else message.payload.decode("utf-8", "surrogateescape")
        )
        length = f",{len(message.payload)}" if self.config.show_length else ""
        return f'+QMTRECV: {self.index},{message.mid},"{message.topic}"{length},"{payload}"'


def fresh_clients(modem: "Modem") -> list[Client]:
    """The clients after a boot."""
    return [Client(modem, index) for index in range(CLIENTS)]


def lose(modem: "Modem", cid: int, code: int) -> None:
    """Context `cid` went down, and what ran over it."""
    for client in modem.clients:
        if client.config.pdp == cid:
            client.lose(code)


def client_of(modem: "Modem", command: Command, at: int = 0) -> Client:
    """The client that the command names."""
    return modem.clients[command.number(at, 0, CLIENTS - 1)]


async def _qmtcfg(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.SET:
        client_of(modem, command, 1)
    return configure(command, [client.config for client in modem.clients], [client.state for client in modem.clients])


async def _qmtopen(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ['+QMTOPEN: (0-5),"hostname",(0-65535)']
    if command.form is Form.READ:
        opened = (client for client in modem.clients if client.state >= OPEN)
        return [f'+QMTOPEN: {client.index},"{client.host}",{client.port}' for client in opened]
    command.at_most(3)
    client = client_of(modem, command)
    host, port = command.text(1, 100), command.number(2, 0, 65535)

    async def run() -> None:
        if client.state != IDLE:
            result = _ID_IN_USE
        elif not modem.registered or not modem.pdps[client.config.pdp].active:
            result = _PDP_FAILED
        else:
            client.host, client.port, client.state = host, port, OPENING
            result = await client.open()
            client.state = IDLE if result else OPEN
        modem.urc(f"+QMTOPEN: {client.index},{result}")

    modem.start(run())
    return None


async def _qmtconn(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ['+QMTCONN: (0-5),"clientid","username","password"']
    if command.form is Form.READ:
        return [
            f"+QMTCONN: {client.index},{_STATES[client.state]}" for client in modem.clients if client.state in _STATES
        ]
    command.at_most(4)
    client = client_of(modem, command)
    name = command.text(1, 256)
    user = command.text(2, 512) if command.has(2) else None
    password = command.text(3, 512) if command.has(3) else None
    link = client.link
    if client.state != OPEN or link is None:
        raise AtError
    config = client.config
    client.state = CONNECTING
    link.timeout_s, link.retries = config.timeout_s, config.retries
    data = packets.connect(name, user, password, config.keepalive_s, config.clean, config.version, config.will)

    async def run() -> None:
        code = await link.connect(data, config.keepalive_s)
        if client.link is not link:
            return
        if code is None:
            modem.urc(f"+QMTCONN: {client.index},2")
            client.lose(bridge.NO_CONNACK)
            return
        client.state = OPEN if code else CONNECTED
        modem.urc(f"+QMTCONN: {client.index},0,{code}")

    modem.start(run())
    return None


def _topics(command: Command) -> list[tuple[str, int]]:
    count = (len(command.args) - 2) // 2
    if not 1 <= count <= 5 or len(command.args) != 2 + 2 * count:
        raise AtError
    return [(command.text(at, MAX_TOPIC_BYTES), command.number(at + 1, 0, 2)) for at in range(2, len(command.args), 2)]


async def _qmtsub(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ['+QMTSUB: (0-5),<msgid>,"topic",(0-2)']
    client, mid = client_of(modem, command), command.number(1, 1, 65535)
    topics = _topics(command)
    packet = packets.subscribe(mid, topics)
    _exchange(
        client, mid, "QMTSUB", packets.SUBACK, packet, lambda body: "," + ",".join(str(code) for code in body[2:])
    )
    return None


async def _qmtuns(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ['+QMTUNS: (0-5),<msgid>,"topic"']
    client, mid = client_of(modem, command), command.number(1, 1, 65535)
    topics = [command.text(at, MAX_TOPIC_BYTES) for at in range(2, len(command.args))]
    if not 1 <= len(topics) <= 5:
        raise AtError
    _exchange(client, mid, "QMTUNS", packets.UNSUBACK, packets.unsubscribe(mid, topics), lambda body: "")
    return None


def _exchange(client: Client, mid: int, name: str, answer: int, packet: bytes, words: Callable[[bytes], str]) -> None:
    link, modem = client.connected(), client.modem
    if link.busy(answer, mid):
        raise AtError

    def again(attempt: int) -> None:
        if client.config.notice:
            modem.urc(f"+{name}: {client.index},{mid},1,{attempt}")

    async def run() -> None:
        body = await link.exchange((answer, mid), packet, packet, again)
        modem.urc(f"+{name}: {client.index},{mid}," + ("2" if body is None else "0" + words(body)))

    modem.start(run())


async def _qmtrecv(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QMTRECV: (0-5),(0-4)"]
    if command.form is Form.READ:
        opened = (client for client in modem.clients if client.state == CONNECTED)
        return [
            f"+QMTRECV: {client.index}," + ",".join(str(int(one is not None)) for one in client.buffers)
            for client in opened
        ]
    client = client_of(modem, command)
    client.connected()
    wanted = [command.number(1, 0, BUFFERS - 1)] if command.has(1) else range(BUFFERS)
    found = []
    for at in wanted:
        message, client.buffers[at] = client.buffers[at], None
        if message is not None:
            found.append(client.shown(message))
    return found


def _ending(name: str, at_least: int, farewell: bool):
    async def handler(modem: "Modem", command: Command) -> list[str] | None:
        if command.form is Form.TEST:
            return [f"+{name}: (0-5)"]
        command.at_most(1)
        client = client_of(modem, command)

        def end() -> None:
            ended = client.state >= at_least
            if ended:
                client.close(farewell=farewell or client.state == CONNECTED)
            modem.urc(f"+{name}: {client.index},{0 if ended else -1}")

        modem.afterwards(end)
        return None

    return handler


COMMANDS = {
    "+QMTCFG": _qmtcfg,
    "+QMTOPEN": _qmtopen,
    "+QMTCONN": _qmtconn,
    "+QMTSUB": _qmtsub,
    "+QMTUNS": _qmtuns,
    "+QMTRECV": _qmtrecv,
    "+QMTDISC": _ending("QMTDISC", CONNECTED, True),
    "+QMTCLOSE": _ending("QMTCLOSE", OPENING, False),
}
