# SPDX-License-Identifier: MIT
"""`quell flash --board … --port …`: put the agent on a board, or see that its firmware holds the right one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from quell_host import output, runtime
from quell_host.commands import options
from quell_host.errors import ExitCode, QuellError

if TYPE_CHECKING:
    from quell_host.board.device import About
    from quell_host.flash.board import Board

HELP = (
    "Put the agent on a board, or save an image of a device's flash, look into it and check it.\n\n"
    "Without a command: copies the agent's files over the board's REPL into a folder of their own and switches "
    "to it when all of them read back as they should. Until then the old version is in force, whatever happens; "
    "the same command goes on where it ended. Where the agent is part of the firmware it is only verified.\n\n"
    "Example: quell flash --board QEMU_SABRELITE --port /dev/ttyACM0"
)
_STATES = {"installed": "is in force", "repaired": "was repaired", "unchanged": "was there, whole"}


def write(
    context: typer.Context,
    board: Annotated[str | None, typer.Option("--board", help="The board: a folder in boards/")] = None,
    port: Annotated[str | None, typer.Option("--port", help="The board's port, such as /dev/ttyACM0")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="A checkout's firmware/; without it this one's")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also onto a board that has no agent, or one that does not load")
    ] = False,
    stay: options.Stay = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    if context.invoked_subcommand is not None:
        if board or port or source or force:
            what = f"options stand before the command {context.invoked_subcommand}"
            raise QuellError(what, "see: quell flash --help", ExitCode.USAGE)
        return
    if board is None or port is None:
        raise QuellError("--board and --port are needed", "see: quell flash --help", ExitCode.USAGE)
    from quell_host.board import agent_files
    from quell_host.flash import board as repl

    firmware = (source or runtime.firmware()).absolute()
    agent_files.board_folder(board, firmware)  # Before the board is interrupted: it may be unknown.
    with repl.connect(port, baud, not stay) as connected:
        about = _checked(connected, board, port, force)
        if about is not None and about.frozen:
            facts = _verified(about, board, firmware)
        else:
            facts = _installed(connected, board, firmware)
        if not stay:
            connected.restart()
    facts = {"board": board, "port": port, **facts, "restarted": not stay}
    if as_json:
        output.print_json(facts)
    else:
        _show(facts)


def _checked(connected: "Board", board: str, port: str, force: bool) -> "About | None":
    """What the board says of itself; None where it has no agent and --force is given."""
    from quell_host.board import device

    try:
        agent = device.find(connected)
    except device.BrokenAgent as error:
        if not force:
            what = f"the agent at {port} does not load: {error}"
            raise QuellError(what, f"give --force when it surely is a {board}") from None
        return None
    if agent is None:
        if not force:
            hint = f"give --force when it surely is a {board}"
            raise QuellError(f"the board at {port} has no agent", hint, ExitCode.USAGE)
        return None
    if agent.about.name != board:
        what = f"the board at {port} is {agent.about.name}, not {board}"
        raise QuellError(what, "nothing was changed", ExitCode.USAGE)
    return agent.about


def _verified(about: "About", board: str, firmware: Path) -> dict[str, Any]:
    """The facts of an agent that is frozen. Raises QuellError when it is not that of `firmware`."""
    from quell_host.board import agent_files

    version, digest = agent_files.source_hash(firmware)
    hint = f"write a newer firmware image: see boards/{board}/README.md"
    if about.version != version:
        what = f"the board's firmware holds agent {about.version}, {firmware} is {version}"
        raise QuellError(what, hint, ExitCode.NOT_VERIFIED)
    if about.hash is not None and about.hash != digest:
        what = f"the board's firmware holds another agent {version} than {firmware}: their hashes differ"
        raise QuellError(what, hint, ExitCode.NOT_VERIFIED)
    facts = {"frozen": True, "version": version, "hash": about.hash, "folder": None, "state": "verified"}
    return {**facts, "files": None, "copied": 0, "copied_bytes": 0, "removed": []}


def _installed(connected: "Board", board: str, firmware: Path) -> dict[str, Any]:
    from quell_host.board import agent_files, install
    from quell_host.board.files import BoardFiles

    package = agent_files.package(board, firmware)
    connected.clear()
    console = output.stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(f"Copying {package.folder}")
        files = BoardFiles(connected, package.root)
        done = install.install(files, package, lambda n, total: progress.update(task, completed=n, total=total))
    facts = {"frozen": False, "version": package.version, "hash": package.hash, "folder": package.folder}
    state = "installed" if done.switched else "repaired" if done.copied else "unchanged"
    numbers = {"files": len(package.files), "copied": done.copied, "copied_bytes": done.copied_bytes}
    return {**facts, "state": state, **numbers, "removed": list(done.removed)}


def _show(facts: dict[str, Any]) -> None:
    console = output.stdout()
    if facts["frozen"]:
        line = f"{facts['board']}: agent {facts['version']} is part of the firmware: nothing was written"
        console.print(line, markup=False, soft_wrap=True)
        said = "its hash is that of the sources" if facts["hash"] else "it states no hash: only versions were compared"
        console.print(f"  {said}", markup=False, soft_wrap=True)
    else:
        console.print(f"{facts['board']}: {facts['folder']} {_STATES[facts['state']]}", markup=False, soft_wrap=True)
        copied = f"{facts['copied']} of {facts['files']} files copied, {facts['copied_bytes']:,} bytes"
        console.print(f"  {copied}", markup=False, soft_wrap=True)
        for name in facts["removed"]:
            console.print(f"  {name} was removed", markup=False, soft_wrap=True)
    at_prompt = "The board is at its REPL: quell device restart starts it."
    output.note("The board was started." if facts["restarted"] else at_prompt)
