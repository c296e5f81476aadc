# SPDX-License-Identifier: MIT
"""`quell keys`: make and list key files."""

import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from quell_host import output
from quell_host.errors import ExitCode, QuellError
from quell_host.home import keys_dir
from quell_host.keys.files import new_region, new_signer
from quell_host.keys.kinds import REGION, USES
from quell_host.keys.listing import list_keys
from quell_host.keys.passphrase import passphrase_for_new_key
from quell_host.keys.storage import check_name, enrolment_path

app = typer.Typer(no_args_is_help=True, help="Make and list key files.")

Kind = enum.StrEnum("Kind", {name: name for name in USES})

_KINDS = "\n\n".join(f"{kind}: {use}." for kind, use in USES.items())
_DIR = Annotated[Path | None, typer.Option("--dir", help="Folder of the key files, else $QUELL_HOME/keys")]


@app.command(
    "new",
    help="Make a key, mode 0600; an existing one is never overwritten.\n\n"
    f"{_KINDS}\n\nExample: quell keys new --kind subject ada --passphrase",
)
def new(
    name: Annotated[str, typer.Argument(help="Letters, digits, hyphens; names the files")],
    kind: Annotated[Kind, typer.Option("--kind", help="What the key is for")],
    folder: _DIR = None,
    passphrase: Annotated[
        bool,
        typer.Option("--passphrase", help="Encrypt it; asks, or takes QUELL_PASSPHRASE"),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    check_name(name)
    path = (folder or keys_dir()) / f"{name}.key"
    if path.exists():
        raise QuellError(f"{path} exists and a key is never overwritten", "choose another name")
    secret = passphrase_for_new_key() if passphrase else None
    made = {"name": name, "kind": kind.value, "key": str(path)}
    if kind.value == REGION:
        made["kid"] = new_region(path, secret).kid.hex()
    else:
        made["kid"] = new_signer(kind.value, path, secret).kid.hex()
        made["enrolment"] = str(enrolment_path(path))
    if as_json:
        output.print_json(made)
        return
    console = output.stdout()
    console.print(f"{kind.value} key {name}, kid {made['kid']}", markup=False, soft_wrap=True)
    console.print(f"  key        {path}", markup=False, soft_wrap=True)
    if "enrolment" in made:
        console.print(f"  enrolment  {made['enrolment']}", markup=False, soft_wrap=True)
    output.note("Make a backup. " + _loss(kind.value))


def _loss(kind: str) -> str:
    if kind == REGION:
        return "Without this key nothing that its devices sent can be read."
    if kind == "policy":
        return "Without this key no new policy can be signed for the devices that trust it."
    return "Without this key no command can be given in this signer's name."


@app.command("list", help="List the key files of a folder.\n\nExample: quell keys list")
def list_(
    folder: _DIR = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    where = folder or keys_dir()
    if folder is not None and not folder.is_dir():
        raise QuellError(f"no folder {folder}", "name one that holds key files", ExitCode.USAGE)
    found = list_keys(where)
    if as_json:
        output.print_json({"dir": str(where), "keys": [info.shape() for info in found]})
        return
    if not found:
        output.note(f"No keys in {where}; make one: quell keys new --help")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "kind", "kid", "passphrase", "note"):
        table.add_column(title, overflow="fold")
    for info in found:
        locked = "yes" if info.passphrase else "no"
        table.add_row(info.name, info.kind, info.kid, locked, info.problem)
    output.print_trimmed(table)
