# SPDX-License-Identifier: MIT
"""The demo's report, build/demo/report.json, and the smallest heap in which its data path passes."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from quell_host import runtime

KEYS = (
    "records_collected",
    "records_delivered",
    "records_lost",
    "dropped",
    "delivered_without_consent",
    "delivered_after_withdrawal",
    "leaks_found",
    "leak_forms_searched",
    "receipt_verified",
    "erase_level",
    "withdrawal_ms",
    "bytes_per_record",
    "json_bytes_per_record",
    "heap_peak_bytes",
)
DROPS = (
    "no-policy",
    "policy-expired",
    "no-consent",
    "no-instance",
    "unknown-field",
    "missing-required",
    "no-template",
    "line-too-long",
    "rate-limited",
    "source-failed",
    "source-absent",
    "bad-value",
    "record-too-big",
    "dropped-by-action",
    "evicted",
    "unreadable",
    "retention",
    "purged",
    "buffer-lost",
    "batch-refused",
)
"""The reasons (SPEC §11) that count data; the others count messages, connections and flash."""

_LOW_KIB, _HIGH_KIB, _STEP_KIB = 64, 2048, 8


def smallest_heap_bytes(folder: Path) -> int:
    """The smallest heap, to 8 KiB, in which the agent boots on the demo's device folder and steps, 64-bit build.

    The device folder is copied for each try. See SPEC §12: a heap's peak is found by trying.
    """
    low, high = _LOW_KIB, _HIGH_KIB
    while high - low > _STEP_KIB:
        middle = (low + high) // 2
        low, high = (low, middle) if _passes(folder, middle) else (middle, high)
    return high * 1024


def _passes(folder: Path, heap_kib: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="quell-heap-") as trial:
        copy = Path(trial) / "device"
        shutil.copytree(folder / "device", copy)
        command = runtime.command("ports/unix/heap_trial.py", heap=f"{heap_kib}K")
        done = subprocess.run(
            [*command, str(copy)], capture_output=True, text=True, timeout=60, env=runtime.environment()
        )
    return done.returncode == 0 and done.stdout.strip() == "passed"


def lines(report: dict[str, Any]) -> list[str]:
    """The report for a person, a line per promise, each within 77 columns."""
    dropped = ", ".join(f"{n} {name}" for name, n in sorted(report["dropped"].items()))
    heap = report["heap_peak_bytes"]
    saved = 100 - 100 * report["bytes_per_record"] / report["json_bytes_per_record"]
    return [
        f"{report['records_collected']} records collected, {report['records_delivered']} delivered, "
        f"{report['records_lost']} lost",
        f"not collected or dropped, counted by reason: {dropped}",
        f"before consent {report['delivered_without_consent']}, "
        f"after withdrawal {report['delivered_after_withdrawal']}, leaks {report['leaks_found']}",
        f"{report['bytes_per_record']} bytes a record on the wire, sealed and acknowledged; "
        f"as JSON {report['json_bytes_per_record']} ({saved:.0f} % less)",
        f"erase level {report['erase_level']}" + (f"; smallest heap {heap // 1024} KiB (64-bit)" if heap else ""),
    ]


def write(folder: Path, figures: dict[str, Any]) -> dict[str, Any]:
    """Write report.json with exactly KEYS -> what was written."""
    report = {"schema": 1, **{key: figures[key] for key in KEYS}}
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    return report
