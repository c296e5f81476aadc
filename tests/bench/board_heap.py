# SPDX-License-Identifier: MIT
"""Heap of the agent on the emulated board: what stays in use, and the least with which its whole job passes."""

import copy
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from board_lab import Build, Lab, powered, reference_policy
from sim.sim_host import SimHost

from quell_host.flash.board import BoardError

RECORDS = 200
DELIVER_EVERY = 25
PEAK_STEP_BYTES = 2048  # how closely the peak is looked for
FIRST_GUESS_BYTES = 48 * 1024  # of the peak, above what stays


def _deliver(lab: Lab) -> None:
    for first in range(0, RECORDS, DELIVER_EVERY):
        lab.emit(first, DELIVER_EVERY)
        lab.until(lambda found: not found["waiting"])


def _withdraw(lab: Lab) -> None:
    lab.emit(0, DELIVER_EVERY)
    lab.withdraw()


JOB: tuple[tuple[str, Callable[[Lab], object]], ...] = (
    ("boot", lambda lab: lab.boot(True)),
    ("ready", Lab.ready),
    ("records", _deliver),
    ("policy", lambda lab: lab.policy(reference_policy(2), 2)),
    ("withdrawal", _withdraw),
    ("grant", Lab.grant),
)


class Heap:
    """The heap of one way to have the code, on copies of a prepared chip."""

    def __init__(self, build: Build, store: str, image: Path, host: SimHost) -> None:
        self._build = build
        self._store = store
        self._image = image
        self._host = host
        self.doing = ""  # the part of JOB that was begun last

    def run(self, ballast_bytes: int = 0) -> tuple[int, dict[str, Any]]:
        """The job without so many bytes of the heap -> bytes that were left for it, those in use after each part.

        Raises BoardError or RuntimeError when a part does not pass.
        """
        stays = {}
        with tempfile.TemporaryDirectory(prefix="quell-bench-") as folder:
            image = Path(shutil.copy(self._image, folder))
            with powered(self._build, image, self._store, copy.deepcopy(self._host)) as lab:
                left = lab.fresh(ballast_bytes)
                for self.doing, part in JOB:
                    part(lab)
                    stays[self.doing] = lab.ask("used()")
                if not ballast_bytes:
                    stays["modem"] = lab.ask("add_modem()")
        return left, stays

    def passes(self, ballast_bytes: int) -> bool:
        """Whether the job passes, without one failed allocation."""
        try:
            self.run(ballast_bytes)
            return True
        except (BoardError, RuntimeError):
            return False


def peak(build: Build, store: str, image: Path, host: SimHost) -> dict[str, Any]:
    """What stays, and `peak`: the least of free heap with which the whole job passes, by bisection.

    `peak_in`: the part that does not pass with a little less.
    """
    heap = Heap(build, store, image, host)
    most, stays = heap.run()
    left, least, failed_in = most, max(stays.values()), ""
    middle = min(least + FIRST_GUESS_BYTES, most)
    while most - least > PEAK_STEP_BYTES:
        if heap.passes(left - middle):
            most = middle
        else:
            least, failed_in = middle, heap.doing
        middle = (least + most) // 2
    return {**stays, "peak": most, "peak_in": failed_in}
