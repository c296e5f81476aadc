# SPDX-License-Identifier: MIT
"""The derived keys of firmware/SPEC.md §3 and §4: HKDF-SHA256 (RFC 5869) and the COSE KDF context.

Every key in and out is 32 bytes, but for the content key of a batch: 16.
"""

import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from quell_host.wire import cbor
from quell_host.wire.cose import DIRECT_HKDF_SHA256

_AES_CCM_16_64_128 = 10
_CONTENT_KEY_BITS = 128
SALT_BYTES = 16


def _hkdf(secret: bytes, info: bytes, salt: bytes = b"", length: int = 32) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt or None, info=info).derive(secret)


def uplink_key(device_key: bytes) -> bytes:
    """K_uplink: the secret from which the content keys of batches come."""
    return _hkdf(device_key, b"quell/1 uplink")


def salt_key(device_key: bytes) -> bytes:
    """K_salt: makes the synthetic salt of a batch."""
    return _hkdf(device_key, b"quell/1 salt")


def ack_key(device_key: bytes) -> bytes:
    """K_ack: authenticates acknowledgements."""
    return _hkdf(device_key, b"quell/1 ack")


def gate_key(gate_secret: bytes, device: bytes) -> bytes:
    """K_gate: opens the gate of a signer's bundles for one device."""
    return _hkdf(gate_secret, b"quell/1 gate" + device)


def segment_key(ring_key: bytes, salt: bytes) -> bytes:
    """K_segment (16 bytes): seals the records at rest of one segment, sector or inline file."""
    return _hkdf(ring_key, b"quell/1 segment", salt, 16)


def synthetic_salt(device_key: bytes, external_aad: bytes, plaintext: bytes) -> bytes:
    """The salt (16 bytes) of a batch: a repeat leaks equality at most."""
    return hmac.digest(salt_key(device_key), external_aad + plaintext, "sha256")[:SALT_BYTES]


def content_key(device_key: bytes, device: bytes, instance: bytes, salt: bytes) -> bytes:
    """The key (16 bytes) that seals one batch: direct HKDF-SHA-256 of RFC 9053 §6.1.2."""
    nothing = [None, None, None]
    public_info = [_CONTENT_KEY_BITS, DIRECT_HKDF_SHA256]
    context = [_AES_CCM_16_64_128, [device, instance, None], nothing, public_info]
    return _hkdf(uplink_key(device_key), cbor.encode(context), salt, _CONTENT_KEY_BITS // 8)
