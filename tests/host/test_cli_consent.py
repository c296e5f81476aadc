# SPDX-License-Identifier: MIT
"""A person's way through policy, consent, records and receipts, with a device that is simulated."""

import csv
import io
import json
import os

import pytest
import typer
from host.policy_case import SIGNER as PUBLISHER
from host.quell_device import DOCUMENT, STUDY, Device, World

from quell_host import cli, receipt_words
from quell_host.commands import consent
from quell_host.errors import ExitCode
from quell_host.keys.files import new_region, new_signer
from quell_host.ledger import devices
from quell_host.ledger.database import Ledger
from quell_host.ledger.devices import NamedSigner, NewDevice
from quell_host.ledger.keyring import Keyring
from quell_host.receiver.receiver import Receiver
from quell_host.wire import command, topics
from quell_host.wire.receipt import Outcome


class Home(World):
    """`$QUELL_HOME` with real key files, a device in the ledger, and a receiver in this process."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.now_s = 1_800_000_000
        keys = folder / "keys"
        self.operator = new_signer("operator", keys / "ops.key")
        self.subject = new_signer("subject", keys / "ada.key")
        new_region(keys / "eu.key")
        self.keyring = Keyring(keys)
        self.ledger = Ledger.open_or_make(folder / "ledger.sqlite")
        self.device = Device(policy_hash=b"")
        device = self.device
        new = NewDevice(device.device, device.public, "eu", "lab-1", 1, device.key)
        signers = {"ops": self.operator, "ada": self.subject, "pub": PUBLISHER}
        named = [NamedSigner(name, signer.enrolment) for name, signer in signers.items()]
        with self.ledger.write() as connection:
            devices.add(connection, self.keyring, new, named, self.now_s)
        self.events = []
        self.receiver = Receiver(
            self.ledger, self.keyring, lambda: self.now_s, os.urandom, None, self.events.append
        )
        self.policy = folder / "p.quell"
        self.policy.write_bytes(DOCUMENT.data)

    def run(self, *words, code=ExitCode.OK):
        """stdout of a command that must end with `code`; an error must be one line."""
        found = cli.main(list(words))
        out, err = self.capsys.readouterr()
        assert found == code, err
        if err.startswith("error"):
            assert err.count("\n") == 1 and out == ""
        self.err = err
        return out

    def json(self, *words, code=ExitCode.OK):
        shape = json.loads(self.run(*words, "--json", code=code))
        assert shape["schema"] == 1
        return shape

    def bundle(self, signer):
        """The commands that the broker would retain now for a signer."""
        found = {message.topic: message.payload for message in self.receiver.due()}
        for message in self.receiver.due():
            self.receiver.published(message)
        return self.device.commands(found[topics.command(self.device.device, signer.kid)], signer)

    def running(self):
        """Push the policy to the connected device."""
        self.connect()
        self.run("policy", "push", "p.quell", "--device", "lab", "--signer", "ops", code=6)
        (asked,) = self.bundle(self.operator)
        publics = {self.operator.kid: self.operator.public}
        command.verify_policy(asked, publics, self.device.device, self.device.instance)
        self.device.policy_hash = DOCUMENT.hash
        parts = {5: 0, 10: asked.hash, 19: 0}
        self.send(self.device.rcpt, self.device.numbered(4, parts))
        self.connect()


@pytest.fixture
def home(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("QUELL_HOME", str(tmp_path))
    for name in ("QUELL_BROKER", "QUELL_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    made = Home(tmp_path, capsys)
    yield made
    made.ledger.close()


GRANT = ("consent", "grant", "--device", "lab-1", "--purpose", "study", "--signer", "ada")
WITHDRAW = ("consent", "withdraw", "--device", "lab-1", "--purpose", "study", "--signer", "ada")


def answer_grant(home):
    (signed,) = home.bundle(home.subject)
    home.device.generation, home.device.status = 1, 1
    home.device.challenge = os.urandom(16)
    parts = {5: 0, 6: STUDY, 7: 1, 8: 1, 9: home.device.challenge, 10: signed.hash, 19: 1}
    home.send(home.device.rcpt, home.device.numbered(2, parts))


def answer_withdraw(home):
    (signed,) = home.bundle(home.subject)
    home.device.generation, home.device.status = 2, 2
    home.device.challenge = os.urandom(16)
    parts = {5: 0, 6: STUDY, 7: 2, 8: 2, 9: home.device.challenge, 10: signed.hash}
    parts |= {11: 1, 12: 1, 13: 1, 19: 1, 22: 3}
    home.send(home.device.rcpt, home.device.numbered(3, parts))


def test_before_first_contact_a_push_and_a_grant_are_pending(home):
    push = ("policy", "push", "p.quell", "--device", "lab-1", "--signer", "ops")
    shape = home.json(*push, code=ExitCode.PENDING)
    assert [item["state"] for item in shape["devices"]] == ["no-instance"]
    home.run(*GRANT, code=ExitCode.PENDING)
    assert "no challenge" in home.err
    home.run(*GRANT, "--wait", "0.3", code=ExitCode.PENDING)


def test_a_policy_by_a_signer_whom_the_device_does_not_trust_is_not_pushed(home):
    data = bytearray(home.policy.read_bytes())
    data[-1] ^= 1
    home.policy.write_bytes(data)
    push = ("policy", "push", "p.quell", "--device", "lab-1", "--signer", "ops")
    home.run(*push, code=ExitCode.NOT_VERIFIED)
    shape = home.json("device", "show", "lab-1")
    assert shape["waiting"] == []


def test_only_an_operator_pushes_a_policy(home):
    home.connect()
    push = ("policy", "push", "p.quell", "--device", "lab-1", "--signer", "ada")
    home.run(*push, code=ExitCode.USAGE)


def test_a_policy_that_does_not_fit_in_the_flash_says_so(home):
    home.connect()
    push = ("policy", "push", "p.quell", "--device", "lab-1", "--signer", "ops")
    home.run(*push, code=ExitCode.PENDING)
    (asked,) = home.bundle(home.operator)
    refused = {5: Outcome.REFUSED_SPACE, 10: asked.hash, 19: 0}
    home.send(home.device.rcpt, home.device.numbered(4, refused))
    shape = home.json(*push, code=ExitCode.FAILED)
    assert [item["state"] for item in shape["devices"]] == ["refused-space"]
    words = home.run("receipt", "verify", "1", "--device", "lab-1")
    assert "the policy's purposes do not fit in its flash" in " ".join(words.split())


def test_every_outcome_has_its_words():
    assert set(receipt_words._OUTCOMES) == set(Outcome)


def test_a_policy_that_runs_is_not_asked_for_again(home):
    home.running()
    shape = home.json("policy", "push", "p.quell", "--all", "--signer", "ops")
    assert shape["devices"][0]["state"] == "running"
    listed = home.json("device", "list")["devices"][0]
    assert listed["policy"] == {"name": "small", "version": 3}


def test_consent_from_grant_to_withdrawal_and_its_proof(home):
    home.running()
    assert home.json(*GRANT, code=ExitCode.PENDING)["state"] == "sent"
    answer_grant(home)
    assert home.json(*GRANT)["state"] == "given"
    home.send(home.device.up, home.device.batch())
    assert len(home.run("records", "--purpose", "study", "--json").splitlines()) == 2

    shape = home.json(*WITHDRAW, code=ExitCode.PENDING)
    assert (shape["state"], shape["generation"], shape["ledger_erased"]) == ("sent", 1, 2)
    assert home.run("records") == ""
    home.run(*GRANT, code=ExitCode.PENDING)
    assert "no receipt yet" in home.err
    answer_withdraw(home)

    purposes = home.json("consent", "show")["devices"][0]["purposes"]
    study = next(item for item in purposes if item["name"] == "study")
    assert study["status"] == "ConsentWithdrawn" and study["waiting"] == []
    events = home.json("consent", "show")["devices"][0]["events"]
    assert [(e["state"], e["event"]) for e in events] == [
        ("dpv:ConsentGiven", "requested"),
        ("dpv:ConsentGiven", "confirmed"),
        ("dpv:ConsentWithdrawn", "requested"),
        ("dpv:ConsentWithdrawn", "confirmed"),
    ]
    words = home.run("receipt", "verify", "3", "--device", "lab-1")
    assert "verified  receipt 3: withdraw of study" in words
    assert "Recordings that others made" in words and "old copies" in words
    assert max(len(line) for line in words.splitlines()) <= 80
    assert home.run("ledger", "check") == "The ledger is in order.\n"


def test_a_withdrawal_again_is_sent_again(home):
    home.running()
    home.run(*GRANT, code=ExitCode.PENDING)
    answer_grant(home)
    home.run(*WITHDRAW, code=ExitCode.PENDING)
    answer_withdraw(home)
    shape = home.json(*WITHDRAW, code=ExitCode.PENDING)
    assert (shape["state"], shape["generation"]) == ("sent", 2)


def test_a_receipt_can_be_verified_without_a_ledger(home, tmp_path, monkeypatch):
    home.running()
    with home.ledger.read() as connection:
        row = connection.exec_driver_sql("SELECT hash, bytes FROM receipts").one()
    (tmp_path / "r.bin").write_bytes(row.bytes)
    (tmp_path / "r.hex").write_text(row.bytes.hex() + "\n")
    monkeypatch.setenv("QUELL_HOME", str(tmp_path / "elsewhere"))
    for name in ("r.bin", "r.hex"):
        shape = home.json("receipt", "verify", name, "--key", home.device.public.hex())
        assert shape["verified"] and shape["receipt"]["hash"] == row.hash
    (tmp_path / "bad").write_bytes(row.bytes[:-1] + bytes([row.bytes[-1] ^ 1]))
    for name, key in (("bad", home.device.public), ("r.bin", home.subject.public)):
        home.run("receipt", "verify", name, "--key", key.hex(), code=ExitCode.NOT_VERIFIED)


def test_a_receipt_is_named_by_number_hash_or_file(home):
    home.running()
    listed = home.json("receipt", "list")["devices"][0]["receipts"]
    assert [item["number"] for item in listed] == [1]
    shown = home.json("receipt", "show", listed[0]["hash"][:10])
    assert shown["kind"] == "policy" and shown["device"] == home.device.device.hex()
    home.run("receipt", "show", "77", code=ExitCode.USAGE)
    home.run("receipt", "verify", "ffff", code=ExitCode.USAGE)


def test_records_as_csv_run_no_formula_in_a_spreadsheet(home):
    home.running()
    home.send(home.device.up, home.device.batch(0, [{1: "=1+1"}, {1: "ok"}], purpose=1))
    rows = list(csv.DictReader(io.StringIO(home.run("records", "--csv"))))
    assert [row["field.model"] for row in rows] == ["'=1+1", "ok"]
    assert rows[0]["purpose"] == "care" and rows[0]["time"].endswith("Z")
    home.run("records", "--purpose", "none", code=ExitCode.USAGE)
    assert home.run("records", "--since", "2100-01-01", "--json") == ""


def test_a_reset_device_begins_anew_and_is_told_apart_from_loss(home):
    home.running()
    before = home.device.instance
    home.run("device", "reset", "lab-1", code=ExitCode.USAGE)
    assert home.json("device", "reset", "lab-1", "--yes")["state"] == "reset"
    home.connect()
    assert home.device.instance != before


def test_without_a_broker_a_person_is_told_who_publishes(home):
    home.running()
    home.run(*GRANT, code=ExitCode.PENDING)
    assert "quell receive publishes it" in home.err


def test_an_unreachable_broker_is_code_4_and_the_withdrawal_is_kept(home):
    home.running()
    home.run(*WITHDRAW, "--broker", "mqtt://127.0.0.1:1", code=ExitCode.UNREACHABLE)
    (signed,) = home.bundle(home.subject)
    assert signed.kind == command.WITHDRAW


def test_show_and_list_fit_80_columns(home):
    home.running()
    for words in (("device", "list"), ("device", "show", "lab-1"), ("consent", "show"),
                  ("receipt", "list")):  # fmt: skip
        # A public key or an id may be longer than it looks good; none is in these.
        assert max(len(line) for line in home.run(*words).splitlines()) <= 80


def test_no_secret_is_ever_printed(home):
    home.running()
    for words in (("device", "show", "lab-1"), ("consent", "show"), ("ledger", "check")):
        out = home.run(*words, "--json")
        for secret in (home.device.key, home.subject.gate_secret, home.operator.gate_secret):
            assert secret.hex() not in out


def test_a_withdrawal_that_stopped_and_could_not_erase_yet_is_no_refusal(home, capsys):
    home.running()
    receipt = {"outcome": Outcome.RESTRICTED, "hash": "ab" * 32}
    result = consent._result(home.row(), "study", home.subject, "withdrawn", receipt)
    with pytest.raises(typer.Exit) as ended:
        consent._end(result, False)
    assert ended.value.exit_code == ExitCode.PENDING
    assert capsys.readouterr().out.startswith("lab-1 stopped study, and could not erase it yet: it tries again\n")
