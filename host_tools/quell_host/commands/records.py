# SPDX-License-Identifier: MIT
"""`quell records`: the records that the ledger holds, for people, JSON readers and spreadsheets."""

import csv
import datetime
import json
import re
import sys
from typing import Annotated, Any

import typer
from sqlalchemy import RowMapping

from quell_host import output
from quell_host.commands import options
from quell_host.control.context import now, open_context
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger import devices, policies
from quell_host.ledger import records as kept

HELP = (
    "Show records, the oldest first.\n\nThey stand under a random alias per device, purpose and "
    "consent; --device picks those of one device.\n\n"
    "Example: quell records --purpose reliability --since 24h --csv > out.csv"
)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TRUST = ("none", "own clock", "authenticated")


def records(
    purpose: Annotated[str | None, typer.Option("--purpose", help="Name of the purpose")] = None,
    device: options.DeviceOrAll = None,
    since: Annotated[
        str | None, typer.Option("--since", help="90m, 24h, 7d, or a date such as 2026-01-31")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per record")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV, one column per field")] = False,
) -> None:
    if as_json and as_csv:
        raise QuellError("--json and --csv exclude each other", "give one", ExitCode.USAGE)
    since_s = parse_since(since, now()) if since else None
    with open_context() as context, context.ledger.read() as connection:
        if purpose is not None:
            names = policies.purpose_names(connection)
            if purpose not in names:
                hint = f"known: {', '.join(names) or 'none, no policy was pushed yet'}"
                raise QuellError(f"no purpose {purpose!r}", hint, ExitCode.USAGE)
        wanted = devices.find(connection, device)["device"] if device else None
        shapes = [_shape(row) for row in kept.query(connection, purpose, wanted, since_s)]
    if as_json:
        for shape in shapes:
            output.print_json_line(shape)
    elif as_csv:
        _csv(shapes)
    else:
        _print(shapes)


def parse_since(text: str, now_s: int) -> int:
    """Unix seconds of `24h` ago, or of an ISO 8601 date or time (UTC unless said). QuellError."""
    match = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if match:
        return now_s - int(match.group(1)) * _UNITS[match.group(2)]
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        hint = "write 90m, 24h, 7d or 2026-01-31"
        raise QuellError(f"--since {text!r} is no time", hint, ExitCode.USAGE) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp())


def _iso(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _shape(row: RowMapping) -> dict[str, Any]:
    return {
        "alias": row["alias"],
        "purpose": row["purpose_name"],
        "seq": row["seq"],
        "time": _iso(row["time_s"]),
        "trust": _TRUST[row["trust"]],
        "boot": row["boot"] if row["time_s"] is None else None,
        "uptime_s": row["uptime_s"],
        "epoch": row["epoch"],
        "received": _iso(row["received_s"]),
        "fields": row["fields"],
    }


def _csv(shapes: list[dict[str, Any]]) -> None:
    fixed = ["alias", "purpose", "seq", "time", "trust", "boot", "uptime_s", "epoch", "received"]
    names = sorted({name for shape in shapes for name in shape["fields"]})
    # A field may be named like a column of ours.
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*fixed, *(f"field.{name}" for name in names)])
    for shape in shapes:
        values = [_cell(shape["fields"].get(name)) for name in names]
        writer.writerow([*(_cell(shape[name]) for name in fixed), *values])


def _cell(value: Any) -> Any:
    # Text that a spreadsheet would run as a formula gets a quote before it.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    if isinstance(value, bool):
        return json.dumps(value)
    return "" if value is None else value


def _print(shapes: list[dict[str, Any]]) -> None:
    console = output.stdout()
    for shape in shapes:
        moment = shape["time"] or f"boot {shape['boot']} + {shape['uptime_s']} s"
        head = f"{moment:<20}  {shape['alias'][:8]}  {shape['purpose']}"
        console.print(head, markup=False, style="bold")
        values = (f"{name}={_plain(value)}" for name, value in shape["fields"].items())
        console.print("  " + "  ".join(values), markup=False)
    output.note(f"{len(shapes)} records")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
