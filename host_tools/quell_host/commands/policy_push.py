# SPDX-License-Identifier: MIT
"""`quell policy push`: give a signed policy to devices."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import RowMapping

from quell_host import output
from quell_host.broker import broker_from
from quell_host.commands import options
from quell_host.control import policy as control
from quell_host.control.context import Context, load_named_signer, open_context
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger import devices, policies, receipts
from quell_host.policy.document import Document
from quell_host.wire.command import Command
from quell_host.wire.receipt import Outcome

HELP = (
    "Give a signed policy to devices, and keep it in the ledger.\n\n"
    "A device that never connected has no instance to which the command could be bound: then "
    "it is pending (exit code 6); push again, or let `quell receive --operator-key` do it.\n\n"
    "Example: quell policy push fleet.quell --device lab-1 --signer ops --wait 30"
)


def push(
    file: Annotated[Path, typer.Argument(help="The signed policy, FILE.quell")],
    signer: options.Signer,
    device: options.DeviceOrAll = None,
    every: Annotated[bool, typer.Option("--all", help="All devices of the ledger")] = False,
    broker: options.BrokerUrl = None,
    ca: options.Ca = None,
    wait: options.Wait = 0.0,
    as_json: options.Json = False,
) -> None:
    if (device is None) == (not every):
        raise QuellError("name one --device, or give --all", "", ExitCode.USAGE)
    document = Document.read(file)
    operator = load_named_signer(signer)
    where = broker_from(broker, ca)
    with open_context() as context:
        asked: dict[str, Command | None] = {}
        with context.ledger.write() as connection:
            rows = devices.every(connection) if every else [devices.find(connection, device or "")]
            for row in rows:
                control.verify_for(connection, row, document)
                control.want(connection, row, document, context.clock())
                if row["policy_hash"] != document.hash.hex():
                    keyring, now_s = context.keyring, context.clock()
                    asked[row["device"]] = control.ask(
                        connection, keyring, row, document, operator, now_s
                    )
        if any(asked.values()) and not context.publish(where):
            output.note("No broker given: the running quell receive publishes it.")
        context.wait(lambda c: _all_answered(c, asked), wait)
        results = [_result(context, row, asked) for row in rows]
    _show(document, results, as_json)


def _all_answered(connection: object, asked: dict[str, Command | None]) -> bool:
    commands = [command for command in asked.values() if command is not None]
    return all(receipts.for_command(connection, item.hash) for item in commands)  # type: ignore[arg-type]


def _result(context: Context, row: RowMapping, asked: dict[str, Command | None]) -> dict[str, str]:
    shape = {"device": row["device"], "title": devices.title(row)}
    if row["device"] not in asked:
        return {**shape, "state": "running"}
    command = asked[row["device"]]
    if command is None:
        return {**shape, "state": "no-instance"}
    with context.ledger.read() as connection:
        receipt = receipts.for_command(connection, command.hash)
    if receipt is None:
        return {**shape, "state": "sent"}
    outcome = Outcome(receipt["outcome"])
    running = outcome in (Outcome.DONE, Outcome.ALREADY)
    words = outcome.name.lower().replace("_", "-")
    return {**shape, "state": "running" if running else words}


_WORDS = {
    "running": "runs it",
    "sent": "has not answered yet",
    "no-instance": "pending: has not connected yet",
}


def _show(document: Document, results: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        output.print_json(
            {
                "policy": {
                    "name": document.name,
                    "version": document.version,
                    "hash": document.hash,
                    "slices": len(policies.slices(document)),
                },
                "devices": [{k: v for k, v in row.items() if k != "title"} for row in results],
            }
        )
    else:
        console = output.stdout()
        console.print(f"policy {document.name} version {document.version}", markup=False)
        for row in results:
            words = _WORDS.get(row["state"], row["state"])
            console.print(f"  {row['title']:<20} {words}", markup=False)
    states = {row["state"] for row in results}
    if states - set(_WORDS):
        raise typer.Exit(ExitCode.FAILED)
    if states - {"running"}:
        raise typer.Exit(ExitCode.PENDING)
