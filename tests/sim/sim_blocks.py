# SPDX-License-Identifier: MIT
"""A MicroPython block device over a SimNor, and real littlefs 1 and 2 on it where the interpreter has them."""

import os

from quell.errors import FlashError
from sim.sim_port import PowerCut

HAVE_LITTLEFS = hasattr(os, "VfsLfs1") and hasattr(os, "VfsLfs2")
FAILED = -5  # EIO

# operations of ioctl
INIT = 1
DEINIT = 2
SYNC = 3
BLOCK_COUNT = 4
BLOCK_SIZE = 5
BLOCK_ERASE = 6


class SimBlocks:
    """`blocks` sectors of the SimNor `nor` from sector `first` on (None: all the rest), in the extended protocol.

    Every method returns FAILED where the chip raises FlashError; on a dead chip PowerCut goes through.
    FAILED is also the answer to who may not touch the chip: a device that is older than the chip's last
    reboot or restore, and a finaliser, which runs in the garbage collector with the heap locked. An exception
    there would leave a file that is freed in littlefs's list of open ones. `refused`: how often that was.
    MicroPython prints "OSError: [Errno 5] EIO" for each finaliser that is refused: it is harmless.
    """

    def __init__(self, nor, first=0, blocks=None):
        self.nor = nor
        self.first = first
        self.blocks = nor.sectors - first if blocks is None else blocks
        self.era = nor.era
        self.refused = 0

    def _refuses(self):
        if self.era == self.nor.era:
            try:
                bytearray(1)
                return False
            except MemoryError:  # the heap is locked
                pass
        self.refused += 1
        return True

    def _address(self, block, offset_bytes, length_bytes):
        """Where that is in the chip. Raises FlashError beyond the device's end."""
        start = block * self.nor.sector_bytes + offset_bytes
        if start < 0 or start + length_bytes > self.blocks * self.nor.sector_bytes:
            raise FlashError("out of range")
        return self.first * self.nor.sector_bytes + start

    def readblocks(self, n, buf, off=0):
        """Fill `buf` from byte `off` of block `n` on -> 0 or FAILED."""
        if self._refuses():
            return FAILED
        try:
            self.nor.read(self._address(n, off, len(buf)), buf)
        except FlashError:
            return FAILED
        return 0

    def writeblocks(self, n, buf, off=None):
        """Program `buf` from byte `off` of block `n` on; without `off` erase its blocks first. -> 0 or FAILED."""
        if self._refuses():
            return FAILED
        try:
            address = self._address(n, off or 0, len(buf))
            if off is None:
                size = self.nor.sector_bytes
                for i in range((len(buf) + size - 1) // size):
                    self.nor.erase(self.first + n + i)
            self.nor.program(address, buf)
        except FlashError:
            return FAILED
        return 0

    def ioctl(self, op, arg):
        """-> the count of blocks, the bytes of a block, or 0 or FAILED; None for an unknown operation."""
        if op == BLOCK_COUNT:
            return self.blocks
        if op == BLOCK_SIZE:
            return self.nor.sector_bytes
        if op in (INIT, DEINIT):
            return 0
        if op not in (SYNC, BLOCK_ERASE):
            return None
        if self._refuses():
            return FAILED
        try:
            if op == SYNC:
                self.nor.sync()
            else:
                self.nor.erase(self._address(arg, 0, self.nor.sector_bytes) // self.nor.sector_bytes)
        except FlashError:
            return FAILED
        return 0


def _options(kind, progsize, mtime):
    # littlefs 1 knows no `mtime`
    return {"progsize": progsize} if kind == 1 else {"progsize": progsize, "mtime": mtime}


def _class_of(kind):
    if not HAVE_LITTLEFS:
        raise NotImplementedError("this interpreter has no littlefs")
    return os.VfsLfs1 if kind == 1 else os.VfsLfs2


def make_fs(kind, nor, progsize=32, path="/nor", first=0, blocks=None, mtime=False):
    """Format and mount littlefs `kind` (1 or 2) at `path` -> the vfs object. Arguments as for `mount_fs`."""
    unmount_fs(path)
    _class_of(kind).mkfs(SimBlocks(nor, first, blocks), **_options(kind, progsize, mtime))
    return mount_fs(kind, nor, progsize, path, first, blocks, mtime)


def mount_fs(kind, nor, progsize=32, path="/nor", first=0, blocks=None, mtime=False):
    """Mount what is on the sectors `first` … of `nor` at `path`, in place of what was mounted there -> the vfs object.

    `progsize`: bytes, the same as when it was formatted. `mtime`: True as on most boards; but then the host's
    clock is in the image and no run is like another. Raises OSError if it is no littlefs; NotImplementedError
    on CPython. After a PowerCut or a reboot only a new mount reaches the chip: drop the old vfs and its files.
    """
    unmount_fs(path)
    vfs = _class_of(kind)(SimBlocks(nor, first, blocks), **_options(kind, progsize, mtime))
    os.mount(vfs, path)
    return vfs


def unmount_fs(path="/nor"):
    """Unmount `path`; nothing mounted there, and a dead chip, are fine. Nothing is written."""
    if not HAVE_LITTLEFS:
        return
    try:
        os.umount(path)
    except (OSError, PowerCut):
        pass
