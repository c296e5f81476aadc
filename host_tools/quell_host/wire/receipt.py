# SPDX-License-Identifier: MIT
"""Receipts (firmware/SPEC.md §9): the device's signed statements, opened and checked."""

import enum
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from quell_host.wire import cbor, cose
from quell_host.wire.plaintext import is_uint

MAX_RECEIPT_BYTES = 4096
FIRST_PREVIOUS = bytes(32)
_AAD = cbor.encode(["quell/1 receipt"])


class ReceiptKind(enum.IntEnum):
    """What a receipt is about."""

    STATE = 1
    GRANT = 2
    WITHDRAW = 3
    POLICY = 4


class Outcome(enum.IntEnum):
    """What the device did."""

    DONE = 0
    ALREADY = 1
    REFUSED_BASIS = 2
    REFUSED_ROLE = 3
    REFUSED_STALE = 4
    REFUSED_EXPIRED = 5
    REFUSED_ROLLBACK = 6
    REFUSED_SCHEMA = 7
    REFUSED_UNKNOWN_PURPOSE = 8
    REFUSED_POLICY = 9
    RESTRICTED = 10
    REFUSED_SPACE = 11


class Status(enum.IntEnum):
    """The consent status of a purpose, in W3C DPV terms."""

    ConsentUnknown = 0
    ConsentGiven = 1
    ConsentWithdrawn = 2
    ConsentRevoked = 3


class EraseLevel(enum.IntEnum):
    """How far an erasure went (design §3.6)."""

    RESTRICTED = 0
    LOGICAL = 1
    CRYPTOGRAPHIC = 2
    PHYSICAL = 3


class Asker(enum.IntEnum):
    """Who asked (key 19)."""

    OPERATOR = 0
    SUBJECT = 1
    GUARDIAN = 2
    LOCAL_BUTTON = 4


class ReceiptError(ValueError):
    """A receipt that does not parse or is not this device's. Its text names no value."""


@dataclass(frozen=True)
class PurposeState:
    """One purpose in a state receipt."""

    purpose: int
    generation: int
    status: Status
    challenge: bytes
    digest: bytes


@dataclass(frozen=True)
class Receipt:
    """A verified receipt; what it does not say is None. Meanings: SPEC §9."""

    raw: bytes
    kid: bytes
    kind: ReceiptKind
    device: bytes
    instance: bytes
    number: int
    previous: bytes
    outcome: Outcome | None = None
    purpose: int | None = None
    generation: int | None = None
    status: Status | None = None
    challenge: bytes | None = None
    command_hash: bytes | None = None
    erased_to: int | None = None
    erase_level: EraseLevel | None = None
    last_handed: int | None = None
    counters: dict[int, int] = field(default_factory=dict)
    time_trust: int | None = None
    time_s: int | None = None
    policy_hash: bytes | None = None
    agent_version: str | None = None
    boot: int | None = None
    asker: Asker | None = None
    nonce: bytes | None = None
    purposes: tuple[PurposeState, ...] | None = None
    unsent_destroyed: int | None = None

    @property
    def hash(self) -> bytes:
        """SHA-256 of the receipt's bytes: how the next one names it."""
        return hashlib.sha256(self.raw).digest()


def _bytes(*lengths: int) -> Callable[[Any], bytes]:
    def check(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) not in lengths:
            raise ReceiptError("a byte string has another length")
        return value

    return check


def _uint(most: int = (1 << 64) - 1) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not is_uint(value) or value > most:
            raise ReceiptError("a number is out of range")
        return value

    return check


