# SPDX-License-Identifier: MIT
"""`quell receive`: take what devices send, keep it, answer."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from quell_host import output
from quell_host.broker import broker_from
from quell_host.commands import options
from quell_host.control.context import load_named_signer, now, open_context
from quell_host.errors import ExitCode, QuellError
from quell_host.lock import only_one
from quell_host.receiver.events import Event, Statistics
from quell_host.receiver.receiver import Receiver
from quell_host.receiver.service import Service
from quell_host.receiver.show import JsonLines, Lines, summary

HELP = (
    "Receive what devices send, and answer them.\n\n"
    "Opens batches, keeps their records exactly once, acknowledges after the commit, "
    "deletes on withdrawal, and publishes what is due to devices. Runs until Ctrl-C or SIGTERM, "
    "through any loss of the broker.\n\n"
    "Example: quell receive --broker mqtts://quell@broker.example --ca ca.pem"
)


def _alone(ledger: Path) -> AbstractContextManager[None]:
    """Two receivers with one client id would take each other's session."""
    what = f"another receiver runs on {ledger}"
    return only_one(ledger.with_suffix(".receiver.lock"), what, "stop it first, or use that one")


def receive(
    broker: options.BrokerUrl = None,
    ca: options.Ca = None,
    operator_key: Annotated[
        str | None,
        typer.Option(
            "--operator-key", help="Operator who gives devices with lost state their policy again"
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the first stored batch")] = False,
    for_s: Annotated[
        float | None, typer.Option("--for", min=0, help="End after this many seconds")
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Print the counts at the end")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line per event")] = False,
) -> None:
    where = broker_from(broker, ca)
    if where is None:
        raise QuellError("no broker", "give --broker or set QUELL_BROKER", ExitCode.USAGE)
    operator = load_named_signer(operator_key) if operator_key else None
    listener: Callable[[Event], None] = JsonLines() if as_json else Lines()
    with open_context() as context, _alone(context.ledger.path):
        ledger, keyring = context.ledger, context.keyring
        receiver = Receiver(ledger, keyring, now, os.urandom, operator, listener)
        counts = receiver.statistics
        client_id = ledger.setting("receiver_id")
        service = Service(
            receiver, where, client_id, output.note, lambda: once and counts.records > 0
        )
        try:
            asyncio.run(service.run(for_s, patient=for_s is None and not once))
        finally:
            _end(counts, stats, as_json)


def _end(counts: Statistics, stats: bool, as_json: bool) -> None:
    if stats and as_json:
        output.print_json_line({"event": "stats", **counts.shape()})
    elif stats:
        output.stdout().print(summary(counts), markup=False, soft_wrap=True)
    else:
        output.note(summary(counts))
