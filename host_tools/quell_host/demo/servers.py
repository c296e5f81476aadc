# SPDX-License-Identifier: MIT
"""A real mosquitto on loopback for demos and tests; ends with its caller."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from quell_host.errors import ExitCode, QuellError

_WAIT_S = 10


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mosquitto_path() -> str:
    """The mosquitto binary; Debian keeps it where a plain user's PATH does not look."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise QuellError("no mosquitto on this machine", "install it: make setup")
    return found


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until 127.0.0.1:port accepts. Raises QuellError when the process ends or takes too long."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise QuellError(f"mosquitto did not start on port {port}", code=ExitCode.UNREACHABLE)


class Broker:
    """mosquitto with persistence in `folder`, on 127.0.0.1:`port`. `tls`: (CA, certificate, key) files."""

    def __init__(self, folder: Path, port: int | None = None, tls: tuple[Path, Path, Path] | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "max_queued_messages 10000",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # as root mosquitto would change to a user that cannot write here
            lines.insert(0, "user root")
        if self._tls:
            ca, certificate, key = self._tls
            lines += [f"cafile {ca}", f"certfile {certificate}", f"keyfile {key}"]
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [mosquitto_path(), "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_for_port(self.port, self._process)

    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no farewell to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in order, so that it saves what is retained."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None


@contextlib.contextmanager
def running_broker(folder: Path, **options: object) -> Iterator[Broker]:
    """A Broker that runs inside the block."""
    broker = Broker(folder, **options)  # type: ignore[arg-type]
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
