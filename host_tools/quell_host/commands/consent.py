# SPDX-License-Identifier: MIT
"""`quell consent`: grant and withdraw."""

from typing import Annotated, Any

import typer
from sqlalchemy import Connection, RowMapping

from quell_host import output
from quell_host.broker import Broker, broker_from
from quell_host.commands import consent_show, options
from quell_host.control import consent as control
from quell_host.control.context import Context, load_named_signer, open_context, purpose_of
from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.ledger import bundles, devices
from quell_host.wire.command import Command
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
            result = {**_result(row, found.name, key, "given", None), "state": "given"}
        else:
            receipt = _send(context, where, bytes.fromhex(row["device"]), command, wait)
            result = _result(row, found.name, key, "given", receipt)
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
    "Exit code 6 when no receipt is in after --wait: the withdrawal stays on the broker; and when "
    "the device stopped but its flash did not erase yet.\n\n"
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
        receipt = _send(context, where, bytes.fromhex(row["device"]), done.command, wait)
        result = _result(row, found.name, key, "withdrawn", receipt)
        result["generation"] = done.command.generation
        result["ledger_erased"] = done.erased_records
    _end(result, as_json)


def _send(
    context: Context, broker: Broker | None, device: bytes, command: Command, wait_s: float
) -> RowMapping | None:
    """Publish, wait, and return the receipt that answers the command, if it is in."""
    if not context.publish(broker):
        output.note("No broker given: the running quell receive publishes it.")
    context.wait(lambda c: bundles.answer(c, device, command) is not None, wait_s)
    with context.ledger.read() as connection:
        return bundles.answer(connection, device, command)


def _result(
    row: RowMapping, purpose: str, signer: Signer, applied: str, receipt: RowMapping | None
) -> dict[str, Any]:
    outcome = Outcome(receipt["outcome"]) if receipt else None
    word = "sent" if outcome is None else applied if outcome in _APPLIED else "refused"
    if outcome is Outcome.RESTRICTED:
        word = "restricted"
    return {
        "device": row["device"],
        "title": devices.title(row),
        "purpose": purpose,
        "by": signer.kind,
        "state": word,
        "outcome": outcome.name.lower().replace("_", "-") if outcome is not None else None,
        "receipt": receipt["hash"] if receipt else None,
    }


def _end(result: dict[str, Any], as_json: bool) -> None:
    title = result.pop("title")
    if as_json:
        output.print_json(result)
    else:
        console = output.stdout()
        words = {
            "given": f"{title} has consent for {result['purpose']}, by its {result['by']}",
            "withdrawn": f"{title} stopped {result['purpose']} and erased it",
            "restricted": f"{title} stopped {result['purpose']}, and could not erase it yet: it tries again",
            "sent": f"{title} has not answered yet about {result['purpose']}",
            "refused": f"{title} refused: {result['outcome']}",
        }[result["state"]]
        console.print(words, markup=False)
        if "ledger_erased" in result:
            console.print(f"  records deleted in the ledger  {result['ledger_erased']}")
        if result["receipt"]:
            console.print(f"  receipt  {result['receipt'][:16]}  (quell receipt show)")
    if result["state"] in ("sent", "restricted"):
        raise typer.Exit(ExitCode.PENDING)
    if result["state"] == "refused":
        raise typer.Exit(ExitCode.FAILED)


app.command("show", help=consent_show.HELP)(consent_show.show)
