# SPDX-License-Identifier: MIT
"""A board is found by name or by its board.json, and whatever is wrong with it is named in one line."""

import json

import pytest

from quell_host.errors import ExitCode, QuellError
from quell_host.policy.boards import KEYS, find_board, reference_boards

FILES_KEYS = KEYS[: KEYS.index("state_sectors")]
FILES = {
    "store": "files", "file_system": "littlefs2", "flash_kib": 512, "block_bytes": 4096, "segment_blocks": 1,
    "package_blocks": 24, "inline_bytes": 128, "flushes_per_day": 1000, "flush_after_s": 900,
}  # fmt: skip
NOR = {
    **FILES, "store": "nor", "file_system": None, "package_blocks": 0, "inline_bytes": 0, "flushes_per_day": 0,
    "state_sectors": 3, "keys_sectors": 1, "policy_sectors": 2, "prov_sectors": 1, "copies": 3,
}  # fmt: skip


def board(folder, geometry, name="EC200U"):
    """The path of a board.json with this geometry."""
    (folder / name).mkdir(exist_ok=True)
    path = folder / name / "board.json"
    path.write_text(json.dumps({"port": "unix", "geometry": geometry}))
    return str(path)


def refused(given, flash_kib=None):
    """The line with which a board is refused."""
    with pytest.raises(QuellError) as caught:
        find_board(given, flash_kib)
    assert caught.value.code == ExitCode.USAGE
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_name_counts_in_any_case():
    assert find_board("LittleFS2-200K") == find_board("littlefs2-200k") == reference_boards()["littlefs2-200k"]
    assert list(reference_boards()) == ["unix", "littlefs1-400k", "littlefs1-200k", "littlefs2-200k", "nor-256k"]


def test_the_flash_that_is_free_overrides_the_boards():
    found = find_board("littlefs2-200k", 99)
    assert (found.flash_kib, found.blocks) == (99, 24)


@pytest.mark.parametrize("geometry", [FILES, NOR])
def test_a_board_json_is_named_as_its_folder(tmp_path, geometry):
    found = find_board(board(tmp_path, geometry))
    assert found.name == "EC200U" and found.flash_kib == 512
    assert {key: getattr(found, key) for key in geometry} == geometry


def test_an_unknown_name_is_answered_with_those_that_there_are():
    line = refused("ec200u")
    assert (
        line
        == 'there is no board "ec200u"; use unix, littlefs1-400k, littlefs1-200k, littlefs2-200k, nor-256k, '
        "or a path to a board.json"
    )


@pytest.mark.parametrize("key", FILES_KEYS)
def test_each_key_that_is_missing_is_named(tmp_path, key):
    path = board(tmp_path, {name: value for name, value in FILES.items() if name != key})
    assert refused(path) == f'{path}: geometry: no "{key}"; see boards/README.md'


@pytest.mark.parametrize("key", [key for key in KEYS if key not in ("store", *FILES_KEYS)])
def test_each_key_that_raw_nor_needs_is_named(tmp_path, key):
    path = board(tmp_path, {name: value for name, value in NOR.items() if name != key})
    assert refused(path) == f'{path}: geometry: no "{key}"; see boards/README.md'
    assert f'unknown key "{key}"' in refused(board(tmp_path, {**FILES, key: NOR[key]}))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["x", -1, True, 1.5, None, [], {}, 10**9])
def test_each_key_that_is_wrong_is_named(tmp_path, key, value):
    if (key, value) == ("file_system", None):
        return
    assert f'"{key}" is ' in refused(board(tmp_path, {**NOR, key: value}))


def test_all_that_is_wrong_is_in_the_one_line(tmp_path):
    line = refused(board(tmp_path, {**FILES, "flash_kib": "200", "copies": 2, "segment_blocks": 5}))
    assert '"flash_kib" is not 1 to 1048576, "segment_blocks" is not 1 to 4, unknown key "copies"' in line


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        ({**FILES, "file_system": "littlefs1"}, '"inline_bytes" is not 0'),
        ({**FILES, "file_system": "folder", "inline_bytes": 0}, '"package_blocks" is not 0'),
        ({**NOR, "package_blocks": 24}, '"package_blocks" is not 0'),
        ({**NOR, "inline_bytes": 128}, '"inline_bytes" is not 0'),
        ({**NOR, "segment_blocks": 4}, '"segment_blocks" is not 1'),
        ({**FILES, "file_system": None}, '"file_system" is none of "littlefs1", "littlefs2", "folder"'),
        ({**FILES, "block_bytes": 512}, '"block_bytes" is not 4096'),
    ],
)
def test_keys_that_do_not_go_together_are_named(tmp_path, geometry, says):
    assert says in refused(board(tmp_path, geometry))


@pytest.mark.parametrize("content", ["", "[1", "\xff", "[" * 30000, "[]", "{}", '{"geometry": 5}', "null"])
def test_a_file_that_is_no_board_is_refused(tmp_path, content):
    path = tmp_path / "board.json"
    path.write_bytes(content.encode("latin-1"))
    assert str(path) in refused(str(path))


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    assert "no board file" in refused(str(tmp_path / "board.json"))
    assert "not a regular file" in refused(str(tmp_path))
