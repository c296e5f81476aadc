# SPDX-License-Identifier: MIT
"""`quell flash`: put the agent on a board; save an image of a device's flash, look into it, check it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from quell_host import output
from quell_host.commands import flash_write, options
from quell_host.errors import ExitCode, QuellError
from quell_host.flash import fsck as checks
from quell_host.flash import inspect as words
from quell_host.flash import listing, wear
from quell_host.flash.content import Content, read_content
from quell_host.flash.findings import Findings, UnreadableImage
from quell_host.flash.shape import shape

app = typer.Typer(no_args_is_help=True)
app.callback(invoke_without_command=True, help=flash_write.HELP)(flash_write.write)

_Image = Annotated[Path, typer.Argument(help="Image file, or the folder of a device")]
_Offset = Annotated[str | None, typer.Option("--offset", help="Look at the bytes from here on, such as 0x100000")]
_Size = Annotated[str | None, typer.Option("--size", help="How many bytes to look at")]
_Keys = Annotated[
    Path | None,
    typer.Option("--keys", help="A file keys.a, or an image or folder that holds one; without it IMAGE's own"),
]
_Policy = Annotated[Path | None, typer.Option("--policy", help="FILE.quell with the names of the fields")]


def _number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return int(text, 0)
    except ValueError:
        raise QuellError(f"{name} {text!r} is no number", "write 65536 or 0x10000", ExitCode.USAGE) from None


def _read(image: Path, offset: str | None, size: str | None, keys: Path | None, policy: Path | None) -> Content:
    with output.progress("Reading the image"):
        return read_content(image, _number(offset, "--offset") or 0, _number(size, "--size"), keys, policy)


@app.command(
    "dump",
    help="Save an image of a board's flash: runs a small script in the board's raw REPL that reads a block device. "
    "Whatever the board ran is interrupted; reset it afterwards. The image may hold keys: its mode is 0600.\n\n"
    "Example: quell flash dump usr.img --port /dev/ttyACM0 --imports flashdev "
    "--device 'flashdev.FlashDevice(\"customer_fs\", 4096)'",
)
def dump(
    file: Annotated[Path, typer.Argument(help="The file to make")],
    port: options.Port,
    device: Annotated[str, typer.Option("--device", help="Python expression that gives the block device")],
    imports: Annotated[
        list[str] | None, typer.Option("--imports", help="Modules that the expression needs, with commas")
    ] = None,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    # mpremote and pyserial take a moment to load: only here.
    from quell_host.flash import board
    from quell_host.flash import dump as dumping

    dumping.checked_expression(device)
    dumping.checked_imports(imports or [])
    console = output.stderr()
    with board.connect(port, baud) as connected:
        geometry = dumping.prepare(connected, device, imports or [])
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task("Reading blocks", total=geometry.blocks)
            saved = dumping.save(connected, geometry, file, lambda: progress.advance(task))
    total = saved.blocks * saved.block_bytes
    if as_json:
        facts = {"file": str(file), "bytes": total, "blocks": saved.blocks, "block_bytes": saved.block_bytes}
        output.print_json({**facts, "sha256": saved.sha256, "repeated": saved.repeated})
        return
    line = f"{file}: {total:,} bytes, {saved.blocks:,} blocks of {saved.block_bytes:,}"
    output.stdout().print(line, markup=False, soft_wrap=True)
    if saved.repeated:
        output.note(f"{saved.repeated} blocks were read again: the line is not clean")
    output.note("What the board ran was interrupted: reset it.")


@app.command(
    "inspect",
    help="Show what is in an image: raw NOR (one partition or a whole chip), littlefs 1 or 2, or a device's folder. "
    "Records are shown opened where there is a key.\n\n"
    "Example: quell flash inspect usr.img --records --keys keys.a --policy fleet.quell",
)
def inspect(
    image: _Image,
    counts: Annotated[
        Path | None, typer.Argument(help='For --wear: a JSON file {"wear": …} with a list of erase counts')
    ] = None,
    records: Annotated[bool, typer.Option("--records", help="List the records, one a line")] = False,
    draw_wear: Annotated[bool, typer.Option("--wear", help="Draw how the sectors wear")] = False,
    keys: _Keys = None,
    policy: _Policy = None,
    offset: _Offset = None,
    size: _Size = None,
    as_json: options.Json = False,
) -> None:
    if counts is not None and not draw_wear:
        raise QuellError(f"{counts}: erase counts are for --wear", "give --wear too", ExitCode.USAGE)
    given = wear.read_counts(counts) if counts is not None else None
    content = _read(image, offset, size, keys, policy)
    drawn = wear.of(content, given) if draw_wear else None
    if as_json:
        output.print_json(shape(content, records, drawn))
        return
    for item in content.image.complaints:
        output.warn(str(item))
    write = output.stdout().file.write
    if drawn is None and not records:
        write("".join(f"{line}\n" for line in words.overview(content)))
    if drawn is not None:
        write("".join(f"{line}\n" for line in [*words.head(content), "", *wear.picture(drawn)]))
    if records:
        for listed in listing.records(content):
            write(words.record_line(content, listed) + "\n")


@app.command(
    "fsck",
    help="Check an image: everything that can be checked without keys and, with keys, that every record opens. "
    "Exit code 5 when something is wrong, with a line for each finding.\n\n"
    "Example: quell flash fsck usr.img --keys keys.a",
)
def fsck(
    image: _Image,
    keys: _Keys = None,
    policy: _Policy = None,
    offset: _Offset = None,
    size: _Size = None,
    as_json: options.Json = False,
) -> None:
    report = checks.Report()
    kind = None
    try:
        content = _read(image, offset, size, keys, policy)
        kind = content.image.kind
        with output.progress("Checking"):
            report = checks.check(content)
    except UnreadableImage as error:
        report.findings.items.append(error.finding)
    if as_json:
        output.print_json(_report_shape(image, kind, report))
    else:
        _print_report(image, report)
    if not report.sound:
        raise typer.Exit(ExitCode.FINDINGS)


def _report_shape(image: Path, kind: str | None, report: checks.Report) -> dict[str, Any]:
    findings: Findings = report.findings
    return {
        "image": str(image),
        "kind": kind,
        "sound": report.sound,
        "findings": [{"where": item.where, "what": item.what, "means": item.means} for item in findings.items],
        "findings_left_out": findings.more,
        "slots": report.stores,
        "units": report.units,
        "records": report.records,
        "opened": report.opened,
        "sealed": report.sealed,
    }


def _print_report(image: Path, report: checks.Report) -> None:
    write = output.stdout().file.write
    for item in report.findings.items:
        write(f"{item}\n")
    if report.findings.more:
        write(f"and {report.findings.more} more\n")
    held = f"{report.stores} slots, {report.units} segments, sectors and inline files, {report.records} records"
    if report.sound:
        write(f"{image}: sound: {held}\n")
    else:
        count = len(report.findings.items) + report.findings.more
        output.note(f"{image}: {count} {'finding' if count == 1 else 'findings'} in {held}")
    if report.sealed:
        output.note(f"{report.sealed} records stay sealed: no key for them")
