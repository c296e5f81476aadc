# SPDX-License-Identifier: MIT
"""A deployment whose device is a simulated QuecPython module: fake modules that fail as the documents say, a real broker."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from e2e.deployment import Deployment

from quell_host.demo.module_world import ModuleWorld


class QuecpythonDeployment(Deployment, ModuleWorld):
    """The demo's module with another program on it. Its console is `agent.log`."""

    app = Path(__file__).with_name("quecpython_app.py")

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self._started_at = 0

    def start_agent(self) -> subprocess.Popen[bytes]:
        log = self.folder / "agent.log"
        self._started_at = log.stat().st_size if log.exists() else 0
        self.agent = ModuleWorld.start_agent(self)
        return self.agent

    def kill_agent(self) -> None:
        """SIGKILL to the simulator's MicroPython: a power cut between two writes."""
        assert self.agent is not None
        children = Path(f"/proc/{self.agent.pid}/task/{self.agent.pid}/children").read_text().split()
        for pid in [*map(int, children), self.agent.pid]:
            os.kill(pid, signal.SIGKILL)
        self.agent.wait()
        self.forget(self.agent)

    def answered(self) -> bool:
        said = b"quell link answered" in self.console()[self._started_at :]
        return said and bool(self.rows("select 1 from v_devices where instance != ''"))

    def console(self) -> bytes:
        """All that the module printed."""
        return (self.folder / "agent.log").read_bytes()

    def durable(self) -> list[int]:
        lines = self.console().splitlines()
        return [int(line.split()[2]) for line in lines if line.startswith(b"app durable ")]
