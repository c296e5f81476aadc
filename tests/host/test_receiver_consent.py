# SPDX-License-Identifier: MIT
"""Consent through the receiver: instances, grants, withdrawals, and what is deleted when."""

import os

import pytest
from host.consent_steps import given, grant, held, publish_due, withdraw
from host.quell_device import (
    DOCUMENT,
    OPERATOR,
    STUDY,
    SUBJECT,
    World,
)

from quell_host.control import consent as control
from quell_host.control import policy as policy_control
from quell_host.control.consent import PendingError
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger import bundles, check, consent, devices, erase, receipts, state
from quell_host.wire import command


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.ledger.close()


# instances ------------------------------------------------------------------------------------


def test_a_new_device_gets_an_instance_and_then_keeps_it(world):
    world.connect()
    first = world.device.instance
    assert len(first) == 8 and world.row()["instance"] == first.hex()
    world.connect()
    assert world.device.instance == first


def test_a_device_that_lost_its_state_gets_another_instance_and_its_consent_is_unknown(world):
    given(world)
    before = world.device.instance
    world.device.instance = b""
    world.connect()
    assert world.device.instance not in (b"", before)
    with world.ledger.read() as connection:
        assert state.of_purpose(connection, world.device.device, STUDY)["status"] == (
            "ConsentUnknown"
        )
        states = [row["state"] for row in consent.history(connection, world.device.device)]
    assert states[-1] == "ConsentUnknown"


def test_a_device_whose_state_went_back_gets_a_new_instance(world):
    world.device.boot = 5
    world.connect()
    old = world.device.instance
    world.device.boot = 3
    world.connect()
    assert world.device.instance != old


def test_a_replayed_state_receipt_changes_nothing(world):
    given(world)
    device = world.device
    old = device.state(bytes(16))
    device.boot += 1
    withdraw(world)
    signed = device.commands(publish_due(world)[device.cmd(SUBJECT)], SUBJECT)[0]
    world.send(device.rcpt, device.withdrawn(signed.raw))
    world.connect()
    world.send(device.rcpt, old)
    with world.ledger.read() as connection:
        known = state.of_purpose(connection, device.device, STUDY)
    assert (known["status"], known["generation"]) == ("ConsentWithdrawn", device.generation)
    assert world.row()["instance"] == device.instance.hex()


def test_replayed_requests_for_an_instance_do_not_touch_the_current_one(world):
    hello = world.device.state(bytes(16))
    world.connect()
    for _ in range(40):
        world.send(world.device.rcpt, hello)
    assert world.row()["instance"] == world.device.instance.hex()
    (answer,) = world.send(world.device.up, world.device.batch())
    assert world.device.ack(answer.payload)[0] == 1


def test_a_batch_makes_an_offered_instance_current(world):
    device = world.device
    answer = world.send(device.rcpt, device.state())[0]
    device.instance = device.ack(answer.payload)[2]
    (answer,) = world.send(device.up, device.batch())
    assert device.ack(answer.payload)[0] == 1
    assert world.row()["instance"] == device.instance.hex()


# grants ---------------------------------------------------------------------------------------


def test_no_grant_before_the_first_challenge(world):
    with world.ledger.write() as connection:
        policy_control.want(connection, world.row(), DOCUMENT, world.now_s)
    with pytest.raises(PendingError) as caught:
        grant(world)
    assert caught.value.code == ExitCode.PENDING
    assert "no challenge" in caught.value.message


def test_a_grant_binds_digest_challenge_and_generation_and_goes_out_with_its_receipt(world):
    messages = given(world)
    assert world.device.ack(messages[0].payload)[:3] == [2, 1, world.device.last_hash[:8]]
    # The bundle is empty now: it leaves the broker.
    assert messages[1] == (world.device.cmd(SUBJECT), b"", True)
    with world.ledger.read() as connection:
        known = state.of_purpose(connection, world.device.device, STUDY)
        events = consent.history(connection, world.device.device)
    assert (known["status"], known["generation"]) == ("ConsentGiven", 1)
    assert [(row["state"], row["event"]) for row in events] == [
        ("ConsentGiven", "requested"),
        ("ConsentGiven", "confirmed"),
    ]


