# SPDX-License-Identifier: MIT
"""A whole deployment per test: broker, receiver, agent on MicroPython. Keys and policy are made once."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.deployment import Deployment, deploying, make_keys

from quell_host.demo.world import World


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with home/keys and policy.quell, from which every deployment starts."""
    folder = tmp_path_factory.mktemp("made")
    world = World(folder)
    make_keys(world)
    policy = folder / "policy.toml"
    shutil.copy(Path(__file__).parent / "policy.toml", policy)
    world.quell("policy", "build", str(policy), "--key", "publisher")
    return folder


@pytest.fixture
def deploy(made: Path, tmp_path: Path) -> Iterator[Callable[..., Deployment]]:
    """`deploy(**options)` starts a Deployment; it ends with the test."""
    yield from deploying(made, tmp_path, Deployment)
