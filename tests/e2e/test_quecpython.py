# SPDX-License-Identifier: MIT
"""The agent on a simulated QuecPython module, with a real broker: QuecPython's own modules, and what they do wrong."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.quecpython_deployment import QuecpythonDeployment

from quell_host.demo import leaks

pytestmark = pytest.mark.timeout(240)
IDENTIFIERS = {
    "modem.imei": "867530912345671",
    "modem.imsi": "460019876543210",
    "modem.iccid": "89860200001234567890",
    "modem.phone": "+8613912345678",
    "modem.serial": "D1X22K9QZ7710042",
    "modem.cell-id": "2A3B4C5",
    "modem.lac": "7F31",
}
APN_USER, APN_PASSWORD, ADDRESS = "apnuser4711", "apnsecret0815", "10.77.66.55"
NEIGHBOUR = "0a:1b:2c:3d:4e:5f"
QUECPYTHON = {
    "usr_kib": 1024,
    "contexts": [{"id": 1, "apn": "internet", "user": APN_USER, "password": APN_PASSWORD, "at_boot": True}],
    "ip": ADDRESS,
    "wifi": [[NEIGHBOUR, -60]],
}
Deploy = Callable[..., QuecpythonDeployment]


@pytest.fixture
def module(made: Path, tmp_path: Path) -> Iterator[Deploy]:
    """`module(**options)` starts a QuecpythonDeployment; it ends with the test."""
    started: list[QuecpythonDeployment] = []

    def start(policy: str = "", **options: object) -> QuecpythonDeployment:
        shutil.copytree(made, tmp_path, dirs_exist_ok=True)
        deployment = QuecpythonDeployment(tmp_path, **options)  # type: ignore[arg-type]
        if policy:
            source = shutil.copy(Path(__file__).with_name(policy), tmp_path / "policy.toml")
            deployment.quell("policy", "build", source, "--key", "publisher")
        started.append(deployment)
        deployment.start_all()
        return deployment

    yield start
    for deployment in started:
        deployment.end()


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


def test_no_identifier_of_module_card_network_or_neighbour_leaves_or_stays(module: Deploy) -> None:
    lab = module("board_policy.toml", description={**IDENTIFIERS, "quecpython": QUECPYTHON}).with_policy().granted()
    lab.wait("records with pseudonyms", lambda: lab.stored("care") >= 1 and len(lab.numbers()) >= 5)
    lab.kill_agent()
    found, needles, _ = leaks.search(
        {
            **{name.split(".")[1]: value for name, value in IDENTIFIERS.items() if len(value) >= 6},
            "apn-user": APN_USER, "apn-password": APN_PASSWORD, "address": ADDRESS, "neighbour": NEIGHBOUR,
        },
        [lab.folder / "wire.bin", lab.folder / "agent.log", *(p for p in lab.device.iterdir()), lab.folder / "home/ledger.sqlite"],
    )  # fmt: skip
    assert needles > 100 and not found
