# SPDX-License-Identifier: MIT
"""Flash in a folder: named whole files, synced on write, overwritten before they are removed."""

import os

from quell.errors import FlashError
from quell.limits import MAX_POLICY_BYTES
from quell.port import LOGICAL, Flash
from quell.store.file_store import FileStore

try:
    import ffi

    _libc = ffi.open(None)
    _fsync = _libc.func("i", "fsync", "i")
    _umask = _libc.func("i", "umask", "i")
except (ImportError, OSError):  # a build without libffi: durability is then the kernel's pace
    _fsync = _umask = None

_MAX_FILE_BYTES = MAX_POLICY_BYTES + 64


_SEGMENTS = 64
_SEGMENT_BYTES = 4096


def folder_store(flash):
    """The rings of a PC: as a module's, with room for every purpose that a policy may have."""
    return FileStore(flash, _SEGMENTS, _SEGMENT_BYTES)


class FolderFlash(Flash):
    """Files of one folder. Level `logical`: the file system below may keep old copies of a block."""

    level = LOGICAL

    def __init__(self, folder):
        self._folder = folder
        if _umask is not None:
            _umask(0o077)
        try:
            os.stat(folder)
        except OSError:
            try:
                os.mkdir(folder)
            except OSError as error:
                raise FlashError("folder: " + str(error))

    def _path(self, name):
        return self._folder + "/" + name

    def read(self, name):
        try:
            size = os.stat(self._path(name))[6]
            with open(self._path(name), "rb") as file:
                return file.read(min(size, _MAX_FILE_BYTES))
        except OSError:
            return None

    def _put(self, name, mode, data):
        with open(self._path(name), mode) as file:
            if file.write(data) != len(data):
                raise OSError(28)
            file.flush()
            if _fsync is not None and _fsync(file.fileno()) != 0:
                raise OSError(5)

    def write(self, name, data):
        try:
            self._put(name, "wb", data)
        except OSError as error:
            raise FlashError("write: " + str(error))

    def erase(self, name):
        try:
            size = os.stat(self._path(name))[6]
        except OSError:
            return
        try:
            self._put(name, "r+b", bytes(size))
            os.remove(self._path(name))
        except OSError as error:
            raise FlashError("erase: " + str(error))
