# SPDX-License-Identifier: MIT
"""A checkout with a small agent and the board FAKE, and a board that has the whole agent in its firmware."""

import json
import os
from pathlib import Path

from quell_host import runtime
from quell_host.board import agent_files

ROOT = Path(__file__).resolve().parents[2]
BOARD = """NAME = "{name}"
VERSION = "{version}"
FROZEN = False
import quell.large
def locked():
    return False
def run():
    import time
    print("quell agent", VERSION)
    try:
        while True:
            time.sleep_ms(20)
    except KeyboardInterrupt:
        print("quell closed")
"""


def checkout(folder: Path, version: str = "1.0", name: str = "FAKE", **settings: object) -> Path:
    """A checkout whose agent is two files -> its firmware/."""
    firmware, board = folder / "firmware", folder / "boards" / name
    files = {"quell/__init__.py": f'__version__ = "{version}"\n', "quell/large.py": f"# {version}\n" * 400 + "X = 7\n"}
    for path, text in files.items():
        (firmware / path).parent.mkdir(parents=True, exist_ok=True)
        (firmware / path).write_text(text)
    (firmware / "package.json").write_text(json.dumps({"version": version, "urls": [[path, path] for path in files]}))
    (firmware / "main.py").write_bytes((ROOT / "firmware/main.py").read_bytes())
    board.mkdir(parents=True, exist_ok=True)
    (board / "board.json").write_text(json.dumps({"port": "unix", "flash": settings}))
    (board / "quell_board.py").write_text(BOARD.format(name=name, version=version))
    (board / "manifest.py").write_text("# not for the board\n")
    return firmware


def files_on(folder: Path) -> list[str]:
    """The folders of versions on a board."""
    return sorted(path.name for path in folder.glob("quell-*"))


def frozen(folder: Path, hashed: bool = True) -> dict[str, str]:
    """Settings of a board that has the whole agent in its firmware; `folder` gets the rest of that."""
    folder.mkdir()
    (folder / "quell_board.py").write_bytes((Path(__file__).parent / "unix_quell_board.py").read_bytes())
    library = runtime.micropython().parent.parent / "lib"
    settings = {"MICROPYPATH": os.pathsep.join([str(folder), str(ROOT / "firmware"), str(library), ".frozen"])}
    settings |= {"QUELL_TEST_FROZEN": "1", "QUELL_TEST_FROZEN_MAIN": str(ROOT / "firmware/main.py")}
    if hashed:
        settings["QUELL_TEST_HASH"] = agent_files.source_hash(ROOT / "firmware")[1]
    return settings


def frozen_checkout(folder: Path) -> Path:
    """A checkout that is this one, with the board FAKE."""
    (folder / "boards/FAKE").mkdir(parents=True)
    (folder / "boards/FAKE/board.json").write_text('{"port": "unix"}')
    (folder / "firmware").symlink_to(ROOT / "firmware")
    return folder / "firmware"
