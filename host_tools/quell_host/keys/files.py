# SPDX-License-Identifier: MIT
"""Signers: a P-256 key pair that signs policies or commands, in two files.

NAME.key         PKCS#8 PEM (RFC 5958, RFC 7468), encrypted when there is a passphrase; the line
                 `quell-kind: KIND` stands before the PEM block, where RFC 7468 allows such text
NAME.enrol.json  what provisioning needs: kind, role, kid, public key, gate secret

Both are secret (mode 0600): who has the gate secret can make a device check signatures.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.kinds import ROLES
from quell_host.keys.passphrase import KeyLockedError, check_passphrase
from quell_host.keys.pkcs8 import encrypt_pkcs8
from quell_host.keys.region import Region, load_region, new_region
from quell_host.keys.storage import (
    check_name,
    enrolment_path,
    key_path,
    make_secret_file,
    read_secret_file,
)
from quell_host.wire.cose import kid_of, public_bytes

__all__ = [
    "Enrolment",
    "KeyLockedError",
    "Region",
    "Signer",
    "kid_of",
    "load_enrolment",
    "load_region",
    "load_signer",
    "new_region",
    "new_signer",
]

GATE_INFO = b"quell/1 gate secret"
_KIND_LINE = re.compile(rb"^quell-kind: ([a-z]{1,16})$", re.MULTILINE)


@dataclass(frozen=True)
class Enrolment:
    """What a device must know of a signer. `gate_secret` is 32 bytes, empty for kind `policy`."""

    kind: str
    role: int
    kid: bytes
    public: bytes
    gate_secret: bytes = field(repr=False)


@dataclass(frozen=True)
class Signer:
    """A signer with its private key. `public` is X ‖ Y, 64 bytes; `kid` 8 bytes (SPEC §2)."""

    kind: str
    role: int
    kid: bytes
    public: bytes
    gate_secret: bytes = field(repr=False)
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, kind: str, private_key: ec.EllipticCurvePrivateKey) -> "Signer":
        """The signer of this kind with this P-256 key. Raises QuellError for an unknown kind."""
        if kind not in ROLES:
            known = ", ".join(ROLES)
            raise QuellError(f"{kind!r} is no kind of signer", f"use {known}", ExitCode.USAGE)
        public = public_bytes(private_key)
        secret = b"" if kind == "policy" else _gate_secret(private_key)
        return cls(kind, ROLES[kind], kid_of(public), public, secret, private_key)

    @property
    def enrolment(self) -> Enrolment:
        """What a device must know of this signer."""
        return Enrolment(self.kind, self.role, self.kid, self.public, self.gate_secret)


def _gate_secret(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    # Derived, so that a backup of the key file alone can enrol the signer again.
    scalar = private_key.private_numbers().private_value.to_bytes(32, "big")
    return HKDF(hashes.SHA256(), 32, salt=None, info=GATE_INFO).derive(scalar)


def new_signer(kind: str, path: Path, passphrase: str | None = None) -> Signer:
    """Make a signer and its two files beside each other; `path` is that of NAME.key.

    Raises QuellError when a file exists, the name or the kind is not allowed, or the passphrase
    is too short.
    """
    path = key_path(path)
    check_name(path.stem)
    check_passphrase(passphrase)
    beside = enrolment_path(path)
    if beside.exists():
        raise QuellError(f"{beside} exists and is never overwritten", "choose another name")
    signer = Signer.of(kind, ec.generate_private_key(ec.SECP256R1()))
    make_secret_file(path, _pem(signer, passphrase))
    try:
        make_secret_file(beside, _enrolment_json(signer.enrolment))
    except QuellError:
        path.unlink(missing_ok=True)
        raise
    return signer


def _pem(signer: Signer, passphrase: str | None) -> bytes:
    form = serialization.Encoding.PEM if passphrase is None else serialization.Encoding.DER
    block = signer.private_key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    if passphrase is not None:
        block = encrypt_pkcs8(block, passphrase)
    return b"quell-kind: " + signer.kind.encode() + b"\n\n" + block


def load_signer(path: Path, passphrase: str | None = None) -> Signer:
    """Read NAME.key. A passphrase for a key without one is ignored.

    Raises KeyLockedError when a passphrase is needed, QuellError when the file is not a signer's
    key, can be read by others, or does not open with the passphrase.
    """
    path = key_path(path)
    data = read_secret_file(path)
    match = _KIND_LINE.search(data)
    if match is None:
        raise QuellError(f"{path} is not a signer's key", "make one: quell keys new --help")
    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in data
    if encrypted and passphrase is None:
        raise KeyLockedError(path)
    secret = passphrase.encode() if encrypted and passphrase is not None else None
    try:
        private_key = serialization.load_pem_private_key(data, secret)
    except (ValueError, TypeError):
        why = "does not open with this passphrase" if encrypted else "is damaged"
        raise QuellError(f"{path} {why}", "try again, or restore a backup") from None
    if not isinstance(private_key, ec.EllipticCurvePrivateKey) or not isinstance(private_key.curve, ec.SECP256R1):
        raise QuellError(f"{path} is not a P-256 key", "make one: quell keys new --help")
    return Signer.of(match.group(1).decode(), private_key)


def _enrolment_json(enrolment: Enrolment) -> bytes:
    shaped = {
        "schema": 1,
        "kind": enrolment.kind,
        "role": enrolment.role,
        "kid": enrolment.kid.hex(),
        "public": enrolment.public.hex(),
        "gate_secret": enrolment.gate_secret.hex(),
    }
    return (json.dumps(shaped, indent=2) + "\n").encode()


def load_enrolment(path: Path) -> Enrolment:
    """Read NAME.enrol.json; `path` may also name NAME.key or NAME.

    Raises QuellError when it is not a whole enrolment, when kid and public key do not belong
    together, or when the public key is not a point of P-256.
    """
    path = path if path.name.endswith(".enrol.json") else enrolment_path(path)
    data = read_secret_file(path)
    try:
        return _enrolment_of(json.loads(data))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise QuellError(f"{path} is not an enrolment file", "copy it again from where the key was made") from None


def _enrolment_of(shaped: dict[str, object]) -> Enrolment:
    expected = {"schema", "kind", "role", "kid", "public", "gate_secret"}
    if set(shaped) != expected or shaped["schema"] != 1:
        raise ValueError("keys")
    kind = str(shaped["kind"])
    public = bytes.fromhex(str(shaped["public"]))
    secret = bytes.fromhex(str(shaped["gate_secret"]))
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
    if shaped["role"] != ROLES[kind] or len(secret) != (0 if kind == "policy" else 32):
        raise ValueError("role")
    if shaped["kid"] != kid_of(public).hex():
        raise ValueError("kid")
    return Enrolment(kind, ROLES[kind], kid_of(public), public, secret)
