# SPDX-License-Identifier: MIT
"""The power is cut at every file operation of an installation: what starts then is whole, old or new, and running it again finishes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from host.board_repl import pipe

from quell_host import runtime
from quell_host.board.agent_files import AgentFile, Package
from quell_host.board.files import BoardFiles
from quell_host.board.install import install
from quell_host.errors import ExitCode, QuellError

MAIN = Path(__file__).resolve().parents[2] / "firmware/main.py"
# what a board does at its start, up to the agent: every file of it is imported
START = """
import main
found = main.choose()
import quell_board, quell.large
assert quell_board.VERSION == quell.VERSION == quell.large.VERSION
print(found.split("/")[-1], quell.VERSION)
"""


def package(version: str) -> Package:
    """An agent of three files; the boot piece differs from version to version."""
    text = f'VERSION = "{version}"\n'
    files = {"quell/__init__.py": text, "quell/large.py": text + f"# {version}\n" * 300, "quell_board.py": text}
    listed = tuple(AgentFile(path, data.encode()) for path, data in sorted(files.items()))
    boot = AgentFile("main.py", MAIN.read_bytes() + f"# {version}\n".encode())
    return Package("FAKE", version, listed, boot, ".", 0)


OLD, NEW = package("1.0"), package("1.1")


def put(folder: Path, wanted: Package, settings: dict[str, str] | None = None):
    with pipe(folder, settings) as board:
        return install(BoardFiles(board, "."), wanted, lambda done, total: None)


def started(folder: Path) -> list[str]:
    """The folder and the version that a start finds."""
    command = [str(runtime.micropython()), "-c", START]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


def operations(folder: Path, wanted: Package) -> int:
    with pipe(folder) as board:
        install(BoardFiles(board, "."), wanted, lambda done, total: None)
        return int(board.run("print(_ops[0])"))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board with the old version in force."""
    folder = tmp_path_factory.mktemp("old")
    put(folder, OLD)
    assert started(folder) == [OLD.folder, "1.0"]
    return folder


@pytest.mark.parametrize("how", ["before", "after", "torn"])
def test_a_cut_at_any_operation_leaves_the_old_or_the_new_version_whole(how: str, old: Path, tmp_path: Path) -> None:
    last = operations(shutil.copytree(old, tmp_path / "clean"), NEW)
    assert last > 30
    seen = set()
    for k in range(1, last + 1):
        folder = shutil.copytree(old, tmp_path / str(k))
        with pytest.raises(QuellError) as error:
            put(folder, NEW, {"QUELL_TEST_CUT": f"{k} {how}"})
        assert error.value.code == ExitCode.UNREACHABLE
        found = started(folder)
        assert found in ([OLD.folder, "1.0"], [NEW.folder, "1.1"]), k
        seen.add(found[1])
        done = put(folder, NEW)
        assert started(folder) == [NEW.folder, "1.1"] and done.copied <= 3, k
        assert sorted(path.name for path in folder.glob("quell-*")) == [NEW.folder], k
        assert not list(folder.rglob("*.new")), k
        shutil.rmtree(folder)
    assert seen == {"1.0", "1.1"}


def test_a_cut_on_a_fresh_board_leaves_nothing_that_starts_half(tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    last = operations(tmp_path / "clean", NEW)
    for k in range(1, last + 1):
        folder = tmp_path / str(k)
        folder.mkdir()
        with pytest.raises(QuellError):
            put(folder, NEW, {"QUELL_TEST_CUT": f"{k} after"})
        if (folder / "main.py").exists():
            assert started(folder) == [NEW.folder, "1.1"], k
        put(folder, NEW)
        assert started(folder) == [NEW.folder, "1.1"], k


def test_what_is_in_the_flash_already_is_not_copied_again(old: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(old, tmp_path / "board")
    with pytest.raises(QuellError):
        put(folder, NEW, {"QUELL_TEST_CUT": "12 before"})  # after the second file
    there = len([path for path in (folder / NEW.folder).rglob("*.py")])
    assert there >= 1 and put(folder, NEW).copied == 3 - there
    again = put(folder, NEW)
    assert (again.copied, again.switched, again.removed) == (0, False, ())


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"quell-1.0-00000000\n12345678\n", b"../../etc\n", None])
def test_a_damaged_quell_active_falls_back_to_the_newest_whole_folder(content, old: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(old, tmp_path / "board")
    put(folder, NEW)
    shutil.copytree(old / OLD.folder, folder / OLD.folder)  # as if the old one had not been removed yet
    (folder / "quell.active").unlink()
    if content is not None:
        (folder / "quell.active").write_bytes(content)
    assert started(folder) == [NEW.folder, "1.1"]
    large = folder / NEW.folder / "quell/large.py"
    large.write_bytes(large.read_bytes().replace(b"# 1.1", b"# 1.2"))
    assert started(folder) == [OLD.folder, "1.0"]
    put(folder, NEW)
    assert started(folder) == [NEW.folder, "1.1"]


def test_a_version_with_a_file_too_few_or_a_damaged_marker_is_not_started(old: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(old, tmp_path / "board")
    put(folder, NEW)
    shutil.copytree(old / OLD.folder, folder / OLD.folder)
    for path, data in (("quell/large.py", None), ("complete", b"quell-complete 1 2\n"), ("complete", None)):
        kept = (folder / NEW.folder / path).read_bytes()
        (folder / NEW.folder / path).unlink()
        if data is not None:
            (folder / NEW.folder / path).write_bytes(data)
        assert started(folder) == [OLD.folder, "1.0"], path
        (folder / NEW.folder / path).write_bytes(kept)
    assert started(folder) == [NEW.folder, "1.1"]


def test_going_back_to_an_older_version_is_a_switch_like_any(old: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(old, tmp_path / "board")
    put(folder, NEW)
    assert put(folder, OLD).switched and started(folder) == [OLD.folder, "1.0"]
    (folder / "quell.active").write_bytes(b"damaged")
    assert started(folder) == [OLD.folder, "1.0"]


@pytest.mark.parametrize("told", [True, False])
def test_a_full_file_system_is_one_error_and_changes_nothing(told: bool, old: Path, tmp_path: Path) -> None:
    for room in (10, 1500, 3000):
        folder = shutil.copytree(old, tmp_path / f"board{room}")
        settings = {"QUELL_TEST_ROOM": str(room), **({"QUELL_TEST_STATVFS": "1"} if told else {})}
        with pytest.raises(QuellError, match="no room for this version .*: it takes [0-9]+ KiB"):
            put(folder, NEW, settings)
        assert started(folder) == [OLD.folder, "1.0"]
        assert [path.name for path in folder.glob("quell-*")] == [OLD.folder]
        assert not list(folder.rglob("*.new"))


def test_a_main_py_of_another_is_kept(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print('mine')\n")
    put(tmp_path, NEW)
    assert (tmp_path / "main.before-quell.py").read_text() == "print('mine')\n"
    (tmp_path / "main.py").write_text("print('mine again')\n")
    with pytest.raises(QuellError, match="not Quell's"):
        put(tmp_path, OLD)
    assert (tmp_path / "main.py").read_text() == "print('mine again')\n"
