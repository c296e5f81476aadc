# SPDX-License-Identifier: MIT
"""Keys in QuecPython's `SecureData`, which survives a format of the file system.

It has no call to delete, and keeps a backup copy of each slot inside: so a slot is written twice, which displaces
both, and read back. Nothing here can prove that the cells below were erased: level `logical`. The module is not on
BC25, BG95 and EC200A. Written from Quectel's documentation, never run on a module.
"""

from quell.errors import FlashError
from quell.port import LOGICAL, Flash

_INDEX = {"keys.a": 15, "keys.b": 16}
_SLOT_BYTES = 1000


class SecureDataFlash(Flash):
    """`secure`: the SecureData module (`Store`, `Read`). What it has no slot for goes to `files` (a Flash)."""

    level = LOGICAL

    def __init__(self, secure, files):
        self._secure = secure
        self._files = files

    def read(self, name):
        index = _INDEX.get(name)
        if index is None:
            return self._files.read(name)
        data = bytearray(_SLOT_BYTES)
        length = self._secure.Read(index, data, _SLOT_BYTES)
        return bytes(data[:length]) if length > 0 else None  # -1: parameters, -2: nothing stored

    def write(self, name, data):
        index = _INDEX.get(name)
        if index is None:
            return self._files.write(name, data)
        if len(data) > _SLOT_BYTES:
            raise FlashError("over the slot's 1,000 bytes")
        for _ in (0, 1):
            if self._secure.Store(index, bytearray(data), len(data)) != 0:
                raise FlashError("SecureData.Store")
        if self.read(name) != data:
            raise FlashError("SecureData: other bytes came back")

    def erase(self, name):
        if name not in _INDEX:
            self._files.erase(name)
        elif self.read(name) is not None:
            self.write(name, bytes(_SLOT_BYTES))

    def churn(self):
        self._files.churn()
