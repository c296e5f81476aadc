# SPDX-License-Identifier: MIT
"""`make bench`: the figures of SPEC §12 on this machine, as a table and in build/bench.json.

Each is measured beside what a user would do otherwise, in the same run. No figure is a test.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

TOP = Path(__file__).resolve().parents[2]
MICROPYTHON = TOP / "build/micropython/unix/micropython"
BENCH = TOP / "tests/bench"
RECORDS = 150
RUNS = 5
HEAP_FLOOR_KIB, HEAP_CEILING_KIB = 64, 2048


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


def smallest_heap_kib() -> int:
    """The smallest heap, by bisection to 4 KiB, in which the whole job passes on this 64-bit build."""
    low, high = HEAP_FLOOR_KIB, HEAP_CEILING_KIB
    while high - low > 4:
        middle = (low + high) // 2
        passed = "passed" in device("device_heap.py", heap=f"{middle}K").stdout
        low, high = (low, middle) if passed else (middle, high)
    return high


def bytecode_bytes() -> int:
    """Bytes of .mpy of everything under firmware/quell: the total of `make size`."""
    done = subprocess.run([sys.executable, str(TOP / "boards/size.py")], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0])


def main() -> None:
    """Measure, print, write build/bench.json."""
    console = Console(stderr=True)
    with console.status("Measuring: records"):
        rates = records()
    with console.status("Measuring: signatures"):
        p256 = measured("device_p256.py", "20")
    with console.status("Measuring: the smallest heap"):
        heap = smallest_heap_kib()
    figures = {
        "schema": 1,
        "records": rates,
        "wire_percent_of_json": 100 * rates["wire_bytes_per_record"] / rates["json_bytes_per_record"],
        "p256": p256,
        "smallest_heap_kib_64bit": heap,
        "bytecode_bytes": bytecode_bytes(),
    }
    (TOP / "build").mkdir(exist_ok=True)
    (TOP / "build/bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    show(figures)


def show(figures: dict) -> None:
    """The table: figure, Quell, what a user would do otherwise."""
    rates, p256 = figures["records"], figures["p256"]
    table = Table(title="Quell on the MicroPython unix port, this machine")
    for heading in ("figure", "Quell", "instead"):
        table.add_column(heading)
    table.add_row(
        "records/s, collect → ring",
        f"{rates['agent_records_per_s']:.0f}",
        f"{rates['json_flush_records_per_s']:.0f}  JSON line + flush()",
    )
    table.add_row(
        "bytes/record on the wire",
        f"{rates['wire_bytes_per_record']:.1f} ({figures['wire_percent_of_json']:.0f} %)",
        f"{rates['json_bytes_per_record']:.1f}  JSON alone",
    )
    table.add_row("P-256 sign, ms", f"{p256['sign_ms']:.1f}", "")
    table.add_row("P-256 verify, ms", f"{p256['verify_ms']:.1f}", "")
    table.add_row("smallest heap, KiB (64-bit)", f"{figures['smallest_heap_kib_64bit']}", "")
    table.add_row("bytecode, KiB", f"{figures['bytecode_bytes'] / 1024:.1f}", "budget 64")
    Console().print(table)
    print("Written to build/bench.json; what each figure counts: firmware/SPEC.md §12")


if __name__ == "__main__":
    main()
