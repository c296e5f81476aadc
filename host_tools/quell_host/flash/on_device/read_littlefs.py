# SPDX-License-Identifier: MIT
"""Run by MicroPython (unix): print the files of a littlefs image that have names of Quell's. Writes nothing.

Arguments: image, littlefs version, bytes of a block, blocks, most bytes of a file. Output: `file PATH CONTENT` or
`unreadable PATH CONTENT` (both in hex, no content), then `end OTHER_FILES CUT`; or `error WHY`.
"""

import binascii
import os
import sys

MAX_ENTRIES = 4096
MAX_DEPTH = 6
MAX_TOTAL_BYTES = 16 * 1024 * 1024
_DIRECTORY = 0x4000
_READ_ONLY = -30  # EROFS
_FAILED = -5  # EIO


class Image:
    """The image as a block device."""

    def __init__(self, path, block_bytes, blocks):
        self._file = open(path, "rb")
        self._block_bytes = block_bytes
        self._blocks = blocks

    def readblocks(self, n, buf, off=0):
        if n >= self._blocks:
            return _FAILED
        self._file.seek(n * self._block_bytes + off)
        return 0 if self._file.readinto(buf) == len(buf) else _FAILED

    def writeblocks(self, n, buf, off=0):
        return _READ_ONLY

    def ioctl(self, op, arg):
        if op == 4:
            return self._blocks
        if op == 5:
            return self._block_bytes
        return _READ_ONLY if op == 6 else 0


def ours(name):
    """Whether SPEC section 10 has a file of this name."""
    if len(name) == 4 and name[0] == "r":
        return all(char in "0123456789abcdef" for char in name[1:])
    if len(name) == 2 and name[0] == "i":
        return name[1] in "01234567"
    stem, dot, letter = name.partition(".")
    return name == "reserve" or (stem in ("state", "keys", "policy", "prov") and letter in ("a", "b", "c"))


class Walk:
    """One pass over all folders, bounded whatever they say."""

    def __init__(self, fs, most_bytes):
        self._fs = fs
        self._most = most_bytes
        self._entries = self._bytes = self.others = 0
        self.cut = False

    def folder(self, path, depth):
        folders = []
        for entry in self._fs.ilistdir(path or "/"):
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                self.cut = True
                return
            name = entry[0]
            if entry[1] == _DIRECTORY:
                if name not in (".", ".."):
                    folders.append(path + "/" + name)
            elif not ours(name):
                self.others += 1
            elif self._bytes < MAX_TOTAL_BYTES:
                self._show(path + "/" + name)
            else:
                self.cut = True
        for inner in folders:
            if depth == MAX_DEPTH:
                self.cut = True
            else:
                self.folder(inner, depth + 1)

    def _show(self, path):
        word, data = "file", b""
        try:
            file = self._fs.open(path, "rb")
            data = file.read(self._most + 1)
        except OSError:
            word = "unreadable"
        self._bytes += len(data)
        print(word, binascii.hexlify(path.encode()).decode(), binascii.hexlify(data).decode())


def main(path, version, block_bytes, blocks, most_bytes):
    try:
        device = Image(path, block_bytes, blocks)
        # whole blocks in the cache: a file that lies in its directory is cut at the size of the cache
        quarter = block_bytes // 4
        options = {"readsize": quarter, "progsize": quarter, "lookahead": 128}
        fs = (os.VfsLfs1 if version == 1 else os.VfsLfs2)(device, **options)
        walk = Walk(fs, most_bytes)
        walk.folder("", 0)
    except (OSError, ValueError, MemoryError, UnicodeError, RuntimeError) as error:
        print("error", type(error).__name__, error)
        return
    print("end", walk.others, int(walk.cut))


main(sys.argv[1], *[int(word) for word in sys.argv[2:]])
