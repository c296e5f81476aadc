# SPDX-License-Identifier: MIT
"""`make powercut`: cut the power at every operation, in every mode, and again in the recovery. Last line: N cases, N failures.

Without options a subset of some thousand cases; `--full` all of them, in shards that are not done again when it is
started again (`--fresh` forgets them); `--case ID` one; `--mutants` breaks the agent on purpose: each must be caught.
`--quecpython`: what is on littlefs 1, on the MicroPython that has no more than QuecPython and aborts at a big division.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
STATE = TOP / "build/powercut"
UNIX = TOP / "build/micropython/unix/micropython"
QUECPYTHON = TOP / "build/micropython/quecpython_sim/micropython-nodiv"
program = UNIX  # of the scenarios on littlefs

for folder in (TOP / "tests/shim", TOP / "firmware", TOP / "tests", HERE):
    sys.path.append(str(folder))
from catalogue import SCENARIOS  # noqa: E402
from mutants import MUTANTS, firmware  # noqa: E402

# of the operations, each n-th is cut in the fast subset: depth 1, depth 2
FAST = {
    "nor-ring": (1, 47), "nor-ring-late": (3, 0), "keys-nor": (1, 11), "keys-nor-3": (3, 41), "keys-secure-data": (1, 15),
    "state-nor": (1, 3), "state-nor-3": (1, 7), "state-nor-worn": (1, 7),
    "agent-withdraw": (1, 23), "agent-button": (2, 23), "agent-grant": (1, 9), "agent-policy": (2, 29), "agent-records": (1, 13),
}  # fmt: skip
FAST_OTHERS = (7, 0)
FAST_LITTLEFS = {"littlefs1-ring": (5, 20), "littlefs2-ring": (5, 30), "other-ring": (9, 0), "state-littlefs1": (3, 20), "state-littlefs2": (3, 20)}
FAST_LITTLEFS_OTHERS = (61, 0)
# of the whole run: the agent on littlefs erases and writes some 700 times to displace old keys, each like the next
FULL_LITTLEFS_AGENT = (1, 97)
FULL_NESTED = {"nor-ring": 2, "nor-ring-half": 13, "nor-ring-foreign": 13, "nor-ring-random": 13, "keys-nor-3": 5, "keys-nor": 3}
# a module has littlefs 1, and no raw NOR
ON_QUECPYTHON = tuple(name for name in SCENARIOS if "littlefs1" in name)
SHARD_CASES = 1500
MUTANT_S = 200  # a whole shard needs a fraction of that: one that does not end counts as caught


def ask(lines: list[str], micropython: bool, broken: Path | None = None, timeout_s: int = 3000) -> tuple[int, list[str], list[str]]:
    """Give lines to a worker -> (cases, failures as `id why`, everything that it printed). `broken`: another firmware."""
    shim = [] if micropython else [TOP / "tests/shim"]
    path = ":".join(map(str, [*shim, broken or TOP / "firmware", TOP / "tests", HERE, TOP / "build/micropython/lib", ".frozen"]))
    interpreter = [str(program), "-X", "heapsize=64M"] if micropython else [sys.executable]
    try:
        done = subprocess.run(
            [*interpreter, str(HERE / "worker.py"), *(["first"] if broken else [])], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=timeout_s,
            env={**os.environ, "PYTHONPATH": path, "MICROPYPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 0, [f"{lines[0]!r} did not end in {timeout_s} s"], []
    printed = done.stdout.splitlines()
    cases = sum(int(line.split()[1]) for line in printed if line.startswith("DONE "))
    failures = [line[5:] for line in printed if line.startswith("FAIL ")]
    if done.returncode or sum(line.startswith(("DONE ", "COUNT ")) for line in printed) != len(lines):
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        failures.append(f"{lines[0]!r} ended the worker: {last}")
    return cases, failures, printed


def steps(name: str, full: bool) -> tuple[int, int]:
    """Each n-th operation that is cut at depth 1 and at depth 2; 0: none."""
    littlefs = SCENARIOS[name].micropython
    if not full:
        return FAST_LITTLEFS.get(name, FAST_LITTLEFS_OTHERS) if littlefs else FAST.get(name, FAST_OTHERS)
    if littlefs:
        return FULL_LITTLEFS_AGENT if name.startswith("agent") else (1, 5)
    return 1, FULL_NESTED.get(name, 41 if name.startswith("nor-ring") else 2)


def shards(full: bool, only: str) -> list[tuple[str, int, int, int, int]]:
    """(name, depth, first, last, step) of everything to do."""
    names = [name for name in SCENARIOS if only in name and (program == UNIX or name in ON_QUECPYTHON)]
    found = []
    for micropython in (False, True):
        mine = [name for name in names if SCENARIOS[name].micropython == micropython]
        if not mine:
            continue
        _, failures, printed = ask([f"COUNT {name}" for name in mine], micropython)
        if failures:
            sys.exit(f"powercut: a run without a cut fails: {failures[0]}")
        counts = [int(line.split()[1]) for line in printed if line.startswith("COUNT ")]
        for name, operations in zip(mine, counts, strict=True):
            for depth, step in zip((1, 2), steps(name, full), strict=True):
                if not step:
                    continue
                per_operation = len(SCENARIOS[name].modes) * (1 if depth == 1 else 40)
                width = max(1, SHARD_CASES // per_operation) * step
                found += [(name, depth, at, min(at + width, operations), step) for at in range(0, operations, width)]
    return found


def fingerprint() -> str:
    """Of the code that the run is about: another one's results count for nothing."""
    digest = hashlib.sha256()
    for folder in (TOP / "firmware", TOP / "tests/sim", HERE):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Kept:
    """What a full run has done, on disk after each shard."""

    def __init__(self, full: bool, fresh: bool) -> None:
        self._full = full
        self._path = STATE / ("full.json" if program == UNIX else "full-quecpython.json")
        self._data = {"code": fingerprint(), "done": {}}
        if full and not fresh and self._path.exists():
            before = json.loads(self._path.read_text())
            if before["code"] == self._data["code"]:
                self._data = before

    def get(self, key: str) -> tuple[int, list[str]] | None:
        found = self._data["done"].get(key)
        return (found[0], found[1]) if found else None

    def put(self, key: str, cases: int, failures: list[str]) -> None:
        self._data["done"][key] = [cases, failures]
        if self._full:
            STATE.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self._data))


