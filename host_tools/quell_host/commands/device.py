# SPDX-License-Identifier: MIT
"""`quell device`: list, show and reset devices; look at a board (device_board.py)."""

import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Connection, RowMapping

from quell_host import output
from quell_host.broker import broker_from
from quell_host.commands import device_board, options
from quell_host.control.context import document_of, open_context
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger import bundles, devices, instances, receipts, state
from quell_host.wire.command import NAMES

app = typer.Typer(no_args_is_help=True, help="List, show and reset devices; look at a board at a port.")
app.command("info", help=device_board.INFO)(device_board.info)
app.command("logs", help=device_board.LOGS)(device_board.logs)
app.command("restart", help=device_board.RESTART)(device_board.restart)
app.command("configure", help=device_board.CONFIGURE)(device_board.configure)
app.command("lock", help=device_board.LOCK)(device_board.lock)

_Name = Annotated[str, typer.Argument(help="Label, device id, or the beginning of one")]


def _iso(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@app.command("list", help="List the devices of the ledger.\n\nExample: quell device list")
def list_(as_json: options.Json = False) -> None:
    with open_context() as context, context.ledger.read() as connection:
        shapes = [_summary(connection, row) for row in devices.every(connection)]
    if as_json:
        output.print_json({"devices": shapes})
        return
    if not shapes:
        output.note("No devices: quell provision makes one.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("device", "label", "region", "policy", "last seen"):
        table.add_column(name, overflow="fold")
    for shape in shapes:
        policy = shape["policy"]
        table.add_row(
            shape["device"][:8],
            shape["label"] or "",
            shape["region"],
            f"{policy['name']} {policy['version']}" if policy else "none",
            shape["last_seen"] or "never",
        )
    output.stdout().print(table)


def _summary(connection: Connection, row: RowMapping) -> dict[str, Any]:
    document = document_of(connection, row)
    running = bool(row["policy_hash"])
    return {
        "device": row["device"],
        "label": row["label"],
        "region": row["region"],
        "policy": {"name": document.name, "version": document.version}
        if document and running
        else None,
        "instance": row["instance"] or None,
        "last_seen": _iso(row["last_seen_s"]),
    }


@app.command(
    "show",
    help="Show a device: its signers, what waits for it, its counters.\n\n"
    "Example: quell device show lab-1",
)
def show(device: _Name, as_json: options.Json = False) -> None:
    with open_context() as context, context.ledger.read() as connection:
        row = devices.find(connection, device)
        raw = bytes.fromhex(row["device"])
        shape = _summary(connection, row)
        chain = receipts.chain(connection, row["device"])
        shape.update(
            {
                "provisioned": _iso(row["provisioned_s"]),
                "agent_version": row["agent_version"],
                "boot": row["boot"],
                "public_key": row["public_key"],
                "signers": [
                    {"name": s["name"], "kind": s["kind"], "kid": s["kid"]}
                    for s in devices.signers_of(connection, raw)
                ],
                "waiting": [
                    {"kind": NAMES[e["kind"]], "purpose_id": e["purpose"] or None, "kid": e["kid"]}
                    for e in bundles.entries(connection, raw)
                ],
                "receipts": {"count": chain.receipts, "whole": chain.whole},
                "counters": row["counters"] or {},
            }
        )
    if as_json:
        output.print_json(shape)
        return
    _print(shape)


def _print(shape: dict[str, Any]) -> None:
    console = output.stdout()
    policy = shape["policy"]
    rows = [
        ("device", shape["device"]),
        ("label", shape["label"] or "none"),
        ("region", shape["region"]),
        ("provisioned", shape["provisioned"]),
        ("last seen", shape["last_seen"] or "never"),
        ("agent", shape["agent_version"] or "not heard of yet"),
        ("policy", f"{policy['name']} version {policy['version']}" if policy else "none"),
        ("instance", shape["instance"] or "none yet"),
    ]
    chain = shape["receipts"]
    whole = "whole chain" if chain["whole"] else "some are missing: quell receipt list"
    rows.append(("receipts", f"{chain['count']}, {whole}" if chain["count"] else "none"))
    rows += [(signer["kind"], f"{signer['name']}  {signer['kid']}") for signer in shape["signers"]]
    for item in shape["waiting"]:
        about = f" of purpose {item['purpose_id']}" if item["purpose_id"] else ""
        rows.append(("waits for", f"the receipt of {item['kind']}{about}"))
    for name, value in rows:
        console.print(f"{name:<12} {value}", markup=False)
    if shape["counters"]:
        console.print("counted by the device since its start, by reason number")
        for reason, count in sorted(shape["counters"].items(), key=lambda pair: int(pair[0])):
            console.print(f"  {count:>8}  {reason}")


@app.command(
    "reset",
    help="Make a device begin anew: at its next connection it gets a new instance, which ends all "
    "consent given on it and erases what it has not sent. Records in the ledger stay. A withdrawal "
    "that the device has not answered stays too.\n\nExample: quell device reset lab-1 --yes",
)
def reset(
    device: _Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    broker: options.BrokerUrl = None,
    ca: options.Ca = None,
    as_json: options.Json = False,
) -> None:
    where = broker_from(broker, ca)
    with open_context() as context:
        with context.ledger.read() as connection:
            row = devices.find(connection, device)
        if not yes:
            _confirm(devices.title(row))
        with context.ledger.write() as connection:
            raw = bytes.fromhex(row["device"])
            state.lose_consents(connection, raw, context.clock())
            instances.retire(connection, raw)
            bundles.void(connection, raw, b"")
        context.publish(where)
    if as_json:
        output.print_json({"device": row["device"], "state": "reset"})
    else:
        words = f"{devices.title(row)} gets a new instance when it connects"
        output.stdout().print(words, markup=False)


def _confirm(title: str) -> None:
    if not output.stderr().is_terminal:
        raise QuellError(f"reset of {title} wants a confirmation", "give --yes", ExitCode.USAGE)
    if not typer.confirm(f"End all consent on {title} and erase what it has not sent?", err=True):
        raise typer.Abort
