# SPDX-License-Identifier: MIT
"""What the NOR chip of QEMU's sabrelite holds: our raw partition, then the file system /usr (see the board's README).

Agent and records are on the raw partition, or, as on a module, in files of /usr when that has a file `quell.files`.
"""

import os
import time

import board

from ports.block_nor import BlockNor
from ports.vfs_flash import LITTLEFS1, LITTLEFS2, VfsFlash
from quell.errors import FlashError
from quell.port import Entropy
from quell.store.file_store import FileStore
from quell.store.nor_files import NorFiles
from quell.store.nor_store import NorStore

ROOT = "/usr"
RAW_SECTORS = 64
USR_SECTORS = 100
_FILES_FLAG = ROOT + "/quell.files"
_COPIES = 3
_SECTORS = {"keys": 1, "prov": 1, "state": 3, "policy": 2}  # of each copy
_SEGMENTS = {LITTLEFS1: (10, 16368), LITTLEFS2: (40, 4096)}  # count, bytes


def chip(first, count):
    """Sectors of the chip as a block device. Raises FlashError when it is not there, or another one."""
    try:
        return board.Nor(first, count)
    except OSError:
        raise FlashError("no flash chip, or another one than the SST25VF016B")


def usr():
    """The block device of the file system. Raises FlashError."""
    return chip(RAW_SECTORS, USR_SECTORS)


def mount():
    """Mount /usr -> its Vfs class' name, or None. Only a blank chip is formatted, as littlefs 2."""
    device = usr()
    for kind in (os.VfsLfs2, os.VfsLfs1):
        try:
            os.mount(kind(device), ROOT)
            return kind.__name__
        except OSError:
            pass
    block = bytearray(4096)
    for i in (0, 1):
        device.readblocks(i, block, 0)
        if block != b"\xff" * len(block):
            return None  # there was something: whoever wants it formatted says so
    return format_usr(2)


def format_usr(kind):
    """Make /usr anew: littlefs 1 or 2. All that it held is gone."""
    try:
        os.umount(ROOT)
    except OSError:
        pass
    vfs = (None, os.VfsLfs1, os.VfsLfs2)[kind]
    vfs.mkfs(usr())
    os.mount(vfs(usr()), ROOT)
    return vfs.__name__


def file_system():
    """The name of the store: "nor", "littlefs1" or "littlefs2"."""
    try:
        os.stat(_FILES_FLAG)
    except OSError:
        return "nor"
    for vfs, path in os.mount():
        if path == ROOT and "Lfs1" in str(vfs):
            return LITTLEFS1
    return LITTLEFS2


def parts():
    """(flash, keystore, store), as quell.port says. Raises FlashError."""
    kind = file_system()
    if kind != "nor":
        flash = VfsFlash(ROOT + "/quell", kind)
        return flash, flash, FileStore(flash, *_SEGMENTS[kind])
    files = {name + "." + letter: n for name, n in _SECTORS.items() for letter in "abc"[:_COPIES]}
    n = sum(files.values())
    flash = NorFiles(BlockNor(chip(0, RAW_SECTORS), 0, n), files, _COPIES)
    return flash, flash, NorStore(BlockNor(chip(0, RAW_SECTORS), n, RAW_SECTORS - n))


class TickEntropy(Entropy):
    """Low bits of a timer: something to mix in, and under an emulator that counts instructions not even that."""

    def read(self, length):
        out = bytearray(length)
        for i in range(length):
            for _ in range(8):
                out[i] = ((out[i] << 1) ^ time.ticks_us() ^ (out[i] >> 7)) & 255
        return bytes(out)