def _one_of(names: type[enum.IntEnum]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        try:
            return names(_uint()(value))
        except ValueError:
            raise ReceiptError(f"unknown {names.__name__}") from None

    return check


def _last_handed(value: Any) -> int:
    return -1 if value == -1 and value is not True else _uint((1 << 32) - 1)(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        raise ReceiptError("the agent's version is no short text")
    return value


def _counters(value: Any) -> dict[int, int]:
    if not isinstance(value, dict):
        raise ReceiptError("counters are no map")
    return {_uint(65535)(reason): _uint()(count) for reason, count in value.items()}


def _purposes(value: Any) -> tuple[PurposeState, ...]:
    if not isinstance(value, list):
        raise ReceiptError("purposes are no array")
    found = []
    for row in value:
        if not isinstance(row, list) or len(row) != 5:
            raise ReceiptError("a purpose has not five parts")
        state = PurposeState(
            _uint(255)(row[0]),
            _uint((1 << 32) - 1)(row[1]),
            _one_of(Status)(row[2]),
            _bytes(16)(row[3]),
            _bytes(32)(row[4]),
        )
        if found and state.purpose <= found[-1].purpose:
            raise ReceiptError("purposes are not rising")
        found.append(state)
    return tuple(found)


def _time(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ReceiptError("time has not two parts")
    return _uint(2)(value[0]), _uint((1 << 53) - 1)(value[1])


# Key of the payload → name in Receipt and check. Key 15 gives two names.
_KEYS: dict[int, tuple[str, Callable[[Any], Any]]] = {
    0: ("kind", _one_of(ReceiptKind)),
    1: ("device", _bytes(16)),
    2: ("instance", _bytes(0, 8)),
    3: ("number", _uint((1 << 32) - 1)),
    4: ("previous", _bytes(32)),
    5: ("outcome", _one_of(Outcome)),
    6: ("purpose", _uint(255)),
    7: ("generation", _uint((1 << 32) - 1)),
    8: ("status", _one_of(Status)),
    9: ("challenge", _bytes(16)),
    10: ("command_hash", _bytes(0, 32)),
    11: ("erased_to", _uint((1 << 32) - 1)),
    12: ("erase_level", _one_of(EraseLevel)),
    13: ("last_handed", _last_handed),
    14: ("counters", _counters),
    15: ("time", _time),
    16: ("policy_hash", _bytes(0, 32)),
    17: ("agent_version", _text),
    18: ("boot", _uint((1 << 32) - 1)),
    19: ("asker", _one_of(Asker)),
    20: ("nonce", _bytes(16)),
    21: ("purposes", _purposes),
    22: ("unsent_destroyed", _uint()),
}
_ALWAYS = frozenset({0, 1, 2, 3, 4})
_NEEDED = {
    ReceiptKind.STATE: frozenset({20, 21}),
    ReceiptKind.GRANT: frozenset({5, 6}),
    ReceiptKind.WITHDRAW: frozenset({5, 6}),
    ReceiptKind.POLICY: frozenset({5}),
}


def verify(raw: bytes, device: bytes, public: bytes) -> Receipt:
    """The receipt in `raw`, signed with the device's key (`public`, X ‖ Y) and naming `device`.

    Raises ReceiptError.
    """
    if len(raw) > MAX_RECEIPT_BYTES:
        raise ReceiptError(f"longer than {MAX_RECEIPT_BYTES} bytes")
    try:
        kid, payload = cose.verify1(raw, {cose.kid_of(public): public}, _AAD)
    except cose.CoseError as error:
        raise ReceiptError(str(error)) from None
    receipt = _parse(raw, kid, payload)
    if receipt.device != device:
        raise ReceiptError("is about another device")
    return receipt


def device_of(raw: bytes) -> bytes:
    """The device id that an unverified receipt names, to look its key up. Raises ReceiptError."""
    try:
        kid, payload = cose.parse1(raw)
    except cose.CoseError as error:
        raise ReceiptError(str(error)) from None
    return _parse(raw, kid, payload).device


def _parse(raw: bytes, kid: bytes, payload: bytes) -> Receipt:
    try:
        decoded = cbor.decode(payload)
    except cbor.CborError as error:
        raise ReceiptError(f"payload is not CBOR: {error}") from None
    if not isinstance(decoded, dict) or not set(decoded) >= _ALWAYS:
        raise ReceiptError("a part is missing")
    if not set(decoded) <= set(_KEYS) or any(isinstance(key, bool) for key in decoded):
        raise ReceiptError("an unknown part")
    values: dict[str, Any] = {}
    for key, value in decoded.items():
        name, check = _KEYS[key]
        values[name] = check(value)
    if not set(decoded) >= _NEEDED[values["kind"]]:
        raise ReceiptError("a part is missing")
    trust, seconds = values.pop("time", (None, None))
    return Receipt(raw, kid, **values, time_trust=trust, time_s=seconds)


def build(private_key: ec.EllipticCurvePrivateKey, payload: dict[int, Any]) -> bytes:
    """A receipt with this payload, as a device would sign it: for tests and vectors."""
    kid = cose.kid_of(cose.public_bytes(private_key))
    return cose.sign1(private_key, kid, _AAD, cbor.encode(payload))
