# SPDX-License-Identifier: MIT
"""The agent on an emulated Arm board: real NOR semantics, a modem on a UART, mpremote on a pty, power that goes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e import board_kills
from e2e.board_deployment import BoardDeployment
from e2e.deployment import deploying
from sim import attack

from quell_host.demo import leaks

pytestmark = pytest.mark.timeout(240)
KILLS = 40
USAGE = 1
FILE_SECTORS, RAW_SECTORS = 21, 64  # of the board's flash map
DESCRIPTION = {
    "modem.imei": "867530912345671",
    "modem.imsi": "262019876543210",
    "modem.iccid": "89490200001234567890",
    "modem.phone": "+4915798765432",
    "modem.serial": "D1X22K9QZ7710042",
    "modem.cell-id": "2A3B4C5",
    "modem.lac": "7F31",
}
CANARIES = {name.split(".")[1]: value for name, value in DESCRIPTION.items() if len(value) >= 6}
Deploy = Callable[..., BoardDeployment]


@pytest.fixture
def board(made: Path, tmp_path: Path) -> Iterator[Deploy]:
    """`board(**options)` starts a BoardDeployment; it ends with the test."""
    yield from deploying(made, tmp_path, BoardDeployment, identity=DESCRIPTION)


def test_a_board_collects_nothing_before_consent_and_obeys_its_withdrawal(board: Deploy) -> None:
    lab = board().with_policy()
    lab.wait("a counted refusal", lambda: lab.said("no-consent"))
    assert lab.durable() == [] and lab.stored("usage") == 0
    lab.granted()
    lab.wait("records", lambda: len(lab.numbers()) >= 20)
    numbers = lab.numbers()
    assert numbers == sorted(set(numbers))
    lab.consent("withdraw")
    assert lab.stored("usage") == 0
    receipt = lab.withdrawal()
    assert (receipt["outcome"], receipt["erase_level"]) == ("done", "physical")
    lab.emulator.kill()
    image = lab.emulator.image.read_bytes()
    # the first rings began behind the state's sectors; nothing of any is left, nor a key that opens it
    assert not [r for r in attack.sealed_records(image[FILE_SECTORS * 4096 : RAW_SECTORS * 4096], 4096) if r[1] == USAGE]


def test_in_files_of_a_littlefs_as_on_a_module_it_does_the_same(board: Deploy) -> None:
    # of littlefs 1; test_board_bad_input.py has littlefs 2, and fills it
    lab = board(store="littlefs1").with_policy().granted()
    lab.wait("records", lambda: len(lab.numbers()) >= 10)
    lab.kill_agent()
    lab.start_agent()
    boot = 200000
    lab.wait("records after a power cut", lambda: max(lab.numbers()) > boot)
    numbers = lab.numbers()
    assert numbers == sorted(set(numbers))
    lab.consent("withdraw")
    receipt = lab.withdrawal()
    assert (lab.stored("usage"), receipt["outcome"], receipt["erase_level"]) == (0, "done", "logical")


def test_no_identifier_of_modem_or_sim_is_on_the_wire_in_the_flash_or_on_the_console(board: Deploy) -> None:
    lab = board(policy="board_policy.toml").with_policy().granted()
    lab.wait("records with pseudonyms", lambda: lab.stored("care") >= 1 and len(lab.numbers()) >= 5)
    lab.stop_agent()
    lab.on_board("import quell_board; print(quell_board.info(), quell_board.status(), quell_board.config())")
    lab.emulator.kill()
    console = lab.folder / "console.log"
    console.write_bytes(bytes(lab.emulator.console))
    found, needles, _ = leaks.search(CANARIES, [lab.folder / "wire.bin", lab.emulator.image, console])
    assert needles > 100 and not found
    asked = (lab.folder / "modem.txt").read_text()
    assert CANARIES["imei"] in asked and CANARIES["iccid"] in asked  # it did ask, or the search says nothing


def test_a_new_policy_replaces_the_old_one_over_the_modem(board: Deploy, made: Path) -> None:
    lab = board().with_policy()
    text = (made / "policy.toml").read_text().replace("version = 1\n", "version = 2\n")
    (lab.folder / "next.toml").write_text(text)
    lab.quell("policy", "build", str(lab.folder / "next.toml"), "--key", "publisher")
    lab.quell(
        "policy", "push", str(lab.folder / "next.quell"), "--device", "lab", "--signer", "operator", "--wait", "30",
    )  # fmt: skip
    lab.wait("the board to say so", lambda: lab.said("quell policy lab 2"))


def test_over_tls_a_broker_with_another_certificate_is_refused(board: Deploy) -> None:
    lab = board(tls=True, other_ca=True)
    lab.wait("a refused connection", lambda: lab.said("quell link failed 1"))
    assert not lab.said("quell link connected") and not lab.said("quell link answered")


def test_over_tls_the_right_broker_is_heard(board: Deploy) -> None:
    lab = board(tls=True)
    lab.wait("an answer", lab.answered)


@pytest.mark.timeout(600)
def test_killed_at_random_moments_it_loses_repeats_and_revives_nothing(board: Deploy) -> None:
    lab = board()
    board_kills.make_policies(lab)
    kills = board_kills.Kills(lab.with_policy().granted(), seed=int(os.environ.get("QUELL_SEED", "4")))
    for _ in range(KILLS):
        kills.once()
    result = kills.settle()
    assert result.good, f"{result}, lost: {kills.missing}"
    assert result.kills == KILLS
