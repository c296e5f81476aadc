# SPDX-License-Identifier: MIT
"""Each fake fails in each documented way, at the call that the plan names; a plan that makes no sense is one clear line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from host.quecpython_case import passes, play

from quell_host.quecpython_sim.failures import FAILURES
from quell_host.quecpython_sim.plan import checked_plan
from quell_host.quecpython_sim.run import MODULES, Ending

# how a script reaches a function whose name in a plan is not its path; a plan's return and raise need no arguments
REACHED = {
    "_thread.lock": "_thread.LockType",
    "_thread.semphore": "type(_thread.allocate_semphore(1))",
    "machine.Timer.start": "type(machine.Timer(0)).start",
    "machine.Timer.stop": "type(machine.Timer(0)).stop",
    "machine.WDT.feed": "type(machine.WDT(3600)).feed",
    "machine.WDT.stop": "type(machine.WDT(3600)).stop",
    "file.open": "open('/usr/there').close",
    "file.read": "open('/usr/there').read",
    "file.write": "open('/usr/out', 'w').write",
    "file.flush": "open('/usr/out', 'w').flush",
    "file.close": "open('/usr/there').close",
}


def reached(name: str) -> str:
    for beginning, path in REACHED.items():
        if name == beginning or name.startswith(beginning + "."):
            return path + name[len(beginning) :]
    return name


def ways(newer: bool) -> list[tuple[str, str, dict[str, Any]]]:
    """(function, failure, effect), for all that return or raise; what only umqtt of 2026 has, if `newer`."""
    return [
        (name, way, effect)
        for name, known in FAILURES.items()
        for way, effect in known.items()
        if effect["do"] in ("return", "raise") and (name == "umqtt.MQTTClient.unsubscribe") == newer
    ]


def script(found: list[tuple[str, str, dict[str, Any]]]) -> str:
    """Calls each function once more than it fails, and compares."""
    lines = ["import ql_fs, umqtt", "with open('/usr/there', 'w') as file: file.write('x')", "def value(shaped):"]
    lines += [" if isinstance(shaped, dict): return tuple([value(one) for one in shaped['tuple']])"]
    lines += [" return [value(one) for one in shaped] if isinstance(shaped, list) else shaped"]
    lines += [f"import {module}" for module in sorted({name.split(".")[0] for name, _, _ in found} - {"file"})]
    for name, way, effect in found:
        at = f"{name} {way}"
        call = f"{reached(name)}('x')" if name == "file.write" else f"{reached(name)}()"
        if name == "file.open":
            call = "open('/usr/there')"
        if effect["do"] == "return":
            lines += [f"got = {call}", f"want = value({effect['value']!r})", f"assert got == want and type(got) is type(want), ({at!r}, got)"]
            continue
        error = {"FileNotFoundError": "ql_fs.FileNotFoundError", "MQTTException": "umqtt.MQTTException"}.get(effect["error"], effect["error"])
        expected = f"({effect['argument']!r},)" if "argument" in effect else "()"
        lines += ["try:", f" {call}", " got = None", f"except {error} as caught:", " got = caught.args", f"assert got == {expected}, ({at!r}, got)"]
    return "\n".join(lines)


def plan_of(found: list[tuple[str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    turn: dict[str, int] = {}
    plan = []
    for name, way, _ in found:
        turn[name] = turn.get(name, 0) + 1
        plan.append({"at": name, "nth": turn[name], "do": "fail", "as": way})
    return plan


def settled(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The script opens and closes files on its way: those calls come first."""
    files = {"file.open": 1, "file.write": 1, "file.close": 1}
    return [{**entry, "nth": entry["nth"] + files.get(entry["at"], 0)} for entry in plan]


def test_each_fake_fails_in_each_documented_way(tmp_path: Path) -> None:
    found = [one for one in ways(False) if not one[0].startswith("file.")]
    assert len(found) > 150
    passes(tmp_path, script(found), plan=plan_of(found), description={"modem.model": "EC600N"})


def test_a_file_fails_in_each_way_of_littlefs(tmp_path: Path) -> None:
    for name in ("file.open", "file.read", "file.write", "file.flush", "file.close"):
        found = [one for one in ways(False) if one[0] == name]
        passes(tmp_path, script(found), plan=settled(plan_of(found)))


def test_what_only_the_newer_umqtt_has_fails_too(tmp_path: Path) -> None:
    found = ways(True)
    assert found
    passes(tmp_path, script(found), plan=plan_of(found), quec={"umqtt": "2026"})


def test_every_function_of_the_fakes_can_be_named_in_a_plan() -> None:
    sources = [path.read_text() for path in MODULES.rglob("*.py")]
    named = {name for text in sources for name in re.findall(r'@faulty\("([^"]+)"\)', text)}
    assert named == set(FAILURES)


