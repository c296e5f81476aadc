# SPDX-License-Identifier: MIT
"""What a device sends is kept exactly once, and leaves its ring only when it is."""

import pytest
from host.quell_device import CARE, MODEL, NOW_S, TRIES, USER, Device, World
from sqlalchemy import select

from quell_host.ledger import records, schema
from quell_host.wire import batch, cbor, topics


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.connect()
    yield made
    made.ledger.close()


def held(world):
    with world.ledger.read() as connection:
        return records.query(connection)


def test_a_batch_is_stored_by_field_names_and_acknowledged(world):
    values = [{USER: bytes(8), TRIES: 40}, {TRIES: 0}]
    (answer,) = world.send(world.device.up, world.device.batch(0, values))
    assert answer.topic == topics.ack(world.device.device) and not answer.retain
    assert world.device.ack(answer.payload)[:5] == [1, 2, 0, 2, 0]
    first, second = held(world)
    assert first["fields"] == {"user": "00" * 8, "tries": "40..49"}
    assert second["fields"] == {"tries": "0..9"}
    assert (first["seq"], second["seq"]) == (0, 1)
    assert first["time_s"] == NOW_S // 600 * 600
    assert first["purpose_name"] == "study"


def test_data_stands_under_an_alias_that_tells_nothing_of_the_device(world):
    world.send(world.device.up, world.device.batch())
    (alias,) = {row["alias"] for row in held(world)}
    assert len(alias) == 32 and alias != world.device.device.hex()


def test_an_acknowledgement_carries_fresh_entropy_and_the_time(world):
    message = world.device.batch()
    acks = [world.device.ack(world.send(world.device.up, message)[0].payload) for _ in "ab"]
    assert acks[0][5] != acks[1][5] and len(acks[0][5]) == 16
    assert acks[0][6] == NOW_S


def test_the_same_batch_again_is_acknowledged_and_not_stored_again(world):
    message = world.device.batch()
    answers = [world.send(world.device.up, message)[0] for _ in range(3)]
    assert [world.device.ack(answer.payload)[3] for answer in answers] == [2, 2, 2]
    assert len(held(world)) == 2
    assert world.receiver.statistics.repeated == 4


def test_an_overlapping_batch_adds_only_what_is_new(world):
    world.send(world.device.up, world.device.batch(0))
    (answer,) = world.send(world.device.up, world.device.batch(1, [{TRIES: 1 * 10}] * 3))
    assert world.device.ack(answer.payload)[3] == 4
    assert [row["seq"] for row in held(world)] == [0, 1, 2, 3]


def test_an_old_batch_never_takes_the_position_back(world):
    world.send(world.device.up, world.device.batch(0))
    world.send(world.device.up, world.device.batch(2))
    (answer,) = world.send(world.device.up, world.device.batch(0))
    assert world.device.ack(answer.payload)[3] == 4


def lost_of(world):
    """What the ledger holds of lost records, by generation."""
    with world.ledger.read() as connection:
        query = select(schema.aliases.c.generation, schema.positions.c.lost)
        joined = schema.positions.c.alias == schema.aliases.c.alias
        return {row.generation: row.lost for row in connection.execute(query.where(joined))}


def test_numbers_without_a_record_are_no_loss(world):
    device = world.device
    world.send(device.up, device.batch(5, gaps=3))
    # the power was cut: the device goes on in the next block of numbers
    world.send(device.up, device.batch(1024))
    assert world.receiver.statistics.lost == 0
    assert sorted(row["seq"] for row in held(world)) == [8, 9, 1024, 1025]
    assert lost_of(world) == {0: 0}


def test_what_the_device_says_it_lost_is_counted_once_however_often_it_says_so(world):
    device = world.device
    messages = [device.batch(0, lost=4), device.batch(8, lost=6), device.batch(1024, lost=6)]
    for message in messages * 2:
        world.send(device.up, message)
    lost = [event.details["lost"] for event in world.events if event.kind == "batch"]
    assert lost == [4, 2, 0, 0, 0, 0]
    assert world.receiver.statistics.lost == 6 and lost_of(world) == {0: 6}


def test_an_earlier_count_after_a_later_one_adds_nothing_and_takes_nothing_away(world):
    device = world.device
    for first, lost in ((8, 6), (0, 4), (8, 6), (10, 7)):
        world.send(device.up, device.batch(first, lost=lost))
    lost = [event.details["lost"] for event in world.events if event.kind == "batch"]
    assert lost == [6, 0, 0, 1]
    assert world.receiver.statistics.lost == 7 and lost_of(world) == {0: 7}


def test_a_batch_made_anew_after_more_was_lost_adds_the_rest(world):
    # The device restarted before its acknowledgement came, and lost a record in between.
    device = world.device
    world.send(device.up, device.batch(0, lost=1))
    world.send(device.up, device.batch(0, lost=2))
    assert world.receiver.statistics.lost == 2


