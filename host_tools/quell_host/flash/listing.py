# SPDX-License-Identifier: MIT
"""The records of an image one by one: opened where there is a key, with names where there is a policy."""

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from quell_host.flash import sealing
from quell_host.flash.content import Content
from quell_host.flash.sealing import Opener, Record
from quell_host.flash.segments import SealedRecord
from quell_host.flash.units import SUPERSEDED, Holder
from quell_host.policy.document import Document
from quell_host.policy.render import RenderError, render

SEALED, OPENED, DAMAGED = "sealed", "opened", "damaged"
TRUST = ("none", "own clock", "authenticated")
_LATEST_S = 253402300799


@dataclass(frozen=True)
class Listed:
    """A record of the list. `state`: one of the words above; `fields` by name, or by number without a policy.

    `time`: ISO 8601, or None where there is no clock or no policy; then `uptime_s` of `record.boot`, or only units.
    """

    purpose: int
    generation: int | None
    sequence: int
    place: str
    offset: int
    policy_version: int
    size_bytes: int
    state: str
    waiting: bool
    record: Record | None = None
    time: str | None = None
    uptime_s: int | None = None
    fields: dict[str, Any] | None = None


def records(content: Content) -> Iterator[Listed]:
    """Every record that is not superseded, ring by ring, the oldest first."""
    for ring in content.rings:
        for holder in content.holders(ring):
            if holder.state == SUPERSEDED:
                continue
            opener = content.opener(holder)
            for sealed in holder.sealed_records():
                yield _listed(content, holder, sealed, opener, sealed.sequence >= ring.acked)


def _listed(
    content: Content, holder: Holder, sealed: SealedRecord, opener: Opener | None, waiting: bool
) -> Listed:
    version, purpose = holder.policy_version, holder.purpose
    size = len(sealed.sealed) if sealed.sealed is not None else 0
    base = (purpose, holder.generation, sealed.sequence, holder.place, sealed.place, version, size)
    if sealed.sealed is None:
        return Listed(*base, DAMAGED, waiting)
    if opener is None:
        return Listed(*base, SEALED, waiting)
    data = opener.open(sealed.place, sealed.sequence, sealed.sealed)
    try:
        record = sealing.read_record(data) if data is not None else None
    except ValueError:
        record = None
    if record is None:
        return Listed(*base, DAMAGED, waiting)
    document = content.documents.get(version)
    time, uptime_s = _time(document, purpose, record)
    return Listed(*base, OPENED, waiting, record, time, uptime_s, named(document, record))


def _time(document: Document | None, purpose: int, record: Record) -> tuple[str | None, int | None]:
    known = document.purpose_by_id(purpose) if document is not None else None
    if known is None:
        return None, None
    seconds = record.time * known.granularity_s
    if record.trust == 0:
        return None, seconds
    if seconds > _LATEST_S:
        return None, None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), None


def named(document: Document | None, record: Record) -> dict[str, Any]:
    """The fields as a reader gets them: rendered under their names, or as they are under their numbers."""
    shown: dict[str, Any] = {}
    for number, value in record.fields.items():
        field = document.field_by_id(number) if document is not None else None
        name = field.name if field is not None else str(number)
        shown[name] = _plain(value)
        if field is not None:
            with contextlib.suppress(RenderError):
                shown[name] = render(field, value)
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        # What a device says must not steer the terminal of whoever reads it.
        return "".join(char if char.isprintable() else "\ufffd" for char in value)
    return value
