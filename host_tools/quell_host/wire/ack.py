# SPDX-License-Identifier: MIT
"""Acknowledgements (firmware/SPEC.md §5): COSE_Mac0, HMAC 256/256 under K_ack."""

import enum
from dataclasses import dataclass
from typing import Any

from quell_host.wire import cbor, cose, kdf

ENTROPY_BYTES = 16
_TAG_BYTES = 32
_STORED, _RECEIPT, _REFUSED, _STATE = 1, 2, 3, 4


class Reason(enum.IntEnum):
    """Why a batch is refused for good (kind 3)."""

    DOES_NOT_OPEN = 1
    MALFORMED = 2
    UNKNOWN_POLICY = 3
    PURPOSE_ERASED = 4
    UNKNOWN_INSTANCE = 5

    @property
    def words(self) -> str:
        """For people: `does not open`."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class AckKey:
    """The device and key that an acknowledgement is for. `version` is the device key's, 1…255."""

    device: bytes
    device_key: bytes
    version: int


def _seal(key: AckKey, instance: bytes, payload: list[Any], entropy: bytes, time_s: int) -> bytes:
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError("entropy is 16 bytes")
    body = cbor.encode([*payload, entropy, time_s])
    aad = cbor.encode(["quell/1 ack", key.device, instance])
    mac_key = kdf.ack_key(key.device_key)
    return cose.mac0(mac_key, bytes([key.version]), aad, body, _TAG_BYTES)


def stored(
    key: AckKey,
    instance: bytes,
    purpose: int,
    generation: int,
    next_seq: int,
    entropy: bytes,
    time_s: int,
) -> bytes:
    """Kind 1: all records of the generation below `next_seq` are stored and may leave the ring."""
    return _seal(key, instance, [_STORED, purpose, generation, next_seq, 0], entropy, time_s)


def receipt_stored(
    key: AckKey, instance: bytes, number: int, hash8: bytes, entropy: bytes, time_s: int
) -> bytes:
    """Kind 2: the receipt `number`, with `hash8` the first 8 bytes of its hash, is stored."""
    return _seal(key, instance, [_RECEIPT, number, hash8, 0, 0], entropy, time_s)


def refused(
    key: AckKey,
    instance: bytes,
    purpose: int,
    generation: int,
    next_seq: int,
    reason: Reason,
    entropy: bytes,
    time_s: int,
) -> bytes:
    """Kind 3: the batch up to `next_seq` is refused for good."""
    payload = [_REFUSED, purpose, generation, next_seq, int(reason)]
    return _seal(key, instance, payload, entropy, time_s)


def state_answer(key: AckKey, nonce: bytes, instance: bytes, entropy: bytes, time_s: int) -> bytes:
    """Kind 4: the answer to a state receipt with this nonce; `instance` is the device's from now.

    Its AAD has an empty instance: the device may have none yet.
    """
    return _seal(key, b"", [_STATE, nonce, instance, 0, 0], entropy, time_s)


def open_ack(message: bytes, key: AckKey, instance: bytes) -> list[Any]:
    """The seven parts of an acknowledgement, as the device sees them. Raises CoseError.

    `instance` is the device's; for kind 4 the empty one is tried as well.
    """
    mac_key = kdf.ack_key(key.device_key)
    keys = {bytes([key.version]): mac_key}
    for bound in dict.fromkeys((instance, b"")):
        aad = cbor.encode(["quell/1 ack", key.device, bound])
        try:
            _, body = cose.verify_mac0(message, keys, aad, _TAG_BYTES)
        except cose.CoseError:
            continue
        parts = cbor.decode(body)
        if isinstance(parts, list) and len(parts) == 7 and (bound != b"" or parts[0] == _STATE):
            return parts
    raise cose.CoseError("acknowledgement does not verify")
