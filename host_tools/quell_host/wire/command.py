# SPDX-License-Identifier: MIT
"""Commands (firmware/SPEC.md §6): grant, withdraw and policy, each a COSE_Sign1 of its signer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from quell_host.wire import cbor, cose
from quell_host.wire.plaintext import is_uint

GRANT, WITHDRAW, POLICY = 1, 2, 3
NAMES = {GRANT: "grant", WITHDRAW: "withdraw", POLICY: "policy"}
ROLE_OPERATOR, ROLE_SUBJECT, ROLE_GUARDIAN, ROLE_POLICY = range(4)
MAY_WITHDRAW = frozenset({ROLE_OPERATOR, ROLE_SUBJECT, ROLE_GUARDIAN})

_DOMAIN = "quell/1 command"
_GENERATION_MAX = (1 << 32) - 1


class CommandError(ValueError):
    """A command that does not parse or verify. Its text names no value."""


class CommandSigner(Protocol):
    """What signs a command: its kid (8 bytes) and P-256 key."""

    @property
    def kid(self) -> bytes: ...

    @property
    def private_key(self) -> ec.EllipticCurvePrivateKey: ...


@dataclass(frozen=True)
class Command:
    """A parsed command. Fields that its kind does not have keep their defaults.

    `generation`: of a grant the current one, of a withdrawal the last one that it acts on.
    `instance`: of a withdrawal the one that it names (8 bytes or empty).
    """

    kind: int
    kid: bytes
    raw: bytes
    purpose: int = 0
    generation: int = 0
    instance: bytes = b""
    policy_hash: bytes = b""
    policy_version: int = 0
    policy_bytes: int = 0
    policy_chunks: int = 0

    @property
    def hash(self) -> bytes:
        """SHA-256 of the command's bytes: how a receipt names it."""
        return hashlib.sha256(self.raw).digest()

    @property
    def slot(self) -> str:
        """What a newer command replaces in a bundle: `consent:<purpose>` or `policy`."""
        return "policy" if self.kind == POLICY else f"consent:{self.purpose}"


def _sign(signer: CommandSigner, aad: list[object], payload: list[object]) -> bytes:
    body = cbor.encode(payload)
    return cose.sign1(signer.private_key, signer.kid, cbor.encode([_DOMAIN, *aad]), body)


def build_grant(
    signer: CommandSigner,
    device: bytes,
    instance: bytes,
    purpose: int,
    generation: int,
    digest: bytes,
    challenge: bytes,
) -> bytes:
    """A grant of `purpose`, whose current generation is `generation`, of what `digest` says."""
    return _sign(signer, [device, instance, digest, challenge], [GRANT, purpose, generation])


def build_withdraw(
    signer: CommandSigner, device: bytes, purpose: int, generation: int, instance: bytes
) -> bytes:
    """A withdrawal of `purpose` up to `generation` of `instance` (empty before the first one)."""
    return _sign(signer, [device], [WITHDRAW, purpose, generation, instance])


def build_policy(
    signer: CommandSigner,
    device: bytes,
    instance: bytes,
    policy_hash: bytes,
    version: int,
    size_bytes: int,
    chunks: int,
) -> bytes:
    """A request to run the policy with this hash, whose body lies in `chunks` retained slices."""
    payload: list[object] = [POLICY, policy_hash, version, size_bytes, chunks]
    return _sign(signer, [device, instance], payload)


def parse(raw: bytes) -> Command:
    """Parse a command without verifying it. Raises CommandError."""
    try:
        kid, body = cose.parse1(raw)
        parts = cbor.decode(body)
    except (cose.CoseError, cbor.CborError) as error:
        raise CommandError(str(error)) from None
    if not isinstance(parts, list) or not parts or not is_uint(parts[0]):
        raise CommandError("payload is no command")
    kind = parts[0]
    if kind == GRANT and len(parts) == 3:
        purpose, generation = _consent_numbers(parts)
        return Command(GRANT, kid, raw, purpose, generation)
    if kind == WITHDRAW and len(parts) == 4:
        purpose, generation = _consent_numbers(parts)
        if not isinstance(parts[3], bytes) or len(parts[3]) not in (0, 8):
            raise CommandError("instance is not 8 bytes")
        return Command(WITHDRAW, kid, raw, purpose, generation, parts[3])
    if kind == POLICY and len(parts) == 5:
        if not isinstance(parts[1], bytes) or len(parts[1]) != 32:
            raise CommandError("policy hash is not 32 bytes")
        if not all(is_uint(part) for part in parts[2:]):
            raise CommandError("version, bytes or chunks is no number")
        return Command(POLICY, kid, raw, 0, 0, b"", *parts[1:])
    raise CommandError("payload is no command")


def _consent_numbers(parts: list[object]) -> tuple[int, int]:
    purpose, generation = parts[1], parts[2]
    if not isinstance(purpose, int) or isinstance(purpose, bool) or not 1 <= purpose <= 255:
        raise CommandError("purpose is no number of 1 to 255")
    if not is_uint(generation) or generation > _GENERATION_MAX:
        raise CommandError("generation is no number of 32 bits")
    return purpose, generation


def verify_withdraw(command: Command, public_keys: Mapping[bytes, bytes], device: bytes) -> None:
    """Check that a withdrawal for `device` is signed by its kid. Raises CommandError."""
    _verify(command, public_keys, [device])


def verify_policy(
    command: Command, public_keys: Mapping[bytes, bytes], device: bytes, instance: bytes
) -> None:
    """Check that a policy command for `device` and `instance` is signed by its kid."""
    _verify(command, public_keys, [device, instance])


def verify_grant(
    command: Command,
    public_keys: Mapping[bytes, bytes],
    device: bytes,
    instance: bytes,
    digest: bytes,
    challenge: bytes,
) -> None:
    """Check that a grant binds all this and is signed by its kid. Raises CommandError."""
    _verify(command, public_keys, [device, instance, digest, challenge])


def _verify(command: Command, public_keys: Mapping[bytes, bytes], aad: list[object]) -> None:
    try:
        cose.verify1(command.raw, dict(public_keys), cbor.encode([_DOMAIN, *aad]))
    except cose.CoseError as error:
        raise CommandError(str(error)) from None
