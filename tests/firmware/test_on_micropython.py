# SPDX-License-Identifier: MIT
"""Every firmware test also passes on MicroPython, unchanged: on the unix port, and on a build that has no more than QuecPython.

The latter aborts where a big integer is divided: 1.13 would give a wrong result there, or never return.
"""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/micropython"
PROGRAMS = {
    "unix": (BUILD / "unix/micropython", "make setup"),
    "quecpython": (BUILD / "quecpython_sim/micropython-nodiv", "make quecpython-sim"),
}
PATH = (ROOT / "firmware", ROOT / "tests", ROOT / "tests/powercut", BUILD / "lib", ".frozen")
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("firmware/test_*.py", "security/test_*.py", "pipeline/test_*.py", "powercut/test_boot_loops.py")
    for path in (ROOT / "tests").glob(pattern)
    if path.name != Path(__file__).name
)


def _run(binary: Path, file: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(binary), "-X", "heapsize=64M", file],
        cwd=folder,
        env={**os.environ, "MICROPYPATH": ":".join(map(str, PATH))},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=110,
    )


@pytest.fixture(scope="module")
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Future]]:
    """(program, file) → its run. All that were asked for begin here, one on each core: a test waits for its own."""
    folders = {}
    for program in PROGRAMS:
        # of its own, since the same file runs on two programs at once and may write below build/
        folders[program] = tmp_path_factory.mktemp(program)
        (folders[program] / "tests").symlink_to(ROOT / "tests")
    mine = [item for item in request.session.items if item.path == Path(__file__)]
    wanted = [(item.callspec.params["program"], item.callspec.params["file"]) for item in mine]
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    yield {(program, file): pool.submit(_run, PROGRAMS[program][0], file, folders[program]) for program, file in wanted}
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_passes_on_micropython(program: str, file: str, started: dict[tuple[str, str], Future]) -> None:
    binary, command = PROGRAMS[program]
    if not binary.exists():
        pytest.fail("there is no " + str(binary.relative_to(ROOT)) + ": run `" + command + "`")
    done = started[program, file].result()
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    # warnings of the interpreter go to stderr
    assert done.stdout.strip().splitlines()[-1] == "OK", report
    assert "Ran 0 tests" not in report, report
