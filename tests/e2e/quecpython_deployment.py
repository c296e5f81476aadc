# SPDX-License-Identifier: MIT
"""A deployment whose device is a simulated QuecPython module: fake modules that fail as the documents say, a real broker."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from e2e.deployment import Deployment

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware"
CORE = ("quell", "ports/quecpython")
SHARED = (
    "__init__", "board", "calendar", "catalogue", "console", "provision", "reasons", "settings", "shapes", "status", "traceback",
    "vfs_flash",
)  # fmt: skip
FACTS = """NAME = "QUECPYTHON_SIM"
FILE_SYSTEM = "littlefs1"
SEGMENTS = 12
SEGMENT_BYTES = 4096
"""
KEYS_TO_SECURE_DATA = """
import uos, SecureData
from ports.quecpython.secure_data import SecureDataFlash
from ports.vfs_flash import VfsFlash
files = VfsFlash("/usr/quell.data", "littlefs1")
secure = SecureDataFlash(SecureData, files)
for name in ("keys.a", "keys.b"):
    data = files.read(name)
    if data is not None:
        secure.write(name, data)
        files.erase(name)
print("moved")
"""


class QuecpythonDeployment(Deployment):
    """`description`: the device, as for `quell quecpython-sim`; `broker_config`: more of the agent's configuration.

    The module's console is `agent.log`; its flash the folder `usr` and the file `state.json`.
    """

    def __init__(
        self, folder: Path, description: dict[str, Any] | None = None, config: dict[str, Any] | None = None, secure: bool = True, **options: Any
    ) -> None:
        super().__init__(folder, **options)
        self.usr = folder / "usr"
        self.device = self.usr / "quell.data"
        self.state = folder / "state.json"
        self._description = {"quecpython": {"usr_kib": 1024}, **(description or {})}  # each file takes a block
        self._config = config or {}
        self._secure = secure
        self._started_at = 0

    def make_device(self) -> None:
        for part in CORE:
            shutil.copytree(FIRMWARE / part, self.usr / part, ignore=shutil.ignore_patterns("__pycache__"))
        for name in SHARED:
            shutil.copy(FIRMWARE / f"ports/{name}.py", self.usr / "ports")
        shutil.copy(FIRMWARE / "main.py", self.usr)
        shutil.copy(HERE / "quecpython_board.py", self.usr / "quell_board.py")
        shutil.copy(HERE / "quecpython_app.py", self.usr / "main_app.py")
        (self.usr / "quell_facts.py").write_text(FACTS)
        (self.folder / "module.json").write_text(json.dumps(self._description))
        port = self.broker.port if self.tap is None else self.tap.port
        config = {"broker": {"host": "127.0.0.1", "port": port}, **self._config}
        (self.usr / "quell.json").write_text(json.dumps(config))
        super().make_device()
        if self._secure:
            script = self.folder / "keys_to_secure_data.py"
            script.write_text("import usys\nusys.path.append('/usr')\n" + KEYS_TO_SECURE_DATA)
            assert "moved" in self.quell(*self._sim(script))

    def _sim(self, script: Path, *more: str) -> list[str]:
        module = ["--device", str(self.folder / "module.json"), "--usr", str(self.usr), "--state", str(self.state)]
        return ["quecpython-sim", str(script), *module, "--heap-kib", "2048", *more]

    def start_agent(self) -> subprocess.Popen[bytes]:
        log = self.folder / "agent.log"
        self._started_at = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            command = [*self.command(), *self._sim(self.usr / "main_app.py", "--real-time", "--no-division")]
            self.agent = subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self._env, start_new_session=True
            )
        return self.agent

    def kill_agent(self) -> None:
        """SIGKILL to the simulator and its MicroPython: a power cut between two writes."""
        assert self.agent is not None
        if self.agent.poll() is None:
            os.killpg(self.agent.pid, signal.SIGKILL)
            self.agent.wait()

    def end(self) -> None:
        if self.agent is not None:
            self.kill_agent()
        super().end()

    def answered(self) -> bool:
        return self.said("quell link answered")

    def said(self, text: str) -> bool:
        """Whether the console said so since the module was started."""
        return text.encode() in self.console()[self._started_at :]

    def console(self) -> bytes:
        """All that the module printed."""
        return (self.folder / "agent.log").read_bytes()

    def durable(self) -> list[int]:
        lines = self.console().splitlines()
        return [int(line.split()[2]) for line in lines if line.startswith(b"app durable ")]
