# SPDX-License-Identifier: MIT
"""Instructions of the stages of both paths on the emulated board, of its boot, and of what a user would do otherwise."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from board_lab import BENCH, Build, Lab, powered, reference_policy
from sim.device import ANY, INT, IP, WORD
from sim.sim_host import SimHost

SHIFT = 2
PER_US = 250  # instructions, at 4 ns
RECORDS = 600  # some sectors or segments full
DELIVERED = 200
DURABLE = 20
JSON_LINES = 50
IDLE_STEPS = 100
SIGNATURES = 4
MATCHES = 20
LINE = b"Nov 23 21:12:01 gw sshd[99]: Failed password for ada from 203.0.113.77 port 4022 ssh2"
# "{*}: Failed password for {login-user:word} from {login-client:ip} port {int} ssh2", compiled
OPS = [[ANY, -1, None], b": Failed password for ", [WORD, 0, None], b" from ", [IP, 1, None], b" port ", [INT, -1, None], b" ssh2"]
STAGES = ("collect", "decide", "transform", "encode", "append")


class Counts:
    """What one run found, in instructions."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.found: dict[str, float] = {}
        self._own_us = 0.0  # what counting adds to the time of a call that it shows
        self.call_us = 0.0  # and to the whole

    def add(self, name: str, us: float) -> None:
        self.found[name] = round(us * PER_US)

    def start_meter(self) -> None:
        """Count the stages from now on."""
        self._lab.run((BENCH / "board_meter.py").read_text())
        self._own_us, self.call_us = self._lab.ask("calibrate()")
        self._lab.run("count(agent)")

    def take(self, names: dict[str, str], times: int = 1) -> dict[str, Any]:
        """Add what the meter counted since the last time, {its label: the figure}, ÷ `times` -> its rows."""
        rows = self._lab.ask("meter.take()")
        for label, name in names.items():
            calls, us, _ = rows[label]
            self.add(name, (us - calls * self._own_us) / times)
        return rows


def count(build: Build, store: str, image: Path, host: SimHost) -> dict[str, float]:
    """The instructions of one run on a copy of a prepared chip."""
    with tempfile.TemporaryDirectory(prefix="quell-bench-") as folder:
        with powered(build, Path(shutil.copy(image, folder)), store, host, SHIFT) as lab:
            counts = Counts(lab)
            lab.fresh()
            _boot(lab, counts)
            _records(lab, counts)
            counts.start_meter()
            _stages(lab, counts)
            _delivery(lab, counts)
            _control(lab, counts)
            counts.add("longest_step", lab.longest_us)
            _alone(lab, counts)
            return counts.found


def _boot(lab: Lab, counts: Counts) -> None:
    boot_us = lab.boot(False)
    counts.add("boot", boot_us)
    counts.add("ready", boot_us + lab.ready())
    counts.add("idle_step", sum(lab.step() for _ in range(IDLE_STEPS)) / IDLE_STEPS)


def _records(lab: Lab, counts: Counts) -> None:
    """Whole records with nothing between: as the board does it, then with the garbage collected in between."""
    lab.emit(0, 1)  # reserves sequences: one commit for 1,024 records
    total_us, most_us = lab.emit(1, RECORDS)
    counts.add("record", total_us / RECORDS)
    counts.add("record_most", most_us)
    total_us, _ = lab.emit(0, RECORDS, collect=True)
    counts.add("record_uncollected", total_us / RECORDS)
    lab.run("drop()")
    lab.run("gc.collect(); gc.disable(); taken = gc.mem_alloc(); emit(0, 8); taken = gc.mem_alloc() - taken; gc.enable()")
    counts.found["record_heap_bytes"] = lab.ask("taken") // 8
    lab.run("start = time.ticks_us(); gc.collect(); us = time.ticks_diff(time.ticks_us(), start)")
    counts.add("collection", lab.ask("us"))


def _stages(lab: Lab, counts: Counts) -> None:
    total_us, _ = lab.emit(0, RECORDS, collect=True)
    rows = counts.take({stage: stage for stage in STAGES}, RECORDS)
    total_us -= counts.call_us * sum(calls for calls, _, _ in rows.values())
    counts.add("rest", total_us / RECORDS - sum(counts.found[stage] for stage in STAGES) / PER_US)
    lab.run("drop()")
    total_us, most_us = lab.emit(0, DURABLE, durable=True)
    counts.add("durable", total_us / DURABLE)
    counts.add("durable_most", most_us)


def _delivery(lab: Lab, counts: Counts) -> None:
    lab.emit(0, DELIVERED)
    lab.ask("meter.take()")
    before = len(lab.host.batches)
    waiting = lab.ask("state()")["waiting"]
    lab.until(lambda found: not found["waiting"])
    batches = len(lab.host.batches) - before
    counts.found["batch_records"] = waiting / batches
    counts.take({"batch": "batch", "ack": "ack"}, batches)


def _control(lab: Lab, counts: Counts) -> None:
    """A new policy, a withdrawal with records that wait, a grant."""
    lab.run("count_flash(agent)")
    lab.policy(reference_policy(2), 2)
    rows = counts.take({"verify": "policy_command", "policy": "policy", "policy-verify": "policy_verify"})
    for label in ("bundle", "receipt"):
        counts.add(label, rows[label][1] / rows[label][0])
    lab.emit(0, DURABLE)
    lab.ask("meter.take()")
    lab.withdraw()
    rows = counts.take({"verify": "withdraw_verify", "apply": "withdraw"})
    counts.add("withdraw_flash", rows["flash"][1])
    lab.grant()
    counts.take({"verify": "grant_verify", "apply": "grant"})


def _alone(lab: Lab, counts: Counts) -> None:
    """Functions by themselves, the agent in the heap beside them."""
    counts.add("match", lab.ask(f"matching({OPS!r}, {LINE!r}, {MATCHES})"))
    counts.add("json_line", lab.ask(f"json_lines({JSON_LINES})"))
    for name, threshold in (("", ""), ("_uncollected", "gc.threshold(-1)")):
        lab.run(threshold)
        sign_us, verify_us = lab.ask(f"signatures({SIGNATURES})")
        counts.add("sign" + name, sign_us)
        counts.add("verify" + name, verify_us)
