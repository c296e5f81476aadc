# SPDX-License-Identifier: MIT
"""Provision the agent of a board: its identity, its configuration, its lock."""

import contextlib
from collections.abc import Iterator

from quell_host.board import device
from quell_host.board.config import Wanted
from quell_host.errors import ExitCode, QuellError
from quell_host.flash import board as repl


class BoardSetup:
    """A board in the middle of being provisioned."""

    def __init__(self, agent: device.Agent, port: str) -> None:
        self._agent = agent
        self._port = port
        self.name = agent.about.name

    def ask(self, request: bytes) -> bytes:
        """The board's answer to the request. Raises QuellError; whether the board took it is then unknown."""
        try:
            answer = self._agent.provision(request)
        except QuellError as error:
            if error.code != ExitCode.UNREACHABLE:
                raise
            hint = "the board may hold an identity that nobody knows: provision it again with --force"
            raise QuellError(error.message, hint, error.code) from None
        return answer

    def check(self, identity: bytes) -> None:
        """Read back who the board is. Raises QuellError when it is another than it was made."""
        said = self._agent.info().get("device")
        if said != identity.hex():
            what = f"the board at {self._port} says that it is device {str(said)[:40]}, not {identity.hex()}"
            raise QuellError(what, "provision it again with --force", ExitCode.NOT_VERIFIED)


@contextlib.contextmanager
def setting_up(port: str, baud: int, wanted: Wanted, lock: bool, force: bool, stay: bool) -> Iterator[BoardSetup]:
    """A board that can take an identity; it is configured; behind the block it is locked if wanted, and started.

    Raises QuellError (USAGE) when it is provisioned already, unless `force`, which erases all that its agent keeps.
    """
    text = wanted.text()
    with repl.connect(port, baud, not stay) as connected:
        agent = device.need(connected, port)
        if agent.provisioned():
            if not force:
                hint = "give --force to lose it and all that it holds"
                raise QuellError(f"the board at {port} holds a provisioned device", hint, ExitCode.USAGE)
            agent.forget()
        if text is not None:
            agent.configure(text)  # First: what fails here leaves no device behind that nobody knows.
        yield BoardSetup(agent, port)
        if lock:
            agent.lock(True)
        if not stay:
            connected.restart()
