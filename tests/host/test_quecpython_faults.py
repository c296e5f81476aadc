# SPDX-License-Identifier: MIT
"""The agent on a simulated module meets each documented failure of each function that it calls, while it runs and while it starts.

`QUELL_LONG=1` walks more: each failure at the first and second call alone, too, and with both versions of `umqtt`.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from quell_host.preview.description import read_description
from quell_host.quecpython_sim.facts import facts_of
from quell_host.quecpython_sim.failures import FAILURES, Effect
from quell_host.quecpython_sim.plan import checked_plan
from quell_host.quecpython_sim.run import Ending, Job, run

pytestmark = pytest.mark.timeout(540)
LONG = bool(os.environ.get("QUELL_LONG"))
ROOT = Path(__file__).resolve().parents[2]
BOARD = """from ports.quecpython.board import QuecBoard
def make():
    return QuecBoard("SIM", "littlefs2", 12, 4096)
"""
CONFIG = {"broker": {"host": "127.0.0.1"}, "watchdog_s": 3600, "flush_below_mv": 3400}
# what the agent asks while it runs only: no start under these
QUIET = ("modem.", "sim.", "net.get", "net.nitz", "net.operator", "dataCall.")
NOTHING_FAILS = (  # what else it calls; these names prove nothing by a documented failure
    "uos.urandom", "utime.", "log.", "_thread.allocate_lock", "_thread.lock.release", "umqtt.MQTTClient.set_callback",
    "umqtt.MQTTClient.close", "umqtt.MQTTClient.disconnect",
)  # fmt: skip
GROUPS = {
    "sources": ("modem.", "sim.", "net.", "dataCall.getInfo", "misc.Power.getVbatt", "machine.RTC.datetime"),
    "files": ("file.", "uos.", "SecureData."),
    "link": ("umqtt.MQTTClient.", "usocket.getaddrinfo"),
    "threads": ("_thread.", "machine.WDT"),
}
USED = {
    "modem.getDevImei", "modem.getDevModel", "modem.getDevFwVersion", "modem.getDevSN", "sim.getStatus", "sim.getImsi",
    "sim.getIccid", "sim.getPhoneNumber", "net.operatorName", "net.getState", "net.csqQueryPoll", "net.nitzTime",
    "dataCall.getInfo", "misc.Power.getVbatt", "machine.RTC.datetime", "machine.WDT", "machine.WDT.feed",
    "SecureData.Store", "SecureData.Read", "uos.remove", "uos.stat", "uos.statvfs", "uos.mkdir", "uos.rename", "file.open",
    "file.read", "file.write", "file.close", "umqtt.MQTTClient.connect", "umqtt.MQTTClient.publish",
    "umqtt.MQTTClient.subscribe", "umqtt.MQTTClient.wait_msg", "umqtt.MQTTClient.ping", "usocket.getaddrinfo",
    "_thread.start_new_thread", "_thread.lock.acquire", "_thread.stack_size",
}  # fmt: skip
HALVES = {  # what a torn answer could look like
    "modem.getDevImei": "49015420323", "sim.getImsi": "0010101234", "sim.getIccid": "898821100000000",
    "sim.getPhoneNumber": "+1555",
}  # fmt: skip


class Module:
    """A module that is provisioned, has a policy and consent: `folder` has its flash."""

    def __init__(self, folder: Path, umqtt: str = "2021") -> None:
        self.folder = folder
        device = folder / "device.json"
        quec = {"usr_kib": 2048, "umqtt": umqtt}
        device.write_text(json.dumps({"modem.model": "EC600N", "time.now": 1800000000, "quecpython": quec}))
        self._facts = facts_of(read_description(device))

    def make(self) -> "Module":
        usr = self.folder / "usr"
        ignored = shutil.ignore_patterns("__pycache__", "unix", "qemu", "at_modem")
        for part in ("quell", "ports"):
            shutil.copytree(ROOT / "firmware" / part, usr / part, ignore=ignored)
        shutil.copy(ROOT / "tests/sim/sim_host.py", usr)
        for name in ("ram_broker", "life", "walk"):
            shutil.copy(ROOT / f"tests/host/quecpython_{name}.py", usr / f"{name}.py")
        (usr / "quell_board.py").write_text(BOARD)
        (usr / "quell.json").write_text(json.dumps(CONFIG))
        (usr / "main.py").write_text("import usys\nusys.path.append('/usr')\nimport walk\n")
        assert "prepared []" in self.run()[1]
        return self

    def run(self, cases: Any = None, plan: Any = ()) -> tuple[int, str]:
        """-> (exit code, what came on the console)."""
        usr = self.folder / "usr"
        if cases is not None:
            (usr / "walk.json").write_text(json.dumps(cases))
        job = Job(
            usr / "main.py", self._facts, checked_plan(list(plan)), usr=usr, state=self.folder / "state.json", heap_kib=4096
        )
        with (self.folder / "console").open("wb") as out:
            code = run(job, stdout=out, stderr=out, timeout=500)
        return code, (self.folder / "console").read_text(errors="replace")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Module(tmp_path_factory.mktemp("module")).make().folder


def case(name: str, way: str, effect: Effect, turn: int = 0) -> dict[str, Any]:
    """`turn`: the one call that fails; 0: all of them."""
    boot = not name.startswith(QUIET)
    strict = way not in ("raise", "memory", "hang")
    return {"name": name, "way": way, "effect": effect, "turn": turn, "boot": boot, "strict": strict}


def documented(group: str) -> list[tuple[str, str, Effect]]:
    """(function, way, effect) of a group; a write that tears ends the process, and has a test of its own."""
    return [
        (name, way, effect)
        for name in FAILURES
        if name in USED and name.startswith(GROUPS[group])
        for way, effect in FAILURES[name].items()
        if effect["do"] != "torn"
    ]


def walked(prepared: Path, folder: Path, cases: list[dict[str, Any]], umqtt: str = "2021") -> str:
    """Walk the cases on a copy of the module -> its console."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    code, said = Module(folder, umqtt).run(cases)
    bad = [line for line in said.splitlines() if line.startswith("bad ")]
    assert not bad and code == 0 and f"walked {len(cases)}" in said, "\n".join(bad) or said[-3000:]
    assert "Traceback" not in said, said[-3000:]
    return said


