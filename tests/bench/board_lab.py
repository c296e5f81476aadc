# SPDX-License-Identifier: MIT
"""The emulated board as the PC sees it: power, the code that runs on it, and the host that its agent talks to.

Agent and host go in lockstep over the REPL: one step of the agent, then the host's answers. The host is tests/sim's,
and runs here: neither its work nor its memory is the board's.
"""

import contextlib
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
for _folder in ("tests", "firmware", "tests/shim"):
    if str(TOP / _folder) not in sys.path:
        sys.path.append(str(TOP / _folder))

import reference  # noqa: E402
from ports import stock_board  # noqa: E402
from sim.sim_host import OPERATOR, SUBJECT, SimHost, policy_file, request  # noqa: E402

from quell.codec import cbor  # noqa: E402
from quell.counters import BUFFER_LOST, FLASH_FAILED, NO_MEMORY  # noqa: E402
from quell_host import runtime  # noqa: E402
from quell_host.emulator import Emulator  # noqa: E402
from quell_host.flash.board import Board, connect  # noqa: E402

BENCH = Path(__file__).resolve().parent
GRANTED = 1
ANSWER_S = 60  # for one call: churn of a file system is the longest
MOST_S = 300  # for one life of the board
PIECE_CHARACTERS = 256
COPY_S = 240
CODE_SECTORS = (164, 100)  # of the chip: free on this board
CODE = ("quell/**/*.py", "ports/*.py", "ports/at_modem/*.py")


def reference_policy(version: int) -> bytes:
    """The signed file of the reference policy, without a limit to the application's rate."""
    return policy_file(reference.purposes(), reference.fields(), version=version, rates={"app": 0x3FFFFFFF})


@dataclass(frozen=True)
class Build:
    """A firmware: a copy of its own, since build/ may get another meanwhile. `in_files`: the agent is not frozen in."""

    elf: Path
    in_files: bool = False


