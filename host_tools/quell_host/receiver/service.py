# SPDX-License-Identifier: MIT
"""The receiver on a broker: one connection after another, with back-off, until told to stop.

The broker keeps a session for the receiver's client id, so that what devices send while it is away
waits there. MQTT's own acknowledgement is not ours: a device resends until the receiver's is in.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Callable

import aiomqtt

from quell_host.broker import Broker
from quell_host.receiver.parts import Message
from quell_host.receiver.receiver import Receiver
from quell_host.wire.topics import RECEIVER_SUBSCRIPTIONS

_DUE_EVERY_S = 0.5
_FIRST_BACKOFF_S, _LAST_BACKOFF_S = 1.0, 30.0
_MAX_QUEUED = 10_000


class Service:
    """Runs a Receiver on a broker.

    client_id: stable, so that the broker's session is found again; note: told in words about the
    connection; enough: asked after every message, True ends the run.
    """

    def __init__(
        self,
        receiver: Receiver,
        broker: Broker,
        client_id: str,
        note: Callable[[str], None],
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self._receiver = receiver
        self._broker = broker
        self._client_id = client_id
        self._note = note
        self._enough = enough
        self._stop = asyncio.Event()
        self._connected_once = False

    async def run(self, for_s: float | None = None, patient: bool = True) -> None:
        """Run for `for_s` seconds, or until SIGTERM or `enough`.

        patient: go on when the very first connection fails. Raises QuellError (UNREACHABLE) if
        not, and QuellError when the ledger fails.
        """
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                await self._run(patient)

    async def _run(self, patient: bool) -> None:
        backoff_s = _FIRST_BACKOFF_S
        while not self._stop.is_set():
            connected = False
            try:
                async with self._broker.client(
                    identifier=self._client_id,
                    clean_session=False,
                    max_queued_incoming_messages=_MAX_QUEUED,
                ) as client:
                    connected = self._connected_once = True
                    backoff_s = _FIRST_BACKOFF_S
                    await self._serve(client)
            except (aiomqtt.MqttError, OSError) as error:
                if not patient and not self._connected_once:
                    raise self._broker.unreachable(error) from None
                lost = "connection lost" if connected else "no connection"
                self._note(f"broker {self._broker.name}: {lost}, again in {backoff_s:.0f} s")
                with contextlib.suppress(TimeoutError):
                    wait_s = backoff_s * random.uniform(0.5, 1.0)
                    await asyncio.wait_for(self._stop.wait(), wait_s)
                backoff_s = min(2 * backoff_s, _LAST_BACKOFF_S)

    async def _serve(self, client: aiomqtt.Client) -> None:
        for topic in RECEIVER_SUBSCRIPTIONS:
            await client.subscribe(topic, qos=1)
        self._note(f"broker {self._broker.name}: connected, listening")
        tasks = [
            asyncio.create_task(self._listen(client)),
            asyncio.create_task(self._publish_due(client)),
            asyncio.create_task(self._stop.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            topic, retained = str(message.topic), bool(message.retain)
            for answer in self._receiver.handle(topic, payload, retained):
                await self._publish(client, answer)
            if self._enough():
                self._stop.set()
                return

    async def _publish_due(self, client: aiomqtt.Client) -> None:
        while True:
            self._receiver.expire()
            for message in self._receiver.due():
                await self._publish(client, message)
            await asyncio.sleep(_DUE_EVERY_S)

    async def _publish(self, client: aiomqtt.Client, message: Message) -> None:
        await client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        self._receiver.published(message)
