# SPDX-License-Identifier: MIT
"""A board at the other end of a port: its raw REPL, over mpremote's transport."""

import contextlib
import io
import struct
import time
from collections.abc import Iterator

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from quell_host.errors import ExitCode, QuellError

_SILENCE_S = 1
"""How long one read of the port may wait; mpremote counts these up to its own time-out."""

_ANSWER_S = 20
"""For the first character of an answer, and between two."""

_REPL_S = 10
"""For the raw REPL to say that it is there."""

_TRIES = 2
"""To enter the raw REPL: a board that just boots may have lost the first Ctrl-C."""

_PROMPT_S = 1
"""For the prompt of a board that may be at its REPL."""

_BOOT_S = 3
"""For the first line of a board that starts; there may be none."""

_PAUSE_S = 0.2
"""How long one look for the next line may take."""

_MAX_LINE_BYTES = 200

_LOST = (TransportError, OSError, struct.error, TypeError)
"""What mpremote and pyserial raise when a port goes away: TypeError comes from a port that was closed meanwhile."""


class BoardError(Exception):
    """The board raised: its last line, made fit to be shown."""


class Board:
    """A board whose raw REPL answers. What ran on it is interrupted, and not started again."""

    def __init__(self, transport: SerialTransport, port: str) -> None:
        self._transport = transport
        self._port = port

    def run(self, code: str, answer_s: float | None = None) -> str:
        """Run Python on the board and return what it printed. `answer_s`: how long it may be silent.

        Raises BoardError when it raised, QuellError (UNREACHABLE) when it does not answer any more.
        """
        with _lost_while(self._port), _quiet():
            output, errors = self._transport.exec_raw(code, timeout=answer_s or _ANSWER_S)
        if errors:
            raise BoardError(_last_line(errors))
        return output.decode("utf-8", "replace")

    def clear(self) -> None:
        """Empty the board's memory: a soft reset that does not start its main.py. Raises QuellError (UNREACHABLE)."""
        with _lost_while(self._port), _quiet():
            self._transport.enter_raw_repl(soft_reset=True, timeout_overall=_REPL_S)

    def restart(self, wait: bool = True) -> None:
        """Soft reset: the board starts its main.py. Nothing can be run after it. Raises QuellError (UNREACHABLE).

        `wait`: for what it prints first. A Ctrl-C that came earlier would be lost, or keep main.py from starting.
        """
        with _lost_while(self._port), _quiet():
            self._transport.exit_raw_repl()
            self._await(b">>> ")
            self._transport.serial.write(b"\x04")
            self._await(b"soft reboot\r\n")
            if wait:
                _comes(self._transport, b"\n", _BOOT_S)

    def hard_restart(self) -> None:
        """`machine.reset()`: the port may go away with it. Nothing can be run after it. Raises BoardError."""
        try:
            self.run("import machine\n")
            with _quiet():
                self._transport.exec_raw_no_follow("machine.reset()\n")
            _comes(self._transport, b"\n", _BOOT_S)
        except _LOST:
            pass  # it reset before it took the whole line, or the port went with it
        self._transport.in_raw_repl = False

    def _await(self, words: bytes) -> None:
        if not _comes(self._transport, words, _REPL_S):
            raise TransportError("not answered")


@contextlib.contextmanager
def connect(port: str, baud: int, resume: bool = False) -> Iterator[Board]:
    """Open a port and interrupt whatever its board runs. Raises QuellError (UNREACHABLE) when none answers.

    `resume`: a block that fails starts the board again, if it can; one that ends well restarts it itself.
    """
    with _opened(port, baud) as transport:
        _enter(transport, port)
        try:
            yield Board(transport, port)
        except BaseException as error:
            if resume and getattr(error, "code", None) != ExitCode.UNREACHABLE and transport.in_raw_repl:
                with contextlib.suppress(QuellError):
                    Board(transport, port).restart()
            raise
        finally:
            if transport.in_raw_repl:
                with contextlib.suppress(*_LOST):
                    transport.exit_raw_repl()


