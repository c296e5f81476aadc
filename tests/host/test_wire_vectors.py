# SPDX-License-Identifier: MIT
"""The golden bytes in which host and firmware meet stay as they are."""

import importlib.util
import json
from pathlib import Path

from quell_host.wire import ack, batch, bundle, command, receipt

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS = json.loads((FOLDER / "wire.json").read_text())
DEVICE = VECTORS["keys"]["device"]
DEVICE_ID = bytes.fromhex(DEVICE["id"])
DEVICE_KEY = bytes.fromhex(DEVICE["PUBLIC_TEST_device_key"])
ACK_KEY = ack.AckKey(DEVICE_ID, DEVICE_KEY, DEVICE["key_version"])


def hexed(group, name):
    return bytes.fromhex(VECTORS[group][name])


def test_the_generator_makes_the_same_bytes():
    spec = importlib.util.spec_from_file_location("make_wire", FOLDER / "make_wire.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.make() == VECTORS


def test_the_batch_opens_to_its_records():
    keys = {DEVICE["key_version"]: DEVICE_KEY}
    opened = batch.open_batch(hexed("batch", "message"), DEVICE_ID, keys)
    assert opened.lost == VECTORS["batch"]["lost"]
    wanted = VECTORS["batch"]["records"]
    assert [record.seq for record in opened.records] == [record["seq"] for record in wanted]
    for record, shape in zip(opened.records, wanted, strict=True):
        assert record.time_units == shape["time_units"]
        for field, value in shape["values"]:
            expected = bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
            assert record.values[field] == expected


def test_the_acknowledgements_verify_for_their_instance_only():
    instance = hexed("acks", "instance")
    for kind, name in enumerate(("stored", "receipt_stored", "refused", "state_answer"), 1):
        parts = ack.open_ack(hexed("acks", name), ACK_KEY, instance)
        assert parts[0] == kind and parts[5:] == [hexed("acks", "entropy"), 1_800_000_000]


def test_the_bundles_hold_the_commands():
    for signer, names in (
        ("subject", ["withdraw"]),
        ("operator", ["withdraw_without_instance", "policy"]),
    ):
        kept = VECTORS["keys"][signer]
        gate, kid = bytes.fromhex(kept["gate_key"]), bytes.fromhex(kept["kid"])
        opened = bundle.open_bundle(hexed("commands", f"bundle_of_{signer}"), gate, kid, DEVICE_ID)
        assert opened == [hexed("commands", name) for name in names]
        for raw in opened:
            assert command.parse(raw).kid == kid


def test_the_receipts_verify():
    public = bytes.fromhex(DEVICE["public"])
    state = receipt.verify(hexed("receipts", "state"), DEVICE_ID, public)
    assert state.purposes[0].generation == 2 and state.number == 8
    withdraw = receipt.verify(hexed("receipts", "withdraw"), DEVICE_ID, public)
    assert (withdraw.erased_to, withdraw.erase_level.name) == (2, "LOGICAL")
