# SPDX-License-Identifier: MIT
"""`quell receipt`: list, show and verify receipts."""

import datetime
import re
import textwrap
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Connection, RowMapping

from quell_host import output, receipt_words
from quell_host.commands import options
from quell_host.control.context import document_of, open_context
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger import devices, receipts
from quell_host.wire import receipt as wire
from quell_host.wire.cose import PUBLIC_BYTES
from quell_host.wire.receipt import FIRST_PREVIOUS, Receipt, ReceiptError, ReceiptKind

app = typer.Typer(no_args_is_help=True, help="List, show and verify receipts.")

_MAX_FILE_BYTES = 16384
_Which = Annotated[
    str, typer.Argument(help="Number, beginning of its SHA-256, or a file (bytes or hex)")
]


@app.command(
    "list",
    help="List the receipts of a device, or of all, and say what is missing in their chain.\n\n"
    "Example: quell receipt list --device lab-1",
)
def list_(device: options.DeviceOrAll = None, as_json: options.Json = False) -> None:
    with open_context() as context, context.ledger.read() as connection:
        rows = [devices.find(connection, device)] if device else devices.every(connection)
        shapes = [_summary(connection, row) for row in rows]
    if as_json:
        output.print_json({"devices": shapes})
        return
    console = output.stdout()
    for shape in shapes:
        console.print(shape["label"] or shape["device"][:8], style="bold", markup=False)
        _table(shape["receipts"])
        for item in shape["missing"]:
            output.warn(f"receipt {item['number']} never came")
        for item in shape["doubled"]:
            output.warn(f"two different receipts have number {item['number']}")


def _summary(connection: Connection, row: RowMapping) -> dict[str, Any]:
    chain = receipts.chain(connection, row["device"])
    named = ("instance", "number")
    return {
        "device": row["device"],
        "label": row["label"],
        "receipts": [_row(item) for item in receipts.of_device(connection, row["device"])],
        "missing": [dict(zip(named, item, strict=True)) for item in chain.missing],
        "doubled": [dict(zip(named, item, strict=True)) for item in chain.doubled],
    }


def _row(row: RowMapping) -> dict[str, Any]:
    moment = datetime.datetime.fromtimestamp(row["received_s"], datetime.UTC)
    outcome = wire.Outcome(row["outcome"]).name.lower().replace("_", "-")
    return {
        "number": row["number"],
        "hash": row["hash"],
        "kind": ReceiptKind(row["kind"]).name.lower(),
        "outcome": outcome,
        "purpose_id": row["purpose"],
        "instance": row["instance"] or None,
        "received": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        output.note("no receipts yet")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("number", "kind", "purpose", "outcome", "received", "hash"):
        table.add_column(name, overflow="fold")
    for row in rows:
        purpose = "" if row["purpose_id"] is None else str(row["purpose_id"])
        cells = (row["kind"], purpose, row["outcome"], row["received"], row["hash"][:12])
        table.add_row(str(row["number"]), *cells)
    output.stdout().print(table)


@app.command(
    "show",
    help="Show a receipt as the device signed it.\n\nExample: quell receipt show 3 --device lab-1",
)
def show(which: _Which, device: options.DeviceOrAll = None, as_json: options.Json = False) -> None:
    with open_context() as context, context.ledger.read() as connection:
        receipt, _ = _verified(connection, _raw(connection, which, device))
    shape = _parts(receipt)
    if as_json:
        output.print_json(shape)
        return
    for name, value in shape.items():
        output.stdout().print(f"{name:<16} {value}", markup=False, soft_wrap=True)


def _parts(receipt: Receipt) -> dict[str, Any]:
    """All that the receipt says, by its names in SPEC §9; absent parts are left out."""
    shape: dict[str, Any] = {"hash": receipt.hash.hex()}
    for name, value in vars(receipt).items():
        if value is None or name in ("raw", "purposes"):
            continue
        if isinstance(value, bytes):
            value = value.hex()
        elif hasattr(value, "name"):
            value = value.name if name == "status" else value.name.lower().replace("_", "-")
        elif name == "counters":
            value = {str(reason): count for reason, count in value.items()}
        shape[name] = value
    return shape


@app.command(
    "verify",
    help="Verify a receipt and say in words what it proves and what not. Exit code 3 when it does "
    "not verify. With --key no ledger is needed.\n\nExample: quell receipt verify 3 --device lab-1",
)
def verify(
    which: _Which,
    device: options.DeviceOrAll = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The device's public key, 128 hex digits")
    ] = None,
    as_json: options.Json = False,
) -> None:
    purpose, linked = None, None
    if key is not None:
        public = _public(key)
        raw = _read_file(Path(which))
        receipt = _check(raw, wire_device(raw), public)
    else:
        with open_context() as context, context.ledger.read() as connection:
            receipt, row = _verified(connection, _raw(connection, which, device))
            purpose = _purpose_name(connection, row, receipt)
            linked = _linked(connection, receipt)
    proved = receipt_words.proves(receipt, purpose, linked)
    open_points = receipt_words.does_not_prove(receipt, linked)
    if as_json:
        parts = _parts(receipt)
        shape = {"verified": True, "proves": proved, "does_not_prove": open_points}
        output.print_json({**shape, "receipt": parts})
        return
    console = output.stdout()
    console.print(f"verified  {receipt_words.title(receipt, purpose)}", style="bold", markup=False)
    console.print("It proves:")
    _list(proved)
    console.print("It does not prove:")
    _list(open_points)


