# SPDX-License-Identifier: MIT
"""The modem: takes command lines, has them carried out, replies; boots, resets, and meets changes of its world."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from quell_host.modem_sim import identity, line, mqtt, mqtt_publish, network, settings, tls_files
from quell_host.modem_sim.faults import Sender
from quell_host.modem_sim.line import AtError, Command
from quell_host.modem_sim.plan import Fault, Plan
from quell_host.modem_sim.state import Clock, Facts, Pdp, Settings, Sim
from quell_host.modem_sim.wire import Wire

BOOT_S = 0.2
PDP_CONTEXTS = range(1, 17)
_LINK_DOWN = 7
_SIM_ERRORS = {Sim.ABSENT: line.NO_SIM, Sim.PIN: line.SIM_PIN, Sim.PUK: line.SIM_PUK}
_SIM_WORDS = {Sim.ABSENT: "NOT INSERTED", Sim.READY: "READY", Sim.PIN: "SIM PIN", Sim.PUK: "SIM PUK"}

Handler = Callable[["Modem", Command], Awaitable[list[str] | None]]


class NoReply(Exception):
    """The command ends without a reply: a fault wants it so."""


class Modem:
    """`dialect`: how it publishes. `broker`: stands in for every broker that a command names. `tell`: hears events."""

    def __init__(
        self, facts: Facts, wire: Wire, plan: Plan, dialect: str = "pubex", broker: tuple[str, int] | None = None,
        urc_port: str = "usbat", tell: Callable[[str, dict[str, Any]], None] = lambda event, more: None,
    ) -> None:  # fmt: skip
        self.facts, self.wire, self.plan, self.dialect, self.broker = facts, wire, plan, dialect, broker
        self.clock = Clock(facts.time)
        self.sender = Sender(wire)
        self.settings, self.saved = Settings(), Settings()
        self.urc_port = urc_port
        self.function = 1
        self.pin_tries = 3
        self.pdps = {cid: Pdp() for cid in PDP_CONTEXTS}
        self.files: dict[str, bytes] = {}
        self.tls = tls_files.fresh_contexts()
        self.clients = mqtt.fresh_clients(self)
        self.fault: Fault | None = None
        self._tell = tell
        self._after: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended, self._powered = asyncio.Event(), asyncio.Event()
        self._garbage: asyncio.Task[None] | None = None
        self._commands: dict[str, Handler] = {}
        for module in (settings, identity, network, tls_files, mqtt, mqtt_publish):
            self._commands.update(module.COMMANDS)

    # its world

    @property
    def sim(self) -> Sim:
        """State of the SIM card."""
        return Sim[self.facts.sim.upper()]

    @property
    def sim_word(self) -> str:
        """The same as AT+CPIN? says it."""
        return _SIM_WORDS[self.sim]

    @property
    def registration(self) -> int:
        """State of registration, 0 where SIM or radio are not there."""
        return self.facts.registration if self.sim is Sim.READY and self.function == 1 else 0

    @property
    def registered(self) -> bool:
        return self.registration != 0 and self.facts.registered

    def need_sim(self) -> None:
        """Raises AtError where the SIM card is absent or locked."""
        if self.sim is not Sim.READY:
            raise AtError(_SIM_ERRORS[self.sim])

    def need_network(self) -> None:
        """Raises AtError where there is no network."""
        self.need_sim()
        if not self.registered:
            raise AtError(line.NO_SERVICE)

    @contextlib.contextmanager
    def world_changes(self) -> Any:
        """Whatever changes inside has its consequences: URCs, contexts that go down."""
        before, sim = self.registration, self.sim
        yield
        if self.sim is not sim:
            self.urc(f"+CPIN: {self.sim_word}")
        if self.registration == before:
            return
        for name in self.settings.reports:
            report = network.report(self, name)
            if report:
                self.urc(report)
        if not self.registered:
            self.network_lost()

    def network_lost(self) -> None:
        """Contexts go down and their connections with them."""
        for cid, pdp in self.pdps.items():
            if pdp.active:
                pdp.active = False
                self.urc(f'+QIURC: "pdpdeact",{cid}')
                mqtt.lose(self, cid, _LINK_DOWN)

    def change(self, values: dict[str, Any]) -> None:
        """Change the world as a plan or the control says; `values` were checked."""
        given = dict(values)
        special = {
            key: given.pop(key)
            for key in ("urcport", "reset", "power_off", "close", "stat", "client", "urc", "faults")
            if key in given
        }
        with self.world_changes():
            for key, value in given.items():
                setattr(self.facts, key, value)
            if "time" in given:
                self.clock = Clock(self.facts.time)
        self.urc_port = special.get("urcport", self.urc_port)
        self.plan.faults = special.get("faults", self.plan.faults)
        if "urc" in special:
            self.urc(special["urc"])
        if "stat" in special:
            self.clients[special.get("client", 0)].lose(special["stat"])
        if "close" in special:
            self.wire.close_plug()
        if "power_off" in special:
            self.power_off()
        elif "reset" in special:
            self.reset()

    # what it says

    def urc(self, text: str) -> None:
        """Say something unasked, if URCs come out of this port."""
        if self.urc_port in ("uart1", "all") and not self._ended.is_set():
            self._say(text)

    def _say(self, text: str) -> None:
        fault = self.plan.fault(text, urc=True)
        if fault is not None:
            self._tell("fault", {"at": fault.at, "do": fault.kind})
            if fault.kind == "reset":
                self.reset()
            if fault.kind == "close":
                self.wire.close_plug()
            if fault.kind in ("reset", "close", "silent"):
                return
        self.sender.send(f"\r\n{text}\r\n".encode("utf-8", "surrogateescape"), fault)

    def afterwards(self, call: Callable[[], None]) -> None:
        """Call it when the reply to this command was given."""
        self._after.append(call)

    def start(self, task: Coroutine[Any, Any, None]) -> None:
        """Run a task after the reply to this command; it ends with the modem's power."""

        def begin() -> None:
            made = asyncio.create_task(task)
            self._tasks.add(made)
            made.add_done_callback(self._tasks.discard)

        self.afterwards(begin)

    async def prompt(self, text: str) -> None:
        """Ask for data. Raises NoReply where a fault keeps it from that."""
        kind = self.fault.kind if self.fault else ""
        if kind == "no-prompt":
            raise NoReply
        if kind != "prompt-lost":
            self.sender.send(f"\r\n{text}".encode(), self.fault, prompt=True)
        if kind == "reset":
            self.wire.send(b"", then=self.reset)  # after the prompt was written
            raise NoReply

    def _reply(self, lines: list[str], error: AtError | None) -> None:
        head = "\r\n" if self.settings.verbose else ""
        body = head + "\r\n".join(lines) + "\r\n" if lines else ""
        code = error.code if error and self.settings.cmee else None
        if error is None:
            final, number = "OK", 0
        elif code is None:
            final, number = "ERROR", 4
        else:
            word = line.WORDS.get(code, "unknown") if self.settings.cmee == 2 else code
            final, number = f"+CME ERROR: {word}", None
        if not self.settings.verbose:
            ending = f"{final if number is None else number}\r"
        else:
            ending = f"\r\n{final}\r\n"
        self.sender.send(
            (body + ("" if self.settings.quiet else ending)).encode("utf-8", "surrogateescape"), self.fault
        )

    # what it is told

    async def _take(self, data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape").strip()
        is_command = text[:2].upper() == "AT"
        self.fault = self.plan.fault(text) if is_command else None
        if data and (self.settings.echo or (self.fault and self.fault.kind == "echo")):
            self.wire.send(data + b"\r")
        if not is_command:
            return
        self._after.clear()
        lines: list[str] = []
        error = None
        try:
            self._before()
            for command in line.parse(text):
                lines += await self._run(command)
        except AtError as found:
            error = found
        except NoReply:
            return
        self._reply(lines, error)
        self._finish(error)

    async def _run(self, command: Command) -> list[str]:
        handler = self._commands.get(command.name)
        if handler is None:
            raise AtError(line.UNSUPPORTED)
        return await handler(self, command) or []

    def _before(self) -> None:
        """What a fault does instead of the command, or ahead of it."""
        if self.fault is None:
            return
        kind, args = self.fault.kind, self.fault.args
        self._tell("fault", {"at": self.fault.at, "do": kind})
        if kind == "urc":
            self.wire.send(f"\r\n{args['text']}\r\n".encode())
        elif kind == "cme":
            raise AtError(args["code"])
        elif kind == "error":
            raise AtError
        elif kind == "stat":
            self.afterwards(lambda: self.clients[args["client"]].lose(args["code"]))
        elif kind == "reset" and not args["prompt"]:
            self.reset()
            raise NoReply
        elif kind == "close":
            self.wire.close_plug()
            raise NoReply
        elif kind == "garbage-forever":
            self._garbage = asyncio.create_task(self._babble(self.fault))
            raise NoReply
        elif kind == "silent":
            raise NoReply

    def _finish(self, error: AtError | None) -> None:
        calls, self._after = self._after, []
        # What was to happen after the reply happens only where the command succeeded; a fault's always.
        for call in calls if error is None else calls[:1] if self.fault and self.fault.kind == "stat" else []:
            call()

    async def _babble(self, fault: Fault) -> None:
        while True:
            self.wire.send(fault.dice.randbytes(fault.args["bytes"]))
            await asyncio.sleep(fault.args["ms"] / 1000)

    # its power

    @property
    def on(self) -> bool:
        """Whether it has power."""
        return self._powered.is_set()

    def power_on(self) -> None:
        """Press the power key, where it is off."""
        self._powered.set()

    def power_off(self) -> None:
        """Say farewell and stop until `power_on`."""
        self._powered.clear()
        self._ended.set()
        self._say("POWERED DOWN")

    def reset(self) -> None:
        """Stop at once, and boot."""
        if self.on:
            self.wire.forget_output()
        self.power_on()
        self._ended.set()

    def _down(self) -> None:
        for client in self.clients:
            client.close()
        for task in [*self._tasks, *([self._garbage] if self._garbage else [])]:
            task.cancel()
        self._garbage, self.fault = None, None
        self.sender.forget()
        for pdp in self.pdps.values():
            pdp.active = False
        self.files = {name: data for name, data in self.files.items() if not name.startswith("RAM:")}
        self.settings, self.function = self.saved.copy(), 1
        self.tls, self.clients = tls_files.fresh_contexts(), mqtt.fresh_clients(self)

    async def _serve(self) -> None:
        await asyncio.sleep(BOOT_S)
        self.wire.forget_input()
        self._tell("boot", {})
        self._say("RDY")
        for text in (
            "APP RDY",
            f"+CPIN: {self.sim_word}",
            "+CFUN: 1",
            *(["+QIND: SMS DONE"] if self.sim is Sim.READY else []),
        ):
            self.urc(text)
        while True:
            data = await self.wire.line()
            if self._garbage is None:
                await self._take(data)
            if self._ended.is_set():
                return

    async def run(self) -> None:
        """Live: off, booting, on, and again; for ever."""
        try:
            while True:
                await self._powered.wait()
                self._ended.clear()
                serving, ended = asyncio.create_task(self._serve()), asyncio.create_task(self._ended.wait())
                await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
                serving.cancel()
                ended.cancel()
                await asyncio.gather(serving, ended, return_exceptions=True)
                if serving.done() and not serving.cancelled() and serving.exception() is not None:
                    raise serving.exception()  # type: ignore[misc]
                self._down()
        finally:
            self._down()
