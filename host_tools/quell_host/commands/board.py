# SPDX-License-Identifier: MIT
"""`quell board run`: an emulated board to play with."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quell_host import home, output, runtime
from quell_host.commands import options

if TYPE_CHECKING:
    from quell_host.board.play import Running

app = typer.Typer(no_args_is_help=True, help="An emulated board, its modem and a broker, to play with.")
_CHECK_S = 0.2


@app.command(
    "run",
    help="Run an emulated board until Ctrl-C: QEMU with a NOR flash chip whose content stays, a simulated modem at its "
    "UART, and mosquitto on this machine. Its REPL is a pty, for --port of the other commands.\n\n"
    "Example: quell board run QEMU_SABRELITE",
)
def run(
    board: Annotated[str, typer.Argument(help="A folder of boards/ whose board has an emulator")],
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where its chip and logs are [default: $QUELL_HOME/boards/BOARD]")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="With a blank chip: what was on it is lost")] = False,
    broker: Annotated[
        str | None, typer.Option("--broker", help="HOST:PORT of a broker that runs already")
    ] = None,
    device: Annotated[Path | None, typer.Option("--device", help="JSON: who its modem is")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after this time")] = None,
    as_json: options.Json = False,
) -> None:
    # The emulator and what it rests on take a moment to load: only here.
    from quell_host.board.play import Playground, check_emulated

    check_emulated(board, runtime.firmware())
    place = folder or home.make_home() / "boards" / board
    playground = Playground(place, runtime.board_firmware(board), broker, device)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, as Ctrl-C does
    with playground.running(fresh) as running:
        _show(board, running, as_json)
        end_s = None if seconds is None else time.monotonic() + seconds
        try:
            while end_s is None or time.monotonic() < end_s:
                playground.check()
                time.sleep(_CHECK_S)
        except KeyboardInterrupt:
            pass
    output.note(f"The chip's content stays in {running.image}.")


def _show(board: str, running: "Running", as_json: bool) -> None:
    if as_json:
        output.print_json_line(
            {
                "event": "running",
                "board": board,
                "port": running.port,
                "modem": f"127.0.0.1:{running.modem}",
                "broker": running.broker,
                "image": str(running.image),
                "transcript": str(running.transcript),
            }
        )
        return
    lines = [
        f"{board} runs until Ctrl-C.",
        f"  port     {running.port}",
        f"  broker   {running.broker}",
        f"  chip     {running.image}",
        f"  modem    {running.transcript}",
        "",
        f"quell provision --port {running.port} --broker {running.broker} --apn internet \\",
        "  --name play --region REGION --operator OPERATOR --subject SUBJECT --policy-key KEY",
        f"quell receive --broker mqtt://{running.broker}",
        f"quell device logs --port {running.port} --follow",
    ]
    file = output.stdout().file
    file.write("\n".join(lines) + "\n")
    file.flush()
