# SPDX-License-Identifier: MIT
"""`quell device info`, `logs`, `restart` and `lock`: looking at a board, and taking its REPL away."""

import json
import time
from pathlib import Path

import pytest
from host.board_case import frozen
from host.board_repl import board

from quell_host import cli
from quell_host.errors import ExitCode
from quell_host.flash import board as repl


@pytest.fixture
def there(tmp_path: Path):
    (tmp_path / "board").mkdir()
    with board(tmp_path / "board", frozen(tmp_path / "frozen")) as made:
        yield made


def run(capsys, *words: str, code: ExitCode = ExitCode.OK) -> tuple[str, str]:
    found = cli.main(list(words))
    out, err = capsys.readouterr()
    assert found == code, err
    return out, err


def waits_at_its_repl(there) -> bool:
    end_s = time.monotonic() + 5
    while there.state != "friendly" and time.monotonic() < end_s:
        time.sleep(0.02)
    return there.state == "friendly"


def test_info_interrupts_the_agent_and_starts_it_again(there, capsys) -> None:
    shape = json.loads(run(capsys, "device", "info", "--port", there.port, "--json")[0])
    assert (shape["name"], shape["micropython"], shape["store"]) == ("FAKE", "1.25.0", "littlefs2")
    assert shape["heap_free"] > 0 and shape["frozen"] is True and shape["device"] is None and shape["status"] is None
    assert shape["restarted"] is True and there.starts == ["soft"]
    out, err = run(capsys, "device", "info", "--port", there.port, "--stay")
    assert "board        FAKE\n" in out and "not provisioned: quell provision --port" in out
    assert err == "The agent was interrupted.\n" and waits_at_its_repl(there)


def test_info_has_the_configuration_and_the_last_status_in_words(there, tmp_path: Path, capsys) -> None:
    (tmp_path / "board/config.json").write_text('{"broker": {"host": "h", "port": 1, "password": "p"}, "apn": "a\\u0007"}')
    status = {
        "schema": 1, "version": "0.2.0", "device": "ab" * 16, "instance": "", "boot": 3, "uptime_s": 1, "policy": None,
        "purposes": [], "link": {"state": "down", "answered": False, "failures": 2, "last_error": "x"}, "counters": {}, "updated": 0,
    }  # fmt: skip
    (tmp_path / "board/status.json").write_text(json.dumps(status))
    out, _ = run(capsys, "device", "info", "--port", there.port)
    assert "config apn   a?\nconfig broker.host h\n" in out and "no policy yet" in out and "password" not in out
    (tmp_path / "board/status.json").write_text('{"link": 3}')
    assert "its status cannot be read" in run(capsys, "device", "info", "--port", there.port)[0]


def test_logs_show_a_running_board_without_interrupting_it(there, capsys) -> None:
    out, err = run(capsys, "device", "logs", "--port", there.port, "--seconds", "1")
    lines = out.splitlines()
    assert len(lines) > 5 and all(line[20:].startswith(" quell ") for line in lines) and err == ""
    assert there.starts == [] and there.state == "main"


def test_logs_start_a_board_that_waits_at_its_repl_and_say_so(there, capsys) -> None:
    run(capsys, "device", "info", "--port", there.port, "--stay")
    out, err = run(capsys, "device", "logs", "--port", there.port, "--seconds", "1", "--json")
    shapes = [json.loads(line) for line in out.splitlines()]
    assert shapes[0]["line"] == "quell boot not-provisioned" and shapes[0]["schema"] == 1 and len(shapes[0]["received"]) == 20
    assert err == "The board waited at its REPL: it was started by a soft reset.\n" and there.starts == ["soft"]


def test_logs_without_a_line_say_so(there, tmp_path: Path, capsys) -> None:
    module = tmp_path / "frozen/quell_board.py"
    module.write_text(module.read_text().replace('"quell ', '"other '))
    run(capsys, "device", "restart", "--port", there.port)
    out, err = run(capsys, "device", "logs", "--port", there.port, "--seconds", "0.5")
    assert out == "" and err == "No line that begins with `quell ` came in 0.5 s.\n"


