# SPDX-License-Identifier: MIT
"""The demo's world: folders, processes and the commands of `quell`, as a user would type them."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quell_host import runtime
from quell_host.demo import leaks, report
from quell_host.demo.servers import Broker
from quell_host.demo.tap import Tap
from quell_host.errors import QuellError

_WAIT_S = 45
_HERE = Path(__file__).parent


class World:
    """Everything below `folder`, which is emptied first. Its device is the agent on this PC.

    `what`: that in words; `policy`: the file of what it may do.
    """

    what = "A real agent on MicroPython"
    policy = _HERE / "policy.toml"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = folder / "device"
        self.logs = folder / "logs"
        self.home = folder / "home"
        self.broker = Broker(folder / "broker")
        self.tap: Tap | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._env = {
            **os.environ,
            "QUELL_HOME": str(self.home),
            "QUELL_BROKER": f"mqtt://127.0.0.1:{self.broker.port}",
            "QUELL_DEMO_FOLDER": str(folder),
            "NO_COLOR": "1",
            "COLUMNS": "80",
        }

    # commands ----------------------------------------------------------------------------------

    @staticmethod
    def command() -> list[str]:
        """How to run this very `quell`."""
        return [sys.executable, "-m", "quell_host.cli"]

    def quell(self, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
        """Run `quell ARGUMENTS` -> stdout. Raises QuellError with its error when it exits otherwise."""
        done = subprocess.run(
            [*self.command(), *arguments],
            capture_output=True,
            text=True,
            env=self._env,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode not in ok:
            why = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise QuellError(f"quell {' '.join(arguments[:2])}: {why[-1] if why else 'failed'}")
        return done.stdout

    def start(self, name: str, command: list[str], stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a long-running process; its output goes to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=stdin, env=self._env)
        self._processes.append(process)
        return process

    def provision(self, *arguments: str) -> None:
        """`quell provision` with these arguments makes the device."""
        self.quell("provision", "--dir", str(self.device), *arguments)

    def start_receiver(self) -> None:
        """`quell receive` on the broker."""
        self.start("receiver", [*self.command(), "receive", "--json"])

    def start_agent(self) -> subprocess.Popen[bytes]:
        """The agent on MicroPython, through the tap."""
        config = self.folder / "agent.json"
        config.write_text(json.dumps(self.agent_config(), indent=2) + "\n")
        env_path = runtime.environment()["MICROPYPATH"]
        self._env["MICROPYPATH"] = env_path
        return self.start("agent", [*runtime.command("ports/unix/main.py"), str(config)])

    def agent_config(self) -> dict[str, Any]:
        """The agent's configuration: the broker through the tap."""
        if self.tap is None:
            raise QuellError("the tap must run before the agent")
        return {
            "dir": str(self.device),
            "broker": {"host": "127.0.0.1", "port": self.tap.port, "keepalive_s": 10},
            "logs": {name: str(self.logs / f"{name}.log") for name in ("packages", "network")},
            "withdraw_file": str(self.folder / "withdraw"),
            "app": str(_HERE / "device_app.py"),
            "poll_ms": 20,
        }

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """The caller has ended this process; `wait` need not complain."""
        self._processes.remove(process)

    def end(self) -> None:
        """End what was started, the last first."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._processes.clear()
        self.broker.stop()
        if self.tap is not None:
            self.tap.close()

    # looking -----------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What the agent last wrote about itself; {} before it did."""
        try:
            return json.loads((self.device / "status.json").read_text())
        except (OSError, ValueError):
            return {}

    def answered(self) -> bool:
        """Whether the device has an instance and the ledger knows that it uses it: commands can be bound to it."""
        instance = self.status().get("instance")
        return bool(instance) and bool(self.rows("select 1 from v_devices where instance = ?", instance))

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the ledger through its documented views."""
        path = self.home / "ledger.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute(query, parameters).fetchall()

    def produce(self, on: bool = True) -> None:
        """Let the application offer records, or not."""
        if on:
            (self.folder / "produce").touch()
        else:
            (self.folder / "produce").unlink(missing_ok=True)

    def identifiers(self) -> dict[str, str]:
        """What identifies the device, by name."""
        return leaks.machine_identifiers()

    def heap_bytes(self) -> int | None:
        """The smallest heap in which the device's agent passes."""
        return report.smallest_heap_bytes(self.folder)

    def receiver_listens(self) -> bool:
        """True once the receiver has said that it listens."""
        return "listening" in (self.folder / "receiver.log").read_text()

    def stored(self, purpose: str) -> int:
        """Records of a purpose that the receiver holds."""
        return int(self.rows("select count(*) from v_records where purpose = ?", purpose)[0][0])

    def emitted(self) -> tuple[int, int]:
        """What the application counted: (taken, refused) by the agent."""
        try:
            taken, refused = (self.folder / "emitted.txt").read_text().split()
        except (OSError, ValueError):
            return 0, 0
        return int(taken), int(refused)

    def wait(self, what: str, condition: Callable[[], object], seconds: float = _WAIT_S) -> None:
        """Wait until `condition()` is true. Raises QuellError naming `what` when it takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise QuellError(f"the demo waited {seconds:.0f} s for {what} in vain", "see build/demo/*.log")
            for process in self._processes:
                if process.poll() is not None:
                    raise QuellError(f"a process of the demo ended while it waited for {what}", "see build/demo/*.log")
            time.sleep(0.05)
