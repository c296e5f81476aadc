# SPDX-License-Identifier: MIT
"""Finds what is wrong with a ledger before somebody needs it."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select, text

from quell_host.errors import QuellError
from quell_host.ledger import bundles, devices, erase, receipts, schema
from quell_host.ledger.database import Ledger
from quell_host.ledger.keyring import Keyring


@dataclass(frozen=True)
class Finding:
    """`severity` is `error` or `warning`."""

    severity: str
    what: str


def check(ledger: Ledger, keyring: Keyring) -> list[Finding]:
    """All findings: file, foreign keys, wrapped keys, erasures, receipts, open bundles."""
    with ledger.read() as connection:
        found = _file(connection)
        for row in devices.every(connection):
            found += _device(connection, keyring, row)
        found += _erased(connection)
    return found


def _file(connection: Connection) -> list[Finding]:
    rows = connection.execute(text("PRAGMA quick_check(10)")).scalars().all()
    found = [Finding("error", f"database: {row}") for row in rows if row != "ok"]
    if connection.execute(text("PRAGMA foreign_key_check")).first():
        found.append(Finding("error", "database: rows refer to others that are gone"))
    return found


def _device(connection: Connection, keyring: Keyring, row: RowMapping) -> list[Finding]:
    found, raw, title = [], bytes.fromhex(row["device"]), devices.title(row)
    try:
        if not devices.keys(connection, keyring, raw):
            found.append(Finding("error", f"{title}: no device key"))
    except QuellError as error:
        found.append(Finding("error", f"{title}: {error}"))
    chain = receipts.chain(connection, row["device"])
    for _, number in chain.missing:
        found.append(Finding("warning", f"{title}: receipt {number} never came"))
    for _, number in chain.doubled:
        found.append(Finding("error", f"{title}: two different receipts with number {number}"))
    waiting = len(bundles.entries(connection, raw))
    if waiting:
        found.append(Finding("warning", f"{title}: {waiting} commands without a receipt"))
    return found


def _erased(connection: Connection) -> list[Finding]:
    """Aliases of what was erased: there must be none."""
    found = []
    for row in connection.execute(select(schema.aliases)):
        device, instance = bytes.fromhex(row.device), bytes.fromhex(row.instance)
        if erase.is_erased(connection, device, row.purpose, instance, row.generation):
            found.append(Finding("error", f"alias {row.alias[:8]} was to be erased and is there"))
    return found
