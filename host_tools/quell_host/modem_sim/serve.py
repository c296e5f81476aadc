# SPDX-License-Identifier: MIT
"""Where the line of the modem ends: a TCP port, a pty, or a connection to somebody's port; and running it all."""

import asyncio
import contextlib
import os
import signal
import tty
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.modem_sim import control
from quell_host.modem_sim.modem import Modem
from quell_host.modem_sim.plan import Plan
from quell_host.modem_sim.state import Facts
from quell_host.modem_sim.transcript import Transcript
from quell_host.modem_sim.wire import Wire

_MAX_BEHIND_BYTES = 1 << 20
_RETRY_S = 0.2
_CHUNK_BYTES = 4096

Tell = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Job:
    """What to simulate and where. `connect`, `pty`, else a server on `port`."""

    facts: Facts = field(default_factory=Facts)
    plan: Plan = field(default_factory=Plan)
    port: int = 0
    pty: bool = False
    connect: tuple[str, int] | None = None
    broker: tuple[str, int] | None = None
    dialect: str = "pubex"
    urc_port: str = "usbat"
    transcript: Path | None = None
    seconds: float | None = None
    control: bool = False


class TcpPlug:
    """A TCP connection at the other end of the line."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Write; what a reader does not take is lost, as on a line without flow control."""
        if self._writer.transport.get_write_buffer_size() < _MAX_BEHIND_BYTES and not self._writer.is_closing():
            self._writer.write(data)

    def close(self) -> None:
        """Hang up, after what was written."""
        self._writer.close()


class PtyPlug:
    """A pseudoterminal; the modem keeps its other end open, so that a program may come and go."""

    def __init__(self) -> None:
        self._own, self._other = os.openpty()
        tty.setraw(self._other)
        os.set_blocking(self._own, False)
        self.path = os.ttyname(self._other)
        self.open = True

    def write(self, data: bytes) -> None:
        """Write; what does not fit is lost."""
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._own, data) :]

    def read(self) -> bytes:
        """What came."""
        with contextlib.suppress(OSError):
            return os.read(self._own, _CHUNK_BYTES)
        return b""

    def fileno(self) -> int:
        return self._own

    def close(self) -> None:
        """Hang up: whoever has it open reads its end."""
        if self.open:
            self.open = False
            asyncio.get_running_loop().remove_reader(self._own)
            os.close(self._own)
            os.close(self._other)


class Line:
    """Connects plugs with the modem."""

    def __init__(self, modem: Modem, wire: Wire, tell: Tell) -> None:
        self.modem, self.wire, self.tell = modem, wire, tell
        self.attached = asyncio.Event()
        self.talks: set[asyncio.Task[None]] = set()
        self._busy = False

    def attach(self, plug: TcpPlug | PtyPlug) -> None:
        """Plug in. The modem gets power, if it has none."""
        self.wire.attach(plug)
        self.attached.set()
        self.modem.power_on()

    def take_call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection came to the server."""
        task = asyncio.create_task(self.talk(reader, writer))
        self.talks.add(task)
        task.add_done_callback(self.talks.discard)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One TCP connection; a second one at the same time is closed at once."""
        plug = TcpPlug(writer)
        if self._busy:
            plug.close()
            self.tell("refused", {})
            return
        self._busy = True
        self.tell("attached", {})
        self.attach(plug)
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(_CHUNK_BYTES):
                    self.wire.feed(data)
        finally:
            self._busy = False
            self.wire.detach(plug)
            plug.close()
            self.tell("detached", {})

    async def call(self, host: str, port: int) -> None:
        """Connect to a listening port, and again whenever the connection ends."""
        while True:
            with contextlib.suppress(OSError):
                await self.talk(*await asyncio.open_connection(host, port))
            await asyncio.sleep(_RETRY_S)

    async def keep_pty(self, plug: PtyPlug) -> None:
        """Serve a pty; after a hang-up a new one."""
        loop = asyncio.get_running_loop()
        while True:
            terminal = plug
            loop.add_reader(terminal, lambda terminal=terminal: self.wire.feed(terminal.read()))
            self.attach(terminal)
            try:
                while terminal.open:
                    await asyncio.sleep(0.05)
            finally:
                terminal.close()
            plug = PtyPlug()
            self.tell("listening", {"kind": "pty", "address": plug.path})


@contextlib.asynccontextmanager
async def _port(line: Line, job: Job) -> AsyncIterator[None]:
    tasks: list[asyncio.Task[None]] = []
    server = None
    if job.connect:
        host, port = job.connect
        line.tell("listening", {"kind": "connect", "address": f"{host}:{port}"})
        tasks.append(asyncio.create_task(line.call(host, port)))
    elif job.pty:
        plug = PtyPlug()
        line.tell("listening", {"kind": "pty", "address": plug.path})
        tasks.append(asyncio.create_task(line.keep_pty(plug)))
    else:
        try:
            server = await asyncio.start_server(line.take_call, "127.0.0.1", job.port)
        except OSError as error:
            raise QuellError(
                f"cannot listen on port {job.port}: {error.strerror}", "give another --port, or 0"
            ) from None
        line.tell("listening", {"kind": "tcp", "address": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"})
    try:
        yield
    finally:
        if server is not None:
            server.close()
        line.wire.close_plug()
        await _ended([*tasks, *line.talks])


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _changes(line: Line, plan: Plan) -> None:
    await line.attached.wait()
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for change in plan.changes:
        await asyncio.sleep(max(0.0, begin + change.after_s - loop.time()))
        line.modem.change(change.values)


async def _run(job: Job, tell: Tell) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    transcript = Transcript(job.transcript)
    wire = Wire(transcript)
    # What changes after 0 s is so from the beginning, before the first boot.
    for change in [change for change in job.plan.changes if not change.after_s]:
        if set(change.values) & {"reset", "power_off", "close", "stat", "urc"}:
            raise QuellError(
                "the plan makes something happen after 0 s", "give it a time after the start", ExitCode.USAGE
            )
    plan = Plan(job.plan.faults, [change for change in job.plan.changes if change.after_s])
    modem = Modem(job.facts, wire, plan, job.dialect, job.broker, job.urc_port, tell)
    for change in job.plan.changes:
        if not change.after_s:
            modem.change(change.values)
    line = Line(modem, wire, tell)
    try:
        async with _port(line, job):
            tasks = [asyncio.create_task(one) for one in (wire.write_on(), modem.run(), _changes(line, plan))]
            if job.control:
                control.listen(modem.change)
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([stopping, *tasks[:2]], timeout=job.seconds, return_when=asyncio.FIRST_COMPLETED)
            failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception()]
            await _ended([stopping, *tasks])
            for task in failed:
                task.result()
    finally:
        transcript.close()


def serve(job: Job, tell: Tell) -> None:
    """Simulate until SIGINT, SIGTERM or `job.seconds`. `tell(event, more)`: first "listening" with "address".

    Raises QuellError.
    """
    asyncio.run(_run(job, tell))
