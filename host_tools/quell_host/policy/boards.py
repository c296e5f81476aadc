# SPDX-License-Identifier: MIT
"""The board that a policy is for: one of boards.toml by its name, or the geometry of a board.json."""

import dataclasses
import functools
import importlib.resources
import json
import tomllib
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.policy.findings import shown
from quell_host.policy.geometry import FILES, FOLDER, LITTLEFS1, LITTLEFS2, NOR, Geometry
from quell_host.policy.limits import DAY_S
from quell_host.policy.source import read_file

MAX_FLASH_KIB = 1024 * 1024
_MAX_BYTES = 64 * 1024
_FILE_SYSTEMS = (LITTLEFS1, LITTLEFS2, FOLDER)
_RANGES = {
    "flash_kib": (1, MAX_FLASH_KIB),
    "block_bytes": (4096, 4096),
    "segment_blocks": (1, 4),
    "package_blocks": (0, 4096),
    "inline_bytes": (0, 1022),
    "flushes_per_day": (0, DAY_S),
    "flush_after_s": (1, DAY_S),
}
_NOR_RANGES = {
    "state_sectors": (1, 16),
    "keys_sectors": (1, 16),
    "policy_sectors": (1, 16),
    "prov_sectors": (1, 16),
    "copies": (2, 3),
}
KEYS = ("store", "file_system", *_RANGES, *_NOR_RANGES)


@functools.cache
def reference_boards() -> dict[str, Geometry]:
    """The geometries that have a name."""
    file = importlib.resources.files("quell_host.policy") / "boards.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: _geometry(name, row, "boards.toml") for name, row in rows.items()}


def find_board(given: str, flash_kib: int | None = None) -> Geometry:
    """The geometry of a board: a name of boards.toml in any case, or a path to a board.json.

    flash_kib: KiB that are free for Quell, in place of what the board says. Raises QuellError with code USAGE.
    """
    known = reference_boards()
    found = known.get(given.lower())
    if found is None:
        path = Path(given)
        if not (path.suffix == ".json" or len(path.parts) > 1 or path.is_file()):
            todo = f"use {', '.join(known)}, or a path to a board.json"
            raise QuellError(f"there is no board {shown(given)}", todo, ExitCode.USAGE)
        found = _read(path)
    return found if flash_kib is None else dataclasses.replace(found, flash_kib=flash_kib)


def _read(path: Path) -> Geometry:
    try:
        shaped = json.loads(read_file(path, _MAX_BYTES, "board"))
    except QuellError as error:
        raise QuellError(error.message, error.hint, ExitCode.USAGE) from None
    except (ValueError, RecursionError):
        raise QuellError(f"{path} is not JSON in UTF-8", "see boards/README.md", ExitCode.USAGE) from None
    geometry = shaped.get("geometry") if isinstance(shaped, dict) else None
    if not isinstance(geometry, dict):
        raise QuellError(f'{path} has no object "geometry"', "see boards/README.md", ExitCode.USAGE)
    return _geometry(path.resolve().parent.name, geometry, str(path))


def _geometry(name: str, row: dict[str, Any], file: str) -> Geometry:
    problems = _problems(row)
    if problems:
        raise QuellError(f"{file}: geometry: {', '.join(problems)}", "see boards/README.md", ExitCode.USAGE)
    return Geometry(name=name, **row)


def _problems(row: dict[str, Any]) -> list[str]:
    """What is wrong with each key."""
    raw = row.get("store") == NOR
    ranges = {**_RANGES, **_NOR_RANGES} if raw else _RANGES
    file_systems = (*_FILE_SYSTEMS, None) if raw else _FILE_SYSTEMS
    problems = []
    for key, allowed in (("store", (FILES, NOR)), ("file_system", file_systems)):
        if key not in row:
            problems.append(f'no "{key}"')
        elif not any(row[key] == word for word in allowed):
            words = ", ".join(json.dumps(word) for word in allowed)
            problems.append(f'"{key}" is none of {words}')
    for key, (low, high) in ranges.items():
        value = row.get(key)
        if key not in row:
            problems.append(f'no "{key}"')
        elif type(value) is not int or not low <= value <= high:
            problems.append(f'"{key}" is not {low}' + ("" if low == high else f" to {high}"))
    problems += [f"unknown key {shown(key)}" for key in row if key not in ("store", "file_system", *ranges)]
    return problems or _contradictions(row)


def _contradictions(row: dict[str, Any]) -> list[str]:
    """Keys that do not go together."""
    problems = []
    if row["inline_bytes"] and (row["store"] == NOR or row["file_system"] != LITTLEFS2):
        problems.append('"inline_bytes" is not 0, and only littlefs2 has such files')
    if row["package_blocks"] and (row["store"] == NOR or row["file_system"] == FOLDER):
        problems.append('"package_blocks" is not 0, and the code is not there')
    if row["store"] == NOR and row["segment_blocks"] != 1:
        problems.append('"segment_blocks" is not 1, and a sector is one block')
    return problems
