# SPDX-License-Identifier: MIT
"""`quell modem-sim`: a simulated Quectel LTE modem on a TCP port or a pty, with a real MQTT broker behind it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quell_host import output
from quell_host.commands import options
from quell_host.errors import ExitCode, QuellError

HELP = """Be a Quectel LTE modem: AT commands in, a real MQTT broker out.

Listens on a TCP port of this machine, makes a pty, or connects to the port of an emulator.
Prints its address first; ends with Ctrl-C or after --seconds.

Example: quell modem-sim --port 5555 --broker 127.0.0.1:1883"""

_DIALECTS = ("pubex", "pub", "inline")
_PORTS = ("usbat", "usbmodem", "uart1", "all")


def _address(text: str | None, name: str) -> tuple[str, int] | None:
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise QuellError(f"{name} {text!r} is no HOST:PORT", "write 127.0.0.1:1883", ExitCode.USAGE)
    return host.strip("[]"), int(port)


def _one_of(text: str, name: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise QuellError(f"{name} {text!r} is unknown", f"write {', '.join(known)}", ExitCode.USAGE)
    return text


def _tell_json(event: str, more: dict[str, Any]) -> None:
    output.print_json_line({"event": event, **more})


def _tell_words(event: str, more: dict[str, Any]) -> None:
    if event == "listening":
        console = output.stdout()
        console.print(more["address"], markup=False, soft_wrap=True)
        console.file.flush()
    else:
        output.note(" ".join([event, *map(str, more.values())]))


def modem_sim(
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="TCP port; 0 for any")] = None,
    pty: Annotated[bool, typer.Option("--pty", help="Make a pty instead")] = False,
    connect: Annotated[str | None, typer.Option("--connect", help="HOST:PORT to connect to, again and again")] = None,
    device: Annotated[Path | None, typer.Option("--device", help="JSON: who the modem is")] = None,
    broker: Annotated[
        str | None, typer.Option("--broker", help="HOST:PORT instead of any broker that is named")
    ] = None,
    faults: Annotated[Path | None, typer.Option("--faults", help="JSON: what goes wrong, and when")] = None,
    dialect: Annotated[str, typer.Option("--dialect", help="How it publishes: pubex, pub, inline")] = "pubex",
    urcport: Annotated[
        str, typer.Option("--urcport", help="Where URCs go until AT+QURCCFG: usbat, or uart1 for here")
    ] = "usbat",
    transcript: Annotated[
        Path | None, typer.Option("--transcript", help="Append all bytes of the line to this file")
    ] = None,
    control: Annotated[bool, typer.Option("--control", help="JSON lines on stdin change the modem")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after this time")] = None,
    as_json: options.Json = False,
) -> None:
    if (port is not None) + pty + (connect is not None) > 1:
        raise QuellError("more than one line for the modem", "give one of --port, --pty, --connect", ExitCode.USAGE)
    # asyncio and the certificates take a moment to load: only here.
    from quell_host.modem_sim.plan import Plan, read_plan
    from quell_host.modem_sim.serve import Job, serve
    from quell_host.modem_sim.state import Facts, facts_of
    from quell_host.preview.description import read_description

    job = Job(
        facts=facts_of(read_description(device)) if device else Facts(),
        plan=read_plan(faults) if faults else Plan(),
        port=port or 0,
        pty=pty,
        connect=_address(connect, "--connect"),
        broker=_address(broker, "--broker"),
        dialect=_one_of(dialect, "--dialect", _DIALECTS),
        urc_port=_one_of(urcport, "--urcport", _PORTS),
        transcript=transcript,
        seconds=seconds,
        control=control,
    )
    serve(job, _tell_json if as_json else _tell_words)
