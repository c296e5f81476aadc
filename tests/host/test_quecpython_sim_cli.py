# SPDX-License-Identifier: MIT
"""`quell quecpython-sim`: exit codes, errors in one line, and documents that name all that a device and a plan may hold."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from quell_host import cli
from quell_host.errors import ExitCode, QuellError
from quell_host.modem_sim import state as modem_sim
from quell_host.preview.description import Description, read_description
from quell_host.quecpython_sim import facts
from quell_host.quecpython_sim.failures import FAILURES
from quell_host.quecpython_sim.plan import KINDS
from quell_host.quecpython_sim.run import Ending

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "host_tools/docs/quecpython-device.json"
DOCS = (ROOT / "host_tools/docs/quecpython-sim.md").read_text()


def call(folder: Path, source: str, *options: str) -> int:
    (folder / "main.py").write_text(source)
    return cli.main(["quecpython-sim", str(folder / "main.py"), *options])


def test_the_exit_code_is_the_scripts_or_how_the_module_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path, "print('hello')") == 0
    assert capfd.readouterr().out == "hello\n"
    assert call(tmp_path, "import usys\nusys.exit(9)") == 9
    assert call(tmp_path, "1 / 0") == ExitCode.FAILED
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert call(tmp_path, "from misc import Power\nPower.powerRestart()", "--restarts", "2") == Ending.RESTART
    assert capfd.readouterr().err.count("restarted by the script") == 3
    assert call(tmp_path, "(1 << 64) // 3") == 0
    assert call(tmp_path, "(1 << 64) // 3", "--no-division") == Ending.DIVISION
    assert capfd.readouterr().err.startswith("micropython-nodiv: division of a big integer")


def test_options_reach_the_module(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.json").write_text('[{"at": "modem.getDevSN"}]')
    source = "import modem, gc, SecureData\nopen('/usr/made', 'w').close()\nSecureData.Store(1, 'x', 1)\nprint(modem.getDevSN(), gc.mem_free() > 1500000)"
    options = ["--usr", str(tmp_path / "usr"), "--state", str(tmp_path / "state"), "--faults", str(tmp_path / "plan.json"), "--heap-kib", "2048"]
    assert call(tmp_path, source, *options) == 0
    assert capfd.readouterr().out == "-1 True\n" and (tmp_path / "usr/made").exists() and "secure" in (tmp_path / "state").read_text()
    assert call(tmp_path, "import modem\nprint(modem.getDevModel())", "--generation", "g2") == 0
    assert capfd.readouterr().out == "EG800Z\n"
    assert call(tmp_path, "import utime\nwhile True: utime.sleep(1)", "--seconds", "3600") == 0


def test_the_example_has_every_key_and_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shaped = json.loads(EXAMPLE.read_text())
    assert set(shaped["quecpython"]) == {*facts._KEYS, "faults"}
    assert set(facts._SOURCES) <= set(shaped)
    modem_sim.facts_of(read_description(EXAMPLE))  # the same file is good for the others
    source = """
