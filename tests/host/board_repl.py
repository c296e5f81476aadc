# SPDX-License-Identifier: MIT
"""A board whose file system is a folder: main.py, Ctrl-C, soft and hard resets, power cuts; behind it the real MicroPython."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

from host import flash_repl

from quell_host import runtime
from quell_host.errors import ExitCode, QuellError
from quell_host.flash.board import BoardError

# What a board has and a PC has not, and a count of the operations on files, at one of which the power may be cut.
_BOARD = r"""
import builtins, io, os as _os, sys
import micropython as _micropython

def _shim(module, **more):
    found = type("Module", (), {})()
    for name in dir(module):
        if not name.startswith("__"):
            setattr(found, name, getattr(module, name))
    for name in more:
        setattr(found, name, more[name])
    sys.modules[module.__name__] = found

_ops = [0]
_at, _how = (_os.getenv("QUELL_TEST_CUT") or "0 none").split(" ")
_room = [int(_os.getenv("QUELL_TEST_ROOM") or "-1")]

def _die():
    _os.system("kill -9 $PPID")

def _op(act, torn=None):
    _ops[0] += 1
    if _ops[0] != int(_at):
        return act()
    if _how == "torn" and torn is not None:
        torn()
    elif _how != "before":
        act()
    _die()

class _File:
    def __init__(self, file):
        self._file = file
    def write(self, data):
        if 0 <= _room[0] < len(data):
            raise OSError(28)
        _room[0] -= len(data)
        return _op(lambda: self._file.write(data), lambda: self._file.write(data[: len(data) // 2]))
    def close(self):
        _op(self._file.close)
    def __enter__(self):
        return self
    def __exit__(self, *args):
        self.close()
    def __getattr__(self, name):
        return getattr(self._file, name)

_open = open
def _opened(path, mode="r"):
    return _File(_op(lambda: _open(path, mode))) if "w" in mode else _open(path, mode)
builtins.open = _opened

def _counted(function):
    return lambda *args: _op(lambda: function(*args))
_shim(_os, **{name: _counted(getattr(_os, name)) for name in ("mkdir", "rename", "remove", "rmdir")})
if _room[0] >= 0 and _os.getenv("QUELL_TEST_STATVFS"):
    sys.modules["os"].statvfs = lambda path: (4096, 1, 0, _room[0], 0, 0, 0, 0, 0, 255)

def _reset():
    sys.stdout.buffer.write(b"\x06")
    _die()
_machine = type("Module", (), {})()
_machine.reset = _reset
sys.modules["machine"] = _machine
_shim(_micropython, kbd_intr=lambda char: sys.stdout.buffer.write(b"\x0e" if char < 0 else b"\x0f"))

_scope = {"__name__": "__main__", "_ops": _ops}
if _os.getenv("QUELL_TEST_MAIN"):
    _text = ""
    for _path in ("main.py", _os.getenv("QUELL_TEST_FROZEN_MAIN") or "none"):
        try:
            _text = _open(_path).read()
            break
        except OSError:
            pass
    try:
        sys.stdout.buffer.write(b"\x0f")  # from here on Ctrl-C does not end MicroPython itself
        exec(_text, _scope)
    except KeyboardInterrupt:
        pass
    except BaseException as error:
        sys.print_exception(error)
while True:  # Ctrl-C may still come when main.py has ended
    try:
        sys.stdout.buffer.write(b"\x05")
        break
    except KeyboardInterrupt:
        pass
while True:
    try:
        head = sys.stdin.buffer.read(4)
    except KeyboardInterrupt:
        continue
    if len(head) < 4:
        break
    code = sys.stdin.buffer.read(int.from_bytes(head, "little"))
    text = ""
    try:
        exec(code, _scope)
    except BaseException as error:
        trace = io.StringIO()
        sys.print_exception(error, trace)
        text = trace.getvalue()
    sys.stdout.buffer.write(b"\x04" + text.encode() + b"\x04")
"""


def start(folder: Path, settings: dict[str, str], main: bool) -> subprocess.Popen:
    """The board's MicroPython in `folder`; with `main` it runs main.py first."""
    given = {"MICROPYPATH": ".frozen", **settings, **({"QUELL_TEST_MAIN": "1"} if main else {})}
    command = [str(runtime.micropython()), "-X", "heapsize=4M", "-c", _BOARD]
    environment = {**os.environ, **given}
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0)


class Board(flash_repl.Board):
    """A board that runs. `settings`: its environment, which the test may change between two starts.

    QUELL_TEST_CUT="k how": the power goes at the k-th operation on files, `before`, `after` or `torn`; QUELL_TEST_ROOM: bytes
    that still fit, told by statvfs with QUELL_TEST_STATVFS.
    """

    def __init__(self, folder: Path, settings: dict[str, str], running: bool = True) -> None:
        self.folder, self.settings = folder, settings
        self.child = start(folder, settings, running)
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.port, self._slave = os.ttyname(slave), slave
        self.paste = "yes"
        self.spoil = lambda output: output
        self.close_after: int | None = None
        self.answers = 0
        self.codes: list[bytes] = []
        self.starts: list[str] = []
        self.state, self.interruptible, self.stopping = "main", False, False
        self._pending = b""
        self._line = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.stopping = True
        self._thread.join(5)
        super().stop()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self.stopping:
                listened = [self.master] + ([self.child.stdout] if self.state == "main" else [])
                ready = select.select(listened, [], [], 0.05)[0]
                if self.child.stdout in ready:
                    self._printed(self.child.stdout.read(1))
                elif self.master in ready:
                    self._pending += os.read(self.master, 1)
                if self.state == "main" and b"\x03" in self._pending and self.interruptible:
                    self._pending = self._pending.partition(b"\x03")[2]
                    self.child.send_signal(signal.SIGINT)
                while self.state != "main" and self._pending:
                    byte, self._pending = self._pending[:1], self._pending[1:]
                    self._key(byte)

    def _printed(self, byte: bytes) -> None:
        """One byte of what main.py prints, or a mark of the board."""
        if byte == b"\x05":
            self.state = "friendly"
            self._write(b"MicroPython v1.25.0; test\r\n>>> ")
        elif byte == b"\x06":
            self._start("hard", True)
        elif byte in (b"\x0e", b"\x0f"):
            self.interruptible = byte == b"\x0f"
        elif byte:
            self._write(b"\r\n" if byte == b"\n" else byte)
        else:
            self._close()

    def _start(self, kind: str, main: bool) -> None:
        self.starts.append(kind)
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()
        self.interruptible = False
        self.child = start(self.folder, self.settings, main)
        if main:
            self.state = "main"
        else:
            while self.child.stdout.read(1) != b"\x05":
                pass

    def _key(self, byte: bytes) -> None:
        if self.state == "friendly":
            if byte == b"\x01":
                self.state, self._line = "raw", b""
                self._write(flash_repl._RAW)
            elif byte == b"\x02":
                self._write(b"\r\nMicroPython v1.25.0; test\r\n>>> ")
            elif byte == b"\x04":
                self._write(b"\r\nMPY: soft reboot\r\n")
                self._start("soft", True)
            elif byte in b"\r\x03":
                self._write(b"\r\n>>> ")
        elif byte == b"\x02":
            self.state = "friendly"
            self._write(b"\r\nMicroPython v1.25.0; test\r\n>>> ")
        elif self._line + byte == b"\x05A\x01" and self.paste == "yes":
            self._line = b""
            self._answer(self._pasted())
        elif byte == b"\x01":
            self._line = b""
            self._write(flash_repl._RAW)
        elif byte == b"\x03":
            self._line = b""
        elif byte == b"\x04" and not self._line.strip():
            self._line = b""
            self._write(b"OK\r\nMPY: soft reboot\r\n")
            self._start("raw", False)
            self._write(flash_repl._RAW)
        elif byte == b"\x04":
            line, self._line = self._line, b""
            self._write(b"OK")
            self._answer(line)
        else:
            self._line += byte

    def _until_eot(self) -> bytes:
        data = b""
        while not data.endswith(b"\x04"):
            got = self.child.stdout.read(1)
            if got == b"\x06":
                self._start("hard", True)
                raise BlockingIOError
            if not got:
                self._close()
                raise OSError("MicroPython ended")
            if got != b"\x05":  # said twice when Ctrl-C came late
                data += got
        return data[:-1]

    def _answer(self, code: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            super()._answer(code)


@contextlib.contextmanager
def board(folder: Path, settings: dict[str, str] | None = None, running: bool = True) -> Iterator[Board]:
    """A board whose file system is `folder`."""
    made = Board(folder, dict(settings or {}), running)
    try:
        yield made
    finally:
        made.stop()


class Pipe:
    """The REPL of a board without a port: `run` as `quell_host.flash.board.Board` has it."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self._child = start(folder, settings or {}, False)
        while self._child.stdout.read(1) not in (b"\x05", b""):
            pass

    def run(self, code: str, answer_s: float | None = None) -> str:
        """Run code; UNREACHABLE when the power was cut."""
        data = code.encode()
        with contextlib.suppress(OSError):
            self._child.stdin.write(len(data).to_bytes(4, "little") + data)
        output, errors = self._part(), self._part()
        if errors:
            raise BoardError(errors.strip().splitlines()[-1])
        return output

    def _part(self) -> str:
        data = b""
        while not data.endswith(b"\x04"):
            got = self._child.stdout.read(1)
            if not got:
                raise QuellError("power cut", "", ExitCode.UNREACHABLE)
            data += got
        return data[:-1].decode()

    def close(self) -> None:
        """End the child."""
        self._child.stdin.close()
        self._child.kill()
        self._child.wait()
        self._child.stdout.close()


@contextlib.contextmanager
def pipe(folder: Path, settings: dict[str, str] | None = None) -> Iterator[Pipe]:
    """A board in `folder`, without a port."""
    made = Pipe(folder, settings)
    try:
        yield made
    finally:
        made.close()
