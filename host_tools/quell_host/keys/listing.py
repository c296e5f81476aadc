# SPDX-License-Identifier: MIT
"""What key files a folder holds, told without opening any of them."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from quell_host.errors import QuellError
from quell_host.keys.files import load_enrolment, load_signer
from quell_host.keys.kinds import REGION
from quell_host.keys.storage import enrolment_path, read_secret_file


@dataclass(frozen=True)
class KeyInfo:
    """One key file. `kid` is hex, empty when unknown; `problem` is empty when there is none."""

    name: str
    kind: str
    kid: str
    passphrase: bool
    problem: str = ""

    def shape(self) -> dict[str, object]:
        """The JSON shape of this entry."""
        return asdict(self)


def list_keys(folder: Path) -> list[KeyInfo]:
    """Every `*.key` and every enrolment without its key in `folder`, by name.

    Raises nothing: a file that cannot be read is listed with its problem.
    """
    names = {path.stem for path in folder.glob("*.key")}
    names |= {path.name.removesuffix(".enrol.json") for path in folder.glob("*.enrol.json")}
    return [_info(folder / f"{name}.key") for name in sorted(names)]


def _info(path: Path) -> KeyInfo:
    try:
        if not path.exists():
            kept = load_enrolment(path)
            return KeyInfo(path.stem, kept.kind, kept.kid.hex(), False, "enrolment only, no key")
        data = read_secret_file(path)
        if data.lstrip().startswith(b"{"):
            return _region_info(path, data)
        return _signer_info(path, data)
    except QuellError as error:
        return KeyInfo(path.stem, "?", "", False, error.message)


def _signer_info(path: Path, data: bytes) -> KeyInfo:
    if b"BEGIN ENCRYPTED PRIVATE KEY" not in data:
        signer = load_signer(path)
        missing = "" if enrolment_path(path).exists() else "no enrolment file"
        return KeyInfo(path.stem, signer.kind, signer.kid.hex(), False, missing)
    kind = re.search(rb"^quell-kind: ([a-z]{1,16})$", data, re.MULTILINE)
    if not enrolment_path(path).exists():
        name = kind.group(1).decode() if kind else "?"
        return KeyInfo(path.stem, name, "", True, "no enrolment file")
    kept = load_enrolment(path)
    return KeyInfo(path.stem, kept.kind, kept.kid.hex(), True)


def _region_info(path: Path, data: bytes) -> KeyInfo:
    try:
        shaped = json.loads(data)
        kid = bytes.fromhex(shaped["kid"]).hex()
        if shaped["kind"] != REGION:
            raise ValueError("kind")
        return KeyInfo(path.stem, REGION, kid, "sealed" in shaped)
    except (ValueError, TypeError, KeyError, RecursionError):
        return KeyInfo(path.stem, "?", "", False, "not a key file")
