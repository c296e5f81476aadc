# SPDX-License-Identifier: MIT
"""A board at the other end of a port: its raw REPL, over mpremote's transport."""

import contextlib
import io
import struct
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

_LOST = (TransportError, OSError, struct.error, TypeError)
"""What mpremote and pyserial raise when a port goes away: TypeError comes from a port that was closed meanwhile."""


class BoardError(Exception):
    """The board raised: its last line, made fit to be shown."""


class Board:
    """A board whose raw REPL answers. What ran on it is interrupted, and not started again."""

    def __init__(self, transport: SerialTransport, port: str) -> None:
        self._transport = transport
        self._port = port

    def run(self, code: str) -> str:
        """Run Python on the board and return what it printed.

        Raises BoardError when it raised, QuellError (UNREACHABLE) when it does not answer any more.
        """
        try:
            with _quiet():
                output, errors = self._transport.exec_raw(code, timeout=_ANSWER_S)
        except _LOST as error:
            raise _unreachable(self._port, "closed, or its board stopped answering", error) from None
        if errors:
            raise BoardError(_last_line(errors))
        return output.decode("ascii", "replace")


@contextlib.contextmanager
def connect(port: str, baud: int) -> Iterator[Board]:
    """Open a port and interrupt whatever its board runs. Raises QuellError (UNREACHABLE) when none answers."""
    try:
        transport = SerialTransport(port, baudrate=baud, timeout=_SILENCE_S)
    except (*_LOST, ValueError) as error:
        raise _unreachable(port, "cannot be opened", error) from None
    try:
        try:
            with _quiet():
                transport.enter_raw_repl(soft_reset=False, timeout_overall=_REPL_S)
        except _LOST as error:
            raise _unreachable(port, "has no MicroPython that answers", error) from None
        try:
            yield Board(transport, port)
        finally:
            with contextlib.suppress(*_LOST):
                transport.exit_raw_repl()
    finally:
        with contextlib.suppress(*_LOST):
            transport.close()


def _quiet() -> contextlib.redirect_stdout[io.StringIO]:
    # mpremote prints what it did not understand: results are the only thing on our stdout.
    return contextlib.redirect_stdout(io.StringIO())


def _unreachable(port: str, what: str, error: Exception) -> QuellError:
    why = getattr(error, "strerror", None)
    reason = f" ({why})" if isinstance(why, str) and why else ""
    hint = "check cable and board, and who else uses it"
    return QuellError(f"port {port} {what}{reason}", hint, ExitCode.UNREACHABLE)


def _last_line(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    text = lines[-1] if lines else "it raised"
    return "".join(char if char.isprintable() else "?" for char in text)[:120]
