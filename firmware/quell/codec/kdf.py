# SPDX-License-Identifier: MIT
"""HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869) over the platform's SHA-256."""

from quell.codec.builtin import digest, sha256

_BLOCK_BYTES = 64
_IPAD = bytes([i ^ 0x36 for i in range(256)])
_OPAD = bytes([i ^ 0x5C for i in range(256)])


def hmac(key, *parts):
    """HMAC-SHA256 of the parts in order -> 32 bytes."""
    if len(key) > _BLOCK_BYTES:
        key = digest(key)
    key = key + bytes(_BLOCK_BYTES - len(key))
    inner = sha256(bytes([_IPAD[b] for b in key]))
    for part in parts:
        inner.update(part)
    outer = sha256(bytes([_OPAD[b] for b in key]))
    outer.update(inner.digest())
    return outer.digest()


def hkdf(key, salt, info, length):
    """HKDF-SHA256: `key` (input keying material), `salt` (may be empty) and `info` -> `length` bytes, at most 64."""
    pseudo_random_key = hmac(salt, key)
    block = hmac(pseudo_random_key, info, b"\x01")
    if length > 32:
        block += hmac(pseudo_random_key, block, info, b"\x02")
    return block[:length]
