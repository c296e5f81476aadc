# SPDX-License-Identifier: MIT
"""What is in an image as JSON: the shape in host_tools/README.md."""

from typing import Any

from quell_host.flash import listing
from quell_host.flash.content import Content
from quell_host.flash.limits import MAX_RECORDS_LISTED
from quell_host.flash.listing import Listed
from quell_host.flash.rings import Ring
from quell_host.flash.sectors import SECTOR_BYTES
from quell_host.flash.units import Unit
from quell_host.flash.wear import Wear
from quell_host.flash.wear import shape as wear_shape


def shape(content: Content, with_records: bool, wear: Wear | None) -> dict[str, Any]:
    """The whole shape, without "schema". `records` and `wear` are null unless they were asked for."""
    image, layout = content.image, content.image.layout
    units = content.found.units
    listed, left = _records(content) if with_records else (None, 0)
    return {
        "image": image.name,
        "kind": image.kind,
        "offset": image.offset,
        "bytes": image.size_bytes,
        "folder": image.folder or None,
        "partition": _partition(content),
        "stores": _stores(content),
        "rings": [_ring(content, ring) for ring in content.rings],
        "segments": [_unit(unit) for unit in units if unit.sector is None],
        "sectors": [_unit(unit) for unit in units if unit.sector is not None],
        "inline": [
            {
                "place": inline.place,
                "purpose_id": inline.purpose,
                "generation": inline.generation,
                "sequence": inline.content.sequence,
                "policy_version": inline.policy_version,
                "state": inline.state,
                "why": inline.why or None,
            }
            for inline in content.found.inline
        ],
        "damaged": [
            {"place": broken.place, "sector": broken.sector, "why": broken.why} for broken in content.found.broken
        ],
        "blank": layout.blank if layout is not None else [],
        "not_quells": layout.other if layout is not None else [],
        "notes": [*image.notes, *(str(item) for item in image.complaints)],
        "records": listed,
        "records_left_out": left,
        "wear": wear_shape(wear) if wear is not None else None,
    }


def _partition(content: Content) -> dict[str, int] | None:
    layout = content.image.layout
    if layout is None or layout.base is None:
        return None
    return {
        "sector": layout.base,
        "offset": content.image.offset + layout.base * SECTOR_BYTES,
        "last_used": max(layout.headers, default=layout.base),
    }


def _stores(content: Content) -> list[dict[str, Any]]:
    found = content.stores
    malformed = {id(slot): why for slot, why in found.malformed}
    return [
        {
            "store": slot.store,
            "slot": slot.place,
            "counter": slot.counter,
            "bytes": slot.size_bytes,
            "valid": slot.valid,
            "in_force": found.in_force.get(slot.store) is slot,
            "why": slot.why or malformed.get(id(slot)),
        }
        for slot in found.slots
    ]


def _ring(content: Content, ring: Ring) -> dict[str, Any]:
    return {
        "purpose_id": ring.purpose,
        "purpose": content.purpose_name(ring.purpose),
        "generation": ring.generation,
        "in_force": ring.in_force,
        "places": [holder.place for holder in content.holders(ring)],
        "records": ring.records,
        "waiting": ring.waiting,
        "damaged": ring.damaged,
        "first": ring.first,
        "next": ring.next,
        "acked": ring.acked,
        "lost": ring.lost,
        "bytes": ring.size_bytes,
        "gaps": [list(gap) for gap in ring.gaps],
        "gaps_left_out": ring.gap_count - len(ring.gaps),
    }


def _unit(unit: Unit) -> dict[str, Any]:
    return {
        "place": unit.place,
        "sector": unit.sector,
        "purpose_id": unit.purpose,
        "generation": unit.generation,
        "number": unit.number,
        "first": unit.first,
        "next": unit.next,
        "records": unit.records,
        "damaged": unit.damaged,
        "acks": unit.acks if unit.sector is not None else None,
        "acked": unit.acked,
        "lost": unit.lost,
        "policy_version": unit.policy_version,
        "age_s": unit.age_s,
        "bytes": unit.size_bytes,
        "state": unit.state,
        "why": unit.why or None,
    }


def _records(content: Content) -> tuple[list[dict[str, Any]], int]:
    shapes: list[dict[str, Any]] = []
    left = 0
    for listed in listing.records(content):
        if len(shapes) < MAX_RECORDS_LISTED:
            shapes.append(_record(listed))
        else:
            left += 1
    return shapes, left


def _record(listed: Listed) -> dict[str, Any]:
    record = listed.record
    return {
        "purpose_id": listed.purpose,
        "generation": listed.generation,
        "sequence": listed.sequence,
        "place": listed.place,
        "offset": listed.offset,
        "policy_version": listed.policy_version,
        "bytes": listed.size_bytes,
        "state": listed.state,
        "waiting": listed.waiting,
        "time": listed.time,
        "time_units": record.time if record is not None else None,
        "trust": listing.TRUST[record.trust] if record is not None else None,
        "boot": record.boot if record is not None and record.trust == 0 else None,
        "uptime_s": listed.uptime_s,
        "epoch": record.epoch if record is not None else None,
        "fields": listed.fields,
    }
