# SPDX-License-Identifier: MIT
"""Check segments, inline files and sectors one by one, and against each other. Needs no keys."""

from quell_host.flash import sectors, segments
from quell_host.flash.content import Content
from quell_host.flash.findings import Findings
from quell_host.flash.rings import Ring
from quell_host.flash.slots import OTHER_VERSION
from quell_host.flash.units import Broken, Unit

_MAX_SEALED_BYTES = 512 + segments.TAG_BYTES
_FOREIGN = "this tool and this device do not read it"
_LOST = "its records are lost; the device counts it as one unreadable record"
_MANY = 16
"""Damaged frames of one sector that are told one by one."""

_TORN = "a torn write or a flipped bit"


def check(content: Content, found: Findings) -> None:
    """Check every unit, then the numbers and acknowledgements of each ring."""
    for broken in content.found.broken:
        _broken(broken, found)
    for unit in content.found.units:
        _header(unit, found)
        if unit.segment is not None:
            _segment(unit, unit.segment, found)
        else:
            _frames(unit, found)
    _numbers(content, found)
    _salts(content, found)
    for ring in content.rings:
        _acked(content, ring, found)
        _erased(content, ring, found)


def _broken(broken: Broken, found: Findings) -> None:
    if OTHER_VERSION in broken.why:
        means = _FOREIGN
    elif "index" in broken.why:
        means = "a program went astray or the image was put together wrongly; the device does not read it"
    elif "no header" in broken.why:
        means = "the device takes it for free, and erases it before use"
    else:
        means = _LOST
    found.add(broken.place, broken.why, means)


def _header(unit: Unit, found: Findings) -> None:
    if not 1 <= unit.purpose <= 255:
        found.add(unit.place, f"it is of purpose {unit.purpose}", "purposes are 1 to 255: the device does not read it")
    if unit.number == 0:
        found.add(unit.place, "it has number 0", "numbers begin at 1: the device takes it for free")


def _segment(unit: Unit, segment: segments.Segment, found: Findings) -> None:
    where = unit.place
    name = segments.SEGMENT_NAME.fullmatch(where)
    if name is not None and int(name.group(1), 16) != unit.purpose:
        found.add(where, f"it is of purpose {unit.purpose}, which its name is not", "the device does not read it")
    if segment.why:
        found.add(where, segment.why, f"{_TORN}; the device keeps the records that still open")
        return
    if segment.loose_bytes:
        found.add(where, f"{segment.loose_bytes} bytes follow its body", "Quell writes a segment whole")
    if segments.HEADER_BYTES + len(segment.body) > segments.MAX_BYTES:
        found.add(where, f"it is longer than {segments.MAX_BYTES:,} bytes", "Quell writes none of this size")
    if unit.damaged or segments.body_bytes(segment) != len(segment.body):
        found.add(where, f"its body does not hold its {segment.records} records", "those that are missing are lost")
    if segment.acked > segment.next:
        what = f"acked {segment.acked} is ahead of next {segment.next}"
        found.add(where, what, "new records would count as acknowledged")
    if not segment.records:
        found.add(where, "it has no records", "Quell writes none without")
        return
    before = segment.first - 1
    for record in segments.sealed_records(segment):
        if record.sequence <= before:
            what = f"record {record.sequence} stands behind {before}"
            found.add(where, what, "records out of order: one of them is lost")
        if record.sequence >= segment.next:
            what = f"record {record.sequence} is not below next {segment.next}"
            found.add(where, what, "the device does not take it")
        before = max(before, record.sequence)
    if before < segment.next - 1:
        found.add(where, f"next is {segment.next}, but its last record is {before}", "its header and its body differ")


