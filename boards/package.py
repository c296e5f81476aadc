#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The agent as a folder and a zip to push to a QuecPython module: `make package BOARD=QUECTEL_EC200U`.

The results are build/package/BOARD/files/, what goes into `/usr`; manifest.json beside it; and a zip of both. The same
sources give the same bytes. Refuses, with one line, what takes more blocks of the module's file system than its
board.json allows.
"""

import argparse
import hashlib
import json
import shutil
import sys
import zipfile
from pathlib import Path

import pack
from littlefs_image import blocks_taken
from module_files import BOARD, FIRMWARE, LOADER, MAIN, modules_in_order

from steps import BUILD, ROOT, Failure, run_main

sys.path.append(str(ROOT / "host_tools"))
from quell_host.policy.geometry import file_bytes  # noqa: E402

BOARDS = Path(__file__).resolve().parent
OUT = BUILD / "package"
PORT = "quecpython"
MOST_BLOCKS = 24
FACTS = "quell_facts.py"
PACK = "quell.pack"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date of a zip
_KINDS = {"littlefs1": 1, "littlefs2": 2}
_LIKE = 1  # what a file system that cannot be built here is measured as: the dearer littlefs


def board_facts(board: str) -> dict:
    """What the board's board.json says. Raises Failure for a board that is no QuecPython module."""
    names = [path.parent.name for path in sorted(BOARDS.glob("*/board.json")) if _port(path) == PORT]
    if board not in names:
        raise Failure(f"no QuecPython module {board}; there are: {', '.join(names)}")
    return json.loads((BOARDS / board / "board.json").read_text())


def _port(path: Path) -> str:
    return json.loads(path.read_text())["port"]


def facts_source(board: str, facts: dict) -> str:
    """The module quell_facts: what the agent is told of the module that it runs on."""
    geometry, module = facts["geometry"], facts["module"]
    known = geometry["file_system"] in _KINDS
    values = {
        "NAME": board,
        "FILE_SYSTEM": geometry["file_system"] if known else None,  # None: the port finds out
        "SEGMENTS": module["segments"],
        "SEGMENT_BYTES": file_bytes(geometry["segment_blocks"], geometry["block_bytes"]),
        "FLASH_KIB": geometry["flash_kib"],
        "HEAP_KIB": module["heap_kib"],
        "SECURE_DATA": module["secure_data"],
    }
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    return f'"""What {board} is, from its board.json."""\n\n' + "\n".join(lines) + "\n"


def module_sources(facts_file: Path, board_file: Path = BOARD) -> list[tuple[str, Path]]:
    """(path below the folder of modules, file) of everything in the pack, in the order of loading."""
    found = [(path.relative_to(FIRMWARE).as_posix(), path) for path in modules_in_order(board_file)]
    return [(FACTS, facts_file), *found]


def make_files(
    board: str, facts: dict, folder: Path, compiler: pack.Compiler
) -> tuple[dict[str, bytes], list[pack.Module]]:
    """({name in /usr: content}, modules of the pack). `folder`: for what is written on the way."""
    facts_file = folder / FACTS
    facts_file.write_text(facts_source(board, facts))
    items = pack.modules(module_sources(facts_file), compiler)
    files = {
        "main.py": MAIN.read_bytes(),
        "quell_board.mpy": compiler("quell_board.py", BOARD),
        "quell_pack.mpy": compiler("quell_pack.py", LOADER),
        PACK: pack.pack(items),
    }
    return files, items


def manifest(
    board: str, facts: dict, version: str, files: dict[str, bytes], items: list[pack.Module], blocks: dict
) -> bytes:
    """manifest.json: the hash of every file and module, and what the module is."""
    listed = [
        {"path": "/usr/" + name, "blocks": blocks[name], **_hashed(data)} for name, data in sorted(files.items())
    ]
    described = {
        "format": 1,
        "board": board,
        "version": version,
        "mpy": files["quell_board.mpy"][1],
        "files": listed,
        "modules": [{"path": item.path, **_hashed(item.data)} for item in items],
        "blocks": blocks[""],
        "blocks_at_most": limit(facts),
        "measured_on": f"littlefs{kind(facts)}",
        "geometry": facts["geometry"],
        "module": facts["module"],
        "erase_level": facts["erase_level"],
    }
    return (json.dumps(described, indent=1) + "\n").encode()


def _hashed(data: bytes) -> dict:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def limit(facts: dict) -> int:
    """Blocks that the package may take."""
    return min(facts["geometry"]["package_blocks"] or MOST_BLOCKS, MOST_BLOCKS)


def kind(facts: dict) -> int:
    """The littlefs on which the package is measured."""
    return _KINDS.get(facts["geometry"]["file_system"], _LIKE)


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    """A zip without times or compression, so that it is the same everywhere."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as zipped:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            zipped.writestr(info, data)


def table(files: dict[str, bytes], items: list[pack.Module], blocks: dict, facts: dict) -> str:
    """What was made, for people."""
    rows = [(name, f"{len(data):,}", str(blocks[name])) for name, data in sorted(files.items())]
    rows.append(("all", f"{sum(map(len, files.values())):,}", str(blocks[""])))
    lines = [f"  {'file in /usr':<18s} {'bytes':>8s} {'blocks':>7s}"]
    lines += [f"  {name:<18s} {size:>8s} {taken:>7s}" for name, size, taken in rows]
    lines.append(f"  {limit(facts)} blocks are allowed; measured on littlefs {kind(facts)}")
    size = sum(len(item.data) for item in items)
    lines.append(f"  {PACK} holds {len(items)} modules, {size:,} bytes")
    return "\n".join(lines)


def make(board: str, out: Path = OUT) -> Path:
    """Make the package of a board below `out` -> its zip. Raises Failure."""
    facts = board_facts(board)
    folder = out / board
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    version = json.loads((FIRMWARE / "package.json").read_text())["version"]
    files, items = make_files(board, facts, folder, pack.compile_113)
    (folder / FACTS).unlink()
    blocks = blocks_taken(files, kind(facts))
    print(table(files, items, blocks, facts))
    if blocks[""] > limit(facts):
        shutil.rmtree(folder)
        raise Failure(f"{board}: the package takes {blocks['']} blocks, {limit(facts)} are allowed")
    for name, data in files.items():
        (folder / "files" / name).write_bytes(data)
    described = manifest(board, facts, version, files, items, blocks)
    (folder / "manifest.json").write_bytes(described)
    zipped = folder / f"quell-{board}-{version}.zip"
    write_zip(zipped, {"manifest.json": described, **{"files/" + name: data for name, data in files.items()}})
    return zipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", metavar="BOARD")
    parser.add_argument("--out", type=Path, default=OUT, help="instead of build/package")
    arguments = parser.parse_args()
    zipped = make(arguments.board, arguments.out)
    print(f"  {zipped.relative_to(ROOT) if zipped.is_relative_to(ROOT) else zipped}")


if __name__ == "__main__":
    run_main("package", main)
