# SPDX-License-Identifier: MIT
"""Run by a board through its raw REPL, behind a line that sets `_quell_device`: reads it, writes nothing to it.

In what MicroPython 1.13 knows. Lines of output: `S blocks bytes`, `B block offset check base64`, `E block why`.
"""

try:
    import ubinascii as _quell_ascii
except ImportError:
    import binascii as _quell_ascii

_QUELL_PIECE = 768  # bytes a line
_quell_table = []


def _quell_crc16(data):
    # CRC-16/CCITT by half bytes: no number is large, so that nothing is allocated
    if not _quell_table:
        for n in range(16):
            crc = n << 12
            for _ in range(4):
                crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
            _quell_table.append(crc)
    crc = 0xFFFF
    for byte in data:
        crc = (crc << 4 & 0xFFFF) ^ _quell_table[(crc >> 12) ^ (byte >> 4)]
        crc = (crc << 4 & 0xFFFF) ^ _quell_table[(crc >> 12) ^ (byte & 15)]
    return crc


def _quell_size():
    blocks = _quell_device.ioctl(4, 0)  # noqa: F821 - defined before this text
    size = _quell_device.ioctl(5, 0)  # noqa: F821
    print("S", blocks, 512 if size is None else size)


def _quell_buffers(size):
    global _quell_one, _quell_two
    _quell_one, _quell_two = bytearray(size), bytearray(size)


def _quell_read(n):
    # twice, over other bytes: a driver that leaves the buffer as it was, or reads other bytes each time, is found out
    one, two = _quell_one, _quell_two
    for i in range(len(one)):
        one[i] = 0x55
        two[i] = 0xAA
    for buffer in (one, two):
        status = _quell_device.readblocks(n, buffer)  # noqa: F821
        if status:
            print("E", n, "status", status)
            return
    if one != two:
        print("E", n, "unstable")
        return
    view = memoryview(one)
    for start in range(0, len(one), _QUELL_PIECE):
        piece = view[start : start + _QUELL_PIECE]
        text = _quell_ascii.b2a_base64(piece)
        print("B", n, start, _quell_crc16(piece), str(text, "ascii").strip())
