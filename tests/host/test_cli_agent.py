# SPDX-License-Identifier: MIT
"""Provisioning by the real firmware, the agent's configuration, and its status in words."""

import json
import os
import stat
import time

import pytest

from quell_host import agent_status, cli
from quell_host.agent_config import read_config
from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import new_region, new_signer
from quell_host.ledger import devices
from quell_host.ledger.database import Ledger


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    monkeypatch.setenv("QUELL_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    for kind, name in (("operator", "ops"), ("subject", "ada"), ("policy", "pub")):
        new_signer(kind, home / "keys" / f"{name}.key")
    new_region(home / "keys" / "eu.key")

    def command(*words, code=ExitCode.OK):
        found = cli.main(list(words))
        out, err = capsys.readouterr()
        assert found == code, err
        return out if code == ExitCode.OK else err

    return command


PROVISION = ("provision", "--dir", "dev", "--region", "eu", "--operator", "ops", "--subject", "ada",
             "--policy-key", "pub")  # fmt: skip


def test_provisioning_registers_the_key_that_the_device_made(run, tmp_path):
    shape = json.loads(run(*PROVISION, "--name", "lab-1", "--json"))
    assert len(bytes.fromhex(shape["device"])) == 16
    assert len(bytes.fromhex(shape["public_key"])) == 64
    assert {signer["kind"] for signer in shape["signers"]} == {"operator", "subject", "policy"}
    assert stat.S_IMODE((tmp_path / "dev").stat().st_mode) == 0o700
    ledger = Ledger.open(tmp_path / "home" / "ledger.sqlite")
    with ledger.read() as connection:
        row = devices.find(connection, "lab-1")
        assert row["public_key"] == shape["public_key"]
        assert len(devices.signers_of(connection, bytes.fromhex(row["device"]))) == 3
    ledger.close()


def test_a_provisioned_folder_is_not_provisioned_again_without_force(run, tmp_path):
    first = json.loads(run(*PROVISION, "--json"))
    record = (tmp_path / "dev" / "prov.a").read_bytes()
    assert "--force" in run(*PROVISION, code=ExitCode.USAGE)
    assert (tmp_path / "dev" / "prov.a").read_bytes() == record
    (tmp_path / "dev" / "r010").write_bytes(b"old records")
    second = json.loads(run(*PROVISION, "--force", "--json"))
    assert second["device"] != first["device"]
    assert not (tmp_path / "dev" / "r010").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--operator": "ada"}, "not operator"),
        ({"--subject": "none"}, "none"),
        ({"--region": "nowhere"}, "nowhere"),
        ({"--name": "x" * 33}, "--name"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(run, tmp_path, change, words):
    given = dict(zip(PROVISION[1::2], PROVISION[2::2], strict=True)) | change
    line = [word for pair in given.items() for word in pair]
    assert cli.main(["provision", *line]) in (ExitCode.USAGE, ExitCode.FAILED)
    assert not (tmp_path / "dev").exists()
    assert words


def test_a_missing_micropython_names_make_setup(run, monkeypatch, tmp_path):
    monkeypatch.setenv("QUELL_MICROPYTHON", str(tmp_path / "none"))
    assert "make setup" in run(*PROVISION, code=ExitCode.FAILED)


# configuration --------------------------------------------------------------------------------

GOOD = {"dir": "dev", "broker": {"host": "localhost", "port": 1883}, "logs": {"auth": "a.log"}}


def config(tmp_path, text, mode=0o600):
    path = tmp_path / "agent.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_good_configuration_is_read(tmp_path):
    full = GOOD | {"withdraw_file": "w", "app": "a.py", "poll_ms": 10}
    full["broker"] = GOOD["broker"] | {"user": "u", "password": "p", "ca": "c", "keepalive_s": 30}
    assert read_config(config(tmp_path, json.dumps(full))).values == full


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "agent.json:1: "),
        ("[]", "not a map"),
        (
            '{"dir": "d",\n "broker": {"host": "h"},\n "nonsense": 1}',
            'agent.json:3: unknown key "no',
        ),
        (
            '{"dir": "d",\n "broker": {"host": "h", "prot": 1}}',
            'agent.json:2: unknown key "broker.prot',
        ),
        ('{"broker": {"host": "h"}}', '"dir" is missing'),
        ('{"dir": "d", "broker": {}}', '"broker.host" is missing'),
        ('{"dir": "d", "broker": {"host": "h", "port": 0}}', "a number of 1 to 65535"),
        ('{"dir": "d", "broker": {"host": "h", "port": true}}', "a number of 1 to 65535"),
        ('{"dir": "d", "broker": "h"}', '"broker" is not a map'),
        ('{"dir": "d", "broker": {"host": "h"}, "logs": {"a": 1}}', "a map of log names"),
        ("[" * 60_000, "agent.json:1: "),
        ("{" + " " * 70_000 + "}", "over 65536 bytes"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_line(tmp_path, text, words):
    with pytest.raises(QuellError) as caught:
        read_config(config(tmp_path, text))
    assert words in str(caught.value) and caught.value.code == ExitCode.USAGE


def test_a_password_that_others_can_read_is_refused(tmp_path):
    secret = GOOD | {"broker": {"host": "h", "password": "p"}}
    with pytest.raises(QuellError, match="chmod 600"):
        read_config(config(tmp_path, json.dumps(secret), 0o644))


def test_an_agent_without_a_device_does_not_start(run, tmp_path):
    path = config(tmp_path, json.dumps(GOOD))
    assert "not provisioned" in run("agent", "run", "--config", str(path), code=ExitCode.FAILED)


# status ---------------------------------------------------------------------------------------

PURPOSE = {
    "id": 1,
    "name": "study",
    "basis": "consent",
    "status": "ConsentGiven",
    "generation": 1,
    "challenge": "00",
    "collecting": True,
    "why": "",
    "ring": {"records": 3, "first": 0, "next": 9, "acked": 6, "lost": 1},
}
STATUS = {
    "schema": 1,
    "version": "0.1.0",
    "device": "ab" * 16,
    "instance": "cd" * 8,
    "boot": 2,
    "uptime_s": 5,
    "policy": {"hash": "00", "name": "fleet", "version": 3, "expires": 4_000_000_000},
    "purposes": [PURPOSE],
    "link": {"state": "answered", "answered": True, "failures": 0, "last_error": ""},
    "counters": {"rate-limited": 4},
    "updated": 0,
}


def told(tmp_path, age_s=0, **change):
    path = tmp_path / "status.json"
    path.write_text(json.dumps(STATUS | change))
    moment = time.time() - age_s
    os.utime(path, (moment, moment))
    return "\n".join(agent_status.explain(agent_status.read_status(tmp_path)))


def test_a_healthy_agent_has_nothing_to_warn_of(tmp_path):
    words = told(tmp_path)
    assert "!" not in words
    assert "3 records, 6 delivered, 1 lost" in words and "4  rate-limited" in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age_s": 7200}, "! not running: the status is 2 hours old"),
        ({"policy": None}, "quell policy push"),
        ({"instance": ""}, "run quell receive"),
        (
            {"purposes": [PURPOSE | {"collecting": False, "why": "no-consent"}]},
            "quell consent grant",
        ),
        ({"purposes": [PURPOSE | {"ring": None}]}, "nothing stored yet"),
        ({"policy": STATUS["policy"] | {"expires": 1}}, "EXPIRED"),
        ({"link": {"state": "connected", "failures": 0}}, "is quell receive running?"),
        (
            {"link": {"state": "down", "failures": 3, "last_error": "refused"}},
            "3 attempts: refused",
        ),
    ],
)
def test_the_status_says_why_nothing_arrives(tmp_path, change, words):
    assert words in told(tmp_path, **change)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 1}', '{"schema": 2}', "\x00", "[" * 9999]
)
def test_a_status_that_is_none_is_one_line(tmp_path, text):
    (tmp_path / "status.json").write_text(text)
    with pytest.raises(QuellError):
        agent_status.read_status(tmp_path)


def test_no_status_says_how_to_start_the_agent(run):
    assert "quell agent run" in run("agent", "status", "--dir", ".", code=ExitCode.UNREACHABLE)
