# SPDX-License-Identifier: MIT
"""Loads the agent from `quell.pack`: on a module, where each file would take a block of its own.

A pack is one raw deflate stream with a window of 4 KiB, and the SHA-256 of that: littlefs has no check of a file's
data, and a flipped bit in code is anything. In the stream each module is a line `PATH SIZE`, then its .mpy, in an order
in which every module finds what it imports already loaded. The loader mounts a file system that holds one file at a
time, the next module of the stream, and imports that: it is MicroPython's own importer that loads it, so a module is
what it would be from a file of its own, with its name, its globals and its line numbers. Written in what 1.13 knows.
"""

import gc

try:
    import uos as os
except ImportError:
    import os
try:
    import usys as sys
except ImportError:
    import sys
try:
    import uio as io
except ImportError:
    import io
try:
    from uhashlib import sha256
except ImportError:
    from hashlib import sha256

_MOUNT = "/quell.pack"
_WINDOW_BITS = 12
_FILE, _FOLDER = 0x8000, 0x4000
_ENOENT = 2
_SUM_BYTES = 32
_PIECE_BYTES = 1024


class _OneFile:
    """A file system with one file, `path` with the content `data`, and the folders above it."""

    def __init__(self):
        self.path = ""
        self.data = b""

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        path = path.strip("/")
        if path == self.path:
            return (_FILE, 0, 0, 0, 0, 0, len(self.data), 0, 0, 0)
        if self.path.startswith(path + "/"):
            return (_FOLDER, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(_ENOENT)

    def open(self, path, mode):
        if path.strip("/") != self.path:
            raise OSError(_ENOENT)
        return io.BytesIO(self.data)


def _inflated(file):
    try:
        import uzlib
    except ImportError:
        import deflate

        return deflate.DeflateIO(file, deflate.RAW, _WINDOW_BITS)
    return uzlib.DecompIO(file, -_WINDOW_BITS)


def _whole(path):
    """True when the file ends with the SHA-256 of what is before."""
    left = os.stat(path)[6] - _SUM_BYTES
    digest = sha256()
    with open(path, "rb") as file:
        while left > 0:
            piece = file.read(min(left, _PIECE_BYTES))
            if not piece:
                return False
            digest.update(piece)
            left -= len(piece)
        return left == 0 and file.read(_SUM_BYTES) == digest.digest()


def load(path):
    """Import every module of the pack `path` -> how many.

    Raises OSError without the file, ValueError when it is damaged, ImportError when a module cannot be loaded. Takes,
    for the time being, 5 KB and the largest module. What is loaded already is passed over.
    """
    if not _whole(path):
        raise ValueError("the pack is damaged")
    one, count = _OneFile(), 0
    os.mount(one, _MOUNT)
    sys.path.insert(0, _MOUNT)
    try:
        with open(path, "rb") as file:
            stream = _inflated(file)
            while True:
                words = str(stream.readline(), "utf-8").split()
                if words == ["end"]:
                    return count
                one.path, one.data = words[0], stream.read(int(words[1]))
                _import(words[0])
                one.data = b""
                gc.collect()  # so that the next one lies where this one did
                count += 1
    finally:
        sys.path.remove(_MOUNT)
        os.umount(_MOUNT)


def _import(path):
    name = path[: path.rfind(".")]
    if name.endswith("/__init__"):
        name = name[: name.rfind("/")]
    __import__(name.replace("/", "."))
