# SPDX-License-Identifier: MIT
"""The catalogue and the agent's copy of it say the same."""

from pathlib import Path

import pytest

from quell_host.policy.catalogue import catalogue
from quell_host.policy.export_catalogue import main, render

ROOT = Path(__file__).parents[2]


def test_the_agents_copy_is_what_the_generator_makes():
    copy = ROOT / "firmware" / "ports" / "catalogue.py"
    assert copy.read_text(encoding="utf-8") == render(catalogue())


def test_the_copy_holds_every_source_by_its_id():
    space: dict[str, object] = {}
    exec(render(catalogue()), space)
    assert space["IDS"] == {source.name: source.id for source in catalogue().sources.values()}
    assert set(space["GROUPS"]) == {name.split(".")[0] for name in space["IDS"]} | {"log"}


def test_the_generator_writes_the_file_it_is_given(tmp_path):
    target = tmp_path / "catalogue.py"
    assert main([str(target)]) == 0
    assert target.read_text(encoding="utf-8") == render(catalogue())
    assert main(["a", "b"]) == 2


# The numbers are on the wire and in stored policies: this list only ever grows.
FROZEN = {
    "device.model": 1,
    "device.machine-id": 10,
    "net.mac": 32,
    "time.now": 48,
    "exception.type": 56,
    "modem.imei": 64,
    "modem.sim-status": 79,
    "agent.dropped": 128,
    "app.int": 192,
    "app.id": 209,
}


@pytest.mark.parametrize(("name", "number"), FROZEN.items())
def test_published_ids_never_change(name, number):
    assert catalogue().sources[name].id == number


def test_the_golden_vectors_are_what_the_generator_makes():
    from vectors.make_policy import VECTORS, text

    assert VECTORS.read_text(encoding="utf-8") == text()
