# SPDX-License-Identifier: MIT
"""`quell ledger`: back the ledger up and check it."""

from pathlib import Path
from typing import Annotated

import typer

from quell_host import home, output
from quell_host.commands import options
from quell_host.control.context import open_context
from quell_host.errors import ExitCode
from quell_host.ledger import backup as backups
from quell_host.ledger import check as checks

app = typer.Typer(
    no_args_is_help=True,
    help="Back the ledger up and check it.\n\nWithout the ledger and the region keys, nothing that "
    "devices sent can be read, and no device can be told apart.",
)


@app.command(
    "backup",
    help="Copy the ledger to a new file, while it is in use. The key files are not copied: it "
    "lists those that belong to it.\n\nExample: quell ledger backup /media/usb/ledger.sqlite",
)
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make, mode 0600")],
    as_json: options.Json = False,
) -> None:
    with open_context() as context, output.progress("Copying the ledger"):
        copied = backups.backup(context.ledger, file)
    keys = sorted(str(path) for path in home.keys_dir().glob("*.key"))
    if as_json:
        output.print_json({"file": str(file), "bytes": copied, "keys_not_copied": keys})
        return
    console = output.stdout()
    console.print(f"{file}: {copied} bytes", markup=False, soft_wrap=True)
    if keys:
        console.print("Not in it, back them up too and apart from it:")
        for path in keys:
            console.print(f"  {path}", markup=False, soft_wrap=True)
    output.note("A lost ledger or region key means that the devices' data can never be read.")
    output.note("A backup keeps what is erased later: delete it when a withdrawal comes in.")


@app.command(
    "check",
    help="Check the ledger: its file, its keys, its receipts, its bundles. Exit code 1 when "
    "something is wrong.\n\nExample: quell ledger check",
)
def check(as_json: options.Json = False) -> None:
    with open_context() as context:
        findings = checks.check(context.ledger, context.keyring)
    if as_json:
        shapes = [{"severity": item.severity, "what": item.what} for item in findings]
        output.print_json({"findings": shapes})
    else:
        for item in findings:
            line = f"{item.severity}: {item.what}"
            output.stdout().print(line, markup=False, soft_wrap=True)
        if not findings:
            output.stdout().print("The ledger is in order.")
    if any(item.severity == "error" for item in findings):
        raise typer.Exit(ExitCode.FAILED)