def _list(lines: list[str]) -> None:
    console = output.stdout()
    for line in lines:
        hanging = textwrap.fill(line, console.width, initial_indent="  ", subsequent_indent="    ")
        console.print(hanging, markup=False)


def _linked(connection: Connection, receipt: Receipt) -> bool | None:
    if receipt.kind == ReceiptKind.STATE:
        return None
    if receipt.previous == FIRST_PREVIOUS:
        return receipt.number == 1
    return receipts.by_hash(connection, receipt.previous) is not None


def _purpose_name(connection: Connection, row: RowMapping, receipt: Receipt) -> str | None:
    document = document_of(connection, row)
    purpose = document.purpose_by_id(receipt.purpose or 0) if document else None
    return purpose.name if purpose else None


def _raw(connection: Connection, which: str, device: str | None) -> bytes:
    """The bytes of the receipt that `which` means. Raises QuellError (usage)."""
    if Path(which).is_file():
        return _read_file(Path(which))
    wanted = devices.find(connection, device)["device"] if device else None
    rows = receipts.of_device(connection, wanted)
    if re.fullmatch(r"[0-9]{1,7}", which):
        found = [row for row in rows if row["number"] == int(which)]
        # After a new instance the numbers begin again: the last one is meant.
        if wanted is not None and found:
            found = found[-1:]
    else:
        found = [row for row in rows if row["hash"].startswith(which.lower())]
    if len(found) == 1:
        return bytes(found[0]["bytes"])
    if not found:
        what = f"no receipt or file {which!r}"
        raise QuellError(what, "see: quell receipt list", ExitCode.USAGE)
    raise QuellError(f"{which!r} fits {len(found)} receipts", "give --device", ExitCode.USAGE)


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}", "", ExitCode.USAGE) from None
    text = data.strip()
    if text and re.fullmatch(rb"[0-9A-Fa-f]+", text) and len(text) % 2 == 0:
        return bytes.fromhex(text.decode())
    return data


def wire_device(raw: bytes) -> bytes:
    """The device that a receipt names. Raises QuellError (NOT_VERIFIED)."""
    try:
        return wire.device_of(raw)
    except ReceiptError as error:
        hint = "nothing in it can be trusted"
        raise QuellError(f"not a receipt: {error}", hint, ExitCode.NOT_VERIFIED) from None


def _public(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError:
        public = b""
    if len(public) != PUBLIC_BYTES:
        hint = "see: quell device show --json"
        raise QuellError("--key is not 128 hex digits", hint, ExitCode.USAGE)
    return public


def _verified(connection: Connection, raw: bytes) -> tuple[Receipt, RowMapping]:
    named = wire_device(raw)
    row = devices.get(connection, named)
    if row is None:
        what = f"the receipt names device {named.hex()[:8]}, which the ledger does not know"
        raise QuellError(what, "give its public key: --key", ExitCode.NOT_VERIFIED)
    return _check(raw, named, bytes.fromhex(row["public_key"])), row


def _check(raw: bytes, device: bytes, public: bytes) -> Receipt:
    try:
        return wire.verify(raw, device, public)
    except ReceiptError as error:
        hint = "nothing in it can be trusted"
        what = f"the receipt does not verify: {error}"
        raise QuellError(what, hint, ExitCode.NOT_VERIFIED) from None