def test_a_batch_that_is_refused_leaves_its_loss_to_the_next(world):
    device = world.device
    world.send(device.up, device.batch(0, lost=3, policy8=bytes(8)))
    assert world.receiver.statistics.lost == 0
    world.send(device.up, device.batch(2, lost=3))
    assert world.receiver.statistics.lost == 3


def test_each_generation_has_a_loss_of_its_own(world):
    device = world.device
    world.send(device.up, device.batch(0, lost=3))
    device.generation = 2
    world.send(device.up, device.batch(0, lost=2))
    assert world.receiver.statistics.lost == 5 and lost_of(world) == {0: 3, 2: 2}


def test_a_batch_of_version_1_gets_no_answer(world):
    old = cbor.decode(world.device.batch())
    old[0] = 1
    assert world.send(world.device.up, cbor.encode(old)) == []
    assert not held(world)
    assert world.receiver.statistics.dropped == {"malformed": 1}


def test_a_batch_of_version_1_that_says_2_gets_no_answer_either(world):
    device = world.device
    header = batch.parse_header(device.batch())
    sealed_before = cbor.encode([3, 2, 0, NOW_S // 600, [], [], [[TRIES]], [0, 0, 10, 0, 1, 20]])
    message = batch.seal(device.device, device.key, 1, header, sealed_before)
    assert world.send(device.up, message) == []
    assert world.receiver.statistics.dropped == {"does not open": 1}


def test_purposes_and_generations_have_their_own_sequences(world):
    device = world.device
    world.send(device.up, device.batch(0))
    world.send(device.up, device.batch(0, [{MODEL: "EC200U"}], purpose=CARE))
    device.generation = 2
    world.send(device.up, device.batch(0))
    assert len({row["alias"] for row in held(world)}) == 3
    assert len(held(world)) == 5


def test_a_forged_batch_gets_no_answer_at_all(world):
    # An acknowledgement for it would make the device throw its real records away.
    message = world.device.batch()
    forged = cbor.decode(message)
    forged[7] = 4000
    for bad in (cbor.encode(forged), message[:-1] + bytes([message[-1] ^ 1]), b"", b"\x80"):
        assert world.send(world.device.up, bad) == []
    assert not held(world)
    assert world.receiver.statistics.events["dropped"] == 4


def test_a_batch_for_another_device_does_not_open(world):
    other = world.add_device("lab-2")
    assert world.send(other.up, world.device.batch()) == []


def test_an_unknown_device_is_dropped_and_counted(world):
    assert world.send(Device().up, world.device.batch()) == []
    assert world.receiver.statistics.dropped["unknown device"] == 1


def test_an_unknown_policy_is_refused_for_good(world):
    (answer,) = world.send(world.device.up, world.device.batch(policy8=bytes(8)))
    assert world.device.ack(answer.payload)[:5] == [3, 2, 0, 2, 3]
    assert not held(world)


def test_an_unknown_instance_keeps_its_records_until_the_device_says_who_it_is(world):
    device = world.device
    device.instance = bytes(range(8))
    assert world.send(device.up, device.batch()) == []
    world.connect()
    assert device.instance == bytes(range(8))
    (answer,) = world.send(device.up, device.batch())
    assert device.ack(answer.payload)[0] == 1


@pytest.mark.parametrize(
    "value",
    [{MODEL: "x"}, {99: 1}, {TRIES: "10"}, {TRIES: 11}, {USER: bytes(7)}, {TRIES: True}],
)
def test_what_the_policy_cannot_give_is_never_stored(world, value):
    (answer,) = world.send(world.device.up, world.device.batch(0, [value, {TRIES: 10}]))
    assert world.device.ack(answer.payload)[0] == 1
    assert [row["seq"] for row in held(world)] == [1]
    assert world.receiver.statistics.unfit == 1


def test_a_batch_of_nothing_but_unfit_records_is_refused(world):
    (answer,) = world.send(world.device.up, world.device.batch(0, [{99: 1}]))
    assert world.device.ack(answer.payload)[:5] == [3, 2, 0, 1, 2]


def test_retained_data_is_dropped(world):
    assert world.send(world.device.up, world.device.batch(), retained=True) == []
    assert not held(world)


def test_records_go_when_their_retention_ends(world):
    world.send(world.device.up, world.device.batch())
    world.now_s += 31 * 86400
    world.receiver.expire()
    assert not held(world)


def test_a_clock_that_runs_ahead_does_not_stretch_the_retention(world):
    world.now_s -= 86400 * 365
    world.send(world.device.up, world.device.batch())
    world.now_s += 31 * 86400
    world.receiver.expire()
    assert not held(world)
