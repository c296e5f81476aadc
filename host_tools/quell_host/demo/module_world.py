# SPDX-License-Identifier: MIT
"""The demo's world with a simulated QuecPython module (`quell quecpython-sim`) as its device, keys in SecureData."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from quell_host import runtime
from quell_host.board.agent_files import package
from quell_host.demo.world import World

_HERE = Path(__file__).parent
_HEAP_KIB = 2048
IDENTIFIERS = {
    "modem.imei": "867530912345671",
    "modem.imsi": "460019876543210",
    "modem.iccid": "89860200001234567890",
    "modem.phone": "+8613912345678",
    "modem.serial": "D1X22K9QZ7710042",
    "modem.cell-id": "2A3B4C5",
    "modem.lac": "7F31C",
}
_APN_USER, _APN_PASSWORD, _ADDRESS, _NEIGHBOUR = "apnuser4711", "apnsecret0815", "10.77.66.55", "0a:1b:2c:3d:4e:5f"
DESCRIPTION: dict[str, Any] = {
    **IDENTIFIERS,
    "modem.model": "EC200U",
    "modem.firmware": "EC200UEUAAR03A04M08_OCPU_QPY",
    "modem.operator": "Test Network",
    "modem.mcc": 460,
    "modem.mnc": 1,
    "modem.rssi": -71,
    "modem.battery-mv": 3800,
    "quecpython": {
        "usr_kib": 1024,  # here each module of the agent is a file of its own; a package takes 21 blocks
        "contexts": [{"id": 1, "apn": "internet", "user": _APN_USER, "password": _APN_PASSWORD, "at_boot": True}],
        "ip": _ADDRESS,
        "wifi": [[_NEIGHBOUR, -60]],
    },
}
_MOVE_KEYS = """\
import usys
usys.path.append("/usr")
import SecureData
from ports.quecpython.secure_data import SecureDataFlash
from ports.vfs_flash import VfsFlash
files = VfsFlash("/usr/quell.data", "littlefs1")
secure = SecureDataFlash(SecureData, files)
for name in ("keys.a", "keys.b"):
    data = files.read(name)
    if data is not None:
        secure.write(name, data)
        files.erase(name)
"""


class ModuleWorld(World):
    """Everything below `folder`. `/usr` of the module is `usr`, SecureData is in state.json, its console agent.log."""

    what = "The agent on a simulated QuecPython module"
    policy = _HERE / "module_policy.toml"
    app = _HERE / "module_app.py"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.usr = folder / "usr"
        self.device = self.usr / "quell.data"
        self.state = folder / "state.json"

    def provision(self, *arguments: str) -> None:
        """The agent's files, its configuration and an identity; then its keys go into SecureData."""
        for file in package("QUECPYTHON_SIM", runtime.firmware()).files:
            path = self.usr / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        shutil.copy(self.app, self.usr / "main.py")
        broker = {"host": "127.0.0.1", "port": self.tap.port if self.tap else self.broker.port}
        (self.usr / "quell.json").write_text(json.dumps({"broker": broker}))
        (self.folder / "module.json").write_text(json.dumps(DESCRIPTION))
        super().provision(*arguments)
        script = self.folder / "move_keys.py"
        script.write_text(_MOVE_KEYS)
        self.quell(*self.simulated(script))

    def simulated(self, script: Path, *more: str) -> list[str]:
        """The arguments of `quell` that run a script on the module."""
        module = ["--device", str(self.folder / "module.json"), "--usr", str(self.usr), "--state", str(self.state)]
        return ["quecpython-sim", str(script), *module, "--heap-kib", str(_HEAP_KIB), *more]

    def start_agent(self) -> subprocess.Popen[bytes]:
        """The customer's program, with the agent in a thread of it. Big-integer division would end it."""
        run = self.simulated(self.usr / "main.py", "--real-time", "--no-division")
        return self.start("agent", [*self.command(), *run])

    def status(self) -> dict[str, Any]:
        try:
            return json.loads((self.usr / "status.json").read_text())
        except (OSError, ValueError):
            return {}

    def emitted(self) -> tuple[int, int]:
        found = re.findall(rb"app taken (\d+) refused (\d+)\n", (self.folder / "agent.log").read_bytes())
        return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)

    def produce(self, on: bool = True) -> None:
        flag = self.usr / "produce"
        if on:
            flag.touch()
        else:
            flag.unlink(missing_ok=True)

    def identifiers(self) -> dict[str, str]:
        return {
            **{name.split(".")[1]: value for name, value in IDENTIFIERS.items() if len(value) >= 6},
            "apn-user": _APN_USER, "apn-password": _APN_PASSWORD, "ipv4": _ADDRESS, "neighbour": _NEIGHBOUR,
        }  # fmt: skip

    def heap_bytes(self) -> int | None:
        """Not tried here: the simulator lives in the same heap. `make bench` has the figures of a 32-bit board."""
        return None
