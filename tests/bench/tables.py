# SPDX-License-Identifier: MIT
"""The tables of `make bench`, each 80 columns wide at most: Quell, and what a user would do otherwise."""

from rich.table import Table

DURABLE = "each record at once"
LINES = "JSON line + flush()"
REWRITE = "JSON list rewritten"
# of build/bench.json: key, store, note; None: `_nor_note` makes it
STORES = (
    ("nor", "raw NOR", None),
    ("littlefs2", "littlefs 2", "full segments of 1 block"),
    ("littlefs2_durable", "littlefs 2", DURABLE),
    ("littlefs1", "littlefs 1", "full segments of 4 blocks"),
    ("littlefs1_durable", "littlefs 1", DURABLE + ", no budget"),
    ("json_lines_littlefs2", "littlefs 2", "instead: " + LINES),
    ("json_rewrite_littlefs2", "littlefs 2", "instead: " + REWRITE),
    ("json_lines_littlefs1", "littlefs 1", "instead: " + LINES),
    ("json_rewrite_littlefs1", "littlefs 1", "instead: " + REWRITE),
)
FIRST_INSTEAD = "json_lines_littlefs2"


def main_table(figures: dict) -> Table:
    """Speed, wire, signatures, heap, bytecode."""
    rates, p256 = figures["records"], figures["p256"]
    table = Table(title="Quell on the MicroPython unix port, this machine")
    for heading in ("figure", "Quell", "instead"):
        table.add_column(heading)
    table.add_row(
        "records/s, collect → ring",
        f"{rates['agent_records_per_s']:.0f}",
        f"{rates['json_flush_records_per_s']:.0f}  JSON line + flush()",
    )
    table.add_row(
        "bytes/record on the wire",
        f"{rates['wire_bytes_per_record']:.1f} ({figures['wire_percent_of_json']:.0f} %)",
        f"{rates['json_bytes_per_record']:.1f}  JSON alone",
    )
    table.add_row("P-256 sign, ms", f"{p256['sign_ms']:.1f}", "")
    table.add_row("P-256 verify, ms", f"{p256['verify_ms']:.1f}", "")
    table.add_row("smallest heap, KiB (64-bit)", f"{figures['smallest_heap_kib_64bit']}", "")
    table.add_row("bytecode, KiB", f"{figures['bytecode_bytes'] / 1024:.1f}", "budget 64")
    return table


def flash_table(flash: dict) -> Table:
    """What records of 100 bytes do to a simulated chip, and what a whole agent does to it on an idle day."""
    table = Table(title="flash: records of 100 bytes on a simulated NOR chip of 256 KiB")
    for heading in ("store", "programmed/\npayload", "erases/\nrecord", "years", "note"):
        table.add_column(heading, justify="left" if heading in ("store", "note") else "right")
    for key, store, note in STORES:
        if key == FIRST_INSTEAD:
            table.add_section()
        row = flash[key]
        table.add_row(
            store,
            f"{row['programmed_per_payload_byte']:.2f}",
            f"{row['erases_per_record']:.3f}",
            _years(row["years"]),
            note or _nor_note(row),
        )
    table.add_section()
    for kind, store in (("nor", "raw NOR"), ("littlefs2", "littlefs 2"), ("littlefs1", "littlefs 1")):
        idle = flash["days"][kind]["idle"]
        note = f"agent, idle: {idle['state_commits_per_day']:.0f} commits a day"
        table.add_row(store, "", "", _years(idle["years"]), note)
    return table


def _nor_note(row: dict) -> str:
    return f"boot {row['boot_64']['reads']} reads, wear spread {row['wear_spread']}"


def _years(years: float | None) -> str:
    if years is None:
        return "–"
    return f"{years:.0f}" if years >= 10 else f"{years:.1f}" if years >= 1 else f"{years:.2f}"
