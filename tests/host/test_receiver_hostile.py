# SPDX-License-Identifier: MIT
"""Whatever comes from the broker, the receiver goes on and its ledger stays in order."""

import pytest
from host.quell_device import OPERATOR, SUBJECT, Device, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quell_host.ledger import check, records
from quell_host.wire import bundle, command, kdf, topics


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.connect()
    yield made
    made.ledger.close()


SLOW = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def topics_of(device):
    return [device.up, device.rcpt, device.cmd(SUBJECT), topics.ack(device.device)]


@SLOW
@given(st.data())
def test_no_bytes_on_any_topic_raise(world, data):
    wild = ["", "quell/1/x/up", "quell/1/" + "0" * 32 + "/up"]
    topic = data.draw(st.sampled_from(topics_of(world.device) + wild))
    payload = data.draw(st.binary(max_size=80))
    world.send(topic, payload, data.draw(st.booleans()))


@SLOW
@given(st.data())
def test_no_changed_message_is_taken(world, data):
    device = world.device
    gate = kdf.gate_key(SUBJECT.gate_secret, device.device)
    raw = command.build_withdraw(SUBJECT, device.device, 2, 9, device.instance)
    messages = [
        (device.up, device.batch()),
        (device.rcpt, device.state()),
        (device.cmd(SUBJECT), bundle.build(gate, SUBJECT.kid, device.device, [raw])),
    ]
    topic, payload = data.draw(st.sampled_from(messages))
    changed = bytearray(payload)
    at = data.draw(st.integers(0, len(payload) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))
    assert world.send(topic, bytes(changed)) == []
    with world.ledger.read() as connection:
        assert not records.query(connection)


def test_a_message_of_a_megabyte_is_dropped_unread(world):
    for topic in topics_of(world.device):
        assert world.send(topic, bytes(1 << 20)) == []
    assert world.receiver.statistics.events["dropped"] == 4


def test_unknown_devices_leave_no_trace_in_the_ledger(world):
    for _ in range(20):
        stranger = Device()
        stranger.instance = bytes(8)
        for topic, payload in ((stranger.up, stranger.batch()), (stranger.rcpt, stranger.state())):
            assert world.send(topic, payload) == []
    with world.ledger.read() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM devices").scalar_one()
    assert rows == 1
    assert check.check(world.ledger, world.keyring) == []


def test_a_bundle_under_another_signers_topic_is_dropped(world):
    device = world.device
    gate = kdf.gate_key(SUBJECT.gate_secret, device.device)
    raw = command.build_withdraw(SUBJECT, device.device, 2, 9, device.instance)
    payload = bundle.build(gate, SUBJECT.kid, device.device, [raw])
    assert world.send(device.cmd(OPERATOR), payload) == []
    assert world.receiver.statistics.dropped["bundle does not open"] == 1


def test_an_event_never_holds_a_value(world):
    world.send(world.device.up, world.device.batch(0, [{2: b"secret!!", 3: 10}]))
    for event in world.events:
        assert b"secret!!".hex() not in repr(event) and "secret" not in repr(event)