def test_a_grant_that_is_given_already_is_not_signed_again(world):
    given(world)
    assert grant(world) is None


def test_only_who_the_policy_names_may_grant(world):
    world.connect()
    with pytest.raises(QuellError) as caught:
        grant(world, OPERATOR)
    assert caught.value.code == ExitCode.USAGE


def test_no_grant_while_a_withdrawal_lacks_its_receipt(world):
    given(world)
    withdraw(world, OPERATOR)
    with pytest.raises(PendingError):
        grant(world)


# withdrawals ----------------------------------------------------------------------------------


def test_withdraw_names_the_current_generation_and_deletes_at_once(world):
    given(world)
    world.send(world.device.up, world.device.batch())
    done = withdraw(world)
    assert (done.command.generation, done.erased_records) == (1, 2)
    assert done.command.instance == world.device.instance
    assert not held(world)


def test_withdraw_during_a_grant_names_the_generation_that_the_grant_will_make(world):
    world.connect()
    grant(world)
    done = withdraw(world)
    assert done.command.generation == 1
    (signed,) = world.device.commands(publish_due(world)[world.device.cmd(SUBJECT)], SUBJECT)
    assert signed.kind == command.WITHDRAW


def test_another_signers_grant_leaves_the_broker_when_consent_is_withdrawn(world):
    world.connect()
    grant(world, SUBJECT)
    assert publish_due(world)[world.device.cmd(SUBJECT)]
    withdraw(world, OPERATOR)
    due = publish_due(world)
    assert due[world.device.cmd(SUBJECT)] == b""
    assert world.device.commands(due[world.device.cmd(OPERATOR)], OPERATOR)


def test_late_batches_of_what_was_erased_are_refused(world):
    given(world)
    message = world.device.batch()
    withdraw(world)
    (answer,) = world.send(world.device.up, message)
    assert world.device.ack(answer.payload)[:5] == [3, STUDY, 1, 2, 4]
    assert not held(world)


def test_what_is_given_again_after_a_withdrawal_is_kept(world):
    given(world)
    withdraw(world)
    (signed,) = world.device.commands(publish_due(world)[world.device.cmd(SUBJECT)], SUBJECT)
    world.send(world.device.rcpt, world.device.withdrawn(signed.raw))
    grant(world)
    (signed,) = world.device.commands(publish_due(world)[world.device.cmd(SUBJECT)], SUBJECT)
    world.send(world.device.rcpt, world.device.granted(signed.raw))
    world.send(world.device.up, world.device.batch())
    assert len(held(world)) == 2


def test_the_receipt_alone_erases_too_as_after_the_button(world):
    given(world)
    world.send(world.device.up, world.device.batch())
    device = world.device
    parts = device._change(2) | {10: b"", 11: 1, 12: 1, 13: 1, 19: 4, 22: 0}
    messages = world.send(device.rcpt, device.numbered(3, parts))
    assert device.ack(messages[0].payload)[0] == 2
    assert not held(world)


def test_two_signers_withdrawals_are_both_settled_by_one_receipt(world):
    given(world)
    device = world.device
    withdraw(world, SUBJECT)
    withdraw(world, OPERATOR)
    (signed,) = device.commands(publish_due(world)[device.cmd(SUBJECT)], SUBJECT)
    world.send(device.rcpt, device.withdrawn(signed.raw))
    with world.ledger.read() as connection:
        assert not bundles.entries(connection, device.device)


def test_withdrawal_reaches_earlier_instances(world):
    given(world)
    world.send(world.device.up, world.device.batch())
    old, old_batch = world.device.instance, world.device.batch(2)
    world.device.instance = b""
    world.connect()
    assert world.device.instance != old
    assert withdraw(world).erased_records == 2
    assert world.send(world.device.up, old_batch)[0].topic.endswith("/ack")
    assert not held(world)


