# SPDX-License-Identifier: MIT
"""The demo, step by step. Each step does one thing, checks it, and says it in a line or two."""

import json
import shutil
import textwrap
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from quell_host import output
from quell_host.demo import leaks, report
from quell_host.demo.module_world import ModuleWorld
from quell_host.demo.sample_logs import Logs, NoLogs
from quell_host.demo.tap import DOWN, Publication, Tap
from quell_host.demo.world import World
from quell_host.errors import ExitCode, QuellError
from quell_host.wire import cbor

_MARK = ".quell-demo"
_OUTAGE_S = 3.0
_QUIET_S = 2.5


WORLDS = {"UNIX": World, "QUECPYTHON_SIM": ModuleWorld}
"""By board."""


class Story:
    """One run of the demo in `folder`, on a board of WORLDS. `tell()` runs it and returns the report."""

    def __init__(self, folder: Path, board: str = "UNIX", quiet: bool = False) -> None:
        clear(folder)
        self.world = WORLDS[board](folder)
        self.console: Console = output.stderr() if quiet else output.stdout()
        self.figures: dict[str, Any] = {}
        self.logs: Logs | NoLogs = Logs(self.world.logs) if board == "UNIX" else NoLogs()
        self._step = 0
        self._device = ""

    def say(self, text: str) -> None:
        """The next numbered line of the story."""
        self._step += 1
        lines = textwrap.wrap(text, 76, break_on_hyphens=False)
        self.console.print(f"[bold]{self._step}.[/bold] {escape(lines[0])}", soft_wrap=True)
        for line in lines[1:]:
            self.console.print("   " + line, markup=False, soft_wrap=True)

    def detail(self, text: str) -> None:
        """A line below it, as it is."""
        shown = text if len(text) <= 77 else text[:76].rstrip() + "…"
        self.console.print("   " + shown, markup=False, style="dim", soft_wrap=True)

    def tell(self) -> dict[str, Any]:
        """Run all steps -> the report. Raises QuellError where a promise does not hold."""
        try:
            with output.progress("The demo runs"):
                self._prepare()
                self._nothing_before_consent()
                self._grant()
                self._show_a_batch()
                self._survive_the_broker()
                self._withdraw()
        finally:
            self.world.end()
        self._search_for_leaks()
        return self._finish()

    # the steps ---------------------------------------------------------------------------------

    def _prepare(self) -> None:
        world = self.world
        world.broker.start()
        world.tap = Tap(world.folder / "wire.bin", world.broker.port)
        policy = world.folder / "policy.toml"
        shutil.copy(world.policy, policy)
        for kind, name in (("policy", "publisher"), ("operator", "operator"), ("subject", "owner"), ("region", "eu")):
            world.quell("keys", "new", "--kind", kind, name)
        world.quell("policy", "build", str(policy), "--key", "publisher")
        world.provision(
            "--name", "demo", "--region", "eu", "--operator", "operator", "--subject", "owner",
            "--policy-key", "publisher",
        )  # fmt: skip
        world.start_receiver()
        world.wait("the receiver", world.receiver_listens)
        world.start_agent()
        world.wait("the agent's first contact", world.answered)
        world.quell(
            "policy", "push", str(policy.with_suffix(".quell")), "--device", "demo", "--signer", "operator",
            "--wait", "30",
        )  # fmt: skip
        self._device = world.status()["device"]
        self.say(f"{world.what}, a real mosquitto, device {self._device[:8]}….")
        self.detail(f"provisioned; its policy, {shown(policy)}, is signed and in force")

    def _nothing_before_consent(self) -> None:
        world = self.world
        world.produce()
        self.logs.write(40)
        world.wait("records that the agent refuses", lambda: world.emitted()[1] >= 20)
        time.sleep(_QUIET_S)
        batches = self._tap().seen("/up")
        self.figures["delivered_without_consent"] = len(batches) + world.stored("usage") + world.stored("diagnostics")
        self.say(
            f"Before consent: {world.emitted()[1]} records offered, {len(batches)} batches on the wire, "
            f"{world.stored('usage')} records stored."
        )
        if self.figures["delivered_without_consent"]:
            raise QuellError("something left the device before consent")

    def _grant(self) -> None:
        world = self.world
        for purpose in ("usage", "diagnostics"):
            world.quell(
                "consent", "grant", "--device", "demo", "--purpose", purpose, "--signer", "owner",
                "--wait", "30",
            )  # fmt: skip
        least = 2
        if self.logs.canaries:
            least = 20
            world.wait("the log files to be followed", self._logs_followed)
            self.logs.write(120)
        world.wait("records to arrive", lambda: world.stored("usage") >= 30 and world.stored("diagnostics") >= least)
        self.say("The owner grants both purposes, signed; data flows:")
        for purpose in ("diagnostics", "usage"):
            values = world.rows("select fields from v_records where purpose = ? limit 1", purpose)[0][0]
            self.detail(f"{purpose}: {values}")

    def _logs_followed(self) -> bool:
        self.logs.write(1)
        collected = self.world.status().get("counters", {}).get("no-template", 0)
        return collected > 0

    def _show_a_batch(self) -> None:
        usage = [p for p in self._tap().seen("/up") if self._header(p)[2] == 2]
        batch = max(usage, key=lambda p: len(p.payload))
        _, _, purpose, generation, _, _, first, count, _ = self._header(batch)
        last = first + count - 1
        self.say(f"A sealed batch on the wire, {len(batch.payload)} bytes, beside what it holds:")
        for at in range(0, 108, 36):
            self.detail(batch.payload[at : at + 36].hex())
        self.detail(f"… in clear: purpose {purpose}, generation {generation}, records {first} to {last}")
        query = "select fields from v_records where purpose = 'usage' and seq between ? and ? limit 3"
        for (fields,) in self.world.rows(query, first, last):
            self.detail(fields)

    def _survive_the_broker(self) -> None:
        world = self.world
        before = world.emitted()[0]
        world.broker.kill()
        time.sleep(_OUTAGE_S)
        during = world.emitted()[0] - before
        world.broker.start()
        world.produce(False)
        time.sleep(0.3)
        taken = world.emitted()[0]
        world.wait("the records of the outage", lambda: world.stored("usage") >= taken)
        numbers = world.rows("select json_extract(fields, '$.number') from v_records where purpose = 'usage'")
        missing = set(range(1, taken + 1)) - {row[0] for row in numbers}
        twice = len(numbers) - len({row[0] for row in numbers})
        self.say(
            f"Broker killed for {_OUTAGE_S:.0f} s while {during} records came, then back: "
            f"{taken} taken, {len(numbers)} stored, {len(missing)} lost, {twice} twice."
        )
        if missing or twice:
            raise QuellError("a record was lost or stored twice")

    def _withdraw(self) -> None:
        world = self.world
        self._drain()
        self._count_records()
        started = time.monotonic()
        world.quell(
            "consent", "withdraw", "--device", "demo", "--purpose", "diagnostics", "--signer", "owner",
            "--wait", "30",
        )  # fmt: skip
        self._measure_withdrawal(started)
        self.logs.write(40)
        world.produce()
        time.sleep(_QUIET_S)
        later = [p for p in self._tap().seen("/up", since=self._receipt_at) if self._header(p)[2] == 1]
        self.figures["delivered_after_withdrawal"] = len(later) + world.stored("diagnostics")
        number = self._withdraw_receipt_number()
        words = world.quell("receipt", "verify", str(number), "--device", "demo")
        shown = json.loads(world.quell("receipt", "verify", str(number), "--device", "demo", "--json"))
        self.figures["receipt_verified"] = bool(shown["verified"])
        self.figures["erase_level"] = shown["receipt"]["erase_level"]
        self.say(
            f"The owner withdraws 'diagnostics': receipt after {self.figures['withdrawal_ms']:.0f} ms, "
            f"{world.stored('diagnostics')} of its records left on the host, 'usage' goes on."
        )
        for line in words.splitlines()[:6]:
            self.detail(line)
        if self.figures["delivered_after_withdrawal"]:
            raise QuellError("something left the device after the withdrawal")

    def _search_for_leaks(self) -> None:
        world = self.world
        policy = (world.folder / "policy.toml").read_text()
        identifiers = {
            name: value
            for name, value in {**world.identifiers(), **self.logs.canaries}.items()
            if value not in policy
        }
        files = [world.folder / "wire.bin", world.folder / "agent.log", *sorted(world.home.glob("ledger.sqlite*"))]
        files += sorted(path for path in world.device.iterdir() if path.is_file())
        found, needles, total = leaks.search(identifiers, files)
        self.figures["leaks_found"] = len(found)
        self.figures["leak_forms_searched"] = list(leaks.FORMS)
        self.say(
            f"Searched {total} bytes of wire, flash and database for {len(identifiers)} identifiers "
            f"in {needles} forms: {len(found)} found."
        )
        for leak in found:
            self.detail(f"LEAK: {leak.name} as {leak.form} in {leak.file}")

    def _withdraw_receipt_number(self) -> int:
        shown = json.loads(self.world.quell("receipt", "list", "--device", "demo", "--json"))
        numbers = [r["number"] for r in shown["devices"][0]["receipts"] if r["kind"] == "withdraw"]
        return int(numbers[-1])

    # figures -----------------------------------------------------------------------------------

    def _tap(self) -> Tap:
        if self.world.tap is None:
            raise QuellError("the tap is not there")
        return self.world.tap

    @staticmethod
    def _header(publication: Publication) -> list[Any]:
        return cbor.decode(publication.payload)

    def _drain(self) -> None:
        """Wait until the agent's rings are empty: what it collected is where it belongs."""

        def empty() -> bool:
            rings = [p["ring"] for p in self.world.status().get("purposes", []) if p["ring"]]
            return bool(rings) and all(ring["records"] == 0 for ring in rings)

        self.world.wait("the rings to drain", empty)

    def _count_records(self) -> None:
        world = self.world
        rings = {p["name"]: p["ring"] for p in world.status()["purposes"]}
        collected = sum(ring["next"] for ring in rings.values())
        delivered = sum(world.stored(name) for name in rings)
        batches = self._tap().seen("/up")
        acks = self._tap().seen("/ack", DOWN)
        lines = world.rows("select purpose, fields from v_records")
        self.figures |= {
            "records_collected": collected,
            "records_delivered": delivered,
            "records_lost": collected - delivered,
            "bytes_per_record": round(sum(p.wire_bytes for p in batches + acks) / delivered, 1),
            "json_bytes_per_record": round(sum(len(values) for _, values in lines) / delivered, 1),
        }

    def _measure_withdrawal(self, started: float) -> None:
        """From the signed command's arrival at the device to its receipt's departure, on the wire."""
        kid_topic = "/cmd/" + self._owner_kid()
        commands = self._tap().seen(kid_topic, DOWN, started)
        receipts = self._tap().seen("/rcpt", since=commands[0].at if commands else started)
        withdrawn = [p for p in receipts if self._receipt_kind(p) == 3]
        if not commands or not withdrawn:
            raise QuellError("the withdrawal or its receipt did not cross the wire")
        self._receipt_at = withdrawn[0].at
        self.figures["withdrawal_ms"] = round((withdrawn[0].at - commands[0].at) * 1000, 1)

    @staticmethod
    def _receipt_kind(publication: Publication) -> int:
        sign1 = cbor.decode(publication.payload)
        parts = getattr(sign1, "value", sign1)
        return int(cbor.decode(parts[2])[0])

    def _owner_kid(self) -> str:
        enrolment = json.loads((self.world.home / "keys" / "owner.enrol.json").read_text())
        return str(enrolment["kid"])

    def _finish(self) -> dict[str, Any]:
        counters = self.world.status().get("counters", {})
        self.figures["dropped"] = {name: n for name, n in counters.items() if name in report.DROPS}
        self.figures["heap_peak_bytes"] = self.world.heap_bytes()
        written = report.write(self.world.folder, self.figures)
        self.say("In figures:")
        for line in report.lines(written):
            for part in textwrap.wrap(line, 76, subsequent_indent="  ", break_on_hyphens=False):
                self.detail(part)
        kept = f"wire.bin, {self.world.device.name}/ and home/ for your own search"
        self.detail(f"{shown(self.world.folder)}/report.json; {kept}")
        return written


def shown(path: Path) -> str:
    """The path as the reader can use it: below the folder where the demo was started."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def clear(folder: Path) -> None:
    """Empty the demo's folder; only one that a demo made, or that is not there yet."""
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise QuellError(f"{folder} holds something else", "name a folder that may be emptied", ExitCode.USAGE)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.write_text("made by quell demo; emptied at its next run\n")
