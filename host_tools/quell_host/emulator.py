# SPDX-License-Identifier: MIT
"""QEMU as a board: an Arm processor, a NOR chip whose content is a file, the REPL on a pty, a modem on a TCP port."""

import contextlib
import os
import re
import select
import socket
import subprocess
import tempfile
import threading
import time
import tty
from pathlib import Path

from quell_host import runtime
from quell_host.errors import QuellError

NOR_BYTES = 2 * 1024 * 1024
_START_S = 20
_PTY = re.compile(rb"redirected to (/dev/pts/\d+)")


class Emulator:
    """One board. `image`: its NOR chip, made blank when missing; `modem`: the port of 127.0.0.1 where one listens.

    `console`: everything that the board wrote to its first serial port while nobody else read it.
    """

    def __init__(self, image: Path, modem: int | None, firmware: Path | None = None, icount: int | None = None) -> None:
        self.image = image
        self.firmware = firmware or runtime.board_firmware("QEMU_SABRELITE")
        self.console = bytearray()
        self.pty = ""
        self._modem = modem
        self._folder = tempfile.TemporaryDirectory(prefix="quell-emulator-")
        self._control = str(Path(self._folder.name) / "qmp")
        self._icount = icount
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._read_end = threading.Event()

    def start(self) -> str:
        """Power on -> the name of the pty. Raises QuellError when QEMU does not start."""
        if not self.image.exists():
            self.image.write_bytes(b"\xff" * NOR_BYTES)
        command = ["qemu-system-arm", "-machine", "sabrelite", "-m", "128M", "-display", "none", "-monitor", "none"]
        command += ["-kernel", str(self.firmware), "-drive", f"if=mtd,format=raw,file={self.image}", "-serial", "pty"]
        command += ["-qmp", f"unix:{self._control},server=on,wait=off"]
        if self._modem is not None:
            command += ["-chardev", f"socket,id=modem,host=127.0.0.1,port={self._modem},reconnect=1"]
            command += ["-serial", "chardev:modem"]
        if self._icount is not None:
            command += ["-icount", f"shift={self._icount}"]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise QuellError(f"QEMU does not run: {error.strerror}", "make firmware installs it") from None
        self.pty = self._find_pty()
        return self.pty

    def _find_pty(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        said = b""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if select.select([self._process.stdout], [], [], 0.2)[0]:
                data = os.read(self._process.stdout.fileno(), 4096)
                said += data
                found = _PTY.search(said)
                if found:
                    return found[1].decode()
                if not data:
                    break
        self.kill()
        last = (said.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
        raise QuellError(f"QEMU did not start: {last}")

    def listen(self) -> None:
        """Read the console from now on; `quiet` ends that, for whoever wants the pty for himself."""
        self._read_end.clear()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            console = os.open(self.pty, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return
        try:
            tty.setraw(console)
            while not self._read_end.is_set():
                if select.select([console], [], [], 0.1)[0]:
                    data = os.read(console, 4096)
                    if not data:
                        return
                    self.console += data
        except OSError:
            return  # the other end is gone: killed
        finally:
            os.close(console)

    def quiet(self) -> None:
        """Leave the pty."""
        self._read_end.set()
        if self._reader is not None:
            self._reader.join()
            self._reader = None

    def _halt(self) -> None:
        """`stop` of the QEMU Machine Protocol; when it does not answer, the kill is as hard as it can be."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(self._control)
            lines = control.makefile("rwb")
            lines.readline()  # its greeting
            for command in (b"qmp_capabilities", b"stop"):
                lines.write(b'{"execute": "%s"}\n' % command)
                lines.flush()
                while b'"return"' not in (lines.readline() or b'"return"'):
                    pass  # an event

    def running(self) -> bool:
        """Whether QEMU runs."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """The power goes, at whatever instruction the processor is: SIGKILL. What the chip has done is in the image.

        QEMU's chip says that it is done while its write to the image is still under way, so the processor is halted
        first and that write waited for.
        """
        if self._process is not None:
            self._halt()
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        self.quiet()
