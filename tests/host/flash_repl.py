# SPDX-License-Identifier: MIT
"""A board on a pty: the raw REPL protocol of MicroPython, and behind it the real MicroPython that runs the code."""

import contextlib
import os
import pty
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from quell_host import runtime

# The child runs what it is given and answers with output, EOT, the traceback, EOT.
_LOOP = """
import io, sys
scope = {"__name__": "__main__"}
while True:
    head = sys.stdin.buffer.read(4)
    if not head:
        break
    code = sys.stdin.buffer.read(int.from_bytes(head, "little"))
    text = ""
    try:
        exec(code, scope)
    except BaseException as error:
        trace = io.StringIO()
        sys.print_exception(error, trace)
        text = trace.getvalue()
    sys.stdout.buffer.write(b"\\x04" + text.encode() + b"\\x04")
"""
FLASHDEV = """
import os
class FlashDevice:
    writes = 0
    def __init__(self, name, size):
        self.path = os.getenv("QUELL_TEST_IMAGE")
        self.size = size
        self.reads = 0
        open(self.path, "rb").close()
        if name != "customer_fs":
            raise OSError(19)
    def readblocks(self, n, buf, off=0):
        self.reads += 1
        with open(self.path, "rb") as file:
            file.seek(n * self.size)
            data = file.read(len(buf))
        if len(data) != len(buf):
            return -5
        buf[:] = data
    def writeblocks(self, n, buf, off=0):
        raise OSError(30)
    def ioctl(self, op, arg):
        if op in (4, 5):
            return os.stat(self.path)[6] // self.size if op == 4 else self.size
        raise OSError(30)
class Longer(FlashDevice):
    def ioctl(self, op, arg):
        return FlashDevice.ioctl(self, op, arg) + 3 * (op == 4)
class Deaf(FlashDevice):
    def readblocks(self, n, buf, off=0):
        pass
class Fickle(FlashDevice):
    def readblocks(self, n, buf, off=0):
        FlashDevice.readblocks(self, n, buf)
        buf[7] = self.reads & 255
class Raising(FlashDevice):
    def readblocks(self, n, buf, off=0):
        raise OSError(5)
class Mute:
    pass
class Sized:
    def __init__(self, *said):
        self.said = said
    def ioctl(self, op, arg):
        return self.said[op - 4]
"""
_RAW = b"raw REPL; CTRL-B to exit\r\n>"


class Board:
    """`paste`: how it answers to raw paste: "yes", "no", or "old" as MicroPython 1.13 does, which does not know it.

    `spoil(output)` may change what it prints; `close_after`: answers after which the port closes.
    """

    def __init__(self, folder: Path, image: Path, paste: str = "yes") -> None:
        (folder / "flashdev.py").write_text(FLASHDEV)
        environment = {**os.environ, "MICROPYPATH": str(folder), "QUELL_TEST_IMAGE": str(image)}
        command = [str(runtime.micropython()), "-c", _LOOP]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0)
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.port, self._slave = os.ttyname(slave), slave
        self.paste = paste
        self.spoil: Callable[[bytes], bytes] = lambda output: output
        self.close_after: int | None = None
        self.answers = 0
        self.silent = False
        self.codes: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and end the child."""
        self._close()
        self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            stream.close()
        self._thread.join(5)

    def _close(self) -> None:
        for handle in ("master", "_slave"):
            number, _ = getattr(self, handle), setattr(self, handle, -1)
            if number >= 0:
                with contextlib.suppress(OSError):
                    os.close(number)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            raw, line = False, b""
            while True:
                byte = os.read(self.master, 1)
                if self.silent:
                    continue
                if not raw:
                    if byte == b"\x01":
                        raw, line = True, b""
                        self._write(_RAW)
                elif byte == b"\x02":
                    raw = False
                    self._write(b"\r\n>>> ")
                elif line + byte == b"\x05A\x01" and self.paste != "old":
                    line = b""
                    if self.paste == "no":
                        self._write(b"R\x00")
                    else:
                        self._answer(self._pasted())
                elif byte == b"\x01":
                    line = b""
                    self._write(_RAW)
                elif byte == b"\x03":
                    line = b""
                elif byte == b"\x04":
                    self._write(b"OK")
                    self._answer(line)
                    line = b""
                else:
                    line += byte

    def _pasted(self) -> bytes:
        window = 128
        self._write(b"R\x01" + window.to_bytes(2, "little"))
        code = b""
        while True:
            byte = os.read(self.master, 1)
            if byte == b"\x04":
                self._write(b"\x04")
                return code
            code += byte
            if len(code) % window == 0:
                self._write(b"\x01")

    def _answer(self, code: bytes) -> None:
        """Let MicroPython run the code, and print what it printed."""
        self.codes.append(code)
        self.child.stdin.write(len(code).to_bytes(4, "little") + code)
        output = self.spoil(self._until_eot().replace(b"\n", b"\r\n"))
        errors = self._until_eot().replace(b"\n", b"\r\n")
        self.answers += 1
        if self.close_after is not None and self.answers > self.close_after:
            self._write(output[: len(output) // 2])
            self._close()
            return
        self._write(output + b"\x04" + errors + b"\x04>")

    def _until_eot(self) -> bytes:
        data = b""
        while not data.endswith(b"\x04"):
            got = self.child.stdout.read(1)
            if not got:
                raise OSError("MicroPython ended")
            data += got
        return data[:-1]

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.master, data) :]


@contextlib.contextmanager
def board(folder: Path, image: Path, paste: str = "yes") -> Iterator[Board]:
    """A board whose flash is the file `image`; `folder`: for its modules."""
    made = Board(folder, image, paste)
    try:
        yield made
    finally:
        made.stop()
