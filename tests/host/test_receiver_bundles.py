# SPDX-License-Identifier: MIT
"""Bundles that the receiver sees on the broker: its own, another program's, older ones."""

import pytest
from host.consent_steps import given, grant, held, publish_due, withdraw
from host.quell_device import GUARDIAN, STUDY, SUBJECT, World

from quell_host.ledger import bundles
from quell_host.wire import bundle, command, kdf


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.ledger.close()


def test_a_withdrawal_on_the_broker_erases_before_any_receipt(world):
    given(world)
    device = world.device
    world.send(device.up, device.batch())
    raw = command.build_withdraw(SUBJECT, device.device, STUDY, 1, device.instance)
    gate = kdf.gate_key(SUBJECT.gate_secret, device.device)
    payload = bundle.build(gate, SUBJECT.kid, device.device, [raw])
    world.send(device.cmd(SUBJECT), payload, retained=True)
    assert not held(world)
    # Its receipt takes it off the broker, although another program put it there.
    messages = world.send(device.rcpt, device.withdrawn(raw))
    assert messages[1] == (device.cmd(SUBJECT), b"", True)


def test_a_withdrawal_that_nobody_enrolled_signed_erases_nothing(world):
    given(world)
    device = world.device
    world.send(device.up, device.batch())
    raw = command.build_withdraw(GUARDIAN, device.device, STUDY, 1, device.instance)
    gate = kdf.gate_key(SUBJECT.gate_secret, device.device)
    for signer in (SUBJECT, GUARDIAN):
        payload = bundle.build(gate, signer.kid, device.device, [raw])
        world.send(device.cmd(signer), payload)
    assert len(held(world)) == 2


def test_a_replayed_withdrawal_does_not_touch_what_was_given_since(world):
    given(world)
    device = world.device
    withdraw(world)
    old = publish_due(world)[device.cmd(SUBJECT)]
    world.send(device.rcpt, device.withdrawn(device.commands(old, SUBJECT)[0].raw))
    grant(world)
    (signed,) = device.commands(publish_due(world)[device.cmd(SUBJECT)], SUBJECT)
    world.send(device.rcpt, device.granted(signed.raw))
    world.send(device.up, device.batch())
    messages = world.send(device.cmd(SUBJECT), old, retained=True)
    assert len(held(world)) == 2
    assert messages == [(device.cmd(SUBJECT), b"", True)]


def hear_until_quiet(world, messages):
    """Give the receiver its own bundles back, as the broker does -> how many it published in all."""
    count = 0
    while messages:
        count += len(messages)
        assert count < 20, "the receiver answers itself without end"
        heard = [m for m in messages if "/cmd/" in m.topic]
        messages = [more for m in heard for more in world.send(m.topic, m.payload)]
    return count


def test_a_withdrawal_that_is_asked_for_again_is_published_once(world):
    given(world)
    device = world.device
    withdraw(world)
    asked = publish_due(world)[device.cmd(SUBJECT)]
    world.send(device.rcpt, device.withdrawn(device.commands(asked, SUBJECT)[0].raw))
    device.instance = b""
    world.connect()
    messages = [message for message in world.connect() if message.retain]
    assert [message.payload for message in messages] == [asked]
    assert hear_until_quiet(world, messages) == 1


def test_an_older_bundle_that_overtook_a_newer_one_is_put_right(world):
    world.connect()
    grant(world)
    asked = publish_due(world)[world.device.cmd(SUBJECT)]
    assert world.send(world.device.cmd(SUBJECT), asked) == []
    messages = world.send(world.device.cmd(SUBJECT), b"")
    assert messages == [(world.device.cmd(SUBJECT), asked, True)]
    assert hear_until_quiet(world, messages) == 1


def test_another_programs_later_withdrawal_replaces_the_one_that_waits(world):
    given(world)
    device = world.device
    withdraw(world)
    publish_due(world)
    raw = command.build_withdraw(SUBJECT, device.device, STUDY, 3, device.instance)
    gate = kdf.gate_key(SUBJECT.gate_secret, device.device)
    payload = bundle.build(gate, SUBJECT.kid, device.device, [raw])
    assert world.send(device.cmd(SUBJECT), payload) == []
    with world.ledger.read() as connection:
        (entry,) = bundles.entries(connection, device.device)
    assert entry["generation"] == 3