def everything(full: bool, fresh: bool, only: str, jobs: int) -> int:
    """Run the shards -> exit code."""
    kept = Kept(full, fresh)
    todo = shards(full, only)
    cases, failures = 0, []
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("power cuts", total=len(todo))
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            waiting = {}
            for one in todo:
                key = " ".join(map(str, one))
                known = kept.get(key)
                if known is None:
                    waiting[pool.submit(ask, [key], SCENARIOS[one[0]].micropython)] = key
                else:
                    cases, failures = cases + known[0], failures + known[1]
                    progress.advance(task)
            for future in concurrent.futures.as_completed(waiting):
                done, failed, _ = future.result()
                kept.put(waiting[future], done, failed)
                cases, failures = cases + done, failures + failed
                progress.advance(task)
                progress.update(task, description=f"power cuts, {cases} cases, {len(failures)} failures")
    for line in failures[:50]:
        print("FAIL", line)
    if failures:
        print("One alone: .venv/bin/python tests/powercut/run.py " + ("" if program == UNIX else "--quecpython ") + "--case ID")
    print(f"{cases} cases, {len(failures)} failures")
    return 1 if failures else 0


def one(case: str) -> int:
    """Run one case -> exit code."""
    name = case.split(":")[0]
    if name not in SCENARIOS:
        print(f"no scenario {name}; there are: {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    cases, failures, _ = ask([case], SCENARIOS[name].micropython)
    for line in failures:
        print("FAIL", line)
    print(f"{cases} cases, {len(failures)} failures")
    return 1 if failures else 0


def mutants(only: str, jobs: int) -> int:
    """Break the agent in each way; some case must fail -> exit code."""

    def caught(name: str) -> tuple[str, str]:
        with firmware(name) as broken:
            for line in MUTANTS[name].shards:
                _, failures, _ = ask([line], SCENARIOS[line.split()[0]].micropython, broken, MUTANT_S)
                if failures:
                    return name, failures[0]
        return name, ""

    console = Console(stderr=True)
    survived = []
    names = [name for name in MUTANTS if only in name]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool, console.status("breaking it on purpose"):
        for name, how in pool.map(caught, names):
            print(f"{name:28} {'caught by ' + how[:90] if how else 'SURVIVED'}", flush=True)
            survived += [] if how else [name]
    print(f"{len(names)} mutants, {len(survived)} survived")
    return 1 if survived else 0


def main() -> int:
    global program
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="every case")
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted full run has done")
    parser.add_argument("--case", help="the id of one case, to run it alone")
    parser.add_argument("--mutants", action="store_true", help="break the agent on purpose: each way must be caught")
    parser.add_argument("--quecpython", action="store_true", help="littlefs 1 alone, on the build that has no more than QuecPython")
    parser.add_argument("--only", default="", help="scenarios or mutants with this in their names")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    program = QUECPYTHON if given.quecpython else UNIX
    if given.case:
        return one(given.case)
    if given.mutants:
        return mutants(given.only, given.jobs)
    return everything(given.full, given.fresh, given.only, given.jobs)


if __name__ == "__main__":
    sys.exit(main())
