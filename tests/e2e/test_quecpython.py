# SPDX-License-Identifier: MIT
"""The agent on a simulated QuecPython module through a kill, with a real broker; its leak search is in test_demo.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.deployment import deploying
from e2e.quecpython_deployment import QuecpythonDeployment

pytestmark = pytest.mark.timeout(240)
Deploy = Callable[..., QuecpythonDeployment]


@pytest.fixture
def module(made: Path, tmp_path: Path) -> Iterator[Deploy]:
    """`module(**options)` starts a QuecpythonDeployment; it ends with the test."""
    yield from deploying(made, tmp_path, QuecpythonDeployment)


def test_a_module_collects_after_consent_survives_a_kill_and_obeys_the_withdrawal(module: Deploy) -> None:
    lab = module().with_policy()
    assert lab.stored("usage") == 0
    lab.granted()
    lab.wait("records", lambda: len(lab.numbers()) >= 10)
    lab.kill_agent()
    promised = lab.durable()
    assert promised
    lab.start_agent()
    lab.wait("what was durable before the kill", lambda: set(promised) <= set(lab.numbers()))
    numbers = lab.numbers()
    assert len(numbers) == len(set(numbers))
    lab.consent("withdraw")
    receipt = lab.withdrawal()
    assert (lab.stored("usage"), receipt["outcome"], receipt["erase_level"]) == (0, "done", "logical")
    assert b"Traceback" not in lab.console()
