# SPDX-License-Identifier: MIT
"""The receiver on a real broker on the loopback interface."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time

import pytest
from host.quell_device import DOCUMENT, STUDY, SUBJECT, World

from quell_host.broker import Broker, publish_retained
from quell_host.control import consent as control
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger import devices
from quell_host.lock import only_one
from quell_host.receiver.service import Service
from quell_host.wire import topics

LIMIT_S = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def mosquitto(folder, port):
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        yield process
    finally:
        process.terminate()
        process.wait(LIMIT_S)


@pytest.fixture
def broker(tmp_path):
    port = free_port()
    with mosquitto(tmp_path, port):
        yield Broker("127.0.0.1", port)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.ledger.close()


def service(world, broker, notes=None, enough=lambda: False):
    note = (notes if notes is not None else []).append
    return Service(world.receiver, broker, "ab" * 16, note, enough)


async def exchange(broker, world, messages, answers):
    """Publish as the device and return so many of the answers that it gets."""
    found = []
    async with broker.client() as client:
        await client.subscribe(topics.ack(world.device.device), qos=1)
        for topic, payload in messages:
            await client.publish(topic, payload, qos=1)
        async for message in client.messages:
            found.append(message.payload)
            if len(found) == answers:
                return found
    return found


def test_a_device_connects_and_its_batch_is_acknowledged(world, broker):
    world.connect()
    device = world.device

    async def run():
        counts = world.receiver.statistics
        notes = []
        served = service(world, broker, notes, enough=lambda: counts.records > 0)
        task = asyncio.create_task(served.run(LIMIT_S, patient=False))
        while not any("listening" in note for note in notes):
            await asyncio.sleep(0.01)
        messages = [(device.rcpt, device.state()), (device.up, device.batch())]
        found = await asyncio.wait_for(exchange(broker, world, messages, 2), LIMIT_S)
        await task
        return found

    state, stored = asyncio.run(run())
    assert device.ack(state)[0] == 4 and device.ack(stored)[:4] == [1, STUDY, 0, 2]


def test_what_was_signed_without_a_broker_is_published_by_the_receiver(world, broker):
    world.connect()
    with world.ledger.write() as connection:
        row = devices.get(connection, world.device.device)
        purpose = DOCUMENT.purpose_by_id(STUDY)
        control.grant(connection, world.keyring, row, purpose, SUBJECT, world.now_s)

    async def run():
        served = service(world, broker)
        task = asyncio.create_task(served.run(LIMIT_S, patient=False))
        async with broker.client() as client:
            await client.subscribe(world.device.cmd(SUBJECT), qos=1)
            async for message in client.messages:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                return message.payload

    payload = asyncio.run(asyncio.wait_for(run(), LIMIT_S))
    (signed,) = world.device.commands(payload, SUBJECT)
    assert signed.purpose == STUDY


def test_a_broker_that_comes_later_is_waited_for(world, tmp_path):
    port = free_port()
    broker, notes = Broker("127.0.0.1", port), []

    async def run():
        served = service(world, broker, notes, enough=lambda: True)
        task = asyncio.create_task(served.run(LIMIT_S))
        while not notes:
            await asyncio.sleep(0.01)
        with mosquitto(tmp_path, port):
            while not any("listening" in note for note in notes):
                await asyncio.sleep(0.05)
            async with broker.client() as client:
                await client.publish(world.device.rcpt, b"x", qos=1)
            await task

    asyncio.run(asyncio.wait_for(run(), 2 * LIMIT_S))
    assert "no connection" in notes[0] and "listening" in notes[-1]


def test_an_impatient_receiver_says_that_the_broker_is_not_there(world):
    with pytest.raises(QuellError) as caught:
        asyncio.run(service(world, Broker("127.0.0.1", 1)).run(LIMIT_S, patient=False))
    assert caught.value.code == ExitCode.UNREACHABLE


def test_a_retained_bundle_is_seen_by_who_comes_later(broker):
    publish_retained(broker, [("quell/1/x", b"kept")])

    async def look():
        async with broker.client() as client:
            await client.subscribe("quell/1/x", qos=1)
            async for message in client.messages:
                return message.payload, message.retain

    assert asyncio.run(asyncio.wait_for(look(), LIMIT_S)) == (b"kept", True)


def test_a_second_receiver_on_the_same_ledger_is_refused(world):
    path = world.ledger.path.with_suffix(".receiver.lock")
    with only_one(path, "another receiver", ""):
        with pytest.raises(QuellError, match="another receiver"):
            with only_one(path, "another receiver", ""):
                pass
    with only_one(path, "another receiver", ""):
        pass


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://h", "h", 1883, False),
        ("mqtts://u:p%40@h:1", "h", 1, True),
        ("h:99", "h", 99, False),
        ("mqtt://[::1]:5", "::1", 5, False),
    ],
)
def test_the_urls_of_a_broker(url, host, port, tls):
    broker = Broker.parse(url)
    assert (broker.host, broker.port, broker.tls) == (host, port, tls)
    assert "p@" not in repr(broker) and "p@" not in broker.name


@pytest.mark.parametrize("url", ["", "http://h", "mqtt://", "mqtt://h/x", "mqtt://h:x", "mqtt://["])
def test_what_is_no_url_of_a_broker(url):
    with pytest.raises(QuellError) as caught:
        Broker.parse(url)
    assert caught.value.code == ExitCode.USAGE