def test_logs_that_are_followed_end_with_code_4_when_the_port_closes(there, capsys) -> None:
    (there.folder / "store").mkdir(exist_ok=True)
    there.settings["QUELL_TEST_CUT"] = "1 before"  # the power goes at the first file that the agent makes
    module = there.folder.parent / "frozen/quell_board.py"
    text = module.read_text()
    module.write_text(text.replace("            n += 1\n", "            n += 1\n            n == 50 and lock(True)\n"))
    run(capsys, "device", "restart", "--port", there.port)
    out, err = run(capsys, "device", "logs", "--port", there.port, "--follow", code=ExitCode.UNREACHABLE)
    assert err.count("\n") == 1 and "closed, or its board stopped answering" in err


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_restart(kind: str, there, capsys) -> None:
    more = ["--hard"] if kind == "hard" else []
    shape = json.loads(run(capsys, "device", "restart", "--port", there.port, "--json", *more)[0])
    assert shape == {"schema": 1, "port": there.port, "restart": kind}
    assert there.starts == [kind]
    assert "quell counter" in run(capsys, "device", "logs", "--port", there.port, "--seconds", "1")[0]


def test_a_board_is_configured_anew_and_keeps_what_it_is(there, tmp_path: Path, capsys) -> None:
    out, _ = run(capsys, "device", "configure", "--port", there.port, "--broker", "h:9", "--apn", "a")
    assert out.split() == ["apn", "a", "broker.host", "h", "broker.port", "9"] and there.starts == ["soft"]
    shape = json.loads(run(capsys, "device", "configure", "--port", there.port, "--broker", "i:8", "--json", "--stay")[0])
    assert shape["config"] == {"broker": {"host": "i", "port": 8}} and shape["restarted"] is False
    error = run(capsys, "device", "configure", "--port", there.port, code=ExitCode.USAGE)[1]
    assert error == "error: nothing to configure; give --broker, --ca and --apn, or --config\n"


def test_a_locked_board_answers_to_nobody_and_starts_anew_by_itself(there, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(repl, "_REPL_S", 1)
    error = run(capsys, "device", "lock", "--port", there.port, code=ExitCode.USAGE)[1]
    assert "wants a confirmation; give --yes" in error
    error = run(capsys, "device", "lock", "--port", there.port, "--yes", code=ExitCode.USAGE)[1]
    assert "is not provisioned" in error and not (tmp_path / "board/locked").exists()
    module = tmp_path / "frozen/quell_board.py"
    text = module.read_text().replace("return _record() is not None", "return True")
    module.write_text(text)
    run(capsys, "device", "restart", "--port", there.port)
    shape = json.loads(run(capsys, "device", "lock", "--port", there.port, "--yes", "--json")[0])
    assert shape == {"schema": 1, "port": there.port, "board": "FAKE", "locked": True}
    for words in (["info"], ["restart"], ["lock", "--off"]):
        error = run(capsys, "device", *words, "--port", there.port, code=ExitCode.UNREACHABLE)[1]
        assert "has no MicroPython that answers" in error and "locked" in error and error.count("\n") == 1
    assert there.state == "main" and "quell link up" not in run(capsys, "device", "logs", "--port", there.port, "--seconds", "0.5")[1]


def test_a_locked_board_whose_agent_fails_resets_instead_of_showing_its_repl(tmp_path: Path) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    settings = frozen(tmp_path / "frozen")
    main = (Path(__file__).resolve().parents[2] / "firmware/main.py").read_text()
    (folder / "main.py").write_text(main.replace("_RESTART_AFTER_S = 5", "_RESTART_AFTER_S = 0"))
    (folder / "locked").write_text("1")
    module = tmp_path / "frozen/quell_board.py"
    module.write_text(module.read_text().replace("def run():\n", "def run():\n    raise ValueError\n"))
    with board(folder, settings) as there:
        end_s = time.monotonic() + 20
        while len(there.starts) < 2 and time.monotonic() < end_s:
            time.sleep(0.05)
        assert there.starts[:2] == ["hard", "hard"] and there.state == "main"


@pytest.mark.parametrize("words", [["info"], ["logs"], ["restart"], ["lock", "--yes"]], ids=" ".join)
def test_a_port_that_is_not_there_is_one_line_and_code_4(words: list[str], tmp_path: Path, capsys) -> None:
    out, err = run(capsys, "device", *words, "--port", str(tmp_path / "none"), code=ExitCode.UNREACHABLE)
    assert out == "" and err.count("\n") == 1 and "cannot be opened" in err


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_a_port_that_closes_is_one_line_and_code_4(answers: int, there, capsys) -> None:
    there.close_after = answers
    _, err = run(capsys, "device", "info", "--port", there.port, code=ExitCode.UNREACHABLE)
    assert err.count("\n") == 1 and "closed, or its board stopped answering" in err
