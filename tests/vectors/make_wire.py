# SPDX-License-Identifier: MIT
"""Make tests/vectors/wire.json: golden bytes of every message, by keys that are public test keys.

Run: python tests/vectors/make_wire.py
"""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from quell_host.keys.files import Signer
from quell_host.wire import ack, batch, bundle, cbor, command, cose, kdf, receipt
from quell_host.wire.batch import BatchHeader
from quell_host.wire.plaintext import BatchRecord, build

FILE = Path(__file__).with_name("wire.json")
WARNING = "PUBLIC TEST KEYS: for tests only, everybody knows them"

DEVICE = bytes(range(0x10, 0x20))
DEVICE_KEY = bytes(range(0x20, 0x40))
KEY_VERSION = 3
INSTANCE = bytes(range(0x40, 0x48))
CHALLENGE = bytes(range(0x50, 0x60))
NONCE = bytes(range(0x60, 0x70))
ENTROPY = bytes(range(0x70, 0x80))
DIGEST = bytes(range(0x80, 0xA0))
POLICY_HASH = bytes(range(0xA0, 0xC0))
TIME_S = 1_800_000_000
LOST = 300
SCALARS = {"device": 101, "operator": 102, "subject": 103}


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(SCALARS[name], ec.SECP256R1())


OPERATOR = Signer.of("operator", _key("operator"))
SUBJECT = Signer.of("subject", _key("subject"))


def _keys() -> dict:
    signers = {
        signer.kind: {
            "PUBLIC_TEST_private_scalar": SCALARS[signer.kind],
            "public": signer.public,
            "kid": signer.kid,
            "role": signer.role,
            "gate_secret": signer.gate_secret,
            "gate_key": kdf.gate_key(signer.gate_secret, DEVICE),
        }
        for signer in (OPERATOR, SUBJECT)
    }
    public = cose.public_bytes(_key("device"))
    device = {
        "id": DEVICE,
        "PUBLIC_TEST_device_key": DEVICE_KEY,
        "key_version": KEY_VERSION,
        "PUBLIC_TEST_private_scalar": SCALARS["device"],
        "public": public,
        "kid": cose.kid_of(public),
        "uplink_key": kdf.uplink_key(DEVICE_KEY),
        "salt_key": kdf.salt_key(DEVICE_KEY),
        "ack_key": kdf.ack_key(DEVICE_KEY),
    }
    return {"device": device, **signers}


def _batch() -> dict:
    header = BatchHeader(INSTANCE, 7, 2, 5, POLICY_HASH[:8], 100, 5)
    repeated = bytes.fromhex("0102030405060708")
    records = [
        BatchRecord(100, 2, 0, 500_000, 4, {1: 42, 2: "warn", 3: repeated}),
        BatchRecord(101, 2, 0, 500_000, 4, {1: -1, 2: "warn", 3: repeated}),
        BatchRecord(103, 2, 0, 500_002, 4, {4: True, 5: False}),
        BatchRecord(104, 2, 0, 499_999, 4, {1: 70_000, 2: "error", 3: bytes(3)}),
    ]
    strings = [repeated, "warn"]
    inner = build(records, header.first, header.count, strings, LOST)
    message = batch.seal_batch(DEVICE, DEVICE_KEY, KEY_VERSION, header, records, strings, LOST)
    aad = header.external_aad(DEVICE)
    return {
        "header": {
            "instance": header.instance,
            "purpose": header.purpose,
            "generation": header.generation,
            "policy_version": header.policy_version,
            "policy8": header.policy8,
            "first": header.first,
            "count": header.count,
        },
        "records": [
            {
                "seq": record.seq,
                "time_units": record.time_units,
                "values": [[field, _value(value)] for field, value in record.values.items()],
            }
            for record in records
        ],
        "epoch": 4,
        "trust": 2,
        "boot": 0,
        "lost": LOST,
        "external_aad": aad,
        "plaintext": inner,
        "salt": kdf.synthetic_salt(DEVICE_KEY, aad, inner),
        "content_key": kdf.content_key(
            DEVICE_KEY, DEVICE, INSTANCE, kdf.synthetic_salt(DEVICE_KEY, aad, inner)
        ),
        "message": message,
    }


def _value(value: object) -> object:
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _acks() -> dict:
    key = ack.AckKey(DEVICE, DEVICE_KEY, KEY_VERSION)
    fresh = (ENTROPY, TIME_S)
    return {
        "instance": INSTANCE,
        "entropy": ENTROPY,
        "time": TIME_S,
        "stored": ack.stored(key, INSTANCE, 7, 2, 105, *fresh),
        "receipt_stored": ack.receipt_stored(key, INSTANCE, 9, POLICY_HASH[:8], *fresh),
        "refused": ack.refused(key, INSTANCE, 7, 2, 105, ack.Reason.UNKNOWN_POLICY, *fresh),
        "state_answer": ack.state_answer(key, NONCE, INSTANCE, *fresh),
    }


def _commands() -> dict:
    grant = command.build_grant(SUBJECT, DEVICE, INSTANCE, 7, 2, DIGEST, CHALLENGE)
    withdraw = command.build_withdraw(SUBJECT, DEVICE, 7, 3, INSTANCE)
    early = command.build_withdraw(OPERATOR, DEVICE, 7, 0, b"")
    policy = command.build_policy(OPERATOR, DEVICE, INSTANCE, POLICY_HASH, 5, 1900, 2)
    gates = {signer.kid: kdf.gate_key(signer.gate_secret, DEVICE) for signer in (SUBJECT, OPERATOR)}
    return {
        "bound_to": {"instance": INSTANCE, "digest": DIGEST, "challenge": CHALLENGE},
        "grant": grant,
        "withdraw": withdraw,
        "withdraw_without_instance": early,
        "policy": policy,
        "bundle_of_subject": bundle.build(gates[SUBJECT.kid], SUBJECT.kid, DEVICE, [withdraw]),
        "bundle_of_operator": bundle.build(
            gates[OPERATOR.kid], OPERATOR.kid, DEVICE, [early, policy]
        ),
    }


def _receipts() -> dict:
    common = {1: DEVICE, 2: INSTANCE, 14: {3: 12, 28: 2}, 15: [2, TIME_S]}
    common |= {16: POLICY_HASH, 17: "0.1.0", 18: 6}
    purposes = [[7, 2, 1, CHALLENGE, DIGEST]]
    state = common | {0: 1, 3: 8, 4: POLICY_HASH, 20: NONCE, 21: purposes}
    withdraw = common | {0: 3, 3: 9, 4: bytes(32), 5: 0, 6: 7, 7: 3, 8: 2, 9: CHALLENGE}
    withdraw |= {10: DIGEST, 11: 2, 12: 1, 13: 104, 19: 1, 22: 2}
    return {
        "state": receipt.build(_key("device"), state),
        "withdraw": receipt.build(_key("device"), withdraw),
    }


def make() -> dict:
    """The whole file's content; bytes are hex."""
    made = {
        "warning": WARNING,
        "keys": _keys(),
        "batch": _batch(),
        "acks": _acks(),
        "commands": _commands(),
        "receipts": _receipts(),
    }
    return json.loads(json.dumps(made, default=lambda value: value.hex()))


if __name__ == "__main__":
    assert cbor.encode({}) == b"\xa0"
    FILE.write_text(json.dumps(make(), indent=1) + "\n")
