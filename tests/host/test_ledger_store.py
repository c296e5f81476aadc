# SPDX-License-Identifier: MIT
"""The ledger as a file: its mode, its schema, its keys, its views, its backup."""

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from host.quell_device import DOCUMENT, NOW_S, REGION, SIGNERS, STUDY, World
from sqlalchemy import text

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Region
from quell_host.ledger import backup, check, devices, erase, instances, policies
from quell_host.ledger.database import Ledger
from quell_host.ledger.devices import NamedSigner, NewDevice
from quell_host.ledger.keyring import Keyring
from quell_host.receiver.receiver import Receiver

DOCS = Path(__file__).parents[2] / "host_tools/docs/ledger.md"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.ledger.close()


def pragma(ledger, name):
    with ledger.read() as connection:
        return connection.execute(text(f"PRAGMA {name}")).scalar_one()


def test_the_file_is_for_its_owner_alone(world):
    assert stat.S_IMODE(world.ledger.path.stat().st_mode) == 0o600


def test_what_is_written_is_durable_and_what_is_freed_is_overwritten(world):
    ledger = world.ledger
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "synchronous": 2}
    assert {name: pragma(ledger, name) for name in wanted} == wanted


def test_a_missing_ledger_is_not_made_by_reading(tmp_path):
    with pytest.raises(QuellError, match="no ledger"):
        Ledger.open(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path):
    for name, data in (("text", b"not a database" * 100), ("empty", b"")):
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(QuellError):
            Ledger.open(path)
        assert path.read_bytes() == data


def test_another_schema_is_refused(world):
    with world.ledger.write() as connection:
        connection.execute(text("PRAGMA user_version = 99"))
    with pytest.raises(QuellError, match="schema 99"):
        Ledger.open(world.ledger.path)


def test_a_ledger_that_others_can_read_is_refused(world):
    world.ledger.path.chmod(0o644)
    with pytest.raises(QuellError, match="chmod 600"):
        Ledger.open(world.ledger.path)


def test_an_error_inside_a_transaction_leaves_nothing(world):
    with pytest.raises(ZeroDivisionError), world.ledger.write() as connection:
        devices.change(connection, world.device.device, label="changed")
        raise ZeroDivisionError
    assert world.row()["label"] == "lab-1"


def test_no_secret_stands_in_the_file(world):
    gates = []
    with world.ledger.read() as connection:
        assert devices.keys(connection, world.keyring, world.device.device) == {1: world.device.key}
        for signer in SIGNERS.values():
            kid = signer.kid
            gates.append(devices.gate_key(connection, world.keyring, world.device.device, kid))
    assert [gate is None for gate in gates] == [False, False, True]
    world.ledger.checkpoint()
    data = world.ledger.path.read_bytes()
    for secret in [world.device.key, REGION.key, *filter(None, gates)]:
        assert secret not in data and secret.hex().encode() not in data


def test_another_regions_key_does_not_open_a_device(world, tmp_path):
    (tmp_path / "eu.key").touch()
    other = Keyring(tmp_path, lambda path: Region("eu", bytes(range(8)), bytes(32)))
    with world.ledger.read() as connection, pytest.raises(QuellError, match="not the ledger's"):
        devices.keys(connection, other, world.device.device)
    missing = Keyring(tmp_path / "none")
    with world.ledger.read() as connection, pytest.raises(QuellError, match="no region key"):
        devices.keys(connection, missing, world.device.device)


def test_a_wrapped_key_cannot_be_moved_to_another_device(world):
    other = world.add_device("lab-2")
    with world.ledger.write() as connection:
        connection.execute(
            text(
                "UPDATE device_keys SET wrapped ="
                " (SELECT wrapped FROM device_keys WHERE device = :a) WHERE device = :b"
            ),
            {"a": world.device.device.hex(), "b": other.device.hex()},
        )
    with world.ledger.read() as connection, pytest.raises(QuellError, match="damaged"):
        devices.keys(connection, world.keyring, other.device)
    assert any("damaged" in item.what for item in check.check(world.ledger, world.keyring))


def test_a_device_is_found_by_label_id_or_a_unique_beginning(world):
    world.add_device("lab-2")
    with world.ledger.read() as connection:
        for name in ("lab-1", world.device.device.hex(), world.device.device.hex()[:12].upper()):
            assert devices.find(connection, name)["label"] == "lab-1"
        for name in ("lab-", "", "zz"):
            with pytest.raises(QuellError) as caught:
                devices.find(connection, name)
            assert caught.value.code == ExitCode.USAGE


