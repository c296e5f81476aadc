# SPDX-License-Identifier: MIT
"""One connection to a real MQTT broker: opened first, CONNECT later, as the modem's commands do it.

Written on asyncio because a modem opens the connection and speaks MQTT on it in two commands, numbers its packets
as the command says, and reports each retransmission: client libraries hide all three.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from quell_host.modem_sim import packets

OPEN_TIMEOUT_S = 30
PEER_CLOSED, NO_PINGRESP, NO_CONNACK, LINK_DOWN = 1, 2, 4, 7
OPENED, DNS_FAILED, NETWORK_FAILED = 0, 4, 5


class Link:
    """`on_message(packets.Incoming)`; `on_lost(code)`, once, when the connection ends and nobody asked for it."""

    def __init__(self, on_message: Callable[[packets.Incoming], None], on_lost: Callable[[int], None]) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[tuple[int, int], asyncio.Future[bytes]] = {}
        self._unfinished: set[int] = set()
        self._sent_at = 0.0
        self.timeout_s, self.retries = 5, 3

    async def open(self, host: str, port: int, context: ssl.SSLContext | None, name: str) -> int:
        """Connect; `name` is the server's name in TLS, "" for none. Returns the result of +QMTOPEN."""
        tls = {"ssl": context, "server_hostname": name} if context else {}
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                self._reader, self._writer = await asyncio.open_connection(host, port, **tls)  # type: ignore[arg-type]
        except socket.gaierror:
            return DNS_FAILED
        except (OSError, ValueError, TimeoutError):
            return NETWORK_FAILED
        self._tasks.append(asyncio.create_task(self._read()))
        return OPENED

    def certificate(self) -> bytes | None:
        """The broker's certificate in DER, where it speaks TLS."""
        found = self._writer.get_extra_info("ssl_object") if self._writer else None
        return found.getpeercert(True) if found else None

    def close(self, farewell: bool = False) -> None:
        """End the connection, with DISCONNECT or without; nobody is told."""
        writer, self._writer = self._writer, None
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        if writer is None:
            return
        with contextlib.suppress(OSError):
            if farewell:
                writer.write(packets.bare(packets.DISCONNECT))
                writer.close()
            else:
                writer.transport.abort()

    def lose(self, code: int) -> None:
        """End the connection and tell."""
        if self._writer is not None:
            self.close()
            self._on_lost(code)

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            self._sent_at = asyncio.get_running_loop().time()
            self._writer.write(data)

    async def _answer(self, key: tuple[int, int], data: bytes, timeout_s: float) -> bytes | None:
        future = self._waiting.get(key) or asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        self._write(data)
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout_s)
        except TimeoutError:
            return None

    async def exchange(
        self, key: tuple[int, int], data: bytes, again: bytes, on_retry: Callable[[int], None]
    ) -> bytes | None:
        """Send `data` and, when `key` (kind, number) does not come, `again`; None when it never comes."""
        try:
            for attempt in range(self.retries + 1):
                if attempt:
                    on_retry(attempt)
                found = await self._answer(key, again if attempt else data, self.timeout_s)
                if found is not None:
                    return found
            return None
        finally:
            self._waiting.pop(key, None)

    def busy(self, kind: int, mid: int) -> bool:
        """Whether an answer of this kind and number is awaited."""
        return (kind, mid) in self._waiting

    async def connect(self, data: bytes, keepalive_s: int) -> int | None:
        """Send CONNECT; the return code of CONNACK, or None when it does not come."""
        body = await self._answer((packets.CONNACK, 0), data, self.timeout_s)
        self._waiting.pop((packets.CONNACK, 0), None)
        if body is None or len(body) < 2:
            return None
        if body[1] == 0 and keepalive_s:
            self._tasks.append(asyncio.create_task(self._ping(keepalive_s)))
        return body[1]

    def send(self, data: bytes) -> None:
        """Send what has no answer: a PUBLISH of QoS 0."""
        self._write(data)

    async def _ping(self, keepalive_s: int) -> None:
        while True:
            idle_s = asyncio.get_running_loop().time() - self._sent_at
            if idle_s < keepalive_s * 0.9:
                await asyncio.sleep(keepalive_s * 0.9 - idle_s)
                continue
            answer = await self._answer((packets.PINGRESP, 0), packets.bare(packets.PINGREQ), self.timeout_s)
            self._waiting.pop((packets.PINGRESP, 0), None)
            if answer is None:
                self.lose(NO_PINGRESP)
                return

    async def _read(self) -> None:
        assert self._reader is not None
        with contextlib.suppress(OSError, EOFError, packets.MalformedPacket):
            while True:
                self._take(*await packets.read(self._reader))
        self.lose(PEER_CLOSED)

    def _take(self, kind: int, flags: int, body: bytes) -> None:
        if kind == packets.PUBLISH:
            self._publish(packets.incoming(flags, body))
            return
        if kind == packets.PUBREL:
            mid = packets.mid_of(body)
            self._unfinished.discard(mid)
            self._write(packets.numbered(packets.PUBCOMP, mid))
            return
        mid = 0 if kind in (packets.CONNACK, packets.PINGRESP) else packets.mid_of(body)
        future = self._waiting.get((kind, mid))
        if future is not None and not future.done():
            future.set_result(body)

    def _publish(self, message: packets.Incoming) -> None:
        if message.qos == 2:
            self._write(packets.numbered(packets.PUBREC, message.mid))
            if message.mid in self._unfinished:
                return
            self._unfinished.add(message.mid)
        elif message.qos == 1:
            self._write(packets.numbered(packets.PUBACK, message.mid))
        self._on_message(message)
