# SPDX-License-Identifier: MIT
"""The three COSE shapes that Quell uses (RFC 9052, 9053; SPEC §4-§6, §9), each fixed to one algorithm.

COSE_Sign1 with ESP256, COSE_Mac0 with HMAC-SHA256 (32- or 8-byte tags), COSE_Encrypt with AES-CCM-16-64-128
and direct+HKDF-SHA-256. Protected headers are constants: another algorithm is another byte string, and refused.
"""

from quell.codec import aead, cbor, p256
from quell.codec.builtin import digest, same
from quell.codec.cbor import Tag
from quell.codec.kdf import hkdf, hmac
from quell.errors import CoseError
from quell.limits import MAX_POLICY_BYTES

_ESP256 = b"\xa1\x01\x28"  # {1: -9}, RFC 9864
_HMAC_256 = b"\xa1\x01\x05"  # {1: 5}
_HMAC_64 = b"\xa1\x01\x04"  # {1: 4}
_CCM = b"\xa1\x01\x0a"  # {1: 10}
_DIRECT_HKDF = b"\xa1\x01\x29"  # {1: -10}
_IV = bytes(13)  # zero: the key under it is new for every plaintext (synthetic salt)

_SIGN1 = 18
_MAC0 = 17
_ENCRYPT = 96


def _parse(message, tag, parts):
    value = cbor.decode(message, MAX_POLICY_BYTES)
    if not (isinstance(value, Tag) and value.number == tag):
        raise CoseError("tag number")
    value = value.value
    if not (isinstance(value, list) and len(value) == parts):
        raise CoseError("shape")
    return value


def _kid(unprotected):
    if not (isinstance(unprotected, dict) and len(unprotected) == 1):
        raise CoseError("header")
    kid = unprotected.get(4)
    if not isinstance(kid, bytes):
        raise CoseError("kid")
    return kid


def kid_of(public):
    """Key identifier of a 64-byte public key -> 8 bytes."""
    return digest(public)[:8]


def _signed_hash(external_aad, payload):
    return digest(cbor.encode(["Signature1", _ESP256, external_aad, payload]))


def sign1(private, kid, external_aad, payload, public=None):
    """COSE_Sign1 over `payload` -> bytes. Verified before it is given out: a fault while signing can leak the key.

    `public`: the key's public part, 64 bytes, where it is known: it saves computing it again.
    """
    hashed = _signed_hash(external_aad, payload)
    signature = p256.sign(private, hashed)
    if not p256.verify(public or p256.public_key(private), hashed, signature):
        raise CoseError("signing failed")
    return cbor.encode(Tag(_SIGN1, [_ESP256, {4: kid}, payload, signature]))


def parse_sign1(message):
    """Take a COSE_Sign1 apart, unverified -> (kid, payload, signature). Raises CoseError or CborError."""
    protected, unprotected, payload, signature = _parse(message, _SIGN1, 4)
    if protected != _ESP256:
        raise CoseError("algorithm")
    if not (isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise CoseError("shape")
    return _kid(unprotected), payload, signature


def verify1(public, external_aad, payload, signature):
    """True if the parts of a COSE_Sign1 verify under the 64-byte public key."""
    return p256.verify(public, _signed_hash(external_aad, payload), signature)


def mac0(key, kid, external_aad, payload, short=False):
    """COSE_Mac0 over `payload` -> bytes; `short` for 8-byte tags."""
    protected = _HMAC_64 if short else _HMAC_256
    tag = hmac(key, cbor.encode(["MAC0", protected, external_aad, payload]))
    return cbor.encode(Tag(_MAC0, [protected, {4: kid}, payload, tag[:8] if short else tag]))


def parse_mac0(message, short=False):
    """Take a COSE_Mac0 apart, unverified -> (kid, payload, tag). Raises CoseError or CborError."""
    protected, unprotected, payload, tag = _parse(message, _MAC0, 4)
    if protected != (_HMAC_64 if short else _HMAC_256):
        raise CoseError("algorithm")
    if not (isinstance(payload, bytes) and isinstance(tag, bytes)):
        raise CoseError("shape")
    return _kid(unprotected), payload, tag


def verify_mac0(key, external_aad, payload, tag, short=False):
    """True if the parts of a COSE_Mac0 verify under `key`."""
    protected = _HMAC_64 if short else _HMAC_256
    expected = hmac(key, cbor.encode(["MAC0", protected, external_aad, payload]))
    return same(tag, expected[:8] if short else expected)


def encrypt(secret, salt_key, kid, party, external_aad, plaintext):
    """COSE_Encrypt of `plaintext` -> bytes (SPEC §4).

    The content key is derived with a salt made from key, AAD and plaintext: whatever the state of
    the generator, a repeat leaks only that two batches are equal. `party`: [device id, instance].
    """
    salt = hmac(salt_key, external_aad, plaintext)[:16]
    context = cbor.encode([10, [party[0], party[1], None], [None, None, None], [128, _DIRECT_HKDF]])
    key = hkdf(secret, salt, context, 16)
    aad = cbor.encode(["Encrypt", _CCM, external_aad])
    recipient = [_DIRECT_HKDF, {4: kid, -20: salt}, b""]
    return cbor.encode(Tag(_ENCRYPT, [_CCM, {5: _IV}, aead.seal(key, _IV, aad, plaintext), [recipient]]))
