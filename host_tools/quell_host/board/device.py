# SPDX-License-Identifier: MIT
"""The agent of a board, by its module `quell_board` (host_tools/docs/boards.md), over the raw REPL."""

import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.board.files import text_sum
from quell_host.errors import ExitCode, QuellError
from quell_host.flash.board import Board, BoardError

_SCRIPT = Path(__file__).parent / "on_device/find_board.py"
_TRIES = 3
_SLOW_S = 300
"""For what a small chip needs minutes: making a key, erasing a store."""


@dataclass(frozen=True)
class About:
    """What a board says of itself. `hash`: of the frozen agent's sources, None when it does not say."""

    name: str
    version: str
    frozen: bool
    hash: str | None


class BrokenAgent(Exception):
    """There is an agent on the board, and it does not load."""


class Agent:
    """A board's agent, which is not running. Every method raises QuellError when the board refuses or goes away."""

    def __init__(self, board: Board, about: About) -> None:
        self._board = board
        self.about = about

    def info(self) -> dict[str, Any]:
        """`quell_board.info()`."""
        return self._map("_quell_agent.info()")

    def config(self) -> dict[str, Any]:
        """The configuration, without secrets."""
        return self._map("_quell_agent.config()")

    def status(self) -> dict[str, Any] | None:
        """The status of the agent that ran last, or None."""
        return self._map("_quell_agent.status()", none=True) or None

    def provisioned(self) -> bool:
        """Whether it has an identity."""
        return self._ask("_quell_tell(bool(_quell_agent.provisioned()))") is True

    def forget(self) -> None:
        """Erase all that the agent keeps."""
        self._ask("_quell_tell(_quell_agent.forget())", once=True)

    def lock(self, on: bool) -> None:
        """Store whether main.py takes Ctrl-C and the REPL away."""
        self._ask(f"_quell_tell(_quell_agent.lock({on}))", once=True)

    def configure(self, text: str) -> None:
        """Store the configuration."""
        coded = binascii.b2a_base64(text.encode(), newline=False).decode()
        self._ask(f"_quell_configure({text_sum(text)!r}, {coded!r})", once=True)

    def provision(self, request: bytes) -> bytes:
        """Hand over the request of SPEC §10 and return the answer. The request is in no argument and no file."""
        text = request.hex()
        answer = self._ask(f"_quell_provision({text_sum(text)!r}, {text!r})", once=True)
        try:
            return bytes.fromhex(answer)
        except (TypeError, ValueError):
            raise QuellError("the board's answer cannot be read", "provision it again with --force") from None

    def _map(self, call: str, none: bool = False) -> dict[str, Any]:
        value = self._ask(f"_quell_tell({call})")
        if not isinstance(value, dict) and not (none and value is None):
            raise QuellError(f"the board's answer to {call.split('.')[-1]} is no map", "flash it again")
        return value or {}

    def _ask(self, code: str, once: bool = False) -> Any:
        """What `_quell_tell` printed. `once`: not said again when the answer came mutilated."""
        why = "the answer came mutilated"
        for _ in range(1 if once else _TRIES):
            try:
                output = self._board.run(code + "\n", _SLOW_S)
            except BoardError as error:
                raise QuellError(f"the board refuses: {error}") from None
            for line in output.splitlines():
                told = _told(line)
                if told is not None:
                    return told[0]
        raise QuellError(f"the line to the board is not clean: {why}", "try another cable, or a lower --baud")


def find(board: Board) -> Agent | None:
    """The agent of a board, None when it has none. Raises BrokenAgent when it does not load, QuellError otherwise."""
    why = "it does not answer"
    for _ in range(_TRIES):
        try:
            output = board.run(_SCRIPT.read_text(encoding="utf-8"))
        except BoardError as error:
            why = str(error)
            continue
        for line in output.splitlines():
            if line == "N":
                return None
            if line.startswith("X "):
                raise BrokenAgent(line[2:160])
            about = _about(line)
            if about is not None:
                return Agent(board, about)
    raise QuellError(f"the board cannot be asked for its agent: {why}", "is its MicroPython 1.13 or newer?")


def need(board: Board, port: str) -> Agent:
    """The agent of a board. Raises QuellError when it has none that loads."""
    try:
        agent = find(board)
    except BrokenAgent as error:
        hint = "quell flash --board NAME --force puts it there anew"
        raise QuellError(f"the agent at {port} does not load: {error}", hint) from None
    if agent is None:
        hint = "quell flash --board NAME --force puts one there"
        raise QuellError(f"the board at {port} has no agent", hint, ExitCode.USAGE)
    return agent


def _told(line: str) -> tuple[Any] | None:
    letter, _, rest = line.partition(" ")
    check, _, text = rest.partition(" ")
    if letter != "Q" or text_sum(text) != check:
        return None
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None


def _about(line: str) -> About | None:
    told = _told(line)
    if told is None or not isinstance(told[0], list) or len(told[0]) != 4:
        return None
    name, version, frozen, digest = told[0]
    if not isinstance(name, str) or not isinstance(version, str) or not isinstance(digest, str | None):
        return None
    return About(_short(name), _short(version), frozen is True, digest)


def _short(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:40]
