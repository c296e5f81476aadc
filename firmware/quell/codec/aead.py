# SPDX-License-Identifier: MIT
"""AES-CCM-16-64-128 (RFC 3610 with L = 2, M = 8; COSE algorithm 10) from AES-CBC and AES-ECB.

CBC with a zero IV is the CBC-MAC, ECB over counter blocks is the key stream: a stock MicroPython
build has no CTR. Key 16 bytes, nonce 13 bytes, tag 8 bytes, at most 65,535 bytes of plaintext.
"""

from quell.codec.builtin import AES_CBC, AES_ECB, aes, same, struct
from quell.errors import CoseError

TAG_BYTES = 8
_ZERO_BLOCK = bytes(16)


def _pad(data):
    return bytes(-len(data) & 15)


def _mac(key, nonce, aad, plaintext):
    # RFC 3610 §2.2: B_0, then the length-prefixed AAD, then the text, each padded to a block
    flags = 0x59 if aad else 0x19
    blocks = struct.pack(">B13sH", flags, nonce, len(plaintext))
    if aad:
        if len(aad) >= 0xFF00:
            raise CoseError("aad too long")
        head = struct.pack(">H", len(aad)) + aad
        blocks += head + _pad(head)
    blocks += plaintext + _pad(plaintext)
    return aes(key, AES_CBC, _ZERO_BLOCK).encrypt(blocks)[-16:]


def _key_stream(key, nonce, length):
    # RFC 3610 §2.3: S_0 hides the tag, S_1… the text
    counters = bytearray()
    for i in range((length + 15) // 16 + 1):  # 1.13: a length is below 2^30
        counters.extend(struct.pack(">B13sH", 1, nonce, i))
    return aes(key, AES_ECB).encrypt(bytes(counters))


def _xor(a, b):
    # one wide xor instead of a loop over bytes; no division is involved (standards: 1.13 big integers)
    n = len(a)
    if n == 0:
        return b""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b[:n], "big")).to_bytes(n, "big")  # 1.13: both have n bytes


def seal(key, nonce, aad, plaintext):
    """Encrypt and authenticate -> ciphertext ‖ tag. A (key, nonce) pair serves one plaintext only."""
    stream = _key_stream(key, nonce, len(plaintext))
    tag = _xor(_mac(key, nonce, aad, plaintext)[:TAG_BYTES], stream)
    return _xor(plaintext, stream[16:]) + tag


def open_sealed(key, nonce, aad, sealed):
    """Verify and decrypt -> plaintext. Raises CoseError, and gives nothing out, if the tag is false."""
    if len(sealed) < TAG_BYTES:
        raise CoseError("truncated")
    text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    stream = _key_stream(key, nonce, len(text))
    plaintext = _xor(text, stream[16:])
    if not same(tag, _xor(_mac(key, nonce, aad, plaintext)[:TAG_BYTES], stream)):
        raise CoseError("tag")
    return plaintext
