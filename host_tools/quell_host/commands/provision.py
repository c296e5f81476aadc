# SPDX-License-Identifier: MIT
"""`quell provision`: make a device and register it in the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from quell_host.provisioning import Provisioned, provision_folder, provision_with

if TYPE_CHECKING:
    from quell_host.board.config import Wanted

HELP = (
    "Provision a device and register it in the ledger.\n\n"
    "Makes its id, key and seed, has the device make its own signing key, enrols its signers. The "
    "seed is not kept.\n\n"
    "The device is a folder of this host (--dir), or a board at a port (--port) that holds the agent; "
    "what --broker, --ca and --apn or --config say is stored on the board.\n\n"
    "Keys are named as in $QUELL_HOME/keys or by path; of signers only NAME.enrol.json is read.\n\n"
    "Example: quell provision --dir /var/lib/quell --name lab-1 --region eu --operator ops "
    "--subject ada --policy-key publisher\n\n"
    "Or: quell provision --port /dev/ttyACM0 --broker mqtt.example:8883 --ca ca.pem --apn internet "
    "--name car-7 --region eu --operator ops --policy-key publisher"
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
    policy_key: Annotated[list[str], _named("policy-key")],
    region: Annotated[str, typer.Option("--region", help="Region whose key wraps the device's")],
    folder: Annotated[Path | None, typer.Option("--dir", help="The device's folder")] = None,
    port: Annotated[
        str | None, typer.Option("--port", help="The board's port, such as /dev/ttyACM0")
    ] = None,
    operator: Annotated[_Names, _named("operator")] = None,
    subject: Annotated[_Names, _named("subject")] = None,
    guardian: Annotated[_Names, _named("guardian")] = None,
    name: Annotated[str | None, typer.Option("--name", help="A label, known to you alone")] = None,
    broker: options.BoardBroker = None,
    ca: options.BoardCa = None,
    apn: options.Apn = None,
    config: options.BoardConfig = None,
    lock_repl: Annotated[
        bool,
        typer.Option(
            "--lock-repl",
            help="Take Ctrl-C and the REPL away at the next start. The way back in is erasing the "
            "flash, or the boot pin: see the board's page",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Delete the device that the folder or board holds")
    ] = False,
    stay: options.Stay = False,
    baud: options.Baud = 115200,
    as_json: options.Json = False,
) -> None:
    wanted = _wanted(folder, port, (broker, ca, apn, config), lock_repl or stay)
    _check_label(name)
    signers = _signers(
        {"policy": policy_key, "operator": operator, "subject": subject, "guardian": guardian}
    )
    keyring = Keyring(home.keys_dir())
    keyring.region(region)  # Before anything is made: it may be missing, or ask for a passphrase.
    home.make_home()
    ledger = Ledger.open_or_make(home.ledger_path())
    place = {"dir": str(folder) if folder else None, "port": port, "board": None}

    def register(made: Provisioned) -> NewDevice:
        new = NewDevice(made.device, made.public, region, name, made.key_version, made.device_key)
        with ledger.write() as connection:
            devices.add(connection, keyring, new, signers, now())
        return new

    try:
        with ledger.read() as connection:
            devices.check_label(connection, name)
        with output.progress("Provisioning"):
            if folder is not None:
                new = register(provision_folder(folder, signers, force))
            else:
                from quell_host.board.provision import setting_up

                with setting_up(port or "", baud, wanted, lock_repl, force, stay) as board:
                    made = provision_with(board.ask, signers)
                    board.check(made.device)
                    new, place["board"] = register(made), board.name
    finally:
        ledger.close()
    _show(new, place, signers, as_json)


def _wanted(folder: Path | None, port: str | None, settings: tuple, more: bool) -> "Wanted":
    """The board's configuration, of exactly one of --dir and --port. Raises QuellError (USAGE)."""
    from quell_host.board.config import Wanted

    if (folder is None) == (port is None):
        raise QuellError("exactly one of --dir and --port is needed", "see: quell provision --help", ExitCode.USAGE)
    wanted = Wanted(*settings)
    if folder is not None and (more or wanted != Wanted()):
        what = "--broker, --ca, --apn, --config, --lock-repl and --stay are for a board"
        raise QuellError(what, "a folder's configuration is that of quell agent run", ExitCode.USAGE)
    wanted.text()  # Before anything is made: it may be wrong.
    return wanted


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


def _show(
    new: NewDevice, place: dict[str, str | None], signers: list[NamedSigner], as_json: bool
) -> None:
    if as_json:
        output.print_json(
            {
                "device": new.device,
                "label": new.label,
                **place,
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
    if place["dir"]:
        console.print(f"  folder   {place['dir']}", markup=False, soft_wrap=True)
    else:
        console.print(f"  board    {place['board']}", markup=False, soft_wrap=True)
        console.print(f"  port     {place['port']}", markup=False, soft_wrap=True)
    console.print(f"  region   {new.region}", markup=False)
    for signer in signers:
        console.print(f"  {signer.enrolment.kind:<8} {signer.name}", markup=False)
    output.note("Make a backup of the ledger: quell ledger backup FILE")
