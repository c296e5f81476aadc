# SPDX-License-Identifier: MIT
"""`quell device info`, `logs`, `restart`, `configure`, `lock`: a board at a port of this machine."""

import datetime
from typing import Annotated, Any

import typer

from quell_host import output
from quell_host.agent_status import AgentStatus, explain
from quell_host.commands import options
from quell_host.errors import ExitCode, QuellError

_LINE = "quell "
_FACTS = ("name", "version", "micropython", "heap_free", "heap_used", "store", "erase_level", "provisioned", "device")

INFO = (
    "Show what a board says of itself: agent, memory, store, identity, configuration without secrets, and what the "
    "agent did until now. Interrupts the agent, which writes to the flash what it holds, and starts it again.\n\n"
    "Example: quell device info --port /dev/ttyACM0"
)
LOGS = (
    "Show what a board's agent prints: codes and counts, never a value. A running agent is not interrupted; a board "
    "that waits at its REPL is started by a soft reset. Only lines that begin with `quell ` are shown.\n\n"
    "Example: quell device logs --port /dev/ttyACM0 --seconds 30"
)
RESTART = (
    "Restart a board: a soft reset, or --hard. The agent is interrupted and writes to the flash what it holds first. "
    "To give a device a new instance: quell device reset.\n\n"
    "Example: quell device restart --port /dev/ttyACM0"
)
CONFIGURE = (
    "Give a board another configuration; it keeps its identity, consent and records. What --broker, --ca and --apn or "
    "--config say replaces all of the old one. The agent is interrupted, and starts again with it.\n\n"
    "Example: quell device configure --port /dev/ttyACM0 --broker mqtt.example:8883 --ca ca.pem --apn internet"
)
LOCK = (
    "Take Ctrl-C and the REPL away from a board, from its next start on, which follows at once. No command of quell "
    "reaches it then. The way back in is erasing the flash, which loses its identity, or the boot pin where the board "
    "has one: see the board's page. It keeps out who has the port, not who opens the case.\n\n"
    "Example: quell device lock --port /dev/ttyACM0"
)


def info(
    port: options.Port,
    stay: options.Stay = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    from quell_host.board import device
    from quell_host.flash import board as repl

    with output.progress("Asking the board"), repl.connect(port, baud, not stay) as connected:
        agent = device.need(connected, port)
        said = agent.info()
        shape: dict[str, Any] = {"port": port, **{name: said.get(name) for name in _FACTS}}
        shape |= {"frozen": agent.about.frozen, "config": agent.config(), "status": agent.status()}
        if not stay:
            connected.restart()
    shape["restarted"] = not stay
    if as_json:
        output.print_json(shape)
        return
    _show(shape)
    output.note("The agent was interrupted, and started again." if not stay else "The agent was interrupted.")


def _show(shape: dict[str, Any]) -> None:
    where = "part of the firmware" if shape["frozen"] else "in files"
    rows = [
        ("board", shape["name"]),
        ("agent", f"{shape['version']}, {where}"),
        ("micropython", shape["micropython"]),
        ("heap", f"{_number(shape['heap_free'])} bytes free, {_number(shape['heap_used'])} used"),
        ("store", f"{shape['store']}, erase level {shape['erase_level']}"),
        ("device", shape["device"] or "not provisioned: quell provision --port"),
    ]
    rows += [(f"config {key}", value) for key, value in _flat("", shape["config"])]
    write = output.stdout().file.write
    for name, value in rows:
        write(_fit(f"{name:<12} {value}") + "\n")
    if shape["status"] is not None:
        for line in _status(shape["status"]):
            write(_fit(line) + "\n")


def _status(status: dict[str, Any]) -> list[str]:
    try:
        return ["", "the agent, until it was interrupted", *explain(AgentStatus(status, 0))]
    except (KeyError, TypeError, ValueError, AttributeError):
        return ["its status cannot be read: is it of this version?"]


def _flat(prefix: str, values: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in sorted(values.items()):
        found += _flat(f"{prefix}{key}.", value) if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


def _fit(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:200]


def logs(
    port: options.Port,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to listen")] = 10,
    follow: Annotated[bool, typer.Option("--follow", help="Listen until Ctrl-C")] = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    from quell_host.flash import board as repl

    shown = 0
    with repl.listen(port, baud) as console:
        if console.at_prompt():
            output.note("The board waited at its REPL: it was started by a soft reset.")
            console.restart()
        for line in console.lines(None if follow else seconds):
            if line.startswith(_LINE):
                shown += 1
                _log(line, as_json)
    if not shown:
        output.note(f"No line that begins with `{_LINE}` came in {seconds:g} s.")


def _log(line: str, as_json: bool) -> None:
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if as_json:
        output.print_json_line({"received": moment, "line": line})
        return
    file = output.stdout().file
    file.write(f"{moment} {line}\n")
    file.flush()


def restart(
    port: options.Port,
    hard: Annotated[bool, typer.Option("--hard", help="machine.reset(): as if the power came back")] = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    from quell_host.flash import board as repl

    with output.progress("Restarting"), repl.connect(port, baud, True) as connected:
        if hard:
            try:
                connected.hard_restart()
            except repl.BoardError as error:
                raise QuellError(f"the board has no hard reset: {error}", "leave out --hard") from None
        else:
            connected.restart()
    kind = "hard" if hard else "soft"
    if as_json:
        output.print_json({"port": port, "restart": kind})
        return
    output.stdout().print(f"{port}: {kind} reset", markup=False, soft_wrap=True)


def configure(
    port: options.Port,
    broker: options.BoardBroker = None,
    ca: options.BoardCa = None,
    apn: options.Apn = None,
    config: options.BoardConfig = None,
    stay: options.Stay = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    from quell_host.board import device
    from quell_host.board.config import Wanted
    from quell_host.flash import board as repl

    text = Wanted(broker, ca, apn, config).text()
    if text is None:
        raise QuellError("nothing to configure", "give --broker, --ca and --apn, or --config", ExitCode.USAGE)
    with output.progress("Configuring"), repl.connect(port, baud, not stay) as connected:
        agent = device.need(connected, port)
        agent.configure(text)
        shape = {"port": port, "board": agent.about.name, "config": agent.config(), "restarted": not stay}
        if not stay:
            connected.restart()
    if as_json:
        output.print_json(shape)
        return
    for key, value in _flat("", shape["config"]):
        output.stdout().file.write(_fit(f"{key:<12} {value}") + "\n")


def lock(
    port: options.Port,
    off: Annotated[bool, typer.Option("--off", help="Give the REPL back: works while the boot pin is held")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    from quell_host.board import device
    from quell_host.flash import board as repl

    if not off and not yes:
        if not output.stderr().is_terminal:
            raise QuellError("a lock wants a confirmation", "give --yes", ExitCode.USAGE)
        if not typer.confirm("Take the REPL away? No command of quell reaches the board then", err=True):
            raise typer.Abort
    with repl.connect(port, baud, True) as connected:
        agent = device.need(connected, port)
        if not off and not agent.provisioned():
            what = f"the board at {port} is not provisioned: locked, nobody could do it any more"
            raise QuellError(what, "quell provision --lock-repl does both", ExitCode.USAGE)
        agent.lock(not off)
        connected.restart()
    if as_json:
        output.print_json({"port": port, "board": agent.about.name, "locked": not off})
        return
    words = "has its REPL again" if off else "is locked"
    output.stdout().print(f"{agent.about.name} at {port} {words}", markup=False, soft_wrap=True)
