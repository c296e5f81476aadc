# SPDX-License-Identifier: MIT
"""Flash in a folder of a module's own file system: littlefs 1 or 2, or what behaves like one (EFS).

Finds out what it stands on, since cost and durability differ: littlefs 2 keeps a small file in its directory's log,
littlefs 1 wears out one pair of blocks with each commit.
"""

from quell.errors import FlashError
from quell.limits import FLUSH_AFTER_MS, MAX_POLICY_BYTES
from quell.port import LOGICAL, Flash

try:
    import uos as os
except ImportError:
    import os

LITTLEFS1 = "littlefs1"
LITTLEFS2 = "littlefs2"
OTHER = "other"  # nothing is known: treated as the weaker of each

# 100,000 erases of a directory pair, at 2 commits a flush and as many for the state, last five years; littlefs 2
# moves its pairs and spreads data over all blocks
_FLUSHES_PER_DAY = {LITTLEFS1: 48, LITTLEFS2: 1000, OTHER: 48}
_FLUSH_AFTER_MS = {LITTLEFS1: 4 * FLUSH_AFTER_MS, LITTLEFS2: FLUSH_AFTER_MS, OTHER: 4 * FLUSH_AFTER_MS}
_INLINE_BYTES = (512, 128)  # littlefs 2 with programs of 256 and of 32 bytes
_MAX_FILE_BYTES = max(MAX_POLICY_BYTES + 64, 4 * 4096)
_BLOCK_BYTES = 4096
_PROBE = "probe"
_CHURN = "churn"
_CHURN_BLOCKS = 8
_SPARE_BLOCKS = 16  # what littlefs may take for itself meanwhile
_NO_ROOM = (28, -28)  # ENOSPC


def _failed(what, error):
    """The FlashError for an OSError."""
    return FlashError(what + ": no room" if error.args and error.args[0] in _NO_ROOM else what + ": " + str(error))


class VfsFlash(Flash):
    """Files below `folder`, which is made. `file_system`: one of the names above, None to find out.

    Level `logical`: littlefs writes elsewhere and drops the old blocks; `churn` displaces them, but nothing here can
    prove that.
    """

    level = LOGICAL
    least_secret_bytes = 1100  # over what any littlefs 2 keeps in a directory (1,022)

    def __init__(self, folder, file_system=None):
        self._folder = folder
        try:
            os.stat(folder)
        except OSError:
            try:
                os.mkdir(folder)
            except OSError as error:
                raise _failed("folder", error)
        self.inline_bytes = 0
        self.file_system = file_system
        if file_system in (None, LITTLEFS2):
            self._probe_inline()
        if file_system is None:
            file_system = LITTLEFS2 if self.inline_bytes else self._mounted()
        self.file_system = file_system
        self.atomic = file_system != OTHER
        self.flushes_per_day = _FLUSHES_PER_DAY[file_system]
        self.flush_after_ms = _FLUSH_AFTER_MS[file_system]

    def _probe_inline(self):
        """The largest file that takes no block: littlefs 2 has such, no other file system here."""
        try:
            for size in _INLINE_BYTES:
                self.erase(_PROBE)
                free = os.statvfs(self._folder)[3]
                self.write(_PROBE, bytes(size))
                if os.statvfs(self._folder)[3] == free:
                    self.inline_bytes = size
                    break
            self.erase(_PROBE)
        except (FlashError, OSError):
            self.inline_bytes = 0  # a full file system: the costlier way works too

    def _mounted(self):
        """By what MicroPython 1.24 and later say of their mounts; before that, nothing is known."""
        try:
            for vfs, path in os.mount():
                if self._folder.startswith(path) and "Lfs1" in str(vfs):
                    return LITTLEFS1
        except (TypeError, AttributeError, OSError):
            pass
        return OTHER

    def _path(self, name):
        return self._folder + "/" + name

    def read(self, name):
        try:
            # a read takes what it is asked for from the heap, and a small file must not need 16 KiB in one piece
            size = os.stat(self._path(name))[6]
            file = open(self._path(name), "rb")
        except OSError:
            return None
        data = None
        try:
            try:
                data = file.read(min(size, _MAX_FILE_BYTES))
            finally:
                file.close()
        except OSError:  # of `close`, too: what was read is read
            pass
        return data

    def write(self, name, data):
        # closed whatever happens: an open file that the garbage collector closes writes when nobody expects it
        try:
            file = open(self._path(name), "wb")
            try:
                written = file.write(data)
            finally:
                file.close()
        except OSError as error:
            raise _failed("write", error)
        if written != len(data):
            raise FlashError("write: short")

    def erase(self, name):
        try:
            size = os.stat(self._path(name))[6]
        except OSError:
            return
        if self.file_system == OTHER and size:
            self.write(name, bytes(size))
        try:
            os.remove(self._path(name))
        except OSError as error:
            raise _failed("erase", error)

    def churn(self):
        """Let every free block be erased and written once: littlefs takes them in turn.

        A file of some blocks is replaced again and again, so that an application never finds the file system full.
        Keys are in none of the blocks that stay, since their files are too long for a directory.
        """
        try:
            status = os.statvfs(self._folder)
        except OSError as error:
            raise FlashError("churn: " + str(error))
        blocks = max(1, min(_CHURN_BLOCKS, status[3] // 3))  # 1.13: blocks are few
        todo = status[3] + _SPARE_BLOCKS
        while todo > 0:
            self.write(_CHURN, bytes(blocks * _BLOCK_BYTES))
            todo -= blocks
        self.erase(_CHURN)
