# SPDX-License-Identifier: MIT
"""Receipts as they came, and the chain that they form: each names the hash of the one before."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select

from quell_host.ledger import schema
from quell_host.wire.receipt import FIRST_PREVIOUS, Receipt

_receipts = schema.receipts


def add(connection: Connection, receipt: Receipt, now_s: int) -> bool:
    """Keep a verified receipt of a command. False when it was there already."""
    if by_hash(connection, receipt.hash) is not None:
        return False
    connection.execute(
        insert(_receipts).values(
            hash=receipt.hash.hex(),
            device=receipt.device.hex(),
            instance=receipt.instance.hex(),
            number=receipt.number,
            previous=receipt.previous.hex(),
            kind=int(receipt.kind),
            outcome=int(receipt.outcome or 0),
            purpose=receipt.purpose,
            command_hash=(receipt.command_hash or b"").hex(),
            erased_to=receipt.erased_to,
            received_s=now_s,
            bytes=receipt.raw,
        )
    )
    return True


def by_hash(connection: Connection, receipt_hash: bytes) -> RowMapping | None:
    """The receipt with this hash, or None."""
    query = select(_receipts).where(_receipts.c.hash == receipt_hash.hex())
    return connection.execute(query).mappings().first()


def for_command(connection: Connection, command_hash: bytes) -> RowMapping | None:
    """The receipt that answers the command with this hash, or None."""
    query = select(_receipts).where(_receipts.c.command_hash == command_hash.hex())
    return connection.execute(query).mappings().first()


def of_device(connection: Connection, device: str | None = None) -> list[RowMapping]:
    """The receipts of a device (hex), or of all, in the order in which they came."""
    query = select(_receipts).order_by(_receipts.c.received_s, _receipts.c.number)
    if device is not None:
        query = query.where(_receipts.c.device == device)
    return list(connection.execute(query).mappings())


def for_erasure(
    connection: Connection, device: str, purpose: int, instance: str, up_to: int
) -> RowMapping | None:
    """The receipt of a withdrawal that erased the purpose up to `up_to` or further, or None."""
    query = select(_receipts).where(
        _receipts.c.device == device,
        _receipts.c.purpose == purpose,
        _receipts.c.instance == instance,
        _receipts.c.erased_to >= up_to,
    )
    return connection.execute(query.order_by(_receipts.c.number.desc())).mappings().first()


@dataclass(frozen=True)
class Chain:
    """What the receipts of a device prove together.

    `missing`: (instance in hex, number) of receipts that a later one names and that never came.
    `doubled`: (instance in hex, number) that the device gave to two different receipts.
    """

    receipts: int
    missing: list[tuple[str, int]]
    doubled: list[tuple[str, int]]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing or doubled."""
        return not self.missing and not self.doubled


def chain(connection: Connection, device: str) -> Chain:
    """Check the chain of a device's receipts, in whatever order they came."""
    rows = of_device(connection, device)
    hashes = {row["hash"] for row in rows}
    seen: set[tuple[str, int]] = set()
    missing, doubled = set(), set()
    for row in rows:
        key = (row["instance"], row["number"])
        if key in seen:
            doubled.add(key)
        seen.add(key)
        if row["previous"] not in hashes and row["previous"] != FIRST_PREVIOUS.hex():
            missing.add((row["instance"], row["number"] - 1))
    return Chain(len(rows), sorted(missing), sorted(doubled))
