# SPDX-License-Identifier: MIT
"""A picture of how the sectors of an image wear: by erase counts where there are some, else by their numbers' order."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.flash.content import Content
from quell_host.flash.image import FOLDER, RAW_NOR
from quell_host.flash.sectors import SECTOR_BYTES
from quell_host.policy.source import read_file

PER_LINE = 64
SHADES = "░▒▓█"
_UNKNOWN = "·"
_MAX_FILE_BYTES = 1024 * 1024
_MAX_COUNT = 2**53 - 1


@dataclass(frozen=True)
class Wear:
    """One value for each sector, None where there is none. `counted`: erase counts, else numbers of sectors."""

    values: list[int | None]
    counted: bool

    @property
    def known(self) -> list[int]:
        """The values that are there."""
        return [value for value in self.values if value is not None]


def read_counts(path: Path) -> list[int]:
    """The erase counts of `{"wear": [count, …]}`. Raises QuellError when the file holds none."""
    data = read_file(path, _MAX_FILE_BYTES, "file of erase counts")
    hint = 'write {"wear": [count of sector 0, count of sector 1, …]}'
    try:
        shape: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise QuellError(f"{path} is not JSON", hint, ExitCode.USAGE) from None
    counts = shape.get("wear") if isinstance(shape, dict) else None
    if not isinstance(counts, list) or not counts:
        raise QuellError(f'{path} has no list "wear"', hint, ExitCode.USAGE)
    for at, count in enumerate(counts):
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= _MAX_COUNT:
            raise QuellError(f"{path}: count {at} is no number from 0 on", hint, ExitCode.USAGE)
    return counts


def of(content: Content, counts: list[int] | None) -> Wear:
    """What there is to draw. Raises QuellError when the counts do not fit, or nothing tells how the sectors wear."""
    image = content.image
    if image.kind == FOLDER:
        raise QuellError("a folder has no sectors", "give an image of the flash", ExitCode.USAGE)
    total = image.size_bytes // SECTOR_BYTES
    if counts is not None:
        if len(counts) != total:
            what = f"{len(counts)} counts do not fit the image, which has {total} sectors"
            raise QuellError(what, "give the counts of exactly this part of the flash", ExitCode.USAGE)
        return Wear(list(counts), True)
    if image.kind != RAW_NOR or image.layout is None or not image.layout.headers:
        what = "nothing in this image tells how its sectors wear"
        raise QuellError(what, "give a file of erase counts behind IMAGE", ExitCode.USAGE)
    values: list[int | None] = [None] * total
    for sector, header in image.layout.headers.items():
        values[sector] = header.number
    return Wear(values, False)


def shape(wear: Wear) -> dict[str, Any]:
    """For JSON. Without counts there is nothing to measure: then the figures are null."""
    known = wear.known
    return {
        "by": "erase counts" if wear.counted else "sector numbers",
        "sectors": wear.values,
        "min": min(known) if wear.counted else None,
        "max": max(known) if wear.counted else None,
        "mean": round(statistics.fmean(known), 3) if wear.counted else None,
        "deviation": round(statistics.pstdev(known), 3) if wear.counted else None,
    }


def picture(wear: Wear) -> Iterator[str]:
    """The grid, 64 sectors a line, and the figures."""
    known = wear.known
    low, high = min(known), max(known)
    for start in range(0, len(wear.values), PER_LINE):
        row = wear.values[start : start + PER_LINE]
        yield f"{start:>6}  " + "".join(_shade(value, low, high) for value in row)
    yield ""
    if not wear.counted:
        yield f"no erase counts were given: shaded by sector number, {low} to {high}, the newest"
        yield f"darkest. That is the order in which sectors were opened; {_UNKNOWN} has no number"
        yield _key(low, high)
        return
    mean, deviation = statistics.fmean(known), statistics.pstdev(known)
    yield f"erases of each sector: min {low}, max {high}, mean {mean:.1f}"
    yield f"spread: {high - low} from least to most, standard deviation {deviation:.1f}"
    yield _key(low, high)


def _level(value: int, low: int, high: int) -> int:
    """0 for the least, 3 for the most."""
    return 0 if high == low else (value - low) * (len(SHADES) - 1) // (high - low)


def _shade(value: int | None, low: int, high: int) -> str:
    return _UNKNOWN if value is None else SHADES[_level(value, low, high)]


def _key(low: int, high: int) -> str:
    parts, steps = [], len(SHADES) - 1
    for level, shade in enumerate(SHADES):
        first = low + -(-level * (high - low) // steps)
        last = high if level == steps else low + -(-(level + 1) * (high - low) // steps) - 1
        if first <= last and _level(first, low, high) == level:
            parts.append(f"[{shade}] {first}" + ("" if first == last else f"..{last}"))
    return "key: " + "  ".join(parts)
