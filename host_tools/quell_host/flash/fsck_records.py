# SPDX-License-Identifier: MIT
"""Check the records of each ring: given once, opening under their key, holding what their policy lists."""

import hashlib
import itertools
from array import array

from quell_host.flash import sealing
from quell_host.flash.content import Content
from quell_host.flash.findings import Findings
from quell_host.flash.rings import Ring
from quell_host.flash.sealing import Opener, Record
from quell_host.flash.segments import SealedRecord
from quell_host.flash.units import Holder, Unit
from quell_host.policy.document import Document
from quell_host.policy.render import RenderError

_LAST = 0xFFFFFFFF


def check(content: Content, found: Findings) -> tuple[int, int, int]:
    """Check every record; returns how many there are, how many opened, and for how many there was no key."""
    records = opened = sealed = 0
    for ring in content.rings:
        sequences = array("I")
        for holder in content.holders(ring):
            if isinstance(holder, Unit) and not holder.records:
                continue
            whole = [record for record in holder.sealed_records() if record.sealed is not None]
            sequences.extend(record.sequence for record in whole if record.sequence <= _LAST)
            records += len(whole)
            opener = content.opener(holder)
            if opener is None:
                sealed += len(whole)
            else:
                opened += _open(content, holder, whole, opener, found)
        _twice(content, ring, _repeated(sequences), found)
    return records, opened, sealed


def _where(holder: Holder, record: SealedRecord) -> str:
    if holder.place.startswith("sector"):
        return f"{holder.place} at {record.place:#05x}"
    return holder.place


def _open(content: Content, holder: Holder, whole: list[SealedRecord], opener: Opener, found: Findings) -> int:
    """Open the records of a unit; returns how many did. Where none of many does, that is one finding."""
    if len(whole) > 1 and all(opener.open(one.place, one.sequence, one.sealed or b"") is None for one in whole):
        what = f"none of its {len(whole)} records opens"
        found.add(holder.place, what, "they were sealed under another key: the device counts them as unreadable")
        return 0
    return sum(_opens(content, holder, record, opener, found) for record in whole)


def _opens(content: Content, holder: Holder, record: SealedRecord, opener: Opener, found: Findings) -> bool:
    """Open a record and look into it; whether it opened."""
    where, name = _where(holder, record), f"record {record.sequence}"
    data = opener.open(record.place, record.sequence, record.sealed or b"")
    if data is None:
        found.add(where, f"{name} does not open", "it was sealed under another key, or is damaged: it is lost")
        return False
    try:
        content_of = sealing.read_record(data)
    except ValueError as error:
        found.add(where, f"{name} opens, but {error}", "no agent of this version writes it")
        return True
    document = content.documents.get(holder.policy_version)
    if document is not None:
        _fits(document, holder, content_of, where, name, found)
    return True


def _fits(document: Document, holder: Holder, record: Record, where: str, name: str, found: Findings) -> None:
    """Nothing may be stored that the policy does not list for this purpose."""
    for number, value in record.fields.items():
        field = document.field_by_id(number)
        if field is None or holder.purpose not in field.purposes:
            what = f"{name} holds field {number}, which its policy does not list for purpose {holder.purpose}"
            found.add(where, what, "it should never have been collected")
            continue
        try:
            document.render(number, value)
        except RenderError as error:
            found.add(where, f"{name}: {error}", "it should never have been collected")


def _repeated(sequences: array) -> set[int]:
    """Those that come more than once."""
    ordered = sorted(sequences)
    return {one for one, following in itertools.pairwise(ordered) if one == following}


def _twice(content: Content, ring: Ring, repeated: set[int], found: Findings) -> None:
    """A record may be stored twice (a segment that was written again, a program that was tried again), but only itself.

    Without keys its length is all that can be compared: it is sealed anew each time.
    """
    if not repeated:
        return
    seen: dict[int, tuple[str, int, bytes | None]] = {}
    for holder in content.holders(ring):
        opener = content.opener(holder)
        for record in holder.sealed_records():
            if record.sealed is None or record.sequence not in repeated:
                continue
            data = opener.open(record.place, record.sequence, record.sealed) if opener is not None else None
            where, length = _where(holder, record), len(record.sealed)
            digest = hashlib.sha256(data).digest() if data is not None else None
            first = seen.setdefault(record.sequence, (where, length, digest))
            differs = length != first[1] or (digest is not None and first[2] is not None and digest != first[2])
            if differs:
                what = f"sequence {record.sequence} was given twice, with other bytes at {first[0]}"
                found.add(where, what, "the receiver keeps one of the two records")