class Console:
    """What a board prints while it runs."""

    def __init__(self, transport: SerialTransport, port: str) -> None:
        self._transport = transport
        self._port = port
        self._kept = bytearray()

    def at_prompt(self) -> bool:
        """Whether the board waits at its REPL. What runs on it is not interrupted, and no line of it lost."""
        with _lost_while(self._port):
            self._transport.serial.write(b"\r\x02")  # Ctrl-B: a raw REPL becomes a friendly one
            return _comes(self._transport, b">>> ", _PROMPT_S, self._kept)

    def restart(self) -> None:
        """Soft reset of a board that waits at its REPL. Raises QuellError (UNREACHABLE)."""
        self._kept.clear()
        Board(self._transport, self._port).restart(wait=False)

    def lines(self, seconds: float | None) -> Iterator[str]:
        """The lines that come, for so many seconds, or until the port closes. Raises QuellError (UNREACHABLE)."""
        end_s = None if seconds is None else time.monotonic() + seconds
        line = bytes(self._kept)
        self._transport.serial.timeout = _PAUSE_S
        while end_s is None or time.monotonic() < end_s:
            with _lost_while(self._port):
                got = self._transport.serial.read(max(1, min(256, self._transport.serial.inWaiting())))
            *whole, line = (line + got).split(b"\n")
            for one in whole:
                yield _printable(one)
            line = line[:_MAX_LINE_BYTES]  # of what has no end


@contextlib.contextmanager
def listen(port: str, baud: int) -> Iterator[Console]:
    """Open a port and leave its board alone. Raises QuellError (UNREACHABLE)."""
    with _opened(port, baud) as transport:
        yield Console(transport, port)


@contextlib.contextmanager
def _opened(port: str, baud: int) -> Iterator[SerialTransport]:
    try:
        transport = SerialTransport(port, baudrate=baud, timeout=_SILENCE_S)
    except (*_LOST, ValueError) as error:
        raise _unreachable(port, "cannot be opened", error) from None
    try:
        yield transport
    finally:
        with contextlib.suppress(*_LOST):
            transport.close()


def _enter(transport: SerialTransport, port: str) -> None:
    """Interrupt what runs. mpremote's own way waits for ever on a board that prints and does not listen."""
    try:
        for _ in range(_TRIES):
            transport.serial.write(b"\r\x03")  # Ctrl-C
            transport.serial.write(b"\r\x01")  # Ctrl-A: raw REPL
            if _comes(transport, b"raw REPL; CTRL-B to exit\r\n", _REPL_S):
                transport.in_raw_repl = True
                return
        raise TransportError("not answered")
    except _LOST as error:
        raise _unreachable(port, "has no MicroPython that answers", error) from None


def _comes(transport: SerialTransport, words: bytes, seconds: float, kept: bytearray | None = None) -> bool:
    """Read until `words` come, or the time is over; nothing behind them is read. `kept`: gets what was read."""
    end_s, tail = time.monotonic() + seconds, b""
    while time.monotonic() < end_s:
        byte = transport.serial.read(1)
        tail = (tail + byte)[-len(words) :]
        if kept is not None:
            kept += byte
        if tail == words:
            return True
    return False


@contextlib.contextmanager
def _lost_while(port: str) -> Iterator[None]:
    try:
        yield
    except _LOST as error:
        raise _unreachable(port, "closed, or its board stopped answering", error) from None


def _quiet() -> contextlib.redirect_stdout[io.StringIO]:
    # mpremote prints what it did not understand: results are the only thing on our stdout.
    return contextlib.redirect_stdout(io.StringIO())


def _unreachable(port: str, what: str, error: Exception) -> QuellError:
    why = getattr(error, "strerror", None)
    reason = f" ({why})" if isinstance(why, str) and why else ""
    hint = "check cable and board, who else uses it, and whether it is locked"
    return QuellError(f"port {port} {what}{reason}", hint, ExitCode.UNREACHABLE)


def _last_line(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return _fit(lines[-1] if lines else "it raised")[:120]


def _printable(line: bytes) -> str:
    return _fit(line.decode("utf-8", "replace").strip())[:_MAX_LINE_BYTES]


def _fit(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
