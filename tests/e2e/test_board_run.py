# SPDX-License-Identifier: MIT
"""`quell board run`: a board to play with; and a board that nobody may play with, locked."""

import json
import os
import select
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from quell_host import runtime
from quell_host.board.agent_files import source_hash
from quell_host.emulator import Emulator

pytestmark = pytest.mark.timeout(120)
QUELL = [sys.executable, "-m", "quell_host.cli"]
LIMIT_S = 30


def quell(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "QUELL_HOME": str(home)}
    return subprocess.run([*QUELL, *words], capture_output=True, text=True, timeout=LIMIT_S, env=env)


def on_board(emulator: Emulator, code: str) -> str:
    command = [str(Path(sys.executable).with_name("mpremote")), "connect", emulator.pty, "resume", "exec", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    made = Emulator(tmp_path / "nor.img", None)
    yield made
    made.kill()


def test_a_board_to_play_with_has_a_port_a_modem_and_a_broker_and_keeps_its_chip(tmp_path: Path) -> None:
    env = {**os.environ, "QUELL_HOME": str(tmp_path)}
    command = [*QUELL, "board", "run", "QEMU_SABRELITE", "--json"]
    playing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert playing.stdout is not None
        shape = json.loads(playing.stdout.readline())
        wanted = ["--broker", shape["broker"], "--apn", "internet"]
        assert quell(tmp_path, "device", "configure", "--port", shape["port"], *wanted).returncode == 0
        said = json.loads(quell(tmp_path, "device", "info", "--port", shape["port"], "--json").stdout)
        assert (said["name"], said["config"]["broker"]["host"]) == ("QEMU_SABRELITE", "127.0.0.1")
        second = quell(tmp_path, "board", "run", "QEMU_SABRELITE")
        assert second.returncode == 1 and "a board runs in" in second.stderr and second.stderr.count("\n") == 1
    finally:
        playing.send_signal(signal.SIGTERM)
        _, error = playing.communicate(timeout=LIMIT_S)
    assert playing.returncode == 0 and "stays in" in error
    assert b'"broker"' in Path(shape["image"]).read_bytes()


@pytest.mark.parametrize(("board", "why"), [("UNIX", "has no emulator"), ("NONE", "no board NONE")])
def test_a_board_without_an_emulator_is_one_line_and_code_2(board: str, why: str, tmp_path: Path) -> None:
    done = quell(tmp_path, "board", "run", board)
    assert done.returncode == 2 and why in done.stderr and done.stderr.count("\n") == 1


def test_a_locked_board_gives_no_prompt_whatever_is_typed_from_its_first_moment(emulator: Emulator) -> None:
    emulator.start()
    on_board(emulator, "import quell_board; quell_board.lock(True)")
    emulator.kill()
    emulator.start()
    port = os.open(emulator.pty, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(port)
        said = b""
        end_s = time.monotonic() + LIMIT_S
        # this board is not provisioned: its agent ends at once, and it starts anew instead of showing the REPL
        while said.count(b"quell not provisioned") < 2:
            assert time.monotonic() < end_s, said
            os.write(port, b"\x03\x03\x01\x02\r\n")
            if select.select([port], [], [], 0.02)[0]:
                said += os.read(port, 4096)
        assert b">" not in said
    finally:
        os.close(port)


def test_the_frozen_agent_says_of_which_sources_it_is(emulator: Emulator) -> None:
    emulator.start()
    said = on_board(emulator, "import quell_board as q; print(q.VERSION, q.HASH)").split()
    assert tuple(said) == source_hash(runtime.firmware())
