# SPDX-License-Identifier: MIT
"""Provision a device: the host makes id, key and seed, the device makes its signing key.

A folder's part is the firmware's own code on MicroPython: one line of hex in, one out, so that
no secret stands in an argument, the environment or a file. A board's part is its `quell_board`.
"""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quell_host import runtime
from quell_host.errors import ExitCode, QuellError
from quell_host.ledger.devices import NamedSigner
from quell_host.wire import cbor, cose, kdf

SEED_BYTES = 64
KEY_VERSION = 1
RECORD_FILES = ("prov.a", "prov.b")
_TIMEOUT_S = 120
_MAX_ANSWER_BYTES = 1024


@dataclass(frozen=True)
class Provisioned:
    """What a device got. `device` 16 bytes, `device_key` 32, `public` 64 (made on the device)."""

    device: bytes
    public: bytes
    key_version: int
    device_key: bytes = field(repr=False)


def provision_folder(folder: Path, signers: Sequence[NamedSigner], force: bool) -> Provisioned:
    """Provision `folder`, which is made (mode 0700) if it is missing.

    Raises QuellError when it holds a provisioning record already (unless `force`, which deletes
    all that the agent keeps there), or the firmware refuses or cannot run.
    """
    _prepare(folder, force)
    return provision_with(lambda request: _run(folder, request), signers)


def provision_with(ask: Callable[[bytes], bytes], signers: Sequence[NamedSigner]) -> Provisioned:
    """Provision the device that answers `ask(request)`, both CBOR of SPEC §10.

    Raises QuellError when its answer is none to the request.
    """
    device, device_key = os.urandom(16), os.urandom(32)
    anchors = [
        [
            signer.enrolment.kid,
            signer.enrolment.role,
            signer.enrolment.public,
            kdf.gate_key(signer.enrolment.gate_secret, device)
            if signer.enrolment.gate_secret
            else b"",
        ]
        for signer in signers
    ]
    request = {0: device, 1: device_key, 2: KEY_VERSION, 3: os.urandom(SEED_BYTES), 4: anchors}
    try:
        answer = cbor.decode(ask(cbor.encode(request)), _MAX_ANSWER_BYTES)
    except cbor.CborError:
        raise QuellError("the firmware's answer cannot be read", "run make setup again") from None
    public = answer.get(5) if isinstance(answer, dict) and answer.get(0) == device else None
    if not isinstance(public, bytes):
        raise QuellError("the firmware's answer is none to this request", "run make setup again")
    try:
        cose.public_key(public)
    except cose.CoseError as error:
        raise QuellError(f"the device's {error}", "provision it again") from None
    return Provisioned(device, public, KEY_VERSION, device_key)


def _prepare(folder: Path, force: bool) -> None:
    held = [name for name in RECORD_FILES if (folder / name).exists()]
    if held and not force:
        what = f"{folder} holds a provisioned device"
        raise QuellError(what, "choose another --dir, or give --force to lose it", ExitCode.USAGE)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(folder, 0o700)
        if held:
            # Records under the old device's keys could never be opened by the new one.
            for file in folder.iterdir():
                if file.is_file() and not file.is_symlink():
                    file.unlink()
    except OSError as error:
        raise QuellError(f"cannot prepare {folder}: {error.strerror}") from None


def _run(folder: Path, request: bytes) -> bytes:
    try:
        done = subprocess.run(
            [*runtime.command("ports/unix/provision.py"), str(folder)],
            input=request.hex() + "\n",
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env=runtime.environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise QuellError("the firmware did not answer", "run make setup again") from None
    except OSError as error:
        raise QuellError(f"MicroPython does not run: {error.strerror}", "run make setup") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise QuellError(f"the firmware could not provision {folder}: {lines[-1][:200]}")
    try:
        return bytes.fromhex(done.stdout.strip())
    except ValueError:
        raise QuellError("the firmware's answer cannot be read", "run make setup again") from None
