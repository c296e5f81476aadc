# SPDX-License-Identifier: MIT
"""What the agent costs on a 32-bit board: instructions, heap, firmware. Run alone it prints its tables.

The board is emulated. With `-icount shift=2` its clock counts instructions, 4 ns each, whatever the PC does meanwhile.
What each figure counts: firmware/SPEC.md §12.
"""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from board_counts import count
from board_heap import peak
from board_lab import TOP, Build, compiled, copy_code, powered, reference_policy
from board_tables import heap_table, instruction_table
from rich.console import Console
from sim.sim_host import SimHost

STORES = ("nor", "littlefs2")
ELF = TOP / "build/micropython/qemu_sabrelite"
BUILD_S = 500
RUNS = 2  # to see whether they agree


def build_bare() -> None:
    """The firmware without the agent; the one with it is there (`make firmware`). Raises RuntimeError."""
    command = [sys.executable, "boards/build.py", "--bare", "QEMU_SABRELITE"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=BUILD_S)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])


def prepare(build: Build, store: str, image: Path) -> SimHost:
    """Make the chip of a device that is provisioned, has the reference policy and consent, and delivered a record."""
    host = SimHost()
    with powered(build, image, store, host) as lab:
        lab.fresh()
        lab.provision()
        lab.boot(True)
        lab.ready()
        lab.policy(reference_policy(1), 1)
        lab.grant()
        lab.emit(0, 1)
        lab.until(lambda found: not found["waiting"])
        lab.run("agent.close()")
    return host


def put_code(build: Build, image: Path, made: Path) -> Path:
    """-> `made`, a copy of a prepared chip that has the agent's code in files too."""
    with tempfile.TemporaryDirectory(prefix="quell-bench-") as folder:
        shutil.copy(image, made)
        copy_code(compiled(Path(folder)), made, build)
    return made


def size_bytes(elf: Path) -> int:
    """Code and data of a firmware, without its heap."""
    done = subprocess.run(["arm-none-eabi-size", str(elf)], capture_output=True, text=True, timeout=30, check=True)
    text, data = done.stdout.splitlines()[1].split()[:2]
    return int(text) + int(data)


def difference(runs: list[dict[str, float]]) -> float:
    """By how many percent two runs differ at most in a figure."""
    one, other = runs
    return max(100 * abs(one[name] - other[name]) / max(abs(one[name]), 1) for name in one)


def measured(side_by_side: int | None = None) -> dict[str, Any]:
    """All figures, of the firmware as it is in build/. `side_by_side`: boards at once; as many as there are CPUs."""
    with tempfile.TemporaryDirectory(prefix="quell-bench-") as name:
        folder = Path(name)
        frozen = Build(Path(shutil.copy(ELF / "firmware.elf", folder)))
        bare = Build(Path(shutil.copy(ELF / "bare.elf", folder)), in_files=True)
        # processes: the REPL's transport captures stdout, of which a process has one
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(side_by_side or os.cpu_count(), context) as pool:
            try:
                figures = _measured(pool, frozen, bare, folder)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return {**figures, "firmware_bytes": size_bytes(frozen.elf), "bare_firmware_bytes": size_bytes(bare.elf)}


def _measured(pool: ProcessPoolExecutor, frozen: Build, bare: Build, folder: Path) -> dict[str, Any]:
    images = {store: folder / f"{store}.img" for store in STORES}
    preparing = {store: pool.submit(prepare, frozen, store, images[store]) for store in STORES}
    hosts = {store: run.result() for store, run in preparing.items()}
    copied = pool.submit(put_code, bare, images["littlefs2"], folder / "files.img")
    # the longest first
    heaps = {"frozen_" + store: pool.submit(peak, frozen, store, images[store], hosts[store]) for store in reversed(STORES)}
    heaps["files_littlefs2"] = pool.submit(peak, bare, "littlefs2", copied.result(), hosts["littlefs2"])
    counts = {
        store: [pool.submit(count, frozen, store, images[store], hosts[store]) for _ in range(RUNS)] for store in STORES
    }
    found = {store: [run.result() for run in runs] for store, runs in counts.items()}
    return {
        "instructions": {store: runs[0] for store, runs in found.items()},
        "runs_differ_percent": max(difference(runs) for runs in found.values()),
        "heap_bytes": {way: run.result() for way, run in heaps.items()},
    }


def main() -> None:
    side_by_side = int(sys.argv[1]) if len(sys.argv) > 1 else None
    with Console(stderr=True).status("Measuring: an emulated board"):
        figures = measured(side_by_side)
    for table in (instruction_table(figures), heap_table(figures)):
        Console().print(table)


if __name__ == "__main__":
    main()
