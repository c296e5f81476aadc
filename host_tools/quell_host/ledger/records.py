# SPDX-License-Identifier: MIT
"""Records: stored exactly once, under a random alias, in the terms of their policy."""

import os
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from quell_host.ledger import schema
from quell_host.policy.document import Document
from quell_host.policy.model import Purpose
from quell_host.policy.render import RenderError
from quell_host.wire.batch import BatchHeader, OpenedBatch
from quell_host.wire.plaintext import TRUST_NONE, BatchRecord

ALIAS_BYTES = 16
_LATEST_S = 253402300799  # the end of the year 9999: what a date can say

_aliases, _positions, _records = schema.aliases, schema.positions, schema.records


@dataclass(frozen=True)
class Stored:
    """What became of a batch. `next`: all below it is stored or accounted for.

    `stored` new records, `repeated` ones that were there, `unfit` ones that their policy cannot
    give and that are not kept, `lost` ones that the device lost before they were acknowledged, by
    its own count, and had not told before.
    """

    next: int
    stored: int
    repeated: int
    unfit: int
    lost: int


def store(
    connection: Connection,
    device: bytes,
    batch: OpenedBatch,
    document: Document,
    purpose: Purpose,
    now_s: int,
) -> Stored:
    """Store the records of an opened batch. The same batch again changes nothing.

    Numbers that are in no batch need not have had a record: a device leaves some out after a power
    cut. How many records it lost it says itself, in all so far, so that the highest count heard
    holds whatever comes again or late.
    """
    header = batch.header
    alias = _alias(connection, device, header, purpose, now_s)
    position = _position(connection, alias)
    fresh = stored = unfit = 0
    for record in batch.records:
        row = _row(record, alias, document, purpose, now_s)
        if row is None:
            unfit += 1
            continue
        fresh += 1
        added = sqlite_insert(_records).values(**row).on_conflict_do_nothing()
        stored += connection.execute(added).rowcount
    lost = max(batch.lost - position.lost, 0)
    values = {"next": max(header.next, position.next), "lost": position.lost + lost}
    connection.execute(update(_positions).where(_positions.c.alias == alias).values(**values))
    return Stored(values["next"], stored, fresh - stored, unfit, lost)


def _alias(
    connection: Connection, device: bytes, header: BatchHeader, purpose: Purpose, now_s: int
) -> str:
    key = {
        "device": device.hex(),
        "instance": header.instance.hex(),
        "purpose": header.purpose,
        "generation": header.generation,
    }
    known = connection.execute(select(_aliases.c.alias).filter_by(**key)).scalar_one_or_none()
    if known is not None:
        return known
    alias = os.urandom(ALIAS_BYTES).hex()
    added = insert(_aliases).values(alias=alias, **key, purpose_name=purpose.name, made_s=now_s)
    connection.execute(added)
    connection.execute(insert(_positions).values(alias=alias, next=0, lost=0))
    return alias


def _position(connection: Connection, alias: str) -> Any:
    query = select(_positions).where(_positions.c.alias == alias)
    return connection.execute(query).one()


def _row(
    record: BatchRecord, alias: str, document: Document, purpose: Purpose, now_s: int
) -> dict[str, Any] | None:
    """The record as a row, or None when the policy cannot have given it."""
    fields: dict[str, Any] = {}
    for field_id, value in sorted(record.values.items()):
        field = document.field_by_id(field_id)
        if field is None or purpose.id not in field.purposes:
            return None
        try:
            fields[field.name] = document.render(field_id, value)
        except RenderError:
            return None
    at_s = record.time_units * purpose.granularity_s
    if at_s > _LATEST_S:
        return None
    clockless = record.trust == TRUST_NONE
    # A clock that runs ahead must not stretch the retention; a record's time is rounded down.
    start_s = now_s if clockless else min(at_s, now_s)
    return {
        "alias": alias,
        "seq": record.seq,
        "policy_hash": document.hash.hex(),
        "received_s": now_s,
        "time_s": None if clockless else at_s,
        "boot": record.boot,
        "uptime_s": at_s if clockless else None,
        "trust": record.trust,
        "epoch": record.epoch,
        "expires_s": min(start_s + purpose.granularity_s + purpose.retention_s, _LATEST_S),
        "fields": fields,
    }


def query(
    connection: Connection,
    purpose: str | None = None,
    device: str | None = None,
    since_s: int | None = None,
) -> list[RowMapping]:
    """Records with their purpose's name, oldest first; `device` in hex, `since_s` of their time
    (of their arrival for records without one)."""
    moment = func.coalesce(_records.c.time_s, _records.c.received_s)
    statement = (
        select(_records, _aliases.c.purpose_name, moment.label("moment_s"))
        .join(_aliases, _aliases.c.alias == _records.c.alias)
        .order_by(moment, _records.c.alias, _records.c.seq)
    )
    if purpose is not None:
        statement = statement.where(_aliases.c.purpose_name == purpose)
    if device is not None:
        statement = statement.where(_aliases.c.device == device)
    if since_s is not None:
        statement = statement.where(moment >= since_s)
    return list(connection.execute(statement).mappings())
