# SPDX-License-Identifier: MIT
"""The serial line of the modem: bytes go out in order with their pauses, and come in as lines or counted data."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

from quell_host.modem_sim.transcript import Transcript

MAX_LINE_BYTES = 4096
_MAX_WAITING_BYTES = 1 << 20
CTRL_Z, ESC = 0x1A, 0x1B


class Plug(Protocol):
    """What is at the other end: TCP or a pty."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Wire:
    """The modem's end of the line. Without a plug what is written is lost, as on a real line."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._plug: Plug | None = None
        self._out: deque[tuple[bytes, float, Callable[[], None] | None]] = deque()
        self._more = asyncio.Event()
        self._in = bytearray()
        self._came = asyncio.Event()
        self._after_cr = False

    def attach(self, plug: Plug) -> None:
        """From now on `plug` is at the other end."""
        self._plug = plug

    def detach(self, plug: Plug | None = None) -> None:
        """Nobody is at the other end any more."""
        if plug is None or plug is self._plug:
            self._plug = None

    def close_plug(self) -> None:
        """Hang up."""
        plug, self._plug = self._plug, None
        if plug is not None:
            self._transcript.note("line closed by the modem")
            plug.close()

    def send(self, data: bytes, pause_s: float = 0, then: Callable[[], None] | None = None) -> None:
        """Write `data` after `pause_s`, after all that was sent before; then call `then`."""
        self._out.append((data, pause_s, then))
        self._more.set()

    def forget_output(self) -> None:
        """Drop what was sent and is not written yet."""
        self._out.clear()

    async def write_on(self) -> None:
        """Write what is sent, for ever."""
        while True:
            while self._out:
                data, pause_s, then = self._out.popleft()
                if pause_s:
                    await asyncio.sleep(pause_s)
                if data:
                    self._transcript.line("<", data)
                    if self._plug is not None:
                        self._plug.write(data)
                if then is not None:
                    then()
            self._more.clear()
            await self._more.wait()

    def feed(self, data: bytes) -> None:
        """Bytes from the other end."""
        self._transcript.line(">", data)
        if len(self._in) + len(data) <= _MAX_WAITING_BYTES:
            self._in += data
        self._came.set()

    def forget_input(self) -> None:
        """Drop what came and was not read."""
        self._in.clear()

    async def _wait(self) -> None:
        self._came.clear()
        await self._came.wait()

    async def line(self) -> bytes:
        """The next line without its end, which is CR; LF is nothing. Too long ones are cut off."""
        while True:
            end = self._in.find(b"\r")
            if end >= 0:
                found = bytes(self._in[:end]).replace(b"\n", b"")
                self._after_cr = True
                del self._in[: end + 1]
                return found[:MAX_LINE_BYTES]
            if len(self._in) > 2 * MAX_LINE_BYTES:
                del self._in[MAX_LINE_BYTES:]
            await self._wait()

    def _begin_data(self) -> None:
        # The LF of a command that ended in CR LF is no data.
        if self._after_cr and self._in[:1] == b"\n":
            del self._in[0]
        self._after_cr = False

    async def data(self, length: int, timeout_s: float | None = None) -> bytes | None:
        """Exactly `length` bytes; None when they do not come in time."""
        self._begin_data()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while len(self._in) < length:
                    await self._wait()
                found = bytes(self._in[:length])
                del self._in[:length]
                return found
        self._in.clear()
        return None

    async def text(self, most: int, timeout_s: float | None = None) -> bytes | None:
        """Bytes up to Ctrl-Z; None after Esc, more than `most`, or a timeout."""
        self._begin_data()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    ends = [at for at in (self._in.find(CTRL_Z), self._in.find(ESC)) if at >= 0]
                    if ends:
                        end = min(ends)
                        found = bytes(self._in[:end]) if self._in[end] == CTRL_Z and end <= most else None
                        del self._in[: end + 1]
                        return found
                    await self._wait()
        self._in.clear()
        return None
