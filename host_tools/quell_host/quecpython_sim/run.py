# SPDX-License-Identifier: MIT
"""Run a script on a simulated module: write its job, start MicroPython, and again where the module restarts."""

import enum
import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quell_host import runtime
from quell_host.errors import ExitCode, QuellError
from quell_host.policy.source import read_file
from quell_host.quecpython_sim.plan import Plan

MODULES = Path(__file__).parent / "modules"
_MAX_SCRIPT_BYTES = 1 << 20
_MAX_HEAP_KIB = 1 << 20


class Ending(enum.IntEnum):
    """How a simulated module ends, beside the script's own exit codes; `modules/qpysim/ending.py` has the same."""

    WATCHDOG = 70
    RESTART = 71
    POWER_DOWN = 72
    POWER_CUT = 73
    STUCK = 74
    DIVISION = 134
    """SIGABRT of micropython-nodiv, as a shell reports it."""


# of the next start. What a restart by the script is, no document says.
_REASONS = {Ending.WATCHDOG: 5, Ending.RESTART: 2}


@dataclass(frozen=True)
class Job:
    """What to run. `facts`: `facts_of`; `usr`: folder of /usr; `state`: file of what else outlives a restart."""

    script: Path
    facts: dict[str, Any]
    plan: Plan = field(default_factory=Plan)
    usr: Path | None = None
    state: Path | None = None
    division: bool = True
    real_time: bool = False
    seconds: int | None = None
    restarts: int = 0
    heap_kib: int = 1024


def _inside(script: Path, usr: Path) -> str:
    """The path that the module has for the script."""
    try:
        return "/usr/" + script.resolve().relative_to(usr.resolve()).as_posix()
    except ValueError:
        return "/usr/" + script.name


def _shape(job: Job, folder: Path, program: Path) -> dict[str, Any]:
    usr = job.usr or folder / "usr"
    try:
        for path in (usr, folder / "bak"):
            path.mkdir(exist_ok=True)
    except OSError as error:
        raise QuellError(f"cannot make {usr}: {error.strerror}", "give another --usr", ExitCode.USAGE) from None
    return {
        "facts": job.facts,
        "faults": job.plan.faults,
        "changes": sorted(job.plan.changes, key=lambda change: change["after_ms"]),
        "real_time": job.real_time,
        "seconds": job.seconds,
        "usr": str(usr.resolve()),
        "bak": str(folder / "bak"),
        "state": str((job.state or folder / "state.json").resolve()),
        "lib": str(program.parent.parent / "lib"),
        "script": str(job.script.resolve()),
        "name": _inside(job.script, usr),
    }


def run(job: Job, **streams: Any) -> int:
    """Run until the module ends -> the exit code: the script's, or an Ending. `streams`: of subprocess.run.

    Raises QuellError where it cannot be started.
    """
    read_file(job.script, _MAX_SCRIPT_BYTES, "script")
    program = runtime.quecpython_sim(job.division)
    with tempfile.TemporaryDirectory(prefix="quecpython-sim-") as name:
        folder = Path(name)
        shape = _shape(job, folder, program)
        heap = f"heapsize={min(job.heap_kib, _MAX_HEAP_KIB)}K"
        command = [str(program), "-X", heap, str(MODULES / "start.py"), str(folder / "job.json")]
        for left in range(job.restarts, -1, -1):
            (folder / "job.json").write_text(json.dumps(shape))
            try:
                code = subprocess.run(command, **streams).returncode
            except OSError as error:
                raise QuellError(f"{program} does not run: {error.strerror}", "make quecpython-sim") from None
            if code not in _REASONS or not left:
                break
            shape["facts"] = {**shape["facts"], "power_on_reason": _REASONS[Ending(code)]}
    return 128 - code if code < 0 else code