class Lab:
    """One board that has power. `store`: "nor" or "littlefs2"; `host`: SimHost, which outlives it."""

    def __init__(self, board: Board, store: str, host: SimHost, in_files: bool) -> None:
        self._board = board
        self._store = store
        self._in_files = in_files
        self.host = host
        self.longest_us = 0
        self._end_s = time.monotonic() + MOST_S

    def ask(self, expression: str) -> Any:
        """Evaluate on the board -> the value, as JSON can carry it."""
        said = self.run(f"import json\nprint(json.dumps({expression}))\n")
        return json.loads(said.splitlines()[-1])

    def run(self, code: str) -> str:
        """Run on the board -> what it printed. Raises BoardError, and TimeoutError when the board had MOST_S."""
        if time.monotonic() > self._end_s:
            raise TimeoutError(f"the emulated board took more than {MOST_S} s")
        return self._board.run(code, ANSWER_S)

    def fresh(self, ballast_bytes: int = 0) -> int:
        """An empty heap with nothing but our driver in it, and without `ballast_bytes` of it -> bytes that are left."""
        self._board.clear()
        words = f"LEVELS = {reference.LEVELS!r}\nWORDS = {reference.WORDS!r}\n{inspect.getsource(reference.values)}"
        self.run((BENCH / "board_agent.py").read_text() + words)
        if self._in_files:
            self.run(f"mount{CODE_SECTORS}")
        return self.ask(f"clean({stock_board._COLLECT_EVERY_BYTES}, {ballast_bytes})")

    def provision(self) -> None:
        """Make a device of the board."""
        answer = self.run(f"provision({self._store!r}, b'{cbor.encode(request()).hex()}')")
        self.host.public = cbor.decode(bytes.fromhex(answer.strip()), 1400)[5]

    def boot(self, at_once: bool) -> int:
        """Power is back -> microseconds of Agent(). `at_once`: what it publishes does not wait in its heap."""
        return self.ask(f"boot({self._store!r}, {at_once})")

    def step(self, ms: int = 1000) -> int:
        """One step of the agent, then the host's answers -> microseconds of the step."""
        lines = self.run(f"step({ms})").splitlines()
        us = int(lines.pop().split()[1])
        answers: list[tuple[str, bytes]] = []
        while lines:
            letter, topic = lines.pop(0).split()
            payload = b""
            while lines and lines[0][1:2] != " ":
                payload += bytes.fromhex(lines.pop(0))
            if letter == "P":
                answers += self.host.handle(topic, payload)
            elif topic in self.host.retained:
                answers.append((topic, self.host.retained[topic]))
        for topic, payload in answers:
            self.put(topic, payload)
        self.longest_us = max(self.longest_us, us)
        return us

    def put(self, topic: str, payload: bytes) -> None:
        """A message for the agent."""
        text = payload.hex()
        for at in range(0, len(text), PIECE_CHARACTERS):
            self.run(f"part('{text[at : at + PIECE_CHARACTERS]}')")
        self.run(f"put('{topic}')")

    def until(self, reached: Callable[[dict[str, Any]], bool], steps: int = 60) -> int:
        """Steps until the agent's state is as wanted -> their microseconds. Raises RuntimeError when it never is."""
        us = 0
        for _ in range(steps):
            us += self.step()
            found = self.ask("state()")
            failed = [reason for reason in (NO_MEMORY, BUFFER_LOST, FLASH_FAILED) if str(reason) in found["counters"]]
            if failed:
                raise RuntimeError(f"the board's agent counted reason {failed[0]}")
            if reached(found):
                return us
        raise RuntimeError(f"the board's agent did not get there in {steps} steps: {found}")

    def ready(self) -> int:
        """Steps until data may go and no receipt waits -> their microseconds."""
        return self.until(lambda found: found["ready"] and not found["receipts"])

    def settle(self) -> None:
        """The host has the answer: it takes its command back, as the real one does, or each boot would hear it again."""
        self.ready()
        self.host.retained = {}

    def emit(self, first: int, count: int, **how: bool) -> tuple[int, int]:
        """Reference records on the board -> microseconds in all, and of the longest."""
        words = "".join(f", {name}={value}" for name, value in how.items())
        total, most = self.ask(f"emit({first}, {count}{words})")
        return total, most

    def policy(self, body: bytes, version: int) -> None:
        """The operator pushes a policy; steps until it is in force."""
        bundle = self.host.bundle(OPERATOR, [self.host.push(body, version)])
        self.put(self.host.topic("cmd/" + OPERATOR.kid.hex()), bundle)
        self.until(lambda found: found["policy"] == version)
        self.settle()

    def subject(self, command: bytes, done: Callable[[dict[str, Any]], bool]) -> None:
        """The subject commands; steps until that is done."""
        bundle = self.host.bundle(SUBJECT, [command])
        self.put(self.host.topic("cmd/" + SUBJECT.kid.hex()), bundle)
        self.until(done)
        self.settle()

    def grant(self) -> None:
        self.subject(self.host.grant(), lambda found: found["status"] == GRANTED)

    def withdraw(self) -> None:
        generation = self.ask("state()")["generation"]
        self.subject(self.host.withdraw(generation), lambda found: found["status"] != GRANTED and not found["intents"])


@contextlib.contextmanager
def powered(build: Build, image: Path, store: str, host: SimHost, icount: int | None = None) -> Iterator[Lab]:
    """A board with this chip, which has the agent's code too where that is in files (`copy_code`)."""
    emulator = Emulator(image, None, build.elf, icount)
    try:
        with connect(emulator.start(), 115200) as board:
            yield Lab(board, store, host, build.in_files)
    finally:
        emulator.kill()


def compiled(folder: Path) -> Path:
    """What a module loads from files, as .mpy, below `folder` -> `folder`."""
    firmware = runtime.firmware()
    for pattern in CODE:
        for source in sorted(firmware.glob(pattern)):
            name = source.relative_to(firmware).as_posix()
            target = folder / name.replace(".py", ".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            command = [str(runtime.mpy_cross()), "-s", name, "-o", str(target), str(source)]
            subprocess.run(command, check=True, capture_output=True, timeout=30)
    return folder


def copy_code(folder: Path, image: Path, build: Build) -> None:
    """Put what `compiled` made into a file system of its own behind /usr, over mpremote."""
    emulator = Emulator(image, None, build.elf)
    try:
        command = [str(Path(sys.executable).with_name("mpremote")), "connect", emulator.start(), "resume"]
        mount = f"import os, board; n = board.Nor{CODE_SECTORS}; os.VfsLfs2.mkfs(n); os.mount(os.VfsLfs2(n), '/code')"
        words = ["exec", mount, "fs", "cp", "-r", *map(str, folder.iterdir()), ":/code/"]
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=COPY_S, stdin=subprocess.DEVNULL)
    finally:
        emulator.kill()
    if done.returncode:
        raise RuntimeError("mpremote fs cp: " + (done.stderr or done.stdout).strip().splitlines()[-1])
