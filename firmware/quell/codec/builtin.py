# SPDX-License-Identifier: MIT
# ruff: noqa: F401, I001
"""The native primitives that the core stands on, under the names of every MicroPython generation.

MicroPython 1.13 (QuecPython) knows `uhashlib`, `ucryptolib`, `ubinascii`; later ones also the plain
names. On CPython the tests put a `cryptolib` of the same shape on the path.
"""

try:
    from uhashlib import sha256
    from ubinascii import hexlify, unhexlify
    import ustruct as struct
    from uarray import array
except ImportError:
    from hashlib import sha256
    from binascii import hexlify, unhexlify
    import struct
    from array import array

try:
    from ucryptolib import aes
except ImportError:
    from cryptolib import aes

try:
    from micropython import const
except ImportError:  # CPython

    def const(value):
        return value


AES_ECB = const(1)
AES_CBC = const(2)


def digest(*parts):
    """SHA-256 over the parts in order -> 32 bytes (FIPS 180-4)."""
    state = sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def same(a, b):
    """Compare two byte strings in a time that depends only on their length."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def hex_text(data):
    """bytes -> lower-case hex as str (1.13 has no bytes.hex)."""
    return str(hexlify(data), "ascii")
