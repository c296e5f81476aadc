# SPDX-License-Identifier: MIT
"""Scripts on a simulated QuecPython module for tests: how they end, what they print, and asserts that run on MicroPython."""

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.preview.description import read_description
from quell_host.quecpython_sim.facts import facts_of
from quell_host.quecpython_sim.plan import checked_plan
from quell_host.quecpython_sim.run import Job, run


@dataclass(frozen=True)
class Result:
    """The exit code, and what came on stdout and stderr."""

    code: int
    out: str
    err: str


def play(folder: Path, source: str, plan: Any = (), generation: str | None = None, description: Any = None, **job: Any) -> Result:
    """Run a script. `description`: a device description; its "quecpython" may be given as `quec={…}`, too."""
    described = dict(description or {})
    if quec := job.pop("quec", None):
        described["quecpython"] = quec
    device, script = folder / "device.json", folder / "script.py"
    device.write_text(json.dumps(described))
    script.write_text(textwrap.dedent(source))
    made = Job(script, facts_of(read_description(device), generation), checked_plan(list(plan)), **job)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        code = run(made, stdout=out, stderr=err, timeout=30)
    return Result(code, (folder / "out").read_text(errors="replace"), (folder / "err").read_text(errors="replace"))


def passes(folder: Path, source: str, **more: Any) -> Result:
    """Run a script whose asserts must hold."""
    result = play(folder, source, **more)
    assert result.code == 0, result.err + result.out
    return result