def test_a_label_is_given_once(world):
    new = NewDevice(os.urandom(16), bytes(64), "eu", "lab-1", 1, bytes(32))
    with pytest.raises(QuellError, match="lab-1"), world.ledger.write() as connection:
        signers = [NamedSigner("ops", SIGNERS["ops"].enrolment)]
        devices.add(connection, world.keyring, new, signers, NOW_S)


def test_a_policy_is_found_by_hash_and_by_its_beginning_and_version(world):
    with world.ledger.read() as connection:
        assert policies.get(connection, DOCUMENT.hash).data == DOCUMENT.data
        assert policies.by_prefix(connection, DOCUMENT.hash[:8], DOCUMENT.version)
        assert policies.by_prefix(connection, DOCUMENT.hash[:8], DOCUMENT.version + 1) is None
        assert policies.get(connection, bytes(32)) is None
    assert b"".join(body for _, body in policies.slices(DOCUMENT)) == DOCUMENT.data


def test_erasing_in_an_instance_that_the_ledger_does_not_know_erases_nothing(world):
    world.connect()
    world.send(world.device.up, world.device.batch())
    with world.ledger.write() as connection:
        named = (world.device.device, STUDY, b"unknown!", 5, bytes(32), NOW_S)
        assert erase.erase(connection, *named) is None
        assert erase.count(connection, world.device.device, STUDY) == 2


def test_erasing_covers_generations_up_to_the_named_one_only(world):
    world.connect()
    device = world.device
    for generation in (0, 1, 2):
        device.generation = generation
        world.send(device.up, device.batch())
    with world.ledger.write() as connection:
        gone = erase.erase(connection, device.device, STUDY, device.instance, 1, bytes(32), NOW_S)
        assert gone == 4 and erase.count(connection, device.device, STUDY) == 2
        again = erase.erase(connection, device.device, STUDY, device.instance, 1, bytes(32), NOW_S)
        assert again == 0
        late = [
            (g, erase.is_erased(connection, device.device, STUDY, device.instance, g))
            for g in (0, 1, 2)
        ]
    assert late == [(0, True), (1, True), (2, False)]


def test_offers_that_nobody_takes_do_not_pile_up(world):
    with world.ledger.write() as connection:
        for _ in range(100):
            instances.offer(connection, world.device.device, os.urandom, NOW_S)
        held = connection.execute(text("SELECT count(*) FROM instances")).scalar_one()
    assert held <= 16


def test_a_backup_opens_as_a_ledger_and_is_never_written_over(world, tmp_path):
    world.connect()
    world.send(world.device.up, world.device.batch())
    target = tmp_path / "copy.sqlite"
    assert backup.backup(world.ledger, target) == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = Ledger.open(target)
    with copy.read() as connection:
        assert erase.count(connection, world.device.device, STUDY) == 2
    copy.close()
    with pytest.raises(QuellError, match="exists"):
        backup.backup(world.ledger, target)


def test_a_restored_ledger_takes_up_with_the_device(world, tmp_path):
    backup.backup(world.ledger, tmp_path / "copy.sqlite")
    world.connect()
    instance = world.device.instance
    (tmp_path / "b").mkdir()
    os.replace(tmp_path / "copy.sqlite", tmp_path / "b" / "ledger.sqlite")
    restored = Ledger.open(tmp_path / "b" / "ledger.sqlite")
    world.receiver = Receiver(restored, world.keyring, lambda: NOW_S, os.urandom)
    world.connect()
    assert world.device.instance == instance
    (answer,) = world.send(world.device.up, world.device.batch())
    assert world.device.ack(answer.payload)[0] == 1
    restored.close()


def test_the_views_are_as_documented(world):
    world.connect()
    world.send(world.device.up, world.device.batch())
    reader = sqlite3.connect(world.ledger.path)
    columns = {}
    for view in ("v_records", "v_devices", "v_consent"):
        cursor = reader.execute(f"SELECT * FROM {view}")
        columns[view] = [item[0] for item in cursor.description]
        assert cursor.fetchall()
    reader.close()
    documented = DOCS.read_text()
    for view, names in columns.items():
        section = documented.split(f"## `{view}`")[1].split("\n## ")[0]
        assert [
            line.split("`")[1] for line in section.splitlines() if line.startswith("| `")
        ] == names


def test_the_ledger_of_a_working_device_is_in_order(world):
    world.connect()
    world.send(world.device.up, world.device.batch())
    assert check.check(world.ledger, world.keyring) == []
