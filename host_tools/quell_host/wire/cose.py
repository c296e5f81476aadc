# SPDX-License-Identifier: MIT
"""COSE (RFC 9052, RFC 9053) in the few shapes of firmware/SPEC.md: Sign1, Mac0, Encrypt.

Sign1: ESP256 (RFC 9864), the same bytes as ES256 but for the algorithm's number. Signatures are
deterministic (RFC 6979), r ‖ s. All headers are fixed: what differs by one byte is refused.
"""

import hashlib
import hmac as _hmac
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from quell_host.wire import cbor

KID_BYTES = 8
PUBLIC_BYTES = 64
SIGNATURE_BYTES = 64

_TAG_MAC0, _TAG_SIGN1, _TAG_ENCRYPT = 17, 18, 96
_KID, _IV, _SALT = 4, 5, -20
_ESP256 = bytes.fromhex("a10128")
_HMAC_PROTECTED = {8: bytes.fromhex("a10104"), 32: bytes.fromhex("a10105")}
_AES_CCM_16_64_128 = bytes.fromhex("a1010a")
DIRECT_HKDF_SHA256 = bytes.fromhex("a10129")
_CCM_TAG_BYTES = 8
_NONCE = bytes(13)
_P256 = ec.SECP256R1()


class CoseError(ValueError):
    """A COSE message that does not parse or does not verify. Its text names no value."""


def kid_of(public: bytes) -> bytes:
    """The key id (8 bytes) of a public key X ‖ Y of 64 bytes."""
    return hashlib.sha256(public).digest()[:KID_BYTES]


