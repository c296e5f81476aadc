# SPDX-License-Identifier: MIT
"""Encrypted PKCS#8 (RFC 5958) with scrypt (RFC 7914 §7) and AES-256-CBC, as PEM.

`cryptography` reads this form but writes only PBKDF2 with 2,048 rounds, which a graphics card
guesses a million times a second. OpenSSL reads it too.
"""

import base64
import os
import textwrap

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

# 16 MiB and some 50 ms a guess: the most that OpenSSL and cryptography take without being asked.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 14, 8, 1

# Object identifiers, DER-encoded.
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04


def encrypt_pkcs8(der: bytes, passphrase: str) -> bytes:
    """The PEM of an EncryptedPrivateKeyInfo that holds the unencrypted PKCS#8 `der`."""
    salt, iv = os.urandom(16), os.urandom(16)
    kdf = Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(der) + padder.finalize()
    encryptor = Cipher(algorithms.AES(kdf.derive(passphrase.encode())), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    costs = b"".join(_integer(number) for number in (SCRYPT_N, SCRYPT_R, SCRYPT_P, 32))
    derivation = _tlv(_SEQUENCE, _SCRYPT + _tlv(_SEQUENCE, _tlv(_OCTETS, salt) + costs))
    cipher = _tlv(_SEQUENCE, _AES_256_CBC + _tlv(_OCTETS, iv))
    scheme = _tlv(_SEQUENCE, _PBES2 + _tlv(_SEQUENCE, derivation + cipher))
    return _pem(_tlv(_SEQUENCE, scheme + _tlv(_OCTETS, sealed)))


def _tlv(tag: int, value: bytes) -> bytes:
    """Tag, length (X.690 §8.1.3) and value."""
    size = len(value)
    if size < 128:
        return bytes([tag, size]) + value
    width = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | width]) + size.to_bytes(width, "big") + value


def _integer(number: int) -> bytes:
    # One bit more than the number has, so that the sign bit stays clear.
    return _tlv(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _pem(der: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    label = "ENCRYPTED PRIVATE KEY"
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()
