# SPDX-License-Identifier: MIT
"""`quell consent show`: where consent stands, device by device."""

import datetime
from typing import Any

from rich.table import Table
from sqlalchemy import Connection, RowMapping

from quell_host import output
from quell_host.commands import options
from quell_host.control.context import document_of, open_context
from quell_host.ledger import bundles, consent, devices, erase, state
from quell_host.wire.command import NAMES, POLICY

HELP = (
    "Show where consent stands: per purpose its status, what the device has not answered yet, "
    "and how many records the ledger holds. With --json also every event, in the terms of "
    "ISO/IEC TS 27560 and W3C DPV.\n\n"
    "Example: quell consent show --device lab-1"
)


def show(device: options.DeviceOrAll = None, as_json: options.Json = False) -> None:
    with open_context() as context, context.ledger.read() as connection:
        rows = [devices.find(connection, device)] if device else devices.every(connection)
        shapes = [_shape(connection, row) for row in rows]
    if as_json:
        output.print_json({"devices": shapes})
        return
    for number, shape in enumerate(shapes):
        if number:
            output.stdout().print()
        _print(shape)
    if not shapes:
        output.note("No devices: quell provision makes one.")


def _shape(connection: Connection, row: RowMapping) -> dict[str, Any]:
    raw = bytes.fromhex(row["device"])
    document = document_of(connection, row)
    states = {item["purpose"]: item for item in state.of_device(connection, raw)}
    waiting = [item for item in bundles.entries(connection, raw) if item["kind"] != POLICY]
    purposes = []
    named = {purpose.id: purpose for purpose in document.purposes} if document else {}
    for number in sorted(set(named) | set(states)):
        known, purpose = states.get(number), named.get(number)
        purposes.append(
            {
                "id": number,
                "name": purpose.name if purpose else None,
                "basis": purpose.basis.label if purpose else None,
                "status": known["status"] if known else None,
                "generation": known["generation"] if known else None,
                "waiting": [NAMES[w["kind"]] for w in waiting if w["purpose"] == number],
                "records": erase.count(connection, raw, number),
            }
        )
    return {
        "device": row["device"],
        "label": row["label"],
        "instance": row["instance"] or None,
        "policy": document.name if document else None,
        "purposes": purposes,
        "events": [_event(item) for item in consent.history(connection, raw)],
    }


def _event(row: RowMapping) -> dict[str, Any]:
    moment = datetime.datetime.fromtimestamp(row["time_s"], datetime.UTC)
    return {
        "state": f"dpv:{row['state']}",
        "event": row["event"],
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "entity": row["entity"],
        "purpose": row["purpose_name"],
        "generation": row["generation"],
        "instance": row["instance"] or None,
        "digest": row["digest"],
        "evidence": row["evidence"],
    }


def _status(item: dict[str, Any]) -> str:
    if item["basis"] in ("contract", "legal-obligation"):
        return "not needed"
    if item["basis"] == "legitimate-interest" and item["status"] == "ConsentUnknown":
        return "no objection"
    return item["status"] or "no word yet"


def _print(shape: dict[str, Any]) -> None:
    console = output.stdout()
    title = shape["label"] or shape["device"][:8]
    console.print(f"{title}  policy {shape['policy'] or 'none'}", markup=False, style="bold")
    if not shape["purposes"]:
        output.note("Nothing yet: give it a policy with quell policy push.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("purpose", "basis", "status", "waiting for", "records"):
        justify = "right" if name == "records" else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for item in shape["purposes"]:
        waiting = ", ".join(item["waiting"])
        table.add_row(
            item["name"] or f"number {item['id']}",
            item["basis"] or "?",
            _status(item),
            f"receipt of {waiting}" if waiting else "",
            str(item["records"]),
        )
    console.print(table)
