# SPDX-License-Identifier: MIT
"""Commands, bundles, acknowledgements, receipts and topics: what they bind and what they refuse."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from quell_host.keys.files import Signer
from quell_host.wire import ack, bundle, cbor, command, cose, kdf, receipt, topics

SUBJECT = Signer.of("subject", ec.derive_private_key(3, ec.SECP256R1()))
PUBLICS = {SUBJECT.kid: SUBJECT.public}
DEVICE, INSTANCE, DIGEST, CHALLENGE = bytes(16), bytes(8), bytes(32), bytes(range(16))
GATE = kdf.gate_key(SUBJECT.gate_secret, DEVICE)
PRIVATE = ec.derive_private_key(5, ec.SECP256R1())
PUBLIC = cose.public_bytes(PRIVATE)


def test_a_grant_binds_device_instance_digest_and_challenge():
    grant = command.parse(command.build_grant(SUBJECT, DEVICE, INSTANCE, 7, 2, DIGEST, CHALLENGE))
    bound = [DEVICE, INSTANCE, DIGEST, CHALLENGE]
    command.verify_grant(grant, PUBLICS, *bound)
    for at in range(4):
        other = list(bound)
        other[at] = bytes([1]) + other[at][1:]
        with pytest.raises(command.CommandError):
            command.verify_grant(grant, PUBLICS, *other)


def test_a_withdrawal_binds_the_device_and_names_generation_and_instance():
    raw = command.build_withdraw(SUBJECT, DEVICE, 7, 2, INSTANCE)
    parsed = command.parse(raw)
    assert (parsed.kind, parsed.purpose, parsed.generation) == (command.WITHDRAW, 7, 2)
    assert parsed.instance == INSTANCE and parsed.slot == "consent:7"
    command.verify_withdraw(parsed, PUBLICS, DEVICE)
    with pytest.raises(command.CommandError):
        command.verify_withdraw(parsed, PUBLICS, bytes(range(16)))


def test_a_policy_command_binds_the_instance():
    raw = command.build_policy(SUBJECT, DEVICE, INSTANCE, DIGEST, 5, 1900, 2)
    parsed = command.parse(raw)
    assert (parsed.policy_version, parsed.policy_bytes, parsed.policy_chunks) == (5, 1900, 2)
    command.verify_policy(parsed, PUBLICS, DEVICE, INSTANCE)
    with pytest.raises(command.CommandError):
        command.verify_policy(parsed, PUBLICS, DEVICE, b"12345678")


def test_the_same_command_has_the_same_bytes():
    made = [command.build_withdraw(SUBJECT, DEVICE, 7, 2, INSTANCE) for _ in "ab"]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    "payload",
    [[], [1], [True, 1, 1], [1, 0, 1], [1, 256, 1], [1, 1, -1], [2, 1, 1], [2, 1, 1, bytes(7)],
     [3, bytes(31), 1, 1, 1], [3, bytes(32), 1, 1], [4, 1, 1], {}, [1, 1, 1 << 32], [1, 1, True]],
)  # fmt: skip
def test_a_payload_that_is_no_command_is_refused(payload):
    raw = cose.sign1(SUBJECT.private_key, SUBJECT.kid, b"", cbor.encode(payload))
    with pytest.raises(command.CommandError):
        command.parse(raw)


@given(st.binary(max_size=150))
def test_garbage_is_neither_command_bundle_nor_receipt(data):
    with pytest.raises(command.CommandError):
        command.parse(data)
    with pytest.raises(receipt.ReceiptError):
        receipt.verify(data, DEVICE, PUBLIC)
    if data:
        with pytest.raises(bundle.BundleError):
            bundle.open_bundle(data, GATE, SUBJECT.kid, DEVICE)


def test_a_bundle_opens_with_its_gate_for_its_device_only():
    message = bundle.build(GATE, SUBJECT.kid, DEVICE, [b"a", b"b"])
    assert bundle.open_bundle(message, GATE, SUBJECT.kid, DEVICE) == [b"a", b"b"]
    for gate, device in ((bytes(32), DEVICE), (GATE, bytes(range(16)))):
        with pytest.raises(bundle.BundleError):
            bundle.open_bundle(message, gate, SUBJECT.kid, device)


def test_no_commands_take_the_bundle_off_the_broker():
    assert bundle.build(GATE, SUBJECT.kid, DEVICE, []) == b""
    assert bundle.open_bundle(b"", GATE, SUBJECT.kid, DEVICE) == []


def test_a_bundle_is_bounded():
    for commands in ([b""] * 17, [bytes(1400)]):
        with pytest.raises(bundle.BundleError):
            bundle.build(GATE, SUBJECT.kid, DEVICE, commands)


def test_ten_withdrawals_fit_a_bundle():
    raws = [command.build_withdraw(SUBJECT, DEVICE, n, 1, INSTANCE) for n in range(1, 11)]
    assert len(bundle.build(GATE, SUBJECT.kid, DEVICE, raws)) <= bundle.MAX_BUNDLE_BYTES


def test_an_acknowledgement_is_for_one_device_key_and_instance():
    key = ack.AckKey(DEVICE, bytes(32), 1)
    message = ack.stored(key, INSTANCE, 7, 2, 105, os.urandom(16), 1)
    assert ack.open_ack(message, key, INSTANCE)[:4] == [1, 7, 2, 105]
    for other, instance in (
        (ack.AckKey(DEVICE, bytes(range(32)), 1), INSTANCE),
        (ack.AckKey(bytes(range(16)), bytes(32), 1), INSTANCE),
        (ack.AckKey(DEVICE, bytes(32), 2), INSTANCE),
        (key, b"12345678"),
    ):
        with pytest.raises(cose.CoseError):
            ack.open_ack(message, other, instance)


STATE = {0: 1, 1: DEVICE, 2: INSTANCE, 3: 0, 4: bytes(32), 20: bytes(16), 21: []}


@pytest.mark.parametrize(
    "change",
    [
        {0: 5},
        {0: True},
        {2: bytes(7)},
        {3: -1},
        {4: b""},
        {5: 12},
        {8: 4},
        {12: 4},
        {13: -2},
        {14: {-1: 1}},
        {14: []},
        {15: [3, 0]},
        {15: [2]},
        {17: "a\nb"},
        {17: "x" * 65},
        {19: 3},
        {20: bytes(15)},
        {21: [[1, 0, 0, bytes(16)]]},
        {21: [[2, 0, 0, bytes(16), bytes(32)], [1, 0, 0, bytes(16), bytes(32)]]},
        {23: 0},
    ],
)
def test_a_receipt_with_a_part_out_of_shape_is_refused(change):
    receipt.verify(receipt.build(PRIVATE, STATE), DEVICE, PUBLIC)
    with pytest.raises(receipt.ReceiptError):
        receipt.verify(receipt.build(PRIVATE, STATE | change), DEVICE, PUBLIC)


@pytest.mark.parametrize("missing", [0, 1, 2, 3, 4, 20, 21])
def test_a_receipt_without_a_needed_part_is_refused(missing):
    payload = {key: value for key, value in STATE.items() if key != missing}
    with pytest.raises(receipt.ReceiptError):
        receipt.verify(receipt.build(PRIVATE, payload), DEVICE, PUBLIC)


def test_a_receipt_of_another_device_or_key_is_refused():
    raw = receipt.build(PRIVATE, STATE)
    for device, public in ((bytes(range(16)), PUBLIC), (DEVICE, SUBJECT.public)):
        with pytest.raises(receipt.ReceiptError):
            receipt.verify(raw, device, public)


def test_topics_are_read_as_they_are_written():
    assert topics.parse(topics.up(DEVICE)) == topics.Topic("up", DEVICE)
    assert topics.parse(topics.command(DEVICE, SUBJECT.kid)).kid == SUBJECT.kid
    up = topics.up(DEVICE)
    wrongs = [f"quell/1/{digit * 32}/up" for digit in "AG"]
    wrongs += ["x", "quell/1//up", up + "\n", up + "/x", topics.policy_chunk(DIGEST, 0)]
    for wrong in wrongs:
        assert topics.parse(wrong) is None


def test_subscriptions_cover_the_topics():
    assert topics.RECEIVER_SUBSCRIPTIONS == ("quell/1/+/up", "quell/1/+/rcpt", "quell/1/+/cmd/+")
