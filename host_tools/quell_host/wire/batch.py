# SPDX-License-Identifier: MIT
"""Batches (firmware/SPEC.md §4): opened, and for tests and vectors sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quell_host.wire import cbor, cose, kdf, plaintext
from quell_host.wire.ack import Reason
from quell_host.wire.plaintext import BatchRecord, is_uint

MAX_BATCH_BYTES = 1400
VERSION = 2
_LAST_SEQUENCE = (1 << 32) - 1


class BatchError(ValueError):
    """A batch that is refused; `reason` is the one of SPEC §5. Its text names no value.

    `authentic` tells whether the device made it: only then may an acknowledgement answer it, since
    one that frees records must never be had for a forged batch.
    """

    def __init__(self, message: str, reason: Reason, authentic: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.authentic = authentic


@dataclass(frozen=True)
class BatchHeader:
    """What a batch says outside its seal. All of it is in the AAD, so it is proved on opening."""

    instance: bytes
    purpose: int
    generation: int
    policy_version: int
    policy8: bytes
    first: int
    count: int

    @property
    def next(self) -> int:
        """The sequence number after the last one that the batch accounts for."""
        return self.first + self.count

    def external_aad(self, device: bytes) -> bytes:
        """The AAD that binds the header to the device."""
        return cbor.encode(["quell/1 batch", device, *self._parts()])

    def _parts(self) -> list[object]:
        return [
            self.instance,
            self.purpose,
            self.generation,
            self.policy_version,
            self.policy8,
            self.first,
            self.count,
        ]


@dataclass(frozen=True)
class OpenedBatch:
    """A batch that the device made: its header, its records by rising sequence, its key version.

    `lost`: how many records of this instance, purpose and generation the device had lost when it
    made the batch, by its own count.
    """

    header: BatchHeader
    records: list[BatchRecord]
    key_version: int
    lost: int


@dataclass(frozen=True)
class _Sealed:
    header: BatchHeader
    key_version: int
    salt: bytes
    ciphertext: bytes


def open_batch(message: bytes, device: bytes, device_keys: Mapping[int, bytes]) -> OpenedBatch:
    """Open a message of the device's `up` topic; `device_keys` by their version.

    Raises BatchError: MALFORMED or DOES_NOT_OPEN when nothing proves who sent it (`authentic`
    False), MALFORMED with `authentic` when the device sealed what breaks the format.
    """
    sealed = _parse(message)
    device_key = device_keys.get(sealed.key_version)
    if device_key is None:
        raise BatchError("sealed under an unknown key version", Reason.DOES_NOT_OPEN)
    header = sealed.header
    aad = header.external_aad(device)
    key = kdf.content_key(device_key, device, header.instance, sealed.salt)
    try:
        inner = cose.decrypt(key, aad, sealed.ciphertext)
    except cose.CoseError:
        raise BatchError("does not open", Reason.DOES_NOT_OPEN) from None
    # 16 more bytes of proof than CCM's tag of 8, at the price of one HMAC.
    if kdf.synthetic_salt(device_key, aad, inner) != sealed.salt:
        raise BatchError("salt is not of this plaintext", Reason.DOES_NOT_OPEN)
    try:
        contents = plaintext.parse(inner, header.first, header.count)
    except plaintext.OldPlaintextError:
        # The version stands outside the seal: on the way it may have been made 2. A refusal would
        # make the device throw its records away.
        raise BatchError("sealed as version 1", Reason.DOES_NOT_OPEN) from None
    except plaintext.PlaintextError as error:
        raise BatchError(str(error), Reason.MALFORMED, authentic=True) from None
    return OpenedBatch(header, contents.records, sealed.key_version, contents.lost)


def parse_header(message: bytes) -> BatchHeader:
    """The header of a batch that nothing has proved yet. Raises BatchError."""
    return _parse(message).header


def _parse(message: bytes) -> _Sealed:
    try:
        decoded = cbor.decode(message, MAX_BATCH_BYTES)
    except cbor.CborError as error:
        raise BatchError(f"not CBOR: {error}", Reason.MALFORMED) from None
    if not isinstance(decoded, list) or len(decoded) != 9 or decoded[0] != VERSION:
        raise BatchError("not a batch of version 2", Reason.MALFORMED)
    _, instance, purpose, generation, version, policy8, first, count, sealed = decoded
    for value in (instance, policy8):
        if not isinstance(value, bytes) or len(value) != 8:
            raise BatchError("instance or policy is not 8 bytes", Reason.MALFORMED)
    for number in (purpose, generation, version, first, count):
        if not is_uint(number) or number > _LAST_SEQUENCE:
            raise BatchError("a number is out of range", Reason.MALFORMED)
    if isinstance(decoded[0], bool) or not 1 <= purpose <= 255:
        raise BatchError("a number is out of range", Reason.MALFORMED)
    if not 1 <= count <= plaintext.MAX_RECORDS or first + count - 1 > _LAST_SEQUENCE:
        raise BatchError("sequence range out of range", Reason.MALFORMED)
    try:
        key_version, salt, ciphertext = cose.parse_encrypt(sealed)
    except cose.CoseError as error:
        raise BatchError(str(error), Reason.MALFORMED) from None
    header = BatchHeader(instance, purpose, generation, version, policy8, first, count)
    return _Sealed(header, key_version, salt, ciphertext)


def seal(
    device: bytes, device_key: bytes, key_version: int, header: BatchHeader, inner: bytes
) -> bytes:
    """The message of a batch with the plaintext `inner`, as a device would send it."""
    aad = header.external_aad(device)
    salt = kdf.synthetic_salt(device_key, aad, inner)
    key = kdf.content_key(device_key, device, header.instance, salt)
    sealed = cose.encrypt(key, key_version, salt, aad, inner)
    return cbor.encode([VERSION, *header._parts(), sealed])


def seal_batch(
    device: bytes,
    device_key: bytes,
    key_version: int,
    header: BatchHeader,
    records: Sequence[BatchRecord],
    strings: Sequence[str | bytes] = (),
    lost: int = 0,
) -> bytes:
    """`seal` with the plaintext of `records`."""
    inner = plaintext.build(records, header.first, header.count, strings, lost)
    return seal(device, device_key, key_version, header, inner)
