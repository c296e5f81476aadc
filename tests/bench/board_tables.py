# SPDX-License-Identifier: MIT
"""The tables of the emulated board, each 80 columns wide at most: what the agent costs there, beside its budgets."""

from typing import Any

from rich.table import Table

# of board.instructions in build/bench.json: key, what, budget; None: a line
INSTRUCTIONS = (
    ("record", "a reference record, collect → ring", 500_000),
    ("collect", "  collect", None),
    ("decide", "  decide", None),
    ("transform", "  transform", None),
    ("encode", "  encode", None),
    ("append", "  ring append", None),
    ("rest", "  the rest of emit", None),
    ("garbage", "  collecting garbage early", None),
    ("record_most", "the costliest of 600", None),
    ("durable", "a record that is durable at once", None),
    ("json_line", "instead: JSON line + flush()", None),
    ("match", "a log line matched", None),
    None,
    ("batch", "a batch built and sealed", None),
    ("ack", "an acknowledgement", None),
    ("bundle", "a bundle of one command, its gate", None),
    ("grant_verify", "a grant verified", None),
    ("grant", "  → receipt signed", None),
    ("withdraw_verify", "a withdrawal verified", None),
    ("withdraw", "  → purged, receipt signed", 400_000_000),
    ("policy", "a policy complete → receipt signed", None),
    ("receipt", "a receipt signed and checked", None),
    ("sign", "P-256 sign", None),
    ("sign_uncollected", "  without collecting garbage early", None),
    ("verify", "P-256 verify", None),
    ("verify_uncollected", "  without collecting garbage early", None),
    None,
    ("boot", "boot: Agent()", None),
    ("ready", "boot: until data may go", None),
    ("idle_step", "a step with nothing to do", None),
    ("longest_step", "the longest step", None),
)  # fmt: skip
WAYS = ("frozen_nor", "frozen_littlefs2", "files_littlefs2")


def instruction_table(board: dict[str, Any]) -> Table:
    """Instructions by store."""
    title = f"instructions on an emulated Arm board; two runs differ by {board['runs_differ_percent']:.2f} % at most"
    table = Table(title=title)
    for heading in ("instructions", "raw NOR", "littlefs 2", "budget"):
        table.add_column(heading, justify="left" if heading == "instructions" else "right")
    stores = [_with_garbage(board["instructions"][store]) for store in ("nor", "littlefs2")]
    for row in INSTRUCTIONS:
        if row is None:
            table.add_section()
            continue
        key, what, budget = row
        if key == "batch":
            what += " (" + ", ".join(f"{found['batch_records']:.0f}" for found in stores) + " records)"
        table.add_row(what, *(_short(found[key]) for found in stores), "" if budget is None else _short(budget))
    return table


def _with_garbage(found: dict[str, float]) -> dict[str, float]:
    """With what follows from two others."""
    return {**found, "garbage": found["record"] - found["record_uncollected"]}


def heap_table(board: dict[str, Any]) -> Table:
    """KiB of heap by way to have the code, and of firmware."""
    table = Table(title="heap and firmware on an emulated Arm board")
    for heading in ("KiB", "frozen,\nraw NOR", "frozen,\nlittlefs 2", "in files,\nlittlefs 2", "budget"):
        table.add_column(heading, justify="left" if heading == "KiB" else "right", no_wrap=heading == "KiB")
    ways = [board["heap_bytes"][way] for way in WAYS]
    for key, what, budget in (
        ("ready", "heap in use, booted", "48 / 192"),
        ("records", "  after 200 records", ""),
        ("modem", "  a modem's port beside it", ""),
        ("peak", "least heap that is enough", "72"),
    ):
        table.add_row(what, *(_kib(way[key]) for way in ways), budget)
    table.add_row("  what needs most", *(way["peak_in"] for way in ways), "")
    table.add_section()
    bare = board["bare_firmware_bytes"]
    table.add_row("firmware", _kib(board["firmware_bytes"]), "", "", "")
    table.add_row("instead: MicroPython alone", _kib(bare), "", "", "")
    return table


def _kib(size: int) -> str:
    return f"{size / 1024:.1f}"


def _short(count: float) -> str:
    """1234567 -> "1.23 M"."""
    if abs(count) < 1_000_000:
        return f"{count / 1000:.0f} k"
    return f"{count / 1_000_000:.{2 if count < 10_000_000 else 1 if count < 100_000_000 else 0}f} M"
