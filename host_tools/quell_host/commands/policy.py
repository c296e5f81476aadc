# SPDX-License-Identifier: MIT
"""`quell policy`: write, check, build and show policies."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from quell_host import output
from quell_host.errors import ExitCode, QuellError
from quell_host.home import keys_dir
from quell_host.keys.files import load_enrolment
from quell_host.keys.opening import open_signer
from quell_host.policy.boards import MAX_FLASH_KIB, find_board
from quell_host.policy.build import CheckFailedError, build, check_file, write_document
from quell_host.policy.document import Document
from quell_host.policy.findings import Findings
from quell_host.policy.fit import check_fit, render_plan, sum_text
from quell_host.policy.fit import shape as fit_shape
from quell_host.policy.geometry import Geometry
from quell_host.policy.profiles import profile_text
from quell_host.policy.show import Signature, render_policy, shape
from quell_host.policy.source import SourceError

app = typer.Typer(no_args_is_help=True, help="Write, check, build and show policies.")

_JSON = Annotated[bool, typer.Option("--json", help="Print JSON")]
_BOARD = Annotated[
    str | None,
    typer.Option("--board", help="Does it fit? unix, littlefs1-400k or -200k, littlefs2-200k, nor-256k, a board.json"),
]
_FLASH_KIB = Annotated[
    int | None,
    typer.Option("--flash-kib", min=1, max=MAX_FLASH_KIB, help="KiB free for Quell, in place of what the board says"),
]


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _named_file(given: str) -> Path:
    """A file as named on the command line: a path, or a name in the folder of keys."""
    path = Path(given)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    return keys_dir() / given


def _geometry(board: str | None, flash_kib: int | None) -> Geometry | None:
    if board is not None:
        return find_board(board, flash_kib)
    if flash_kib is not None:
        raise QuellError("--flash-kib is about a board", "give --board too", ExitCode.USAGE)
    return None


@app.command(
    "new",
    help="Write a policy to start from, with comments.\n\nExample: quell policy new fleet.toml",
)
def new(
    file: Annotated[Path, typer.Argument(help="The TOML file to make")],
    profile: Annotated[str, typer.Option("--profile", help="What to start from")] = "starter",
) -> None:
    text = profile_text(profile, _today())
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise QuellError(f"{file} exists", "choose another name") from None
    except OSError as error:
        raise QuellError(f"cannot write {file}: {error.strerror}") from None
    output.note(f"Made {file}. Edit it, then: quell policy check {file}")


@app.command(
    "check",
    help="Find every error of a policy, each with file and line. Exit code 5 when there are any.\n\n"
    "With --board also: whether its rings fit in that board's flash, with the arithmetic, and what a power cut "
    "can lose.\n\n"
    "Example: quell policy check fleet.toml --board littlefs2-200k",
)
def check(
    file: Annotated[Path, typer.Argument(help="The TOML file")],
    board: _BOARD = None,
    flash_kib: _FLASH_KIB = None,
    as_json: _JSON = False,
) -> None:
    geometry = _geometry(board, flash_kib)
    plan = None
    try:
        checked = check_file(file, _today())
        findings, policy = checked.findings, checked.policy
        if policy is not None and geometry is not None:
            plan = check_fit(checked.source, findings, policy, geometry)
    except SourceError as error:
        findings, policy = error.findings, None
    if as_json:
        made = {
            "file": str(file),
            "ok": not findings.errors,
            "findings": [finding.shape() for finding in findings.sorted()],
        }
        if geometry is not None:
            made["board"] = None if plan is None else fit_shape(plan)
        output.print_json(made)
    else:
        for finding in findings.sorted():
            _print_line(finding.text(str(file)))
        if policy is not None and not findings.errors:
            counts = f"{len(policy.purposes)} purposes, {len(policy.fields)} fields"
            _print_line(f"{file}: good: {counts}, {len(policy.templates)} templates")
        if plan is not None:
            output.print_trimmed(render_plan(plan))
    if findings.errors:
        raise CheckFailedError(str(file), findings)


def _print_line(text: str) -> None:
    # Never wrapped: editors read FILE:LINE from whole lines.
    output.stdout().print(text, markup=False, soft_wrap=True)


def _note_findings(findings: Findings, file: Path) -> None:
    for finding in findings.sorted():
        output.note(finding.text(str(file)))


@app.command(
    "build",
    help="Check, compile and sign a policy. The same input gives the same bytes.\n\n"
    "With --previous also: ids have not changed, and the version rises. With --board also: its rings fit there.\n\n"
    "Example: quell policy build fleet.toml --key publisher --previous fleet-3.quell",
)
def build_(
    file: Annotated[Path, typer.Argument(help="The TOML file")],
    key: Annotated[str, typer.Option("--key", help="Key file of kind policy, or its name")],
    previous: Annotated[Path | None, typer.Option("--previous", help="The signed policy before this one")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write, else FILE.quell")] = None,
    board: _BOARD = None,
    flash_kib: _FLASH_KIB = None,
    as_json: _JSON = False,
) -> None:
    geometry = _geometry(board, flash_kib)
    signer = open_signer(_named_file(key))
    before = None
    if previous is not None:
        before = Document.read(previous)
        if before.kid == signer.kid:
            before = Document.read(previous, {signer.kid: signer.public})
        else:
            output.warn(f"{previous} was signed by another key, {before.kid.hex()}: not verified")
    try:
        built = build(file, signer, before, _today())
    except CheckFailedError as error:
        _note_findings(error.findings, file)
        raise
    document, findings = built.document, built.checked.findings
    plan = None
    if geometry is not None:
        plan = check_fit(built.checked.source, findings, document.policy, geometry, len(document.data))
    _note_findings(findings, file)
    if plan is not None and not plan.fits:
        output.stderr().print(render_plan(plan))
        raise CheckFailedError(str(file), findings)
    target = out or file.with_suffix(".quell")
    write_document(document, target)
    made = {
        "file": str(target),
        "name": document.name,
        "version": document.version,
        "hash": document.hash.hex(),
        "kid": document.kid.hex(),
        "bytes": len(document.data),
        "purposes": {item.name: item.digest.hex() for item in document.purposes},
        "narrows": [digest.hex() for digest in document.policy.narrows],
    }
    if as_json:
        output.print_json(made)
        return
    _print_line(f"{target}: {document.name} version {document.version}")
    _print_line(f"  {len(document.data)} bytes, signed by key {document.kid.hex()}")
    _print_line(f"  hash {document.hash.hex()}")
    if plan is not None:
        _print_line(f"  {plan.geometry.name}: {sum_text(plan)}")


@app.command(
    "show",
    help="Say in words what a policy collects, why, and what is stored.\n\n"
    "Takes FILE.toml or FILE.quell; a signed one is verified against --trust.\n\n"
    "Example: quell policy show fleet.quell --trust publisher",
)
def show(
    file: Annotated[Path, typer.Argument(help="The TOML file or the signed policy")],
    trust: Annotated[str | None, typer.Option("--trust", help="Enrolment file of the signer, or its name")] = None,
    as_json: _JSON = False,
) -> None:
    if file.suffix == ".toml":
        if trust is not None:
            raise QuellError("a TOML file is not signed", "leave --trust out", ExitCode.USAGE)
        checked = check_file(file, _today())
        if checked.policy is None:
            _note_findings(checked.findings, file)
            raise CheckFailedError(str(file), checked.findings)
        policy, signature = checked.policy, Signature()
    else:
        keys = None
        if trust is not None:
            enrolment = load_enrolment(_named_file(trust))
            keys = {enrolment.kid: enrolment.public}
        document = Document.read(file, keys)
        policy = document.policy
        signature = Signature(document.hash, document.kid, document.verified)
    if as_json:
        output.print_json({"file": str(file), **shape(policy, signature)})
    else:
        output.print_trimmed(render_policy(policy, signature))
