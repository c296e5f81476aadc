# SPDX-License-Identifier: MIT
"""`quell preview`: what would leave a device under a policy, by the real firmware, without a broker."""

import datetime
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from quell_host import output
from quell_host.errors import ExitCode, QuellError
from quell_host.policy.document import Document
from quell_host.preview.description import Description, read_description
from quell_host.preview.run import Job, PreviewRecord, Progress, Summary, open_policy, run

HELP = """Show what would leave a device, and count what would not, by reason.

Runs the real firmware on a policy, a device description and log files; no broker, nothing is
sent. Rate limits are left out.

Example: quell preview --policy fleet.toml --device device.json --log auth=auth.log"""


def preview(
    policy: Annotated[Path, typer.Option("--policy", help="FILE.toml or FILE.quell")],
    device: Annotated[
        Path | None, typer.Option("--device", help="JSON: the value of every source")
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option("--log", help="NAME=FILE, or FILE for every log of the policy"),
    ] = None,
    without_consent: Annotated[
        bool, typer.Option("--without-consent", help="As before anybody agreed to anything")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line per record, a summary last")
    ] = False,
) -> None:
    document, signer = open_policy(policy, datetime.datetime.now(datetime.UTC).date())
    description = read_description(device) if device else Description({}, [], [])
    job = Job(document, description, _logs(document, log or []), not without_consent)
    console = output.stderr()
    status = console.status("Previewing") if console.is_terminal else None
    if status:
        status.start()
    counts: dict[str, int] = {}
    try:
        for item in run(job, signer):
            if isinstance(item, PreviewRecord):
                counts[item.purpose] = counts.get(item.purpose, 0) + 1
                _show(item, as_json)
            elif isinstance(item, Progress) and status:
                status.update(f"Previewing: {item.lines} lines of logs")
            elif isinstance(item, Summary):
                summary = item
    finally:
        if status:
            status.stop()
    _end(document, counts, summary, as_json)


def _logs(document: Document, given: list[str]) -> dict[str, Path]:
    known = sorted({item.log for item in document.policy.templates} - {"exception"})
    found: dict[str, Path] = {}
    for text in given:
        name, equals, file = text.partition("=")
        if equals and name not in known:
            names = ", ".join(known) or "none"
            hint = f"its logs: {names}"
            raise QuellError(f'the policy has no log "{name}"', hint, ExitCode.USAGE)
        path = Path(file if equals else text)
        if not path.is_file():
            raise QuellError(f"no log file {path}", "check the name", ExitCode.USAGE)
        for log in [name] if equals else known:
            found[log] = path
    return found


def _show(record: PreviewRecord, as_json: bool) -> None:
    if as_json:
        output.print_json_line(
            {"record": {"purpose": record.purpose, "time": record.time, "fields": record.fields}}
        )
        return
    fields = json.dumps(record.fields, ensure_ascii=False)
    output.stdout().print(f"[bold]{escape(record.purpose)}[/bold] {record.time}", soft_wrap=True)
    output.stdout().print(f"  {fields}", markup=False, soft_wrap=True)


def _end(document: Document, counts: dict[str, int], summary: Summary, as_json: bool) -> None:
    records = {purpose.name: counts.get(purpose.name, 0) for purpose in document.purposes}
    if as_json:
        output.print_json_line(
            {
                "summary": {
                    "records": records,
                    "batches": summary.batches,
                    "wire_bytes": summary.wire_bytes,
                    "dropped": summary.counts,
                }
            }
        )
        return
    total = sum(records.values())
    console = output.stdout()
    console.print(
        f"\n{total} records would leave in {summary.batches} batches, {summary.wire_bytes} bytes."
    )
    for name, count in records.items():
        console.print(f"  {count:>7}  {escape(name)}")
    if summary.counts:
        console.print("What does not leave, by reason:")
        for reason, count in summary.counts.items():
            console.print(f"  {count:>7}  {reason}")
