# SPDX-License-Identifier: MIT
"""MicroPython's `cryptolib` on CPython, for the tests: `aes(key, mode[, iv])` with ECB (1) and CBC (2)."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class aes:
    """One direction per object, as on MicroPython; lengths are whole blocks."""

    def __init__(self, key, mode, iv=None):
        if mode not in (1, 2):
            raise ValueError("mode")
        self._cipher = Cipher(
            algorithms.AES(bytes(key)), modes.ECB() if mode == 1 else modes.CBC(bytes(iv))
        )
        self._encryptor = self._decryptor = None

    def encrypt(self, data):
        if len(data) % 16:
            raise ValueError("blksize % 16")
        if self._encryptor is None:
            self._encryptor = self._cipher.encryptor()
        return self._encryptor.update(bytes(data))

    def decrypt(self, data):
        if len(data) % 16:
            raise ValueError("blksize % 16")
        if self._decryptor is None:
            self._decryptor = self._cipher.decryptor()
        return self._decryptor.update(bytes(data))
