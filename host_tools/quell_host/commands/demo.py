# SPDX-License-Identifier: MIT
"""`quell demo`: the whole job on this machine, against a real broker, in under a minute."""

from pathlib import Path
from typing import Annotated

import typer

from quell_host import output
from quell_host.demo.story import WORLDS, Story
from quell_host.errors import ExitCode, QuellError

HELP = """Run the whole job here: collect, send, consent, withdraw, prove, and search for leaks.

A real agent on MicroPython and a real mosquitto on loopback; what they leave is in the folder.

Example: quell demo --dir build/demo"""


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", help="Folder for all it makes; emptied first")
    ] = Path("build/demo"),
    board: Annotated[str, typer.Option("--board", help=f"What the agent runs on: {', '.join(WORLDS)}")] = "UNIX",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON")] = False,
) -> None:
    if board not in WORLDS:
        raise QuellError(f"no demo on {board}", f"there are: {', '.join(WORLDS)}", ExitCode.USAGE)
    story = Story(folder.resolve(), board, quiet=as_json)
    report = story.tell()
    if as_json:
        output.print_json(report)
