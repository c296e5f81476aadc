# SPDX-License-Identifier: MIT
"""What a board.json says of the store is what the port does, and what the host tool plans with."""

import dataclasses
import json
from pathlib import Path

import pytest
from ports.unix import flash as unix
from ports.vfs_flash import VfsFlash

from quell_host.policy.boards import KEYS, find_board, reference_boards

ROOT = Path(__file__).resolve().parents[2]
BOARDS = sorted((ROOT / "boards").glob("*/board.json"))


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.parent.name)
def test_the_geometry_of_a_board_can_be_planned_with(path: Path) -> None:
    found = find_board(str(path))
    assert found.name == path.parent.name
    row = reference_boards().get(found.name.lower())
    assert row is None or dataclasses.replace(row, name=found.name) == found


def test_the_host_tool_knows_the_unix_board_by_name() -> None:
    row, said = reference_boards()["unix"], json.loads((ROOT / "boards/UNIX/board.json").read_text())["geometry"]
    assert said == {key: getattr(row, key) for key in KEYS if key in said}
    assert set(said) == set(KEYS[: KEYS.index("state_sectors")])


def test_the_geometry_of_unix_is_that_of_its_port(tmp_path: Path) -> None:
    row, flash = reference_boards()["unix"], unix.FolderFlash(str(tmp_path / "flash"))
    assert row.flash_kib * 1024 == unix._SEGMENTS * unix._SEGMENT_BYTES
    assert row.unit_bytes == unix.folder_store(flash).segment_bytes
    assert (row.atomic, row.inline_bytes) == (flash.atomic, flash.inline_bytes)
    assert (row.flushes_per_day, row.flush_after_s * 1000) == (flash.flushes_per_day, flash.flush_after_ms)


@pytest.mark.parametrize("name", ["littlefs1", "littlefs2"])
def test_the_reference_boards_have_the_budgets_of_the_ports(tmp_path: Path, name: str) -> None:
    row, flash = reference_boards()[name + "-200k"], VfsFlash(str(tmp_path / "flash"), name)
    assert row.file_system == name and row.atomic == flash.atomic
    assert (row.flushes_per_day, row.flush_after_s * 1000) == (flash.flushes_per_day, flash.flush_after_ms)


def test_every_key_of_a_geometry_is_explained() -> None:
    text = (ROOT / "boards/README.md").read_text()
    for key in KEYS:
        assert f"| `{key}` |" in text, key
