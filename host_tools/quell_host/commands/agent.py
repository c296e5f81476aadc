# SPDX-License-Identifier: MIT
"""`quell agent`: run the agent on this host, and ask it why nothing arrives."""

import os
from pathlib import Path
from typing import Annotated

import typer

from quell_host import output, runtime
from quell_host.agent_config import read_config
from quell_host.agent_status import explain, read_status
from quell_host.commands import options
from quell_host.errors import ExitCode, QuellError

app = typer.Typer(no_args_is_help=True, help="Run the agent on this host and ask how it is.")

_CONFIG = "JSON file; its keys are in host_tools/README.md"


@app.command(
    "run",
    help="Run the agent with a configuration until Ctrl-C. The broker may change without "
    "provisioning again.\n\nExample: quell agent run --config agent.json",
)
def run(config: Annotated[Path, typer.Option("--config", help=_CONFIG)]) -> None:
    checked = read_config(config)
    if not (checked.folder / "prov.a").exists() and not (checked.folder / "prov.b").exists():
        what = f"{checked.folder} is not provisioned"
        raise QuellError(what, "run: quell provision --dir DIR", ExitCode.FAILED)
    command = [*runtime.command("ports/unix/main.py"), str(config)]
    try:
        os.execve(command[0], command, runtime.environment())
    except OSError as error:
        raise QuellError(f"MicroPython does not run: {error.strerror}", "run make setup") from None


@app.command(
    "status",
    help="Show what the agent says of itself: policy, consent, link, and what it drops and why. "
    "Reads DIR/status.json, which the agent writes every second.\n\n"
    "Example: quell agent status --dir /var/lib/quell",
)
def status(
    folder: Annotated[Path | None, typer.Option("--dir", help="The device's folder")] = None,
    config: Annotated[Path | None, typer.Option("--config", help=_CONFIG)] = None,
    as_json: options.Json = False,
) -> None:
    if (folder is None) == (config is None):
        raise QuellError("give either --dir or --config", "", ExitCode.USAGE)
    where = folder if folder is not None else read_config(config or Path()).folder
    found = read_status(where)
    if as_json:
        output.print_json(found.shape)
        return
    console = output.stdout()
    for line in explain(found):
        console.print(line, markup=False)
