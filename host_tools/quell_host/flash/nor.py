# SPDX-License-Identifier: MIT
"""Where things are in an image of raw NOR: the sectors of rings, and the files that have sectors of their own.

The image may be a whole chip. A sector's header is bound to its index in the partition, so the headers tell where that
begins; files are found by their prefix.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field

from quell_host.flash import sectors, slots
from quell_host.flash.sectors import BLANK, SECTOR_BYTES, Header

PREFIX_BYTES = 8
_PREFIX = struct.Struct("<II")
_MAX_LENGTH = 65536
_LIKELY_VERSIONS = range(16)


@dataclass(frozen=True)
class NorFile:
    """A file on raw NOR: its sectors in the image, its content. `why`: what is wrong with its prefix."""

    sector: int
    sectors: int
    content: bytes = field(repr=False)
    why: str = ""


@dataclass
class Layout:
    """What each sector of an image is. Numbers of sectors count from the beginning of the image.

    `base`: where the partition of the rings begins, None without one; it has at least the sectors up to `end`.
    `headers` verify; `damaged`: sector → what is wrong with it; `blank`: all bits set; `other`: nothing of Quell's.
    """

    total: int
    base: int | None = None
    end: int = 0
    headers: dict[int, Header] = field(default_factory=dict)
    damaged: dict[int, str] = field(default_factory=dict)
    files: list[NorFile] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    other: list[int] = field(default_factory=list)

    def found(self) -> bool:
        """Whether Quell wrote anything of it."""
        return bool(self.headers or self.damaged or self.files)

    def index(self, sector: int) -> int:
        """The index of a sector in the partition."""
        return sector - (self.base or 0)


def layout(data: bytes, whole: bool = False) -> Layout:
    """Find what is where. `whole`: the image is no whole chip, so that whatever is in it should be Quell's."""
    found = Layout(len(data) // SECTOR_BYTES)
    candidates: dict[int, Header] = {}
    unclaimed: list[int] = []
    covered = 0
    for sector in range(found.total):
        start = sector * SECTOR_BYTES
        chunk = data[start : start + SECTOR_BYTES]
        header = sectors.parse_header(chunk)
        if header is not None:
            candidates[sector] = header
        elif sector < covered:
            continue
        elif chunk == BLANK:
            found.blank.append(sector)
        elif (file := _file(data, sector)) is not None:
            found.files.append(file)
            covered = sector + file.sectors
        else:
            unclaimed.append(sector)
    _place_headers(found, candidates, whole)
    _place_rest(found, candidates, unclaimed, whole)
    return found


def _file(data: bytes, sector: int) -> NorFile | None:
    start = sector * SECTOR_BYTES
    length, complement = _PREFIX.unpack_from(data, start)
    after = data[start + PREFIX_BYTES : start + PREFIX_BYTES + slots.HEAD_BYTES]
    if length ^ complement == 0xFFFFFFFF and slots.HEAD_BYTES <= length <= _MAX_LENGTH:
        content = data[start + PREFIX_BYTES : start + PREFIX_BYTES + length]
        why = "" if len(content) == length else f"it is cut short: {len(content)} of {length} bytes"
        return NorFile(sector, -(-(length + PREFIX_BYTES) // SECTOR_BYTES), content, why)
    # The head of a slot where no prefix leads to it.
    if after[:2] == slots.MAGIC and after[2] == slots.VERSION and after[3] in slots.NAMES:
        cut = length == complement == 0xFFFFFFFF
        why = "it has no prefix: its write was cut" if cut else "its prefix does not match its complement"
        return NorFile(sector, 1, b"", why)
    return None


def _place_headers(found: Layout, candidates: dict[int, Header], whole: bool) -> None:
    """Choose the base on which most headers agree, and keep those that verify with it."""
    current = {sector: header for sector, header in candidates.items() if header.version == sectors.VERSION}
    votes = Counter(sector - header.index for sector, header in current.items() if header.index <= sector)
    if votes:
        most = max(votes.values())
        found.base = min(base for base, count in votes.items() if count == most)
    if found.base is None:
        return
    for sector, header in current.items():
        if sector - header.index == found.base:
            found.headers[sector] = header
    last = max(found.headers, default=found.base)
    # An image that begins with the partition holds nothing else, but for files behind it.
    behind = [file.sector for file in found.files if file.sector > last]
    found.end = min(behind, default=found.total) if whole or found.base == 0 else last + 1


def _place_rest(found: Layout, candidates: dict[int, Header], unclaimed: list[int], whole: bool) -> None:
    for sector, header in candidates.items():
        if sector in found.headers:
            continue
        why = _why(found, sector, header)
        if _inside(found, sector) or whole or (header.flags == 0 and header.version in _LIKELY_VERSIONS):
            found.damaged[sector] = why
        else:
            found.other.append(sector)  # whatever begins with these two letters
    for sector in unclaimed:
        if _inside(found, sector):
            found.damaged[sector] = "it holds bytes, but no header: an erase or a program was cut"
        else:
            found.other.append(sector)


def _inside(found: Layout, sector: int) -> bool:
    return found.base is not None and found.base <= sector < found.end


def _why(found: Layout, sector: int, header: Header) -> str:
    if header.version != sectors.VERSION:
        return f"format version {header.version}: {slots.OTHER_VERSION}, or damaged"
    if header.index < found.total:
        own = "" if found.base is None else f", and this is {found.index(sector)}"
        return f"its header is that of index {header.index} in the partition{own}"
    return "its header does not match its CRC"