def public_bytes(private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """X ‖ Y, big-endian, 64 bytes, of a P-256 key."""
    numbers = private_key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def public_key(public: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key of X ‖ Y. Raises CoseError when the point is not on the curve."""
    if len(public) != PUBLIC_BYTES:
        raise CoseError("public key is not 64 bytes")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_P256, b"\x04" + public)
    except ValueError:
        raise CoseError("public key is not on P-256") from None


def sign1(
    private_key: ec.EllipticCurvePrivateKey, kid: bytes, external_aad: bytes, payload: bytes
) -> bytes:
    """A COSE_Sign1 (tag 18) with ESP256 over `payload`, with `kid` unprotected.

    The same input gives the same bytes (RFC 6979).
    """
    signed = cbor.encode(["Signature1", _ESP256, external_aad, payload])
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(private_key.sign(signed, algorithm))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return cbor.encode(cbor2.CBORTag(_TAG_SIGN1, [_ESP256, {_KID: kid}, payload, signature]))


def parse1(data: bytes) -> tuple[bytes, bytes]:
    """(kid, payload) of a COSE_Sign1 without verifying it. Raises CoseError."""
    kid, payload, _ = _parse_sign1(data)
    return kid, payload


def _parse_sign1(data: bytes) -> tuple[bytes, bytes, bytes]:
    body = _tagged(data, _TAG_SIGN1, 4)
    protected, unprotected, payload, signature = body
    if protected != _ESP256 or not _is_bytes(payload) or not _is_bytes(signature, SIGNATURE_BYTES):
        raise CoseError("not a COSE_Sign1 with ESP256")
    return _kid(unprotected, KID_BYTES), payload, signature


def verify1(
    data: bytes, public_keys: dict[bytes, bytes], external_aad: bytes
) -> tuple[bytes, bytes]:
    """(kid, payload) of a COSE_Sign1 that one of `public_keys` (kid → X ‖ Y) signed.

    Raises CoseError when it does not parse, the kid is unknown or the signature is wrong.
    """
    kid, payload, signature = _parse_sign1(data)
    public = public_keys.get(kid)
    if public is None:
        raise CoseError("signed by an unknown key")
    signed = cbor.encode(["Signature1", _ESP256, external_aad, payload])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        public_key(public).verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise CoseError("signature does not verify") from None
    return kid, payload


def mac0(key: bytes, kid: bytes, external_aad: bytes, payload: bytes, tag_bytes: int) -> bytes:
    """A COSE_Mac0 (tag 17): HMAC 256/64 when `tag_bytes` is 8, HMAC 256/256 when it is 32."""
    tag = _mac_tag(key, external_aad, payload, tag_bytes)
    body = [_HMAC_PROTECTED[tag_bytes], {_KID: kid}, payload, tag]
    return cbor.encode(cbor2.CBORTag(_TAG_MAC0, body))


def verify_mac0(
    data: bytes, keys: dict[bytes, bytes], external_aad: bytes, tag_bytes: int
) -> tuple[bytes, bytes]:
    """(kid, payload) of a COSE_Mac0 under one of `keys` (kid → key). Raises CoseError."""
    protected, unprotected, payload, tag = _tagged(data, _TAG_MAC0, 4)
    if protected != _HMAC_PROTECTED[tag_bytes] or not _is_bytes(payload) or not _is_bytes(tag):
        raise CoseError("not a COSE_Mac0 of this kind")
    kid = _kid(unprotected, None)
    key = keys.get(kid)
    if key is None:
        raise CoseError("MAC under an unknown key")
    if not _hmac.compare_digest(tag, _mac_tag(key, external_aad, payload, tag_bytes)):
        raise CoseError("MAC does not verify")
    return kid, payload


def _mac_tag(key: bytes, external_aad: bytes, payload: bytes, tag_bytes: int) -> bytes:
    signed = cbor.encode(["MAC0", _HMAC_PROTECTED[tag_bytes], external_aad, payload])
    return _hmac.digest(key, signed, "sha256")[:tag_bytes]


def parse_encrypt(data: Any) -> tuple[int, bytes, bytes]:
    """(key version, salt, ciphertext) of a decoded COSE_Encrypt of SPEC §4. Raises CoseError."""
    if not isinstance(data, cbor2.CBORTag) or data.tag != _TAG_ENCRYPT:
        raise CoseError("not a COSE_Encrypt")
    body = data.value
    if not isinstance(body, list) or len(body) != 4:
        raise CoseError("not a COSE_Encrypt")
    protected, unprotected, ciphertext, recipients = body
    if protected != _AES_CCM_16_64_128 or unprotected != {_IV: _NONCE}:
        raise CoseError("not AES-CCM-16-64-128 with a zero IV")
    if not _is_bytes(ciphertext) or not isinstance(recipients, list) or len(recipients) != 1:
        raise CoseError("not one recipient")
    recipient = recipients[0]
    if not isinstance(recipient, list) or len(recipient) != 3:
        raise CoseError("not one recipient")
    header = recipient[1]
    if recipient[0] != DIRECT_HKDF_SHA256 or recipient[2] != b"" or not isinstance(header, dict):
        raise CoseError("not direct HKDF-SHA-256")
    if set(header) != {_KID, _SALT}:
        raise CoseError("recipient without kid and salt")
    if not _is_bytes(header[_KID], 1) or not _is_bytes(header[_SALT], 16):
        raise CoseError("recipient without kid and salt")
    return header[_KID][0], header[_SALT], ciphertext


def encrypt(
    content_key: bytes, version: int, salt: bytes, external_aad: bytes, plaintext: bytes
) -> cbor2.CBORTag:
    """The COSE_Encrypt of SPEC §4, not encoded yet: it stands inside the batch's array."""
    aad = cbor.encode(["Encrypt", _AES_CCM_16_64_128, external_aad])
    ciphertext = AESCCM(content_key, _CCM_TAG_BYTES).encrypt(_NONCE, plaintext, aad)
    recipient = [DIRECT_HKDF_SHA256, {_KID: bytes([version]), _SALT: salt}, b""]
    body = [_AES_CCM_16_64_128, {_IV: _NONCE}, ciphertext, [recipient]]
    return cbor2.CBORTag(_TAG_ENCRYPT, body)


def decrypt(content_key: bytes, external_aad: bytes, ciphertext: bytes) -> bytes:
    """The plaintext of a COSE_Encrypt's ciphertext. Raises CoseError when it does not open."""
    if len(ciphertext) < _CCM_TAG_BYTES:
        raise CoseError("does not open")
    aad = cbor.encode(["Encrypt", _AES_CCM_16_64_128, external_aad])
    try:
        return AESCCM(content_key, _CCM_TAG_BYTES).decrypt(_NONCE, ciphertext, aad)
    except (InvalidTag, ValueError):
        raise CoseError("does not open") from None


def _tagged(data: bytes, tag: int, length: int) -> list[Any]:
    try:
        decoded = cbor.decode(data)
    except cbor.CborError as error:
        raise CoseError(f"not CBOR: {error}") from None
    if not isinstance(decoded, cbor2.CBORTag) or decoded.tag != tag:
        raise CoseError("another kind of message")
    if not isinstance(decoded.value, list) or len(decoded.value) != length:
        raise CoseError("another kind of message")
    return decoded.value


def _kid(unprotected: Any, length: int | None) -> bytes:
    if not isinstance(unprotected, dict) or set(unprotected) != {_KID}:
        raise CoseError("unexpected header")
    kid = unprotected[_KID]
    if not _is_bytes(kid, length):
        raise CoseError("unexpected header")
    return kid


def _is_bytes(value: Any, length: int | None = None) -> bool:
    return isinstance(value, bytes) and (length is None or len(value) == length)
