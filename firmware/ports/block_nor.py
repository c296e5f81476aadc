# SPDX-License-Identifier: MIT
"""Raw NOR behind MicroPython's block device protocol: `esp32.Partition`, `rp2.Flash`, `flashdev.FlashDevice`, ….

The extended protocol is needed: reads and writes at an offset, and `ioctl(6, n)` to erase one block.
"""

from quell.errors import FlashError
from quell.port import Nor

_COUNT, _SIZE, _ERASE = 4, 5, 6


class BlockNor(Nor):
    """`count` blocks of `device` from block `first`, as sectors. Raises FlashError when the device has not got them."""

    def __init__(self, device, first, count):
        self._device = device
        self._first = first
        self.sectors = count
        size, there = self._ioctl(_SIZE, 0), self._ioctl(_COUNT, 0)
        if size != self.sector_bytes or not isinstance(there, int) or first < 0 or first + count > there:
            raise FlashError("needs %d blocks of %d bytes from %d" % (count, self.sector_bytes, first))
        self.read(count * self.sector_bytes - 1, bytearray(1))  # it may lie about its size

    def _ioctl(self, operation, argument):
        try:
            return self._device.ioctl(operation, argument)
        except Exception as error:  # whatever a driver raises
            raise FlashError("ioctl: " + type(error).__name__)

    def _transfer(self, call, address, data):
        block = address // self.sector_bytes
        offset = address - block * self.sector_bytes
        if address < 0 or not 0 <= block < self.sectors or offset + len(data) > self.sector_bytes:
            raise FlashError("address")
        try:
            status = call(self._first + block, data, offset)
        except Exception as error:
            raise FlashError(type(error).__name__)
        if status:  # 0, None or False is success
            raise FlashError("status %s" % status)

    def read(self, address, into):
        self._each_block(self._device.readblocks, address, memoryview(into))

    def program(self, address, data):
        self._each_block(self._device.writeblocks, address, memoryview(data))

    def _each_block(self, call, address, view):
        while len(view):
            room = self.sector_bytes - address % self.sector_bytes
            self._transfer(call, address, view[:room])
            address += room
            view = view[room:]

    def erase(self, sector):
        if not 0 <= sector < self.sectors:
            raise FlashError("address")
        if self._ioctl(_ERASE, self._first + sector) not in (0, None):
            raise FlashError("erase")
