# SPDX-License-Identifier: MIT
"""A deployment whose device is the emulated board: NOR chip, REPL on a pty, and a modem that reaches the broker."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from e2e.certificates import Authority
from e2e.deployment import Deployment

from quell_host.demo.servers import free_port
from quell_host.emulator import Emulator

APP = Path(__file__).parent / "board_app.py"
_DURABLE = re.compile(rb"app durable (\d+) (\d+)\r?\n")


class BoardDeployment(Deployment):
    """`store`: "nor", "littlefs1" or "littlefs2"; `identity`: who the modem is, as for `quell modem-sim --device`.

    `policy`: another file beside this one; `other_ca`: the device trusts an authority that is not the broker's; `app`:
    another application beside this one, which may use board_app.
    """

    def __init__(
        self, folder: Path, store: str = "nor", identity: dict[str, Any] | None = None, policy: str = "", other_ca: bool = False,
        app: str = "", **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(folder, **options)
        self._trusted = Authority(folder / "other-ca") if other_ca else self.authority
        if policy:
            source = Path(shutil.copy(Path(__file__).with_name(policy), folder / "policy.toml"))
            self.quell("policy", "build", str(source), "--key", "publisher")
        self.store = store
        self.modem_port = free_port()
        self.emulator = Emulator(folder / "nor.img", self.modem_port)
        self._identity = identity
        self._app = app
        self._started_at = 0

    def make_device(self) -> None:
        self.start_modem()
        self.emulator.start()
        if self.store != "nor":
            self.on_board(
                f"from ports.qemu import parts; parts.format_usr({self.store[-1]}); open('/usr/quell.files', 'w').close()"
            )
        if self._app:
            self.mpremote("fs", "cp", str(APP), ":/usr/", "+", "fs", "cp", str(APP.with_name(self._app)), ":/usr/app.py")
        else:
            self.mpremote("fs", "cp", str(APP), ":/usr/app.py")
        self.provision_over_port()

    def provision_over_port(self) -> None:
        port = self.broker.port if self.tls or self.tap is None else self.tap.port
        tls = ["--ca", str(self._trusted.ca)] if self._trusted else []
        host = "localhost" if self.tls else "127.0.0.1"
        self.quell(
            "provision", "--port", self.emulator.pty, "--broker", f"{host}:{port}", *tls, "--apn", "internet",
            "--name", "lab", "--region", "eu", "--operator", "operator", "--subject", "owner",
            "--policy-key", "publisher", "--stay",
        )  # fmt: skip

    def start_modem(self) -> None:
        options = ["--port", str(self.modem_port), "--json", "--control", "--transcript", str(self.folder / "modem.txt")]
        if self._identity:
            path = self.folder / "modem.json"
            path.write_text(json.dumps(self._identity))
            options += ["--device", str(path)]
        self.modem_process = self.start("modem", [*self.command(), "modem-sim", *options], stdin=subprocess.PIPE)
        self.wait("the modem", lambda: "listening" in (self.folder / "modem.log").read_text())

    # the board -----------------------------------------------------------------------------------

    def mpremote(self, *arguments: str) -> str:
        """`mpremote connect PTY resume ARGUMENTS` -> stdout."""
        command = [str(Path(sys.executable).with_name("mpremote")), "connect", self.emulator.pty, "resume", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def on_board(self, code: str) -> str:
        """Run Python on the board, which then is at its REPL."""
        return self.mpremote("exec", code)

    def start_agent(self) -> None:
        """Power on, or start anew whoever is at the REPL: main.py runs the agent."""
        if self.emulator.running():
            self.emulator.kill()
        self._started_at = len(self.emulator.console)
        self.emulator.start()
        self.emulator.listen()

    def kill_agent(self) -> None:
        self.emulator.kill()

    def stop_agent(self) -> None:
        """Ctrl-C: what is in RAM goes to flash; the board is at its REPL."""
        self.emulator.quiet()
        self.on_board("pass")

    def end(self) -> None:
        self.emulator.kill()
        (self.folder / "console.log").write_bytes(self.emulator.console)
        super().end()

    def answered(self) -> bool:
        return self.said("quell link answered")

    def said_since_start(self, text: str) -> bool:
        """Whether the console said so since the board was started."""
        return text.encode() in self.emulator.console[self._started_at :]

    def said(self, text: str) -> bool:
        """Whether the console said so."""
        return text.encode() in self.emulator.console

    def durable(self) -> list[int]:
        return [number for number, _ in self.durable_of()]

    def durable_of(self) -> list[tuple[int, int]]:
        """(number, generation) of each record that the agent called durable, in order."""
        return [(int(number), int(generation)) for number, generation in _DURABLE.findall(bytes(self.emulator.console))]

    def stored_of(self) -> list[tuple[int, int]]:
        """(number, generation) of each record of `usage` that the receiver holds, by generation and sequence."""
        return self.rows(
            "select json_extract(r.fields, '$.number'), a.generation from records r join aliases a on a.alias = r.alias "
            "where a.purpose_name = 'usage' order by a.generation, r.seq"
        )

    def consent_of(self) -> tuple[str, int]:
        """(status, generation) of `usage` as the device's last receipt had it."""
        rows = self.rows("select status, generation from v_consent where purpose = 'usage'")
        return rows[0] if rows else ("", 0)

    def waiting(self) -> list[str]:
        """Consent commands for `usage` that the device has not answered."""
        shown = json.loads(self.quell("consent", "show", "--device", "lab", "--json"))
        return next((p["waiting"] for p in shown["devices"][0]["purposes"] if p["name"] == "usage"), [])
