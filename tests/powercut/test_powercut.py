# SPDX-License-Identifier: MIT
"""The fast subset of the power cuts, with every test run; `make powercut FULL=1` is all of them."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(HERE / "run.py"), *arguments], capture_output=True, text=True, timeout=1500)


@pytest.mark.timeout(1600)
def test_no_power_cut_breaks_a_promise() -> None:
    done = run()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    cases, failures = done.stdout.splitlines()[-1].replace(" cases, ", " ").split()[:2]
    assert int(cases) > 5000 and failures == "0", done.stdout[-300:]


@pytest.mark.timeout(600)
def test_no_power_cut_breaks_a_promise_on_littlefs_1_without_what_quecpython_lacks() -> None:
    done = run("--quecpython")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    cases, failures = done.stdout.splitlines()[-1].replace(" cases, ", " ").split()[:2]
    assert int(cases) > 2000 and failures == "0", done.stdout[-300:]


def test_an_id_runs_its_case_alone() -> None:
    done = run("--case", "nor-ring:40/prefix:0/weak")
    assert done.stdout.splitlines() == ["1 cases, 0 failures"], done.stderr


@pytest.mark.timeout(600)
def test_a_broken_agent_is_caught_and_the_id_of_a_failing_case_is_told() -> None:
    done = run("--mutants", "--only", "purge-not-resumed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "caught by agent-withdraw:" in done.stdout


def test_an_unknown_scenario_is_one_line_and_exit_code_2() -> None:
    done = run("--case", "nothing:1/prefix")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
