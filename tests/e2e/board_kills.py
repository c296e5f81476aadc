# SPDX-License-Identifier: MIT
"""`make powercut-qemu N=1000`: kills the emulated board at random moments under load; the receiver's database is the oracle.

Last line: kills, records, lost, twice, revived; Ctrl-C comes to it early. The load: durable records of an application,
their acknowledgements, policies that replace each other, consent that is withdrawn and given again.
"""

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
if str(TESTS) not in sys.path:
    sys.path.append(str(TESTS))

from e2e.board_deployment import BoardDeployment  # noqa: E402
from e2e.deployment import make_keys  # noqa: E402
from rich.console import Console  # noqa: E402

from quell_host.demo.world import World  # noqa: E402
from quell_host.errors import QuellError  # noqa: E402

SETTLE_S = 90
POLICIES = 3


@dataclass
class Result:
    """Of a run. `lost`: durable, of the last generation, not at the receiver; `revived`: of a withdrawn generation."""

    kills: int = 0
    records: int = 0
    lost: int = 0
    twice: int = 0
    revived: int = 0
    disordered: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.records} records, {self.lost} lost, {self.twice} twice, {self.disordered} out of order, "
            f"{self.revived} revived"
        )

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.twice or self.revived or self.disordered) and self.records > 0


class Kills:
    """Kills `lab`, a BoardDeployment with consent given, again and again. `seed` makes the moments the same again."""

    def __init__(self, lab: BoardDeployment, seed: int) -> None:
        self._lab = lab
        self._random = random.Random(seed)
        self._current = 0  # generation, by the receipts: all before were withdrawn
        self._policy = 0
        self.result = Result()
        self.missing: list[int] = []  # the numbers of those that are lost

    def once(self) -> None:
        """Start the board, give it something to do perhaps, and kill it at a random moment."""
        lab = self._lab
        lab.start_agent()
        began = time.monotonic()
        after_s = 10 ** self._random.uniform(-1, 0.8)
        what = self._random.choice(("nothing", "nothing", "policy", "consent"))
        if what == "policy":
            self._policy = (self._policy + 1) % POLICIES
            self._try("policy", "push", str(lab.folder / f"policy{self._policy}.quell"), "--device", "lab", "--signer", "operator")
        elif what == "consent":
            verb = "withdraw" if lab.consent_of()[0] == "ConsentGiven" else "grant"
            self._try("consent", verb, "--device", "lab", "--purpose", "usage", "--signer", "owner")
        time.sleep(max(0.0, began + after_s - time.monotonic()))
        lab.kill_agent()
        self.result.kills += 1
        self._look()

    def _try(self, *arguments: str) -> None:
        try:
            self._lab.quell(*arguments, ok=(0, 2, 3, 4))
        except QuellError:
            pass  # no challenge known yet, a withdrawal without its receipt: another time

    def _look(self) -> None:
        """What the receiver holds now: nothing twice, in order, and nothing of what was withdrawn."""
        stored = self._lab.stored_of()
        # a generation follows another one by a withdrawal alone
        self._current = max(self._current, self._lab.consent_of()[1])
        self.result.twice = max(self.result.twice, len(stored) - len(set(stored)))
        by_generation: dict[int, list[int]] = {}
        for number, generation in stored:
            by_generation.setdefault(generation, []).append(number)
        self.result.disordered = max(
            self.result.disordered, sum(numbers != sorted(numbers) for numbers in by_generation.values())
        )
        self.result.revived = max(self.result.revived, sum(generation < self._current for _, generation in stored))

    def settle(self) -> Result:
        """Power stays on, the application ends: what was durable must arrive."""
        lab = self._lab
        lab.start_agent()
        lab.wait("the board", lambda: lab.said_since_start("quell link answered"), SETTLE_S)
        lab.wait("the last answer", lambda: not lab.waiting(), SETTLE_S)
        if not lab.consent_of()[0] == "ConsentGiven":
            lab.consent("grant", wait_s=60)
            lab.wait("records of the last generation", lambda: len(lab.stored_of()) > 0, SETTLE_S)
        lab.stop_agent()
        lab.on_board("import os; os.remove('/usr/app.py')")
        generation = max(generation for _, generation in lab.durable_of())
        durable = {number for number, of in lab.durable_of() if of == generation}
        lab.start_agent()
        try:
            lab.wait("all durable records", lambda: durable <= {number for number, _ in lab.stored_of()}, SETTLE_S)
        except QuellError:
            pass  # counted below
        self._look()
        held = {number for number, of in lab.stored_of() if of == generation}
        self.result.lost = len(durable - held)
        self.missing = sorted(durable - held)
        self.result.records = len(lab.durable_of())
        return self.result


def prepare(folder: Path) -> None:
    """Keys and the policies that replace each other, in `folder`."""
    world = World(folder)
    make_keys(world)
    make_policies(world)


def make_policies(world: World) -> None:
    """policy.quell, and policy0..n.quell that differ in the contract's notice and in number alone."""
    text = (Path(__file__).parent / "policy.toml").read_text()
    for n in range(POLICIES):
        path = world.folder / f"policy{n}.toml"
        path.write_text(text.replace("version = 1\n", f"version = {n + 1}\n"))
        world.quell("policy", "build", str(path), "--key", "publisher")
    shutil.copy(world.folder / "policy0.quell", world.folder / "policy.quell")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--store", choices=("nor", "littlefs1", "littlefs2"), default="nor")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="quell-kills-") as name:
        folder = Path(name)
        prepare(folder)
        lab = BoardDeployment(folder, given.store)
        try:
            lab.start_all()
            lab.with_policy().granted()
            kills = Kills(lab, given.seed)
            with console.status("") as status, contextlib.suppress(KeyboardInterrupt):
                for n in range(given.kills):
                    kills.once()
                    status.update(f"kill {n + 1} of {given.kills}")
            result = kills.settle()
        finally:
            lab.end()
    if kills.missing:
        print("lost:", *kills.missing)
    print(result)
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