def _frames(unit: Unit, found: Findings) -> None:
    listed = unit.frames()
    before = unit.first - 1
    many = unit.damaged > _MANY
    if many:
        found.add(unit.place, f"{unit.damaged} frames do not match their CRC", "they are damaged")
    for frame in listed:
        if many and not frame.whole:
            continue
        where = f"{unit.place} at {frame.place:#05x}"
        if not frame.whole:
            what = "record" if frame.kind == sectors.RECORD else "acknowledgement"
            found.add(where, f"the frame of {what} {frame.sequence} does not match its CRC", f"{_TORN}: it is damaged")
        elif not frame.known:
            found.add(where, f"a frame of kind {frame.kind}: {OTHER_VERSION}", "the device passes over it")
        elif frame.kind == sectors.ACKNOWLEDGEMENT:
            if frame.length != sectors.LOST_BYTES:
                what = f"an acknowledgement with a body of {frame.length} bytes"
                found.add(where, what, f"it has {sectors.LOST_BYTES}: the device passes over it")
        else:
            if not segments.TAG_BYTES <= frame.length <= _MAX_SEALED_BYTES:
                what = f"record {frame.sequence} has {frame.length} bytes"
                found.add(where, what, "no sealed record has: it cannot open")
            if frame.sequence < unit.first:
                what = f"record {frame.sequence} is below the first sequence {unit.first} of its sector"
                found.add(where, what, "frames out of order: the device may pass over it")
            elif frame.sequence < before:
                what = f"record {frame.sequence} stands behind {before}"
                found.add(where, what, "frames out of order: the device passes over it")
            before = max(before, frame.sequence)
    for start, end in sectors.stray(unit.data, listed):
        what = f"bytes up to {end:#05x} belong to no frame"
        found.add(f"{unit.place} at {start:#05x}", what, f"{_TORN}: what it was is lost")


def _numbers(content: Content, found: Findings) -> None:
    """Sector numbers are unique in a partition, those of segments in a ring."""
    seen: dict[tuple[int, ...], str] = {}
    for unit in content.found.units:
        key = (unit.number,) if unit.sector is not None else (unit.purpose, unit.generation, unit.number)
        if key in seen:
            what = f"its number {unit.number} is also that of {seen[key]}"
            found.add(unit.place, what, "nobody can tell which is newer")
        else:
            seen[key] = unit.place


def _salts(content: Content, found: Findings) -> None:
    """A salt that comes twice under one ring key may seal different records under the same key and nonce."""
    seen: dict[tuple[int, int, bytes], str] = {}
    for unit in content.found.units:
        key = (unit.purpose, unit.generation, unit.salt)
        if key in seen:
            what = f"its salt is also that of {seen[key]}"
            found.add(unit.place, what, "a salt is new each time: the device's generator may repeat itself")
        else:
            seen[key] = unit.place


def _acked(content: Content, ring: Ring, found: Findings) -> None:
    """No acknowledgement may name a sequence that was never given out."""
    state = content.stores.state
    reserved = state.reserved.get(ring.purpose) if state is not None else None
    limit = reserved[1] if reserved is not None and reserved[0] == ring.generation else None
    before: Unit | None = None
    next_known = 0
    for unit in ring.units:
        if unit.sector is None:
            continue
        next_known = max(next_known, unit.first, unit.next)
        if before is not None and unit.first < before.next:
            what = f"its first sequence {unit.first} is below {before.next}, which is next after {before.place}"
            found.add(unit.place, what, "sequences must rise with the numbers of sectors")
        if before is not None and before.acked > unit.first:
            _ahead(before, unit.first, found)
        before = unit
    if before is not None:
        most = next_known if limit is None else max(limit, next_known)
        if before.acked > most:
            _ahead(before, most, found)


def _ahead(unit: Unit, limit: int, found: Findings) -> None:
    what = f"acked {unit.acked} is ahead of the next sequence {limit}"
    found.add(unit.place, what, "new records would count as acknowledged")


def _erased(content: Content, ring: Ring, found: Findings) -> None:
    """What is left of a generation whose key was erased."""
    stores = content.stores
    if stores.keys is None or ring.generation > stores.keys.erased.get(ring.purpose, -1):
        return
    pending = stores.state is not None and stores.state.intents.get(ring.purpose, -1) >= ring.generation
    means = "its purge is not finished" if pending else "the key is gone, its sealed records are not"
    for unit in ring.units:
        what = f"it is of purpose {ring.purpose}, generation {ring.generation}, which was erased"
        found.add(unit.place, what, means)
