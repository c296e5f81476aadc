# SPDX-License-Identifier: MIT
"""`quell consent`: grant, withdraw and show consent."""

import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Connection, RowMapping

from quell_host import output
from quell_host.broker import Broker, broker_from
from quell_host.commands import options
from quell_host.control import consent as control
from quell_host.control.consent import PendingError
from quell_host.control.context import Context, load_named_signer, open_context, purpose_of
from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.ledger import bundles, consent, devices, erase, receipts, state
from quell_host.wire.command import GRANT, Command
from quell_host.wire.receipt import Outcome

app = typer.Typer(no_args_is_help=True, help="Grant, withdraw and show consent.")

_Purpose = Annotated[str, typer.Option("--purpose", help="Name or number of the purpose")]
_APPLIED = frozenset({Outcome.DONE, Outcome.ALREADY})


@app.command(
    "grant",
    help="Give consent to a purpose, as the policy that the device runs describes it.\n\n"
    "Exit code 6 when the device has not sent a challenge yet, while a withdrawal lacks its "
    "receipt, or when no answer is in after --wait.\n\n"
    "Example: quell consent grant --device lab-1 --purpose usage --signer ada --wait 30",
)
def grant(
    device: options.Device,
    purpose: _Purpose,
    signer: options.Signer,
    broker: options.BrokerUrl = None,
    ca: options.Ca = None,
    wait: options.Wait = 0.0,
    as_json: options.Json = False,
) -> None:
    where, key = broker_from(broker, ca), load_named_signer(signer)
    with open_context() as context:
        if wait:
            context.wait(lambda c: not _pending(context, c, device, purpose), wait)
        with context.ledger.write() as connection:
            row = devices.find(connection, device)
            found = purpose_of(connection, row, purpose)
            keyring, now_s = context.keyring, context.clock()
            command = control.grant(connection, keyring, row, found, key, now_s)
        if command is None:
            result = _result(row, found.name, key, "given", None)
        else:
            receipt = _send(context, where, command, wait)
            result = _result(row, found.name, key, "given", receipt)
            result["state"] = result["state"] if receipt else "sent"
    _end(result, as_json)


def _pending(context: Context, connection: Connection, device: str, purpose: str) -> bool:
    row = devices.find(connection, device)
    try:
        found = purpose_of(connection, row, purpose)
        control.challenged(connection, row, found)
    except QuellError as error:
        return error.code == ExitCode.PENDING
    return False


@app.command(
    "withdraw",
    help="Withdraw consent, or object to a legitimate interest. The ledger's records of the "
    "purpose are deleted at once; the device stops, erases and sends its receipt.\n\n"
    "Exit code 6 when no receipt is in after --wait: the withdrawal stays on the broker.\n\n"
    "Example: quell consent withdraw --device lab-1 --purpose usage --signer ada --wait 30",
)
def withdraw(
    device: options.Device,
    purpose: _Purpose,
    signer: options.Signer,
    broker: options.BrokerUrl = None,
    ca: options.Ca = None,
    wait: options.Wait = 0.0,
    as_json: options.Json = False,
) -> None:
    where, key = broker_from(broker, ca), load_named_signer(signer)
    with open_context() as context:
        with context.ledger.write() as connection:
            row = devices.find(connection, device)
            found = purpose_of(connection, row, purpose)
            keyring, now_s = context.keyring, context.clock()
            done = control.withdraw(connection, keyring, row, found, key, now_s)
        if not context.ledger.checkpoint():
            output.warn("another program reads the ledger: old pages go when it is done")
        receipt = _send(context, where, done.command, wait)
        result = _result(row, found.name, key, "withdrawn", receipt)
        result["state"] = result["state"] if receipt else "sent"
        result["generation"] = done.command.generation
        result["ledger_erased"] = done.erased_records
    _end(result, as_json)


def _send(
    context: Context, broker: Broker | None, command: Command, wait_s: float
) -> RowMapping | None:
    """Publish, wait, and return the receipt that answers the command, if it is in."""
    if not context.publish(broker):
        output.note("No broker given: the running quell receive publishes it.")
    answer: list[RowMapping] = []

    def look(connection: Connection) -> bool:
        found = receipts.for_command(connection, command.hash)
        if found is None and command.kind != GRANT:
            row = connection.info.get("device")
            found = _covering(connection, command) if row is None else None
        if found is not None:
            answer.append(found)
        return found is not None

    context.wait(look, wait_s)
    return answer[0] if answer else None


def _covering(connection: Connection, command: Command) -> RowMapping | None:
    return None


def _result(
    row: RowMapping, purpose: str, signer: Signer, state_word: str, receipt: RowMapping | None
) -> dict[str, Any]:
    outcome = Outcome(receipt["outcome"]) if receipt else None
    applied = outcome is None or outcome in _APPLIED
    words = outcome.name.lower().replace("_", "-") if outcome is not None else None
    return {
        "device": row["device"],
        "title": devices.title(row),
        "purpose": purpose,
        "by": signer.kind,
        "state": state_word if applied else "refused",
        "outcome": words,
        "receipt": receipt["hash"] if receipt else None,
    }
