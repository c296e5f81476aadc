# SPDX-License-Identifier: MIT
"""`quell provision`: make a device and register it in the ledger."""

from pathlib import Path
from typing import Annotated

import typer

from quell_host import home, output
from quell_host.commands import options
from quell_host.control.context import now
from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import load_enrolment
from quell_host.ledger import devices
from quell_host.ledger.database import Ledger
from quell_host.ledger.devices import NamedSigner, NewDevice
from quell_host.ledger.keyring import Keyring
from quell_host.provisioning import provision_folder

HELP = (
    "Provision a device and register it in the ledger.\n\n"
    "Makes its id, key and seed, has the device make its own signing key, enrols its signers. The "
    "seed is not kept.\n\n"
    "Keys are named as in $QUELL_HOME/keys or by path; of signers only NAME.enrol.json is read.\n\n"
    "Example: quell provision --dir /var/lib/quell --name lab-1 --region eu --operator ops "
    "--subject ada --policy-key publisher"
)
_MAX_LABEL = 32
_Names = list[str] | None


def _named(what: str) -> typer.models.OptionInfo:
    return typer.Option(f"--{what}", help=f"A key of this kind{_MORE[what]}; may be repeated")


_MORE = {
    "operator": "",
    "subject": ", the person concerned",
    "guardian": ", for a person who cannot",
    "policy-key": ": whose policies the device accepts",
}


def provision(
    folder: Annotated[Path, typer.Option("--dir", help="The device's folder")],
    policy_key: Annotated[list[str], _named("policy-key")],
    region: Annotated[str, typer.Option("--region", help="Region whose key wraps the device's")],
    operator: Annotated[_Names, _named("operator")] = None,
    subject: Annotated[_Names, _named("subject")] = None,
    guardian: Annotated[_Names, _named("guardian")] = None,
    name: Annotated[str | None, typer.Option("--name", help="A label, known to you alone")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Delete the device that the folder holds")
    ] = False,
    as_json: options.Json = False,
) -> None:
    _check_label(name)
    signers = _signers(
        {"policy": policy_key, "operator": operator, "subject": subject, "guardian": guardian}
    )
    keyring = Keyring(home.keys_dir())
    keyring.region(region)  # Before anything is made: it may be missing, or ask for a passphrase.
    home.make_home()
    ledger = Ledger.open_or_make(home.ledger_path())
    try:
        with ledger.read() as connection:
            devices.check_label(connection, name)
        with output.progress("Provisioning"):
            made = provision_folder(folder, signers, force)
        new = NewDevice(made.device, made.public, region, name, made.key_version, made.device_key)
        with ledger.write() as connection:
            devices.add(connection, keyring, new, signers, now())
    finally:
        ledger.close()
    _show(new, folder, signers, as_json)


def _check_label(name: str | None) -> None:
    if name is None:
        return
    if not name.isprintable() or not 1 <= len(name) <= _MAX_LABEL or name != name.strip():
        what = f"--name must be 1 to {_MAX_LABEL} printable characters"
        raise QuellError(what, "choose another", ExitCode.USAGE)


def _signers(given: dict[str, _Names]) -> list[NamedSigner]:
    found: list[NamedSigner] = []
    for kind, names in given.items():
        for text in names or []:
            path = Path(text)
            if path.suffix not in (".key", ".json"):
                path = home.keys_dir() / f"{text}.key"
            enrolment = load_enrolment(path)
            if enrolment.kind != kind:
                what = f"{path} is a key of kind {enrolment.kind}, not {kind}"
                raise QuellError(what, "see: quell keys list", ExitCode.USAGE)
            short = path.name.removesuffix(".key").removesuffix(".enrol.json")
            found.append(NamedSigner(short, enrolment))
    if len({signer.enrolment.kid for signer in found}) != len(found):
        raise QuellError("a key is named twice", "name each once", ExitCode.USAGE)
    if not any(signer.enrolment.gate_secret for signer in found):
        hint = "name an --operator, --subject or --guardian"
        raise QuellError("nobody could command the device", hint, ExitCode.USAGE)
    return found


def _show(new: NewDevice, folder: Path, signers: list[NamedSigner], as_json: bool) -> None:
    if as_json:
        output.print_json(
            {
                "device": new.device,
                "label": new.label,
                "dir": str(folder),
                "region": new.region,
                "public_key": new.public,
                "signers": [
                    {"name": s.name, "kind": s.enrolment.kind, "kid": s.enrolment.kid}
                    for s in signers
                ],
            }
        )
        return
    console = output.stdout()
    title = f" ({new.label})" if new.label else ""
    console.print(f"device {new.device.hex()}{title}", markup=False, soft_wrap=True)
    console.print(f"  folder   {folder}", markup=False, soft_wrap=True)
    console.print(f"  region   {new.region}", markup=False)
    for signer in signers:
        console.print(f"  {signer.enrolment.kind:<8} {signer.name}", markup=False)
    output.note("Make a backup of the ledger: quell ledger backup FILE")
