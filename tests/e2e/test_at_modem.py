# SPDX-License-Identifier: MIT
"""The whole agent on MicroPython over AT commands: simulated modem, real mosquitto, real receiver."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.certificates import Authority
from e2e.deployment import Deployment, deploying

from quell_host import runtime
from quell_host.demo.servers import free_port

pytestmark = pytest.mark.timeout(120)
SCRIPT = Path(__file__).parent / "at_agent.py"


class AtDeployment(Deployment):
    """A deployment whose agent has a modem. `dialect`, `faults`: of the simulator; `ca`: instead of the right one."""

    def __init__(
        self, folder: Path, dialect: str = "pubex", faults: list[dict[str, Any]] | None = None, tls: bool = False, ca: Path | None = None
    ) -> None:
        super().__init__(folder, tls=tls)
        self._dialect, self._faults, self._ca = dialect, faults or [], ca
        self.modem_port = free_port()
        self.modem: subprocess.Popen[bytes] | None = None

    def start_agent(self) -> subprocess.Popen[bytes]:
        if self.modem is None:
            self._start_modem()
        host = "localhost" if self.tls else "127.0.0.1"
        broker: dict[str, Any] = {"host": host, "port": self.broker.port, "keepalive_s": 30}
        if self.authority is not None:
            broker["ca"] = str(self._ca or self.authority.ca)
        config = {
            "dir": str(self.device),
            "modem_port": self.modem_port,
            "at": {"apn": "internet", "broker": broker},
            "app": str(SCRIPT.parent / "counting_app.py"),
            "poll_ms": 10,
        }
        path = self.folder / "agent.json"
        path.write_text(json.dumps(config))
        self._env["MICROPYPATH"] = runtime.environment()["MICROPYPATH"]
        self.agent = self.start("agent", [str(runtime.micropython()), "-X", "heapsize=1M", str(SCRIPT), str(path)])
        return self.agent

    def _start_modem(self) -> None:
        faults = self.folder / "faults.json"
        faults.write_text(json.dumps(self._faults))
        arguments = ["modem-sim", "--port", str(self.modem_port), "--dialect", self._dialect, "--faults", str(faults)]
        self.modem = self.start("modem", [*self.command(), *arguments, "--transcript", str(self.folder / "modem.txt")])
        self.wait("the modem", lambda: str(self.modem_port) in (self.folder / "modem.log").read_text())

    def samples(self) -> dict[str, Any]:
        """What the modem's sources said last."""
        try:
            return json.loads((self.device / "samples.json").read_text())
        except (OSError, ValueError):
            return {}

    def whole_job(self) -> None:
        """Grant, records, withdraw, and the receipt that says so."""
        self.with_policy().granted()
        self.produce()
        self.wait("records", lambda: len(self.numbers()) >= 5)
        self.produce(False)
        self.consent("withdraw")
        assert self.numbers() == []
        assert self.receipts()[-1]["outcome"] == "done"
        assert self.status()["counters"].get("wire-malformed", 0) == 0


Start = Callable[..., AtDeployment]


@pytest.fixture
def start(made: Path, tmp_path: Path) -> Iterator[Start]:
    """`start(**options)` starts an AtDeployment; it ends with the test."""
    yield from deploying(made, tmp_path, AtDeployment)


@pytest.mark.parametrize("dialect", ["pubex", "pub"])
def test_the_whole_job_in_each_dialect(start: Start, dialect: str) -> None:
    lab = start(dialect=dialect)
    lab.whole_job()
    assert lab.status()["counters"].get("link-failed", 0) == 0


def test_a_modem_that_publishes_only_inline_says_so_and_nothing_leaves(start: Start) -> None:
    lab = start(dialect="inline")
    lab.wait("the refusal", lambda: "cannot publish" in lab.status().get("link", {}).get("last_error", ""))
    assert lab.status()["instance"] == ""
    assert b"QMTOPEN" not in (lab.folder / "modem.txt").read_bytes()


def test_what_the_modem_says_of_itself(start: Start) -> None:
    lab = start()
    lab.wait("the operator and the clock", lambda: lab.samples().get("modem.operator") and lab.samples().get("hint_s"))
    said = lab.samples()
    assert abs(said.pop("hint_s") - time.time()) < 30
    assert said == {
        "modem.imei": "490154203237518", "modem.imsi": "001010123456789", "modem.iccid": "8988211000000000014", "modem.phone": "+15550100",
        "modem.model": "EC200U", "modem.firmware": "EC200UCNAAR03A01M08", "modem.serial": "E1X20AB00000001",
        "modem.operator": "Test Network", "modem.rssi": -65, "modem.registration": 1, "modem.mcc": 1, "modem.mnc": 1,
        "modem.cell-id": "01C0FFEE", "modem.lac": "1A2B", "modem.battery-mv": 3900, "modem.sim-status": 1, "boots": said["boots"],
    }  # fmt: skip
    lab.wait("an instance", lambda: lab.status().get("instance"))


def test_the_whole_job_with_a_modem_that_misbehaves(start: Start) -> None:
    faults = [
        {"at": "AT+QMTPUBEX=0", "do": "split", "bytes": 1, "ms": 1, "every": 3},
        {"at": "AT+QMTPUBEX=0", "do": "prompt-lost", "nth": 4},
        {"at": "AT+QMTRECV=0", "do": "bare-lf", "every": 4},
        {"at": "AT+QMTSUB", "do": "urc", "text": "+QMTPING: 0,0", "every": 2},
        {"at": "AT+QIACT", "do": "merge", "ms": 100},
        {"at": "AT+CSQ", "do": "silent", "nth": 2},
        {"at": "AT+CIMI", "do": "garbage", "bytes": 600, "every": 2},
        {"at": "+QMTRECV", "do": "silent", "nth": 3},
        {"at": "AT+QMTPUBEX=0", "do": "reset", "nth": 10},
    ]
    lab = start(faults=faults)
    lab.with_policy().granted()
    lab.produce()
    lab.wait("records", lambda: len(lab.numbers()) >= 5)
    lab.wait("the modem's restart", lambda: (lab.folder / "modem.log").read_text().count("boot") >= 2)
    lab.produce(False)
    durable = lab.durable()
    lab.wait("all durable records", lambda: set(durable) <= set(lab.numbers()))
    assert len(lab.numbers()) == len(set(lab.numbers()))
    lab.consent("withdraw")
    assert lab.numbers() == []


def test_the_whole_job_over_tls(start: Start) -> None:
    start(tls=True).whole_job()


def test_a_server_of_another_authority_gets_nothing(start: Start, tmp_path: Path) -> None:
    lab = start(tls=True, ca=Authority(tmp_path / "other", "another CA").ca)
    lab.wait("a refused connection", lambda: lab.status().get("counters", {}).get("link-failed", 0) >= 1)
    assert lab.status()["instance"] == ""
    assert "broker" in lab.status()["link"]["last_error"]
