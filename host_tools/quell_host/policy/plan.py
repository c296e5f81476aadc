# SPDX-License-Identifier: MIT
"""How a policy's purposes lie in a board's flash, and what a power cut can lose: arithmetic only (SPEC §10)."""

import dataclasses
import functools
from dataclasses import dataclass
from fractions import Fraction

from quell_host.policy.geometry import (
    FOLDER,
    FRAME_BYTES,
    INLINE_FILES,
    LITTLEFS1,
    LITTLEFS2,
    MAX_RECORD_BYTES,
    MAX_SEGMENTS,
    NOR_FILE_BYTES,
    SLOT_BYTES,
    SLOTS,
    TAG_BYTES,
    Geometry,
    file_blocks,
    shares,
)
from quell_host.policy.limits import DAY_S

STATE_BYTES, STATE_PURPOSE_BYTES = 4200, 500
"""What the state takes at most: eight receipts that wait, and the last one of each purpose."""

OTHER_FILES = 4 * SLOTS + 1
"""Beside rings: state, keys, policy, prov, and the reserve."""

# littlefs: bytes of a file's name, place and time of change in its directory; blocks that an empty one takes
ENTRY_BYTES = 36
EMPTY_BLOCKS = {LITTLEFS1: 4, LITTLEFS2: 2}

# RAM, in bytes
RAM_RECORD_BYTES = 64
RAM_SECTOR_BYTES = 19
RAM_FRAME_BYTES = MAX_RECORD_BYTES + TAG_BYTES + FRAME_BYTES
RAM_CHECK_BYTES = 64


@dataclass(frozen=True)
class Need:
    """What a purpose asks of the store. `events`: records come also when something happens, not only each `every_s`."""

    id: int
    name: str
    weight: int
    every_s: int
    events: bool


@dataclass(frozen=True)
class Part:
    """So many blocks for one thing. `why`: how they come about."""

    what: str
    blocks: int
    why: str


@dataclass(frozen=True)
class Ring:
    """What a purpose gets. `records` fit before the oldest is evicted; by sampling alone that takes `lasts_s`."""

    need: Need
    units: int
    records: int
    lasts_s: int | None
    lost_at_cut_records: int


