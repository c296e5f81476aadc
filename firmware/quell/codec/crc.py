# SPDX-License-Identifier: MIT
"""CRC-32 (IEEE 802.3, the polynomial of zlib and PNG), from the platform where it has one.

QuecPython's `ubinascii` has none, so a 16-entry table is the fallback: 64 bytes of RAM, two look-ups
a byte.
"""

try:
    from binascii import crc32 as _native
except ImportError:
    try:
        from ubinascii import crc32 as _native
    except ImportError:
        _native = None

_TABLE = (
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
)  # fmt: skip


def crc32_table(data, value=0):
    """CRC-32 of `data`, continued from `value`; the fallback, also the reference in the tests."""
    crc = value ^ 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        crc = (crc >> 4) ^ _TABLE[crc & 15]
        crc = (crc >> 4) ^ _TABLE[crc & 15]
    return crc ^ 0xFFFFFFFF


def crc32(data, value=0):
    """CRC-32 of a bytes-like object as an unsigned int, continued from `value`."""
    if _native is None:
        return crc32_table(data, value)
    return _native(data, value) & 0xFFFFFFFF