def test_the_turn_counts_calls_and_the_first_fault_of_the_list_acts(tmp_path: Path) -> None:
    plan = [
        {"at": "modem.getDevImei", "nth": 2},
        {"at": "modem.getDevImei", "every": 2, "do": "return", "value": {"tuple": [1, [2], {"bytes": "x"}]}},
        {"at": "sim.*", "as": "-1"},
    ]
    source = """
    import modem, sim, quecpython_sim as control
    imei = '490154203237518'
    assert [modem.getDevImei() for _ in range(5)] == [imei, -1, imei, (1, [2], b'x'), imei]
    assert control.calls('modem.getDevImei') == 5 and sim.getImsi() == sim.getStatus() == -1
    """
    passes(tmp_path, source, plan=plan)


def test_a_call_that_blocks_takes_time_and_then_works(tmp_path: Path) -> None:
    plan = [{"at": "net.operatorName", "do": "block", "ms": 180000}, {"at": "net.getCellInfo", "do": "fail", "as": "slow"}]
    source = """
    import net, utime
    assert net.operatorName()[0] == 'Test Network' and utime.time() == 180
    assert len(net.getCellInfo()[2]) == 1 and utime.time() == 189
    """
    passes(tmp_path, source, plan=plan)


def test_a_call_that_hangs_is_bitten_by_the_watchdog_or_ends_the_run(tmp_path: Path) -> None:
    source = "import net\nfrom machine import WDT\n{}net.getState()"
    plan = [{"at": "net.getState", "do": "hang"}]
    bitten = play(tmp_path, source.format("WDT(30)\n"), plan=plan)
    assert bitten.code == Ending.WATCHDOG and "not fed for 30 s, at 30." in bitten.err
    assert play(tmp_path, source.format(""), plan=plan).code == Ending.STUCK


@pytest.mark.parametrize(("kind", "lines"), [("cut", "one\n"), ("cut-after", "one\ntwo\n"), ("torn", "one\nt")])
def test_the_power_goes_before_after_or_in_the_middle_of_a_write(tmp_path: Path, kind: str, lines: str) -> None:
    plan = [{"at": "file.write", "nth": 2, **({"as": "torn"} if kind == "torn" else {"do": kind})}]
    source = """
    with open('/usr/log', 'w') as file:
        for text in ('one\\n', 'two\\n', 'three\\n'):
            file.write(text)
            file.flush()
    """
    result = play(tmp_path, source, plan=plan, usr=tmp_path / "usr")
    assert result.code == Ending.POWER_CUT and "file.write" in result.err
    assert (tmp_path / "usr/log").read_text() in (lines, lines + "w")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"at": "net.getState"}, "is no JSON list"),
        ([{"at": "net.getStat"}], "entry 1: .*did you mean net.getState"),
        ([{"at": "net.getState"}, {"at": 3}], 'entry 2: "at" names no function'),
        ([{"do": "fail"}], 'with "at" .a fault. or "after_s"'),
        ([{"at": "net.getState", "after_s": 1}], 'with "at" .a fault. or "after_s"'),
        ([{"at": "net.getState", "do": "explode"}], '"do" is one of fail, return'),
        ([{"at": "net.getState", "as": "99"}], '"net.getState" cannot fail as "99"; it can as: -1'),
        ([{"at": "net.*", "as": "nonsense"}], 'nothing of "net...?" can fail as "nonsense"'),
        ([{"at": "uos.getcwd"}], "it can as: nothing that is documented"),
        ([{"at": "net.getState", "nth": 0}], '"nth" is a number from 1'),
        ([{"at": "net.getState", "nth": 1, "every": 2}], '"nth" or "every", not both'),
        ([{"at": "net.getState", "do": "hang", "ms": 3}], '"hang" has no "ms"; it has no arguments'),
        ([{"at": "net.getState", "do": "raise", "error": "Exception"}], '"error" is one of AssertionError'),
        ([{"at": "net.getState", "do": "raise", "error": "MQTTException"}], '"error" is one of'),
        ([{"at": "net.getState", "do": "block", "ms": -1}], '"ms" is a number'),
        ([{"after_s": -1, "modem.rssi": -50}], '"after_s" is a number'),
        ([{"after_s": 1}], "nothing changes"),
        ([{"after_s": 1, "modem.imeii": "1"}], '"modem.imeii" cannot change'),
        ([{"after_s": 1, "usr_kib": 100}], '"usr_kib" cannot change'),
        ([{"after_s": 1, "modem.registration": 12}], '"modem.registration" is no number from 0 to 11'),
        ([{"after_s": 1, "uart_input": {"9": "x"}}], 'has a port with "9"'),
    ],
    ids=json.dumps,
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused_with_its_entry(plan: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_plan(plan)
