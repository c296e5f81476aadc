# SPDX-License-Identifier: MIT
"""What a board's store is made of, and how it is shared out among purposes: arithmetic only (SPEC §10)."""

from dataclasses import dataclass

FILES = "files"
NOR = "nor"
LITTLEFS1 = "littlefs1"
LITTLEFS2 = "littlefs2"
FOLDER = "folder"

RECORD_BYTES = 100
"""Of the record in which figures are given."""

# SPEC §10: what there is around a record, in bytes
TAG_BYTES = 8
SEGMENT_HEADER_BYTES = 68
SEGMENT_RECORD_BYTES = 4 + TAG_BYTES
SECTOR_HEADER_BYTES = 56
FRAME_BYTES = 16
INLINE_BYTES = 18 + TAG_BYTES
SLOT_BYTES = 16
NOR_FILE_BYTES = 8
MAX_RECORD_BYTES = 512

MAX_SEGMENTS = 16
"""Of one purpose."""
INLINE_FILES = 8
"""Of all purposes."""

SLOTS = 2
"""Of a two-slot store on a file system. On raw NOR a board may have three."""


def shares(weights: list[tuple[int, int]], units: int, least: int) -> dict[int, int] | None:
    """Segments or sectors of each purpose, or None when the least does not fit.

    weights: (purpose id, weight) of each; units: all there are; least: what each purpose must have.
    """
    rest = units - least * len(weights)
    if rest < 0:
        return None
    total = sum(weight for _, weight in weights)
    parts = {number: least + rest * weight // total for number, weight in weights}
    left_over = units - sum(parts.values())
    for number, _ in sorted(weights, key=lambda item: (-item[1], item[0]))[:left_over]:
        parts[number] += 1
    return parts


def file_bytes(blocks: int, block_bytes: int) -> int:
    """What a littlefs file of so many blocks holds: block n has as many pointers as n has trailing zeros, and one."""
    pointers = sum((n & -n).bit_length() for n in range(1, blocks))
    return blocks * block_bytes - 4 * pointers


def file_blocks(size_bytes: int, block_bytes: int) -> int:
    """Blocks of a littlefs file of that size."""
    blocks = -(-size_bytes // block_bytes)
    return blocks if file_bytes(blocks, block_bytes) >= size_bytes else blocks + 1


@dataclass(frozen=True)
class Geometry:
    """The store of a board, as boards/README.md explains it. A block is a sector where `store` is `nor`."""

    name: str
    store: str
    file_system: str | None
    flash_kib: int
    block_bytes: int
    segment_blocks: int
    package_blocks: int
    inline_bytes: int
    flushes_per_day: int
    flush_after_s: int
    state_sectors: int = 0
    keys_sectors: int = 0
    policy_sectors: int = 0
    prov_sectors: int = 0
    copies: int = SLOTS

    @property
    def raw(self) -> bool:
        """True for raw NOR."""
        return self.store == NOR

    @property
    def atomic(self) -> bool:
        """True where a file is replaced by the new one or not at all."""
        return not self.raw and self.file_system in (LITTLEFS1, LITTLEFS2)

    @property
    def blocks(self) -> int:
        """All that there are for Quell."""
        return self.flash_kib * 1024 // self.block_bytes

    @property
    def unit(self) -> str:
        """What a ring is made of."""
        return "sector" if self.raw else "segment"

    @property
    def unit_blocks(self) -> int:
        """Blocks of a segment or sector."""
        return 1 if self.raw else self.segment_blocks

    @property
    def unit_bytes(self) -> int:
        """Bytes of a segment or sector."""
        return self.block_bytes if self.raw else file_bytes(self.segment_blocks, self.block_bytes)

    @property
    def unit_records(self) -> int:
        """Records of RECORD_BYTES in a segment or sector. A sector keeps room for an acknowledgement."""
        if self.raw:
            frame = RECORD_BYTES + TAG_BYTES + FRAME_BYTES
            return (self.block_bytes - SECTOR_HEADER_BYTES - FRAME_BYTES) // (frame + -frame % 4)
        return (self.unit_bytes - SEGMENT_HEADER_BYTES) // (RECORD_BYTES + SEGMENT_RECORD_BYTES)

    @property
    def least(self) -> int:
        """Segments or sectors that a purpose must have."""
        return 2 if self.atomic else 3

    @property
    def idle(self) -> int:
        """Of a purpose's segments or sectors, those that stay empty, so that nothing is evicted too early."""
        return 0 if self.atomic else 1

    @property
    def durable_bytes(self) -> int:
        """The largest record that has an inline file to itself; 0 where there is none."""
        return max(0, self.inline_bytes - INLINE_BYTES)
