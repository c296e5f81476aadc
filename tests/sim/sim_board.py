# SPDX-License-Identifier: MIT
"""Boards on a simulated chip: all on raw NOR, or files on a real littlefs 1 or 2 (MicroPython only)."""

from ports.block_nor import BlockNor
from ports.vfs_flash import VfsFlash

from quell.store.file_store import FileStore
from quell.store.nor_files import NorFiles
from quell.store.nor_store import NorStore
from sim.sim_blocks import SimBlocks, make_fs, mount_fs, unmount_fs
from sim.sim_nor import SimNor

SEGMENT_BYTES = {1: 16368, 2: 4096}  # littlefs 1 pays per file, so that a segment has four blocks


class NorBoard:
    """State, policy, keys and rings on one NOR chip, through the block device protocol."""

    def __init__(self, ring_sectors=12, copies=2, chip=None):
        letters = "abc"[:copies]
        self.files = {name + "." + letter: 1 for name in ("keys", "prov", "state") for letter in letters}
        self.files.update({"policy." + letter: 2 for letter in letters})
        self.file_sectors = sum(self.files.values())
        self.ring_sectors = ring_sectors
        self.copies = copies
        self.chip = chip or SimNor(self.file_sectors + ring_sectors)

    def parts(self):
        """(flash, keystore, store) as after a boot."""
        blocks = SimBlocks(self.chip)
        files = NorFiles(BlockNor(blocks, 0, self.file_sectors), self.files, self.copies)
        return files, files, NorStore(BlockNor(blocks, self.file_sectors, self.ring_sectors))

    def reboot(self):
        """Power is back."""
        self.chip.reboot()


class LittleBoard:
    """All in files of a real littlefs, as on a module. `kind`: 1 or 2; `system`: what the agent takes it for."""

    def __init__(self, kind, blocks=48, segments=6, progsize=32, system=""):
        self.kind = kind
        self.system = system or "littlefs%d" % kind
        self.progsize = progsize
        self.segments = segments
        self.chip = SimNor(blocks)
        self.unlimited = True  # tests of what is stored do not wait for tomorrow's budget
        make_fs(kind, self.chip, progsize)

    def parts(self):
        """(flash, keystore, store) as after a boot. A file system that does not mount is formatted, as Quectel does."""
        try:
            mount_fs(self.kind, self.chip, self.progsize)
        except OSError:
            make_fs(self.kind, self.chip, self.progsize)
        flash = VfsFlash("/nor/quell", self.system)
        if self.unlimited:
            flash.flushes_per_day = 0
        return flash, flash, FileStore(flash, self.segments, SEGMENT_BYTES[self.kind])

    def reboot(self):
        """Power is back."""
        unmount_fs()
        self.chip.reboot()


class MixedBoard(NorBoard):
    """Keys and provisioning on raw NOR, all else in files of a littlefs 2: the level `cryptographic`."""

    def __init__(self):
        NorBoard.__init__(self, ring_sectors=3)
        self.little = LittleBoard(2)

    def parts(self):
        """(flash, keystore, store) as after a boot."""
        _, keystore, _ = NorBoard.parts(self)
        flash, _, store = self.little.parts()
        return flash, keystore, store

    def reboot(self):
        """Power is back."""
        NorBoard.reboot(self)
        self.little.reboot()

    def image(self):
        """The bytes of both chips."""
        return bytes(self.chip.data) + bytes(self.little.chip.data)
