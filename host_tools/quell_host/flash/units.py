# SPDX-License-Identifier: MIT
"""Segments and sectors in one shape, so that rings, lists and checks need not tell them apart."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from quell_host.flash import sectors, segments
from quell_host.flash.image import Image
from quell_host.flash.sectors import SECTOR_BYTES, Frame
from quell_host.flash.segments import SealedRecord, Segment

LIVE, SUPERSEDED, ACKNOWLEDGED = "live", "superseded", "acknowledged"
DAMAGED, BLANK, FREE = "damaged", "blank", "free"


@dataclass
class Unit:
    """A segment or sector whose header verifies. `acked` and `lost` are what it knows, also by acknowledgement frames.

    `records` verify, `damaged` do not; `next` is behind the last record; `age_s` the device's at the newest. `state` is
    one of the words above, set by the ring; `why` says more about it.
    """

    place: str
    sector: int | None
    purpose: int
    generation: int
    number: int
    first: int
    next: int
    records: int
    damaged: int
    acks: int
    acked: int
    lost: int
    policy_version: int
    age_s: int
    salt: bytes
    size_bytes: int
    whole: bool
    segment: Segment | None = field(default=None, repr=False)
    data: bytes = field(default=b"", repr=False)
    state: str = LIVE
    why: str = ""

    def frames(self) -> list[Frame]:
        """The frames of a sector."""
        return sectors.frames(self.data, self.number)

    def sealed_records(self) -> Iterator[SealedRecord]:
        """Its records, in the order in which they stand. `sealed` is None where they are damaged."""
        if self.segment is not None:
            yield from segments.sealed_records(self.segment)
            return
        for frame in self.frames():
            if frame.kind == sectors.RECORD:
                good = frame.whole and frame.length >= segments.TAG_BYTES
                yield SealedRecord(frame.sequence, frame.place, sectors.body(self.data, frame) if good else None)


@dataclass(frozen=True)
class Broken:
    """A segment, inline file or sector that cannot be read: `place`, what is wrong, and where in the image."""

    place: str
    why: str
    sector: int | None = None


@dataclass
class InlineFile:
    """An inline file: it holds a record as a unit does. The ring sets `generation` and `state`."""

    place: str
    content: segments.Inline
    generation: int | None = None
    state: str = LIVE
    why: str = ""

    @property
    def purpose(self) -> int:
        """Whose record it is."""
        return self.content.purpose

    @property
    def policy_version(self) -> int:
        """Of the policy under which it was made."""
        return self.content.policy_version

    @property
    def salt(self) -> bytes:
        """Of its key."""
        return self.content.salt

    def sealed_records(self) -> Iterator[SealedRecord]:
        """Its one record."""
        yield SealedRecord(self.content.sequence, 0, self.content.sealed)


Holder = Unit | InlineFile
"""Whatever holds records."""


@dataclass
class Found:
    """All units of an image, and what is broken."""

    units: list[Unit] = field(default_factory=list)
    inline: list[InlineFile] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


def find(image: Image) -> Found:
    """Every segment, inline file and sector of an image."""
    found = Found()
    if image.layout is None:
        for name in sorted(image.files):
            if segments.SEGMENT_NAME.fullmatch(name):
                _add_segment(found, name, image.files[name])
            elif segments.INLINE_NAME.fullmatch(name):
                _add_inline(found, name, image.files[name])
        return found
    for sector, header in sorted(image.layout.headers.items()):
        found.units.append(_sector(sector, header, image.data))
    for sector, why in sorted(image.layout.damaged.items()):
        found.broken.append(Broken(f"sector {sector}", why, sector))
    return found


def _add_segment(found: Found, name: str, data: bytes) -> None:
    parsed = segments.parse(data)
    if isinstance(parsed, str):
        found.broken.append(Broken(name, parsed))
        return
    records = list(segments.sealed_records(parsed))
    whole = [record for record in records if record.sealed is not None]
    unit = Unit(
        name,
        None,
        parsed.purpose,
        parsed.generation,
        parsed.number,
        parsed.first,
        parsed.next,
        len(whole),
        max(0, parsed.records - len(whole)),
        0,
        parsed.acked,
        parsed.lost,
        parsed.policy_version,
        parsed.age_s,
        parsed.salt,
        len(data),
        not parsed.why,
        segment=parsed,
        why=parsed.why,
    )
    found.units.append(unit)


def _add_inline(found: Found, name: str, data: bytes) -> None:
    parsed = segments.parse_inline(data)
    if isinstance(parsed, str):
        found.broken.append(Broken(name, parsed))
    else:
        found.inline.append(InlineFile(name, parsed))


def _sector(sector: int, header: sectors.Header, image: bytes) -> Unit:
    data = image[sector * SECTOR_BYTES : (sector + 1) * SECTOR_BYTES]
    unit = Unit(
        f"sector {sector}",
        sector,
        header.purpose,
        header.generation,
        header.number,
        header.first,
        header.first,
        0,
        0,
        0,
        header.acked,
        header.lost,
        header.policy_version,
        header.age_s,
        header.salt,
        SECTOR_BYTES,
        True,
        data=data,
    )
    for frame in unit.frames():
        if not frame.whole:
            unit.damaged += 1
            unit.whole = False
        elif frame.kind == sectors.RECORD:
            unit.records += 1
            unit.next = max(unit.next, frame.sequence + 1)
            unit.age_s = max(unit.age_s, frame.age_s)
        elif frame.kind == sectors.ACKNOWLEDGEMENT and frame.length == sectors.LOST_BYTES:
            unit.acks += 1
            unit.acked = max(unit.acked, frame.sequence)
            unit.lost = max(unit.lost, int.from_bytes(sectors.body(data, frame), "little"))
    return unit
