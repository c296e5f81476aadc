# SPDX-License-Identifier: MIT
"""`make bench`: the figures of SPEC §12 on this machine, as a table and in build/bench.json.

Each is measured beside what a user would do otherwise, in the same run. No figure is a test.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from board_tables import heap_table, instruction_table
from rich.console import Console
from tables import flash_table, main_table

TOP = Path(__file__).resolve().parents[2]
MICROPYTHON = TOP / "build/micropython/unix/micropython"
BENCH = TOP / "tests/bench"
RECORDS = 150
RUNS = 5
HEAP_FLOOR_KIB, HEAP_CEILING_KIB = 64, 2048
# the longest first: as many run side by side as there are CPUs
FLASH_WAYS = (
    "littlefs2_durable", "json_rewrite_littlefs1", "littlefs1_durable", "json_rewrite_littlefs2", "littlefs2", "nor",
    "nor_link_down", "littlefs1", "littlefs1_one_block", "littlefs2_delivered", "littlefs1_delivered",
    "json_lines_littlefs1", "json_lines_littlefs2",
)  # fmt: skip
BOARDS = ("littlefs1", "littlefs2", "nor")


def device(script: str, *arguments: str, heap: str = "8M") -> subprocess.CompletedProcess[str]:
    """Run a script of this folder on MicroPython."""
    path = ":".join(str(TOP / part) for part in ("firmware", "tests", "tests/bench", "build/micropython/lib"))
    return subprocess.run(
        [str(MICROPYTHON), "-X", f"heapsize={heap}", str(BENCH / script), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "MICROPYPATH": path + ":.frozen"},
    )


def measured(script: str, *arguments: str) -> dict[str, float]:
    """The JSON line that a script prints; ends the run with its error when it prints none."""
    done = device(script, *arguments)
    if done.returncode:
        sys.exit(f"{script}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def records() -> dict[str, float]:
    """Medians over RUNS of collect → ring, beside JSON line + flush; and the wire."""
    runs = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="quell-bench-") as folder:
            runs.append(measured("device_records.py", folder + "/device", str(RECORDS)))
    return {key: sorted(run[key] for run in runs)[RUNS // 2] for key in runs[0]}


def flash() -> dict[str, dict]:
    """What stores, JSON and days of a whole agent do to a simulated chip: counts, so that they may run side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        days = {kind: pool.submit(measured, "device_day.py", kind) for kind in BOARDS}
        ways = [pool.submit(measured, "device_flash.py", way) for way in FLASH_WAYS]
        found = {way: figures for done in ways for way, figures in done.result().items()}
        found["days"] = {kind: done.result() for kind, done in days.items()}
    idle = {kind: found["days"][kind]["idle"]["state_commits_per_day"] for kind in BOARDS}
    busy = {kind: found["days"][kind]["busy"]["state_commits_per_segment"] for kind in BOARDS}
    return {**found, "idle_state_commits_per_day": idle, "busy_state_commits_per_segment": busy}


def smallest_heap_kib() -> int:
    """The smallest heap, by bisection to 4 KiB, in which the whole job passes on this 64-bit build."""
    low, high = HEAP_FLOOR_KIB, HEAP_CEILING_KIB
    while high - low > 4:
        middle = (low + high) // 2
        passed = "passed" in device("device_heap.py", heap=f"{middle}K").stdout
        low, high = (low, middle) if passed else (middle, high)
    return high


def bytecode_bytes() -> int:
    """Bytes of .mpy of what a board carries of firmware/quell: the total of `make size`."""
    done = subprocess.run([sys.executable, str(TOP / "boards/size.py")], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0])


def emulated_board() -> dict | str:
    """Its figures, or why there are none: whatever goes wrong there does not take the other figures away."""
    try:
        import board_budget  # here: it imports much of the agent and of the host tool

        board_budget.build_bare()
        return board_budget.measured()
    except Exception as error:
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"


def main() -> None:
    """Measure, print, write build/bench.json."""
    console = Console(stderr=True)
    with console.status("Measuring: records"):
        rates = records()
    with console.status("Measuring: signatures"):
        p256 = measured("device_p256.py", "20")
    with console.status("Measuring: the smallest heap"):
        heap = smallest_heap_kib()
    with console.status("Measuring: flash"):
        wear = flash()
    with console.status("Measuring: an emulated board"):
        board = emulated_board()
    measured_board = isinstance(board, dict)
    figures = {
        "schema": 1,
        "records": rates,
        "wire_percent_of_json": 100 * rates["wire_bytes_per_record"] / rates["json_bytes_per_record"],
        "p256": p256,
        "smallest_heap_kib_64bit": heap,
        "bytecode_bytes": bytecode_bytes(),
        "flash": wear,
        "board": board if measured_board else None,
    }
    (TOP / "build").mkdir(exist_ok=True)
    (TOP / "build/bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    of_board = (instruction_table(board), heap_table(board)) if measured_board else ()
    for table in (main_table(figures), flash_table(wear), *of_board):
        Console().print(table)
    if not measured_board:
        print(f"The emulated board was not measured: {board}")
    print("Written to build/bench.json; what each figure counts: firmware/SPEC.md §12")


if __name__ == "__main__":
    main()
