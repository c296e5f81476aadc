# SPDX-License-Identifier: MIT
"""An emulated board with all that it needs on this machine: its modem, and a broker unless there is one already."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quell_host.board.agent_files import board_folder
from quell_host.demo.servers import Broker, free_port, wait_for_port
from quell_host.emulator import Emulator
from quell_host.errors import ExitCode, QuellError
from quell_host.lock import only_one

_STOP_S = 5


@dataclass(frozen=True)
class Running:
    """What runs. `port`: the pty of the REPL; `modem`: its TCP port here; `broker`: HOST:PORT, for the board."""

    port: str
    modem: int
    broker: str
    image: Path
    transcript: Path


class Playground:
    """An emulated board whose things are in `folder`: the chip's content, the modem's transcript, the broker's memory.

    `broker`: HOST:PORT of one that runs already; `device`: the modem's identity, as for `quell modem-sim`.
    """

    def __init__(self, folder: Path, firmware: Path, broker: str | None = None, device: Path | None = None) -> None:
        self._folder = folder
        self._firmware = firmware
        self._given = broker
        self._device = device
        self._broker: Broker | None = None
        self._modem: subprocess.Popen[bytes] | None = None
        self._emulator: Emulator | None = None

    @contextlib.contextmanager
    def running(self, fresh: bool = False) -> Iterator[Running]:
        """All of it runs inside the block. `fresh`: on a blank chip. Raises QuellError when something does not."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise QuellError(f"cannot use {self._folder}: {error.strerror}", "give another --dir") from None
        with only_one(self._folder / "lock", f"a board runs in {self._folder}", "end that one, or give another --dir"):
            try:
                yield self._start(fresh)
            finally:
                self._end()

    def _start(self, fresh: bool) -> Running:
        image, transcript, modem = self._folder / "nor.img", self._folder / "modem.txt", free_port()
        if fresh:
            image.unlink(missing_ok=True)
        broker = self._given or self._start_broker()
        self._start_modem(modem, transcript)
        self._emulator = Emulator(image, modem, self._firmware)
        return Running(self._emulator.start(), modem, broker, image, transcript)

    def check(self) -> None:
        """Raises QuellError when one of them has ended."""
        assert self._emulator is not None and self._modem is not None
        if not self._emulator.running():
            raise QuellError("the emulator has ended", f"its chip is whole: {self._emulator.image}")
        if self._modem.poll() is not None:
            raise QuellError("the modem has ended", f"see {self._folder / 'modem.log'}")
        if self._broker is not None and not self._broker.running():
            raise QuellError("the broker has ended", f"see {self._broker.folder / 'mosquitto.log'}")

    def _start_broker(self) -> str:
        # The board keeps the broker's address, so it stays the same from one time to the next.
        known = self._folder / "broker.port"
        port = int(known.read_text()) if known.is_file() else free_port()
        self._broker = Broker(self._folder / "broker", port)
        try:
            self._broker.start()
        except QuellError as error:
            raise QuellError(f"{error.message}, which the board knows", f"free it, or remove {known}") from None
        known.write_text(f"{port}\n")
        return f"127.0.0.1:{port}"

    def _start_modem(self, port: int, transcript: Path) -> None:
        command = [sys.executable, "-m", "quell_host.cli", "modem-sim", "--port", str(port)]
        command += ["--transcript", str(transcript)]
        command += ["--device", str(self._device)] if self._device else []
        with (self._folder / "modem.log").open("wb") as log:
            self._modem = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for_port(port, self._modem)
        except QuellError:
            said = (self._folder / "modem.log").read_text(errors="replace").strip().splitlines()
            raise QuellError(said[-1].removeprefix("error: ") if said else "the modem did not start") from None

    def _end(self) -> None:
        if self._emulator is not None:
            self._emulator.kill()
        if self._modem is not None:
            self._modem.terminate()
            try:
                self._modem.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._modem.kill()
        if self._broker is not None:
            self._broker.stop()


def check_emulated(board: str, firmware: Path) -> None:
    """Raises QuellError (USAGE) when `board` is none, or none that an emulator can be."""
    folder, _ = board_folder(board, firmware)
    if json.loads((folder / "board.json").read_text(encoding="utf-8")).get("port") != "qemu":
        raise QuellError(f"board {board} has no emulator", "QEMU_SABRELITE has", ExitCode.USAGE)
