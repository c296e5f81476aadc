# SPDX-License-Identifier: MIT
"""`quell provision --port`: the firmware's own code on a board makes the key, the ledger gets its row, the board its settings."""

import json
import stat
from pathlib import Path

import pytest
from e2e.certificates import Authority
from host.board_case import checkout, frozen
from host.board_repl import board

from quell_host import cli
from quell_host.errors import ExitCode
from quell_host.flash import board as repl
from quell_host.keys.files import new_region, new_signer
from quell_host.ledger import devices
from quell_host.ledger.database import Ledger

WORDS = ("--region", "eu", "--operator", "ops", "--policy-key", "pub")


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys):
    home = tmp_path / "home"
    monkeypatch.setenv("QUELL_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    for kind, name in (("operator", "ops"), ("policy", "pub")):
        new_signer(kind, home / "keys" / f"{name}.key")
    new_region(home / "keys" / "eu.key")

    def command(*words: str, code: ExitCode = ExitCode.OK) -> str:
        found = cli.main(list(words))
        out, err = capsys.readouterr()
        assert found == code, err
        assert code == ExitCode.OK or err.count("\n") == 1
        return out if code == ExitCode.OK else err

    return command


@pytest.fixture
def there(tmp_path: Path):
    (tmp_path / "board").mkdir()
    with board(tmp_path / "board", frozen(tmp_path / "frozen")) as made:
        yield made


def rows(tmp_path: Path) -> list:
    ledger = Ledger.open(tmp_path / "home/ledger.sqlite")
    try:
        with ledger.read() as connection:
            return list(devices.every(connection))
    finally:
        ledger.close()


def test_the_ledger_gets_the_key_that_the_board_made_and_the_board_is_started(run, there, tmp_path: Path) -> None:
    shape = json.loads(run("provision", "--port", there.port, *WORDS, "--name", "car-7", "--json"))
    assert (shape["dir"], shape["port"], shape["board"], shape["label"]) == (None, there.port, "FAKE", "car-7")
    (row,) = rows(tmp_path)
    assert (row["device"], row["public_key"], row["label"]) == (shape["device"], shape["public_key"], "car-7")
    assert there.starts == ["soft"]
    info = json.loads(run("device", "info", "--port", there.port, "--json"))
    assert (info["device"], info["provisioned"]) == (shape["device"], True)


def test_a_provisioned_board_is_refused_and_force_forgets_all_it_kept(run, there, tmp_path: Path) -> None:
    first = json.loads(run("provision", "--port", there.port, *WORDS, "--json"))
    record = (tmp_path / "board/store/prov.a").read_bytes()
    assert "holds a provisioned device; give --force" in run("provision", "--port", there.port, *WORDS, code=ExitCode.USAGE)
    assert (tmp_path / "board/store/prov.a").read_bytes() == record and len(rows(tmp_path)) == 1
    (tmp_path / "board/store/r010").write_bytes(b"old records")
    second = json.loads(run("provision", "--port", there.port, *WORDS, "--force", "--json"))
    assert second["device"] != first["device"] and len(rows(tmp_path)) == 2
    assert not (tmp_path / "board/store/r010").exists()


def test_broker_ca_and_apn_are_stored_and_the_board_can_be_locked(run, there, tmp_path: Path) -> None:
    ca = Authority(tmp_path).ca
    run("provision", "--port", there.port, *WORDS, "--broker", "mqtt.example:8884", "--ca", str(ca), "--apn", "internet")
    stored = json.loads((tmp_path / "board/config.json").read_text())
    assert stored == {"broker": {"host": "mqtt.example", "port": 8884, "ca": ca.read_text()}, "apn": "internet"}
    assert not (tmp_path / "board/locked").exists()
    run("provision", "--port", there.port, *WORDS, "--force", "--lock-repl")
    assert (tmp_path / "board/locked").read_text() == "1"


def test_a_configuration_in_a_file_keeps_its_password_from_others(run, there, tmp_path: Path) -> None:
    file = tmp_path / "board.json"
    file.write_text(json.dumps({"broker": {"host": "h", "user": "u", "password": "open sesame"}}))
    file.chmod(0o644)
    words = ("provision", "--port", there.port, *WORDS, "--config", str(file))
    assert "can be read by others" in run(*words, code=ExitCode.USAGE)
    file.chmod(stat.S_IRUSR)
    assert "sesame" not in run(*words)
    assert "sesame" not in run("device", "info", "--port", there.port)
    assert "sesame" in (tmp_path / "board/config.json").read_text()


def test_the_request_is_in_no_file_of_the_board_and_its_key_in_no_output(run, there, tmp_path: Path) -> None:
    out = run("provision", "--port", there.port, *WORDS)
    requests = [code for code in there.codes if b"_quell_provision(" in code and b"def " not in code]
    assert len(requests) == 1
    key = requests[0].decode().split("'")[3][:64]
    assert key not in out and all(key.encode() not in path.read_bytes() for path in (tmp_path / "board").rglob("*.json"))


@pytest.mark.parametrize(
    "words, said",
    [
        (["--dir", "dev", "--port", "/dev/none"], "exactly one of --dir and --port"),
        ([], "exactly one of --dir and --port"),
        (["--dir", "dev", "--broker", "h:1"], "are for a board"),
        (["--dir", "dev", "--lock-repl"], "are for a board"),
        (["--dir", "dev", "--stay"], "are for a board"),
        (["--port", "/dev/none", "--broker", "mqtt://h"], "no HOST:PORT"),
        (["--port", "/dev/none", "--broker", "h:x"], "no HOST:PORT"),
        (["--port", "/dev/none", "--broker", "u:p@h:1"], "no HOST:PORT"),
        (["--port", "/dev/none", "--apn", "internet"], "without --broker"),
        (["--port", "/dev/none", "--broker", "h", "--apn", "ä"], "--apn must be"),
        (["--port", "/dev/none", "--broker", "h", "--ca", "none.pem"], "cannot read none.pem"),
        (["--port", "/dev/none", "--broker", "h", "--config", "x.json"], "together"),
        (["--port", "/dev/none", "--config", "x.json"], "cannot read x.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_makes_nothing(words, said, run, tmp_path: Path) -> None:
    assert said in run("provision", *WORDS, *words, code=ExitCode.USAGE)
    assert not (tmp_path / "home/ledger.sqlite").exists() and not (tmp_path / "dev").exists()


def test_a_board_that_refuses_is_one_line_and_no_row(run, there, tmp_path: Path) -> None:
    (tmp_path / "board/store").write_text("a file where the folder should be")
    assert "the board refuses" in run("provision", "--port", there.port, *WORDS, code=ExitCode.FAILED)
    assert rows(tmp_path) == []


def test_a_port_that_closes_before_the_answer_is_code_4_and_says_what_that_means(run, there, tmp_path: Path) -> None:
    def spoil(output: bytes) -> bytes:
        if there.codes[-1].startswith(b"_quell_provision("):
            there.close_after = 0
        return output

    there.spoil = spoil
    said = run("provision", "--port", there.port, *WORDS, code=ExitCode.UNREACHABLE)
    assert "may hold an identity that nobody knows: provision it again with --force" in said
    assert rows(tmp_path) == []


def test_an_answer_that_came_mutilated_is_no_identity(run, there, tmp_path: Path) -> None:
    there.spoil = lambda output: output.replace(b"a", b"b") if there.codes[-1].startswith(b"_quell_provision(") else output
    assert "not clean" in run("provision", "--port", there.port, *WORDS, code=ExitCode.FAILED)
    assert rows(tmp_path) == []


def test_without_an_agent_it_says_how_to_get_one(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(repl, "_REPL_S", 2)
    (tmp_path / "board").mkdir()
    with board(tmp_path / "board") as empty:
        said = run("provision", "--port", empty.port, *WORDS, code=ExitCode.USAGE)
    assert "has no agent; quell flash --board NAME --force" in said


def test_files_beside_the_firmware_are_found_where_main_py_did_not_run(run, tmp_path: Path) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    with board(folder) as there:
        run("flash", "--board", "FAKE", "--port", there.port, "--from", str(checkout(tmp_path / "one")), "--force")
    with board(folder, running=False) as there:
        said = run("device", "info", "--port", there.port, code=ExitCode.FAILED)
    assert "the board refuses: AttributeError" in said  # it was found, and is a small one