import net, uos, utime, checkNet
assert checkNet.waitNetworkReady(30) == (3, 1) and utime.time() == 8
assert len(net.getCellInfo()[2]) == 2 and net.getCellInfo() == -1 and uos.uname()[0] == 'sysname=EC600N-CNLC'
utime.sleep(600)
assert net.getState()[1][0] == 0
utime.sleep(60)
assert net.getState()[1][0] == 1
"""
    assert call(tmp_path, source, "--device", str(EXAMPLE)) == 0, capfd.readouterr().err


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ({"quecpython": 3}, '"quecpython" is not an object'),
        ({"quecpython": {"generatoin": "g1"}}, 'has no "generatoin"; did you mean "generation"?'),
        ({"quecpython": {"xyzzy": 1}}, 'has no "xyzzy"; the keys are in host_tools/docs/quecpython-sim.md'),
        ({"quecpython": {"generation": "g3"}}, '"quecpython.generation" is none of g1, g2; correct the value'),
        ({"quecpython": {"usr_kib": 3}}, '"quecpython.usr_kib" is no number from 16 to 65536'),
        ({"quecpython": {"usr_kib": True}}, "is no number"),
        ({"quecpython": {"localtime": 2000.0}}, "is none of 2000, 1970"),
        ({"quecpython": {"nitz": 1}}, "is none of True, False"),
        ({"quecpython": {"absent": "ussl"}}, "is no list of at most 64"),
        ({"quecpython": {"cells": [{"cidd": 1}]}}, 'has a cell with "cidd"; it can have flag, cid'),
        ({"quecpython": {"contexts": [{"id": 4}]}}, "is no number from"),
        ({"quecpython": {"contexts": [{"apn": 3}]}}, "is no text"),
        ({"quecpython": {"contexts": [{"at_boot": 1}]}}, "is none of True, False"),
        ({"quecpython": {"wifi": [["nonsense", -1]]}}, "has an access point that is no"),
        ({"quecpython": {"phonebook": [["Tom"]]}}, "has an entry that is no"),
        ({"quecpython": {"location": [1, 2]}}, "is no [longitude, latitude, metres]"),
        ({"quecpython": {"uart": {"9": {}}}}, 'has a port with "9"'),
        ({"quecpython": {"uart": {"2": {"speed": 1}}}}, 'has a port 2 with "speed"'),
        ({"quecpython": {"uart": {"2": {"input": 1}}}}, 'whose "input" is no text'),
        ({"quecpython": {"uname": {"release": 1}}}, "is no text"),
        ({"quecpython": {"faults": [{"at": "net.nothing"}]}}, '"quecpython.faults": entry 1: "at" names no function'),
        ({"modem.lac": "xyz"}, '"modem.lac" is no hexadecimal number'),
        ({"modem.registration": 12}, '"modem.registration" is no number from 0 to 11'),
        ({"modem.imei": 3}, '"modem.imei" is no text'),
        ({"modem.imeii": "3"}, 'no source "modem.imeii"; did you mean "modem.imei"?'),
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_device_that_is_wrong_is_one_clear_line(tmp_path: Path, device: Any, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "device.json").write_text(json.dumps(device))
    assert call(tmp_path, "", "--device", str(tmp_path / "device.json")) in (ExitCode.USAGE, ExitCode.FAILED)
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and words in err


def test_what_cannot_start_is_one_clear_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "bad.json").write_text("{")
    for options, words in (
        (["--generation", "g3"], "--generation 'g3' is unknown; write g1 or g2"),
        (["--faults", str(tmp_path / "bad.json")], "bad.json:1: not JSON"),
        (["--faults", str(tmp_path / "none.json")], "no plan file"),
        (["--usr", str(tmp_path / "file")], "cannot make"),
        (["--usr", str(tmp_path / "a/b")], "cannot make"),
    ):
        assert call(tmp_path, "", *options) != 0
        out, err = capfd.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and words in err
    assert cli.main(["quecpython-sim", str(tmp_path / "none.py")]) == ExitCode.FAILED
    assert "no script file" in capfd.readouterr().err
    monkeypatch.setenv("QUELL_QUECPYTHON_SIM", str(tmp_path))
    assert call(tmp_path, "") == ExitCode.FAILED
    assert capfd.readouterr().err == f"error: no simulator at {tmp_path}/micropython; build it: make quecpython-sim\n"


def test_what_is_null_the_module_does_not_tell() -> None:
    described = Description({64: None, 71: None, 72: None, 73: None, 76: None}, [], [])
    found = facts.facts_of(described)
    assert found["imei"] is None and found["operator"] is None and found["csq"] == 99 and found["registration"] == 0 and found["cell"] == 0
    with pytest.raises(QuellError):
        facts.facts_of(Description({}, [], [], {"pin": 1234}))


def test_the_document_names_every_key_way_and_ending() -> None:
    keys = set(re.findall(r"`([a-z_0-9]+)`", "\n".join(line.split("|")[1] for line in DOCS.splitlines() if line.startswith("| `"))))
    assert {*facts._KEYS, "faults"} <= keys
    assert set(KINDS) <= set(re.findall(r"^\| `([a-z-]+)`", DOCS, re.M)) | {"cut-after"}
    for ending in Ending:
        assert re.search(rf"^\| (\d+, )?{ending.value}\b", DOCS, re.M), ending
    changing = re.search(r"A change has any of the names(.*?)Without registration", DOCS, re.S)
    assert changing
    assert set(re.findall(r"`([a-z_0-9]+)`", changing.group(1))) == {*facts._KEYS, "quecpython", "uart_input"} - set(facts._NEVER_CHANGES)


def test_the_document_lists_the_documented_failures() -> None:
    listed: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*)\|\n?", DOCS.split("### Documented failures")[1].split("##")[0], re.M):
        functions, ways = row.rstrip("| ").split(" | ")
        module = ""
        for name in re.findall(r"`([^`]+)`", functions):
            module = name.rsplit(".", 1)[0] if "." in name else module
            listed[name if "." in name else f"{module}.{name}"] = set(re.findall(r"`([^`]+)`", ways))
    assert listed == {name: set(known) for name, known in FAILURES.items() if known}


def test_every_fake_is_in_the_table_of_the_document() -> None:
    table = DOCS.split("## What is imitated")[1].split("## The device")[0]
    named = set(re.findall(r"^\| `(\w+)`(?:, `(\w+)`)? \|", table, re.M))
    modules = {path.stem for path in (ROOT / "host_tools/quell_host/quecpython_sim/modules/qpyfakes").glob("*.py")}
    parts = {name for name in modules if name.startswith("machine_")} | {"__init__", "umqtt_wire"}
    assert {name for pair in named for name in pair if name} == modules - parts
