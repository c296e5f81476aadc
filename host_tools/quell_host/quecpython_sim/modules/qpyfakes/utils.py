# SPDX-License-Identifier: MIT
"""`utils`: `crc32`, a class. In no page.

Source: utils_crc32.c (2021). `crc32().update(start, data)` complements before and after, so that `update(0, data)` is
zlib's CRC-32, and what it returns can be the start of the next part.
"""

from qpysim.faults import faulty

_POLYNOMIAL = 0xEDB88320


class crc32:
    """Keeps no state."""

    @faulty("utils.crc32.update")
    def update(self, crc32_init, data):
        """-> int of 32 bits."""
        crc = (crc32_init & 0xFFFFFFFF) ^ 0xFFFFFFFF
        for byte in data.encode() if isinstance(data, str) else data:
            crc ^= byte
            for _ in range(8):
                crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        return crc ^ 0xFFFFFFFF
