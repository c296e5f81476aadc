# SPDX-License-Identifier: MIT
"""Every firmware test also passes on MicroPython: each file runs unchanged on the unix port."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "build/micropython/unix/micropython"
PATH = ("firmware", "tests", "tests/powercut", "build/micropython/lib", ".frozen")
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("firmware/test_*.py", "security/test_*.py", "pipeline/test_*.py", "powercut/test_boot_loops.py")
    for path in (ROOT / "tests").glob(pattern)
    if path.name != Path(__file__).name
)


@pytest.mark.parametrize("file", FILES)
def test_passes_on_micropython(file: str) -> None:
    if not BINARY.exists():
        pytest.fail("there is no " + str(BINARY.relative_to(ROOT)) + ": run `make setup`")
    done = subprocess.run(
        [str(BINARY), "-X", "heapsize=64M", file],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": ":".join(PATH)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    # warnings of the interpreter go to stderr
    assert done.stdout.strip().splitlines()[-1] == "OK", report
    assert "Ran 0 tests" not in report, report
