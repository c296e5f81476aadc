#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bytes of bytecode of every file of the agent's core, by mpy-cross. Run by `make size`.

A board carries one ring store: the files' or raw NOR's, with what it imports of the other. The total is the larger.
"""

import ast
import subprocess
import tempfile
from pathlib import Path

from build import MPY_CROSS
from steps import ROOT, Failure, run_main

CORE = ROOT / "firmware/quell"
STORES = {
    "file slots": {"file_store.py", "file_slots.py", "segment.py", "inline.py"},
    "raw NOR": {"nor_store.py", "nor_ring.py", "sector.py", "nor_files.py"},
}


def main():
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mpy"
        for path in sorted(CORE.rglob("*.py")):
            name = str(path.relative_to(ROOT / "firmware"))
            done = subprocess.run(
                [MPY_CROSS, "-s", name, "-o", out, path], capture_output=True, text=True
            )
            if done.returncode:
                raise Failure(f"{name} does not compile:\n{done.stderr.rstrip()}")
            sizes[path] = out.stat().st_size
            print(f"{sizes[path]:8d}  {name}")
    totals = [sum(sizes[path] for path in carried(store, sizes)) for store in STORES]
    for store, total in zip(STORES, totals, strict=True):
        print(f"{total:8d}  core with {store}")
    print(f"{max(totals):8d}  total, {max(totals) / 1024:.1f} KiB")


def carried(store, paths):
    """The files of a board with this ring store: all but the other's, and what they import of that."""
    others = set().union(*STORES.values()) - STORES[store]
    gone = others - {path.name for path in paths}
    if gone:
        raise Failure(f"no {', '.join(sorted(gone))} below {CORE}: STORES in boards/size.py is out of date")
    found = {path for path in paths if path.parent.name != "store" or path.name not in others}
    waiting = list(found)
    while waiting:
        needed = {path for path in imports(waiting.pop()) if path in paths} - found
        found |= needed
        waiting += needed
    return found


def imports(path):
    """The files below `firmware` that a file imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = ROOT / "firmware" / node.module.replace(".", "/")
            yield module.with_suffix(".py")
            yield from (module / (name.name + ".py") for name in node.names)


if __name__ == "__main__":
    run_main("size", main)
