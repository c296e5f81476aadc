# SPDX-License-Identifier: MIT
"""The golden bytes in which firmware and host meet: made by the host's own code, held here by the device's."""

import json
import unittest

from ports.catalogue import IDS

from quell.codec import cbor, cose
from quell.codec.builtin import digest, hex_text, unhexlify
from quell.codec.kdf import hkdf
from quell.control import verify as verify_stage
from quell.control.command import parse_bundle, parse_command
from quell.data import ack as acks
from quell.data.encode import Record
from quell.data.uplink import seal
from quell.state import policy as policies
from quell.state.consent import Entry
from quell.state.provisioning import POLICY_SIGNER, Anchor, Provisioning


def load(name):
    with open("tests/vectors/" + name) as file:
        return json.load(file)


def scalar(number):
    return bytes(30) + bytes([number >> 8, number & 255])


WIRE = load("wire.json")
DEVICE = WIRE["keys"]["device"]
BOUND = WIRE["commands"]["bound_to"]


def anchor(name):
    keys = WIRE["keys"][name]
    return Anchor(unhexlify(keys["kid"]), keys["role"], unhexlify(keys["public"]), unhexlify(keys["gate_key"]))


def provisioning():
    anchors = [anchor(name) for name in ("operator", "subject")]
    record = {
        0: unhexlify(DEVICE["id"]), 1: unhexlify(DEVICE["PUBLIC_TEST_device_key"]), 2: DEVICE["key_version"],
        3: scalar(int(DEVICE["PUBLIC_TEST_private_scalar"])),
        4: [[a.kid, a.role, a.public, a.gate_key] for a in anchors], 5: unhexlify(DEVICE["public"]),
    }  # fmt: skip
    return Provisioning(cbor.encode(record))


class TestKeys(unittest.TestCase):
    def test_the_labels_give_the_same_keys(self):
        record = provisioning()
        self.assertEqual(hex_text(record.uplink_key), DEVICE["uplink_key"])
        self.assertEqual(hex_text(record.salt_key), DEVICE["salt_key"])
        self.assertEqual(hex_text(record.ack_key), DEVICE["ack_key"])
        self.assertEqual(hex_text(record.kid), DEVICE["kid"])

    def test_the_gate_key_is_of_signer_and_device(self):
        secret = unhexlify(WIRE["keys"]["subject"]["gate_secret"])
        key = hkdf(secret, b"", b"quell/1 gate" + unhexlify(DEVICE["id"]), 32)
        self.assertEqual(hex_text(key), WIRE["keys"]["subject"]["gate_key"])


class TestBatch(unittest.TestCase):
    def test_the_same_records_give_the_same_message(self):
        batch = WIRE["batch"]
        head = batch["header"]
        records = []
        for row in batch["records"]:
            values = [(field, value_of(value)) for field, value in row["values"]]
            record = Record(batch["epoch"], batch["trust"], batch["boot"], row["time_units"], values)
            records.append((row["seq"], record))
        message = seal(
            provisioning(), unhexlify(head["instance"]), head["purpose"], head["generation"],
            (head["policy_version"], unhexlify(head["policy8"])), head["first"], records,
            batch["lost"],
        )  # fmt: skip
        self.assertEqual(hex_text(message), batch["message"])


def value_of(value):
    """A JSON value of the vectors: bytes stand as {"bytes": hex}."""
    return unhexlify(value["bytes"]) if isinstance(value, dict) else value


class TestAcknowledgement(unittest.TestCase):
    def test_each_kind_verifies_and_says_the_same(self):
        vectors = WIRE["acks"]
        instance = unhexlify(vectors["instance"])
        for name, kind in (("stored", 1), ("receipt_stored", 2), ("refused", 3), ("state_answer", 4)):
            ack = acks.verify(unhexlify(vectors[name]), provisioning(), instance)
            self.assertIsNotNone(ack, name)
            self.assertEqual((ack.kind, ack.time_s), (kind, vectors["time"]))
            self.assertEqual(hex_text(ack.entropy), vectors["entropy"])


class TestCommands(unittest.TestCase):
    def entry(self):
        return Entry(2, 0, unhexlify(BOUND["challenge"]), unhexlify(BOUND["digest"]), False)

    def test_each_verifies_under_what_it_binds(self):
        signers = {"grant": "subject", "withdraw": "subject", "withdraw_without_instance": "operator", "policy": "operator"}
        for name in sorted(signers):
            command = parse_command(unhexlify(WIRE["commands"][name]))
            good = verify_stage.signature(
                command, anchor(signers[name]), unhexlify(DEVICE["id"]), unhexlify(BOUND["instance"]), self.entry()
            )
            self.assertTrue(good, name)

    def test_bundles_open_and_hold_the_commands(self):
        for name in ("subject", "operator"):
            bundle = parse_bundle(unhexlify(WIRE["commands"]["bundle_of_" + name]))
            self.assertTrue(verify_stage.gate(bundle, anchor(name), unhexlify(DEVICE["id"])), name)
            for entry in bundle.entries:
                parse_command(entry)


class TestReceipts(unittest.TestCase):
    def test_the_same_payload_signs_to_the_same_bytes(self):
        record = provisioning()
        for name in ("state", "withdraw"):
            message = unhexlify(WIRE["receipts"][name])
            kid, payload, signature = cose.parse_sign1(message)
            aad = cbor.encode(["quell/1 receipt"])
            self.assertEqual(kid, record.kid)
            self.assertTrue(cose.verify1(record.public, aad, payload, signature))
            # ours is deterministic (RFC 6979): it need not be the host's signature, but must be stable and verify
            ours = cose.sign1(record.signing_key, record.kid, aad, payload, record.public)
            self.assertEqual(ours, cose.sign1(record.signing_key, record.kid, aad, payload))
            self.assertEqual(cose.parse_sign1(ours)[:2], (kid, payload))


class TestPolicy(unittest.TestCase):
    def test_the_starter_profile_is_followed(self):
        vectors = load("policy.json")
        signer = Anchor(unhexlify(vectors["kid"]), POLICY_SIGNER, unhexlify(vectors["public_key"]), b"")
        starter = vectors["profiles"]["starter"]
        payload = unhexlify(starter["payload"])
        aad = cbor.encode(["quell/1 policy"])
        private = unhexlify(vectors["public_test_key_private_scalar"])
        body = cose.sign1(private, signer.kid, aad, payload, signer.public)
        app = [number for name, number in IDS.items() if name.startswith("app.")]
        policy = policies.verify(body, [signer], lambda source: source in app)
        self.assertEqual(policy.hash, digest(body))
        self.assertEqual({p.name: hex_text(p.digest) for p in policy.purposes}, starter["digests"])


if __name__ == "__main__":
    unittest.main()