def test_what_was_erased_is_in_neither_the_database_nor_its_log(world, tmp_path):
    given(world)
    secret = os.urandom(8)
    world.send(world.device.up, world.device.batch(0, [{2: secret}] * 3))
    assert secret.hex() in read_all(tmp_path)
    withdraw(world)
    assert world.ledger.checkpoint()
    assert secret.hex() not in read_all(tmp_path)


def read_all(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir()).decode("latin-1")


def test_a_purpose_on_contract_cannot_be_withdrawn(world):
    world.connect()
    care = DOCUMENT.purpose_by_id(1)
    with world.ledger.write() as connection, pytest.raises(QuellError) as caught:
        row = devices.get(connection, world.device.device)
        control.withdraw(connection, world.keyring, row, care, SUBJECT, world.now_s)
    assert caught.value.code == ExitCode.USAGE


# receipts and policies ------------------------------------------------------------------------


def test_a_receipt_is_kept_once_and_acknowledged_every_time(world):
    given(world)
    device = world.device
    with world.ledger.read() as connection:
        (row,) = receipts.of_device(connection)
    again = world.send(device.rcpt, bytes(row["bytes"]))
    assert device.ack(again[0].payload)[0] == 2
    with world.ledger.read() as connection:
        assert len(receipts.of_device(connection)) == 1
        assert receipts.chain(connection, device.device.hex()).whole


def test_a_missing_receipt_is_reported(world):
    given(world)
    device = world.device
    device.numbered(3, {5: 1, 6: STUDY, 10: bytes(32)})
    world.send(device.rcpt, device.numbered(3, {5: 1, 6: STUDY, 10: bytes(32)}))
    with world.ledger.read() as connection:
        chain = receipts.chain(connection, device.device.hex())
    assert chain.missing == [(device.instance.hex(), 2)] and not chain.whole
    findings = check.check(world.ledger, world.keyring)
    assert ["receipt 2 never came" in item.what for item in findings].count(True) == 1


def test_a_receipt_by_another_key_is_dropped(world):
    world.connect()
    other = world.add_device("lab-2")
    other.device = world.device.device
    assert world.send(world.device.rcpt, other.state()) == []


def test_a_policy_is_asked_for_again_on_a_new_instance(tmp_path):
    world = World(tmp_path, operator=OPERATOR)
    device = world.device
    device.policy_hash = b""
    with world.ledger.write() as connection:
        policy_control.want(connection, world.row(), DOCUMENT, world.now_s)
    messages = world.connect()
    slices = [message for message in messages if "/p/" in message.topic]
    assert b"".join(message.payload for message in slices) == DOCUMENT.data
    (asked,) = device.commands(messages[-2].payload, OPERATOR)
    assert asked.policy_hash == DOCUMENT.hash and asked.policy_chunks == len(slices)
    messages = world.send(device.rcpt, device.policy_applied(asked.raw))
    assert messages[-1] == (device.cmd(OPERATOR), b"", True)
    device.instance, device.policy_hash = b"", b""
    messages = world.connect()
    assert device.commands(messages[-2].payload, OPERATOR)[0].policy_hash == DOCUMENT.hash
    world.ledger.close()


def test_without_the_operators_key_a_person_is_told(world):
    world.device.policy_hash = b""
    with world.ledger.write() as connection:
        policy_control.want(connection, world.row(), DOCUMENT, world.now_s)
    world.connect()
    assert any("quell policy push" in event.words for event in world.events)


def test_erased_aliases_leave_the_ledger_in_order(world):
    given(world)
    world.send(world.device.up, world.device.batch())
    withdraw(world)
    with world.ledger.read() as connection:
        assert erase.count(connection, world.device.device, STUDY) == 0
    assert not [f for f in check.check(world.ledger, world.keyring) if f.severity == "error"]
