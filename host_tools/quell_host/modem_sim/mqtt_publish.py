# SPDX-License-Identifier: MIT
"""Publishing in the three dialects that modems have, each result after the broker's own acknowledgement."""

import binascii
from typing import TYPE_CHECKING

from quell_host.modem_sim import packets
from quell_host.modem_sim.line import AtError, Command, Form
from quell_host.modem_sim.mqtt import MAX_TOPIC_BYTES, Client, client_of

if TYPE_CHECKING:
    from quell_host.modem_sim.modem import Modem

DIALECTS = ("pubex", "pub", "inline")
WINDOW = 5
PUBEX_BYTES, PUB_BYTES, INLINE_BYTES = 4096, 1548, 560


class Publication:
    """What the command says but for the payload. Raises AtError where it is wrong or cannot be now."""

    def __init__(self, modem: "Modem", command: Command, name: str) -> None:
        self.modem, self.name = modem, name
        self.client: Client = client_of(modem, command)
        self.mid = command.number(1, 0, 65535)
        self.qos = command.number(2, 0, 2)
        self.retain = bool(command.number(3, 0, 1))
        self.topic = command.text(4, MAX_TOPIC_BYTES)
        self.link = self.client.connected()
        if (self.mid == 0) != (self.qos == 0):
            raise AtError
        if self.mid in self.client.publishing or len(self.client.publishing) >= WINDOW:
            raise AtError

    @property
    def timeout_s(self) -> int | None:
        """How long the prompt waits."""
        return self.client.config.edit_timeout_s if self.client.config.edit_timeout else None

    def send(self, payload: bytes) -> None:
        """Publish after the reply. Raises AtError where the payload is not the hex that it should be."""
        if self.client.config.send_hex:
            try:
                payload = binascii.unhexlify(payload)
            except binascii.Error:
                raise AtError from None
        if self.qos:
            self.client.publishing.add(self.mid)
        self.modem.start(self._run(payload))

    def _say(self, words: str) -> None:
        self.modem.urc(f"+{self.name}: {self.client.index},{self.mid},{words}")

    def _again(self, attempt: int) -> None:
        if self.client.config.notice:
            self._say(f"1,{attempt}")

    async def _run(self, payload: bytes) -> None:
        first, later = (
            packets.publish(self.topic, payload, self.qos, self.retain, self.mid, again) for again in (False, True)
        )
        if self.client.link is not self.link:
            return
        if not self.qos:
            self.link.send(first)
            self._say("0")
            return
        try:
            answer = packets.PUBACK if self.qos == 1 else packets.PUBREC
            found = await self.link.exchange((answer, self.mid), first, later, self._again)
            if found is not None and self.qos == 2:
                release = packets.numbered(packets.PUBREL, self.mid)
                found = await self.link.exchange((packets.PUBCOMP, self.mid), release, release, self._again)
        finally:
            self.client.publishing.discard(self.mid)
        self._say("2" if found is None else "0")


async def _qmtpubex(modem: "Modem", command: Command) -> list[str] | None:
    if modem.dialect == "pub":
        raise AtError
    inline = modem.dialect == "inline"
    if command.form is Form.TEST:
        return ['+QMTPUBEX: (0-5),<msgid>,(0-2),(0,1),"topic",' + ('"msg"' if inline else '"length"')]
    command.at_most(6)
    publication = Publication(modem, command, "QMTPUBEX")
    if inline:
        publication.send(command.raw(5, INLINE_BYTES))
        return None
    length = command.number(5, 1, PUBEX_BYTES)
    await modem.prompt("> ")
    payload = await modem.wire.data(length, publication.timeout_s)
    if payload is None:
        raise AtError
    publication.send(payload)
    return None


async def _qmtpub(modem: "Modem", command: Command) -> list[str] | None:
    if modem.dialect != "pub":
        raise AtError
    if command.form is Form.TEST:
        return [f'+QMTPUB: (0-5),(0-65535),(0-2),(0,1),"topic",(1-{PUB_BYTES})']
    command.at_most(6)
    publication = Publication(modem, command, "QMTPUB")
    length = command.number(5, 1, PUB_BYTES) if command.has(5) else None
    await modem.prompt("> ")
    if length is None:
        payload = await modem.wire.text(PUB_BYTES, publication.timeout_s)
    else:
        payload = await modem.wire.data(length, publication.timeout_s)
    if payload is None:
        raise AtError
    publication.send(payload)
    return None


COMMANDS = {"+QMTPUBEX": _qmtpubex, "+QMTPUB": _qmtpub}