@dataclass(frozen=True)
class Plan:
    """How a policy's purposes lie in a board's flash. `parts` add up to `needed` where they do not fit.

    `crowded`: (store, sectors that a slot needs, sectors that it has) where a slot on raw NOR is too small.
    """

    geometry: Geometry
    needs: tuple[Need, ...]
    policy_bytes: int
    parts: tuple[Part, ...]
    needed: int
    crowded: tuple[tuple[str, int, int], ...]
    rings: tuple[Ring, ...]

    @property
    def fits(self) -> bool:
        """True when every purpose gets the least, and every file its place."""
        return self.needed <= self.geometry.blocks and not self.crowded

    @property
    def most_purposes(self) -> int:
        """How many of the purposes would fit, with a policy of the same size."""
        counts = range(len(self.needs), 0, -1)
        return next((n for n in counts if _needed(self.geometry, n, self.policy_bytes) <= self.geometry.blocks), 0)

    def with_geometry(self, **changes: int) -> "Plan":
        """The same purposes on a board that differs in these keys."""
        return make_plan(dataclasses.replace(self.geometry, **changes), list(self.needs), self.policy_bytes)

    @property
    def enough_kib(self) -> int:
        """The flash with which it would fit, in KiB."""
        return -(-self.needed * self.geometry.block_bytes // 1024)

    @property
    def lost_at_cut_records(self) -> int:
        """Records of RECORD_BYTES that a hard power cut loses at most, of all purposes together."""
        return sum(ring.lost_at_cut_records for ring in self.rings)

    @property
    def lost_at_cut_s(self) -> int | None:
        """How far back a hard power cut reaches at most; None: as far as a whole segment does."""
        if self.geometry.raw:
            return 0
        return self.geometry.flush_after_s if flushes_suffice(self.geometry, self.needs) else None

    @property
    def ram_bytes(self) -> int:
        """RAM for the segments that are being filled, or for the map of the sectors."""
        geometry = self.geometry
        if geometry.raw:
            return RAM_SECTOR_BYTES * _ring_sectors(geometry) + geometry.block_bytes + RAM_FRAME_BYTES + RAM_CHECK_BYTES
        return len(self.needs) * (geometry.unit_bytes + RAM_RECORD_BYTES * geometry.unit_records)


def segments_per_day(geometry: Geometry, need: Need) -> Fraction:
    """Segments that a sampled purpose fills in a day."""
    return Fraction(DAY_S, need.every_s * geometry.unit_records)


def flush_share(geometry: Geometry, purposes: int) -> Fraction:
    """Writes of segments that each of so many purposes has in a day."""
    return Fraction(geometry.flushes_per_day, purposes)


def flushes_suffice(geometry: Geometry, needs: tuple[Need, ...]) -> bool:
    """True when the day's budget is enough to write each purpose's open segment every `flush_after_s`, offline."""
    wanted = Fraction(0)
    for need in needs:
        pause_s = geometry.flush_after_s
        if need.every_s and not need.events:
            pause_s = max(need.every_s, min(pause_s, need.every_s * geometry.unit_records))
        wanted += Fraction(DAY_S, pause_s)
    return not geometry.flushes_per_day or wanted <= geometry.flushes_per_day


def make_plan(geometry: Geometry, needs: list[Need], policy_bytes: int) -> Plan:
    """Plan the flash for these purposes. policy_bytes: of the signed policy."""
    count = len(needs)
    needed = _needed(geometry, count, policy_bytes)
    crowded = tuple(_crowded(geometry, count, policy_bytes)) if geometry.raw else ()
    if needed > geometry.blocks:
        parts = _parts(geometry, count, policy_bytes, geometry.least * count)
        return Plan(geometry, tuple(needs), policy_bytes, tuple(parts), needed, crowded, ())
    units = _units(geometry, count, policy_bytes, needed)
    shared = shares([(need.id, need.weight) for need in needs], units, geometry.least) or {}
    if not geometry.raw:
        shared = {number: min(share, MAX_SEGMENTS) for number, share in shared.items()}
    parts = _parts(geometry, count, policy_bytes, sum(shared.values()))
    free = geometry.blocks - sum(part.blocks for part in parts)
    parts.append(Part("free", free, ""))
    timed = flushes_suffice(geometry, tuple(needs))
    rings = tuple(_ring(geometry, need, shared[need.id], timed) for need in needs)
    return Plan(geometry, tuple(needs), policy_bytes, tuple(parts), needed, crowded, rings)


def _ring(geometry: Geometry, need: Need, units: int, timed: bool) -> Ring:
    records = (units - geometry.idle) * geometry.unit_records
    lost = 0 if geometry.raw else geometry.unit_records
    if timed and need.every_s and not need.events:
        lost = min(lost, geometry.flush_after_s // need.every_s + 1)
    return Ring(need, units, records, records * need.every_s or None, lost)


def _units(geometry: Geometry, count: int, policy_bytes: int, needed: int) -> int:
    """All segments or sectors that there are for rings: with more of them the directory may need more blocks."""
    units = geometry.least * count + (geometry.blocks - needed) // geometry.unit_blocks
    while sum(part.blocks for part in _parts(geometry, count, policy_bytes, units)) > geometry.blocks:
        units -= 1
    return units


def _needed(geometry: Geometry, count: int, policy_bytes: int) -> int:
    return sum(part.blocks for part in _parts(geometry, count, policy_bytes, geometry.least * count))


def _parts(geometry: Geometry, count: int, policy_bytes: int, units: int) -> list[Part]:
    """What `count` purposes with `units` segments or sectors take."""
    least = f"at least {geometry.least} for each purpose"
    blocks = units * geometry.unit_blocks
    if geometry.raw:
        return [*_sector_parts(geometry), Part("rings", blocks, f"sectors, {least}")]
    each = counted(geometry.unit_blocks, "block")
    rings = Part("rings", blocks, f"{counted(units, 'segment')} of {each}, {least}")
    if geometry.file_system == FOLDER:
        return [rings]
    return [*_file_parts(geometry, count, policy_bytes, units), rings]


def _file_parts(geometry: Geometry, count: int, policy_bytes: int, units: int) -> list[Part]:
    size = geometry.block_bytes
    state = file_blocks(_state_bytes(count), size)
    policy = file_blocks(SLOT_BYTES + policy_bytes, size)
    spare = max(geometry.segment_blocks, state, policy)
    files = min(units, MAX_SEGMENTS * count)
    twice = functools.partial(_copies, SLOTS, "block")
    return [
        Part("package", geometry.package_blocks, "the agent's code"),
        Part("file system", EMPTY_BLOCKS[geometry.file_system], "its superblock and root directory"),
        Part("folder", 2 * _directory_pairs(geometry, OTHER_FILES + files), "Quell's own directory"),
        Part("prov", *twice(1)),
        Part("keys", *twice(1)),
        Part("state", *twice(state, f"{counted(count, 'purpose')}")),
        Part("policy", *twice(policy, f"{policy_bytes:,} bytes")),
        Part("reserve", 1, "for a withdrawal when the flash is full"),
        Part("spare", spare, "a file stays until the one that replaces it is whole"),
    ]


def _sector_parts(geometry: Geometry) -> list[Part]:
    each = functools.partial(_copies, geometry.copies, "sector")
    return [
        Part("prov", *each(geometry.prov_sectors)),
        Part("keys", *each(geometry.keys_sectors)),
        Part("state", *each(geometry.state_sectors)),
        Part("policy", *each(geometry.policy_sectors)),
    ]


def _copies(copies: int, block: str, blocks: int, of: str = "") -> tuple[int, str]:
    return copies * blocks, f"{copies} copies of {counted(blocks, block)}" + (f", for {of}" if of else "")


def _directory_pairs(geometry: Geometry, files: int) -> int:
    """Pairs of blocks of a directory. littlefs 2 splits one in two where it would be more than half full."""
    size = files * ENTRY_BYTES
    if geometry.file_system == LITTLEFS1:
        return -(-size // geometry.block_bytes)
    if geometry.inline_bytes:
        size += INLINE_FILES * (ENTRY_BYTES + geometry.inline_bytes)
    return 1 if size <= geometry.block_bytes // 2 else size // (geometry.block_bytes // 4)


def _ring_sectors(geometry: Geometry) -> int:
    return max(0, geometry.blocks - sum(part.blocks for part in _sector_parts(geometry)))


def _state_bytes(count: int) -> int:
    return STATE_BYTES + STATE_PURPOSE_BYTES * count


def _crowded(geometry: Geometry, count: int, policy_bytes: int) -> list[tuple[str, int, int]]:
    """Slots on raw NOR that are too small for what goes there."""
    found = []
    for what, size, given in (
        ("state", _state_bytes(count), geometry.state_sectors),
        ("policy", SLOT_BYTES + policy_bytes, geometry.policy_sectors),
    ):
        wanted = -(-(NOR_FILE_BYTES + size) // geometry.block_bytes)
        if wanted > given:
            found.append((what, wanted, given))
    return found


def counted(count: int, noun: str) -> str:
    """The number with its noun: "1 block", "2 blocks"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