def called(said: str) -> set[str]:
    line = next(line for line in said.splitlines() if line.startswith("called "))
    return set(line.split()[1:])


@pytest.mark.parametrize("group", GROUPS)
def test_each_documented_failure_is_survived_counted_and_gives_no_part_of_an_identifier(
    prepared: Path, tmp_path: Path, group: str
) -> None:
    cases = [case(*one) for one in documented(group)]
    if group == "sources":
        cases += [case(name, "half", {"do": "return", "value": value}) for name, value in HALVES.items()]
    if group == "files":
        cases.append(case("room", "full", {}))
        # nobody acknowledges either, so that records must be given up
        failing = [("room", "full", {}), ("file.write", "eio", FAILURES["file.write"]["eio"])]
        cases += [{**case(*one), "mute": True, "seconds": 150} for one in failing]
    said = walked(prepared, tmp_path, cases)
    assert {name for name in called(said) if not name.startswith(NOTHING_FAILS)} <= USED


def test_what_blocks_or_raises_what_nobody_documents_is_survived(prepared: Path, tmp_path: Path) -> None:
    block, error = {"do": "block", "ms": 1500}, {"do": "raise", "error": "RuntimeError"}
    memory = {"do": "raise", "error": "MemoryError"}
    names = ("modem.getDevImei", "net.getState", "SecureData.Store", "file.write", "umqtt.MQTTClient.wait_msg")
    cases = [case(name, way, effect) for name in names for way, effect in (("block", block), ("raise", error))]
    cases += [case(name, "memory", memory) for name in ("misc.Power.getVbatt", "sim.getImsi", "file.open")]
    walked(prepared, tmp_path, cases)


def test_what_never_returns_stops_no_more_than_its_own_thread_or_is_seen_by_the_watchdog(prepared: Path, tmp_path: Path) -> None:
    names = ["net.operatorName", "net.nitzTime", "umqtt.MQTTClient.connect", "umqtt.MQTTClient.wait_msg"]
    names += ["net.getState", "file.write", "SecureData.Store"]
    walked(prepared, tmp_path, [case(name, "hang", {"do": "hang"}) for name in names])


@pytest.mark.parametrize(
    ("name", "kind", "turns"),
    [("file.write", "torn", (3, 8, 13)), ("SecureData.Store", "torn", (1, 2, 40)), ("file.close", "cut", (40, 100, 120, 140))],
)
def test_power_that_goes_in_a_write_takes_nothing_that_was_durable(
    prepared: Path, tmp_path: Path, name: str, kind: str, turns: tuple[int, ...]
) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    module = Module(tmp_path)
    effect = {"as": "torn"} if kind == "torn" else {"do": kind}
    ends, numbers, promised = [], set(), set()
    for nth in turns if not LONG else range(1, max(turns)):
        code, said = module.run({"most_s": 12, "first": 1000 * nth}, [{"at": name, "nth": nth, **effect}])
        ends.append(code)
        promised |= set(re.findall(r"^durable (\d+)", said, re.M))
        numbers |= set(re.findall(r"^arrived (\d+)", said, re.M))
        assert "Traceback" not in said and "noted" not in said, said[-2000:]
    code, said = module.run({"most_s": 12, "first": 1000000})
    numbers |= set(re.findall(r"^arrived (\d+)", said, re.M))
    assert code == 0 and Ending.POWER_CUT in ends and promised and promised <= numbers, (ends, promised - numbers, said[-2000:])


@pytest.mark.skipif(not LONG, reason="QUELL_LONG=1")
@pytest.mark.parametrize("umqtt", ["2021", "2026"])
@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("group", GROUPS)
def test_a_failure_of_one_call_alone_is_survived_too(
    prepared: Path, tmp_path: Path, group: str, turn: int, umqtt: str
) -> None:
    walked(prepared, tmp_path, [case(*one, turn) for one in documented(group)], umqtt)


@pytest.mark.skipif(not LONG, reason="QUELL_LONG=1")
def test_each_failure_of_the_link_is_survived_with_umqtt_of_2026(prepared: Path, tmp_path: Path) -> None:
    walked(prepared, tmp_path, [case(*one) for one in documented("link")], "2026")
